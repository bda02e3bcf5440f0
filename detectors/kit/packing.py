"""How what folds hold is written: records (evidence) as plain values, which MessagePack and JSON know."""

from typing import Any

import msgspec

from detectors.kit.contract import Finding
from schemas.context import Record


def plain(value: Any) -> Any:
    """A record as plain values; raises TypeError for anything else that is none."""
    if isinstance(value, Record):
        return value.model_dump()
    raise TypeError(f"a fold's state holds a {type(value).__name__}; it may hold structs, records and plain values")


def typed(kind: type, value: Any) -> Any:
    """``value`` as the ``kind`` it was."""
    return kind.model_validate(value) if issubclass(kind, Record) else value


def packed(finding: Finding) -> dict[str, Any]:
    """``finding`` as plain values."""
    result: dict[str, Any] = msgspec.to_builtins(finding, enc_hook=plain)
    return result


def unpacked(value: dict[str, Any]) -> Finding:
    """The finding of :func:`packed`; raises msgspec.ValidationError if it is none."""
    return msgspec.convert(value, Finding, dec_hook=typed)
