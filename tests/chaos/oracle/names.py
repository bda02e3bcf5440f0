"""Ids and texts by their definitions, written anew (decision record 4; BLAKE2b-128 over length-prefixed NFC fields)."""

import unicodedata
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def hashed(*fields: str, bits: int = 128) -> str:
    """Hexadecimal BLAKE2b over the fields: of each its length in four bytes, big-endian, then its NFC form in UTF-8."""
    joined = b""
    for field in fields:
        encoded = unicodedata.normalize("NFC", field).encode()
        joined += len(encoded).to_bytes(4, "big") + encoded
    return blake2b(joined, digest_size=bits // 8).hexdigest()


def record_id(source: str, line: bytes, ordinal: int, *, own: str = "", nth: int = 0) -> str:
    """Id of the ``nth`` event of a record: by the source's own id, else by its bytes and ordinal among identical ones."""
    if own:
        return hashed(source, "id", own, str(nth))
    return hashed(source, "raw", blake2b(line, digest_size=16).hexdigest(), str(ordinal), str(nth))


def summary_id(source: str, ten_seconds: int) -> str:
    """Id of the summary of what a source sent in the ten seconds that begin at ``ten_seconds`` (µs)."""
    return hashed(source, "summary", str(ten_seconds))


def violation(detector: str, subtype: str, kind: str, key: tuple[str, ...], anchor: str, part: str = "") -> str:
    """Id of a violation: detector, subtype, kind of key, key (preceded by its length), act judged, part."""
    return hashed(detector, subtype, kind, str(len(key)), *key, anchor, part)


def text(moment: int) -> str:
    """RFC 3339 in UTC, with three or six digits of a second's fraction where they are needed."""
    stamp = (_EPOCH + timedelta(microseconds=moment)).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = moment % 1_000_000
    if not fraction:
        return f"{stamp}Z"
    return f"{stamp}.{fraction:06d}Z" if fraction % 1000 else f"{stamp}.{fraction // 1000:03d}Z"
