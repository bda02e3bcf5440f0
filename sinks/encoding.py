"""One stored form for every store: the bytes of a violation, its number and the hash of its content.

Fields that hold their default are left out, so that a field added later does not change the hash of what was stored
before; hence a default, once published, is never changed.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from schemas.violation import Violation

MAX_ID_BYTES = 200  # Elasticsearch allows 512 for an _id; the history adds ':' and a number
MAX_DOCUMENT_BYTES = 8 << 20  # of JSON; evidence is bounded by its detector, far below this


class Unencodable(Exception):
    """A document that no store can hold. ``reason`` is a word for counters, the text says where and what."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Encoded:
    """A violation as it is stored. ``content`` is JSON with sorted keys, ``digest`` is BLAKE2b-128 (hex) over it."""

    violation: Violation
    number: int
    fields: dict[str, Any]
    content: bytes
    digest: str


def encode(violation: Violation) -> Encoded:
    """The stored form of ``violation``.

    Its number is that of its transition: the one that decides which of two documents is the newer.

    Raises:
        Unencodable: bad_id, unencodable (lone surrogates, numbers beyond 64 bits, times beyond year 9999) or too_large.
    """
    size = len(violation.id.encode("utf-8", "replace"))
    if not 0 < size <= MAX_ID_BYTES:
        raise Unencodable("bad_id", f"id of {size} bytes, expected 1 to {MAX_ID_BYTES}; it starts {violation.id[:40]!a}")
    try:
        fields = violation.model_dump(mode="json", exclude_defaults=True)
        content = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError) as error:
        raise Unencodable("unencodable", f"violation {violation.id!a}: {str(error)[:200]!a}") from error
    if len(content) > MAX_DOCUMENT_BYTES:
        raise Unencodable(
            "too_large", f"violation {violation.id!a}: {len(content)} bytes of JSON, at most {MAX_DOCUMENT_BYTES} are stored"
        )
    return Encoded(
        violation=violation,
        number=violation.transition.number,
        fields=fields,
        content=content,
        digest=blake2b(content, digest_size=16).hexdigest(),
    )


def decode(content: bytes) -> Violation:
    """The violation whose stored bytes are ``content``."""
    return Violation.model_validate(orjson.loads(content))


def remains(violation: Violation) -> bytes:
    """Bytes of a refused ``violation`` for the dead letters: its JSON, or, if it has none, an escaped text of its fields."""
    try:
        return violation.model_dump_json().encode()
    except ValueError:
        return ascii(violation).encode()


def mismatch(item: Encoded, known: str) -> str:
    """The text of a version_mismatch: ``known`` is the hash that is stored under the number of ``item``."""
    return (
        f"violation {item.violation.id!a} number {item.number} is stored with content {known}, now came {item.digest};"
        " two writers number one violation: look for a second detect stage or a replay into the live store"
    )
