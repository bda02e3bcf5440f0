"""Deterministic ids and partitions: pure functions of data, so every write can be repeated.

Fields are NFC-normalised UTF-8, each preceded by its length, so that no two different field lists hash alike.
"""

import unicodedata
from collections.abc import Iterable
from hashlib import blake2b

Key = tuple[str, ...]


def digest(fields: Iterable[str], *, size: int = 16) -> str:
    """Hex BLAKE2b (``size`` bytes) over the length-prefixed fields."""
    state = blake2b(digest_size=size)
    for field in fields:
        data = (field if field.isascii() else unicodedata.normalize("NFC", field)).encode("utf-8", "surrogatepass")
        state.update(len(data).to_bytes(4, "big"))
        state.update(data)
    return state.hexdigest()


def violation_id(detector: str, subtype: str, key_kind: str, key: Key, anchor: str, part: str = "") -> str:
    """Id of a violation: the act judged (``anchor``) by a detector's rule; no version, clause or window in it."""
    return digest((detector, subtype, key_kind, str(len(key)), *key, anchor, part))


def event_id(source: str, own_id: str, raw: bytes, ordinal: int, index: int) -> str:
    """Id of an event: its source's own record id, else the hash of its bytes and ordinal among identical lines.

    ``index`` tells apart several events of one record.
    """
    if own_id:
        return digest((source, "id", own_id, str(index)))
    body = blake2b(raw, digest_size=16).hexdigest()
    return digest((source, "raw", body, str(ordinal), str(index)))


def partition(kind: str, key: Key, partitions: int) -> int:
    """Partition of a key: our own hash, since clients' default partitioners differ."""
    if partitions == 1:
        return 0
    data = "\x1f".join((kind, *key)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big") % partitions
