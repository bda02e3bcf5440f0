"""Documents that an Elastic agent or Beat has shaped: nested or dotted ECS names -> fields of events.

Used by feeds whose records come as such JSON; field names are those of the Elastic Common Schema.
"""

from collections.abc import Mapping
from typing import Any

from streams.feeds.kit import strict, values
from streams.feeds.kit.contract import RawRecord, Unreadable
from streams.feeds.kit.fields import Fields

Document = Mapping[str, Any]

_TEXTS = {
    "kind": "event.kind", "action": "event.action", "outcome": "event.outcome", "code": "event.code", "host": "host.name",
    "user": "user.name", "user_id": "user.id", "user_domain": "user.domain", "effective_user": "user.effective.name",
    "target_user": "user.target.name", "src_host": "source.domain", "transport": "network.transport",
    "protocol": "network.protocol",
    "process": "process.name", "executable": "process.executable", "parent": "process.parent.name",
    "command": "process.command_line", "path": "file.path", "rule": "rule.name", "rule_id": "rule.id", "message": "message",
}
_ADDRESSES = {"src_ip": "source.ip", "dst_ip": "destination.ip"}
_NUMBERS = {"src_port": "source.port", "dst_port": "destination.port", "pid": "process.pid", "ppid": "process.parent.pid"}
_LISTS = {"category": "event.category", "type": "event.type"}


def read(text: str) -> dict[str, Any]:
    """Decode a JSON object and join the names of nested objects with dots; lists stay as they are.

    Raises:
        Unreadable: what :func:`streams.feeds.kit.strict.mapping` refuses, and wrong_type for an empty object.

    """
    document = flat(strict.mapping(text))
    if not document:
        raise Unreadable("wrong_type", "expected a JSON object with fields, got an empty one")
    return document


def flat(value: Mapping[str, Any]) -> dict[str, Any]:
    """Join the names of nested objects with dots; empty values are left out."""
    result: dict[str, Any] = {}
    _flatten(value, "", result)
    return result


def _flatten(value: Mapping[str, Any], prefix: str, result: dict[str, Any]) -> None:
    for name, item in value.items():
        if isinstance(item, dict):
            _flatten(item, f"{prefix}{name}.", result)
        elif item is not None and item not in ("", []):
            result[prefix + name] = item


def one(value: Any) -> str:
    """Text of a value; of a list the first."""
    if isinstance(value, str):
        return value.strip()
    return values.string(value[0] if isinstance(value, list) and value else value)


def many(value: Any) -> tuple[str, ...]:
    """Texts of a value or list of values, without the empty ones."""
    return tuple(text for item in (value if isinstance(value, list) else [value]) if (text := values.string(item)))


def fields(document: Document) -> Fields:
    """Fields of an event that ``document`` states under their ECS names."""
    result: Fields = {name: one(document[field]) for name, field in _TEXTS.items() if field in document}
    for name, field in _ADDRESSES.items():
        if address := values.address(one(document.get(field))):
            result[name] = address
    for name, field in _NUMBERS.items():
        if field in document:
            result[name] = values.number(document[field])
    for name, field in _LISTS.items():
        if field in document:
            result[name] = many(document[field])
    if not result.get("host"):
        result["host"] = next((one(document[field]) for field in ("host.hostname", "agent.hostname") if field in document), "")
    return result


def time(document: Document, record: RawRecord) -> int | None:
    """Return the instant of ``@timestamp``, or None where there is none.

    Raises:
        Unreadable: bad_time.

    """
    stamp = document.get("@timestamp")
    if stamp is None:
        return None
    if not isinstance(stamp, str):
        raise Unreadable("bad_time", f"expected @timestamp as RFC 3339 text, got {str(stamp)[:64]!r}")
    return record.time(stamp)
