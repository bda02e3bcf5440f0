"""Deterministic ids and partitions: pure functions of data, so every write can be repeated.

Fields are NFC-normalised UTF-8, each preceded by its length, so that no two different field lists hash alike.
"""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

Key = tuple[str, ...]


def digest(fields: Iterable[str], *, size: int = 16) -> str:
    """Hex BLAKE2b (``size`` bytes) over the length-prefixed fields."""
    return blake2b(_joined(fields), digest_size=size).hexdigest()


def _joined(fields: Iterable[str]) -> bytes:
    parts: list[bytes] = []
    for field in fields:
        data = field.encode() if field.isascii() else unicodedata.normalize("NFC", field).encode("utf-8", "surrogatepass")
        parts += (len(data).to_bytes(4, "big"), data)
    return b"".join(parts)


@lru_cache(maxsize=1024)
def _of_source(source: str, way: str) -> bytes:
    """How the fields of every event id of ``source`` begin: this is computed for each record that comes in."""
    return _joined((source, way))


@lru_cache(maxsize=1024)
def _place(ordinal: int, index: int) -> bytes:
    return _joined((str(ordinal), str(index)))


def violation_id(detector: str, subtype: str, key_kind: str, key: Key, anchor: str, part: str = "") -> str:
    """Id of a violation: the act judged (``anchor``) by a detector's rule; no version, clause or window in it."""
    return digest((detector, subtype, key_kind, str(len(key)), *key, anchor, part))


def event_id(source: str, own_id: str, raw: bytes, ordinal: int, index: int) -> str:
    """Id of an event: its source's own record id, else the hash of its bytes and ordinal among identical lines.

    ``index`` tells apart several events of one record.
    """
    if own_id:
        fields = _of_source(source, "id") + _joined((own_id, str(index)))
    else:
        body = blake2b(raw, digest_size=16).hexdigest()
        fields = b"%b\0\0\0\x20%b%b" % (_of_source(source, "raw"), body.encode(), _place(ordinal, index))
    return blake2b(fields, digest_size=16).hexdigest()


def partition(kind: str, key: Key, partitions: int) -> int:
    """Partition of a key: our own hash, since clients' default partitioners differ."""
    if partitions == 1:
        return 0
    data = "\x1f".join((kind, *key)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big") % partitions
