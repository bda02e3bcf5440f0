"""Documents that an Elastic agent or Beat has shaped: nested or dotted ECS names -> fields of events.

Used by feeds whose records come as such JSON; field names are those of the Elastic Common Schema.
"""

from collections.abc import Mapping
from typing import Any

from streams.feeds.kit import strict, typed, values
from streams.feeds.kit.contract import RawRecord, Unreadable
from streams.feeds.kit.fields import Fields


class Document(dict[str, Any], typed.Named):
    """Fields by dotted name. ``objects``: names of the objects that they stood in, to tell an absent field from an object."""

    __slots__ = ("objects",)

    def __init__(self) -> None:
        super().__init__()
        self.objects: set[str] = set()

    def raw(self, name: str) -> Any:
        """The value of field ``name``, None if it is absent; raises Unreadable (wrong_type) if it is an object."""
        value = self.get(name)
        if value is None and name in self.objects:
            raise typed.wrong(name, "a value", {})
        return value

    def within(self, *names: str) -> None:
        """Raise Unreadable (wrong_type) if one of ``names``, each an object, is there as something else."""
        if not self.keys().isdisjoint(names):
            name = next(name for name in names if name in self)
            raise typed.wrong(name, "an object", self[name])

    # Most of the fields asked for are absent; these know it without another call.

    def text(self, name: str) -> str:
        """See :func:`streams.feeds.kit.typed.text`."""
        value = self.get(name)
        if value is None and name not in self.objects:
            return ""
        return value.strip() if type(value) is str else super().text(name)

    def number(self, name: str) -> int:
        """See :func:`streams.feeds.kit.typed.number`."""
        return 0 if name not in self and name not in self.objects else super().number(name)

    def label(self, name: str) -> str:
        """See :func:`streams.feeds.kit.typed.label`."""
        return "" if name not in self and name not in self.objects else super().label(name)

    def port(self, name: str) -> int:
        """See :func:`streams.feeds.kit.typed.port`."""
        return 0 if name not in self and name not in self.objects else super().port(name)


_TEXTS = {
    "kind": "event.kind", "outcome": "event.outcome", "host": "host.name",
    "user": "user.name", "user_domain": "user.domain", "effective_user": "user.effective.name",
    "target_user": "user.target.name", "src_host": "source.domain", "transport": "network.transport",
    "protocol": "network.protocol",
    "process": "process.name", "executable": "process.executable", "parent": "process.parent.name",
    "command": "process.command_line", "path": "file.path", "rule": "rule.name", "message": "message",
}
_LABELS = {"code": "event.code", "user_id": "user.id", "rule_id": "rule.id"}
_ADDRESSES = {"src_ip": "source.ip", "dst_ip": "destination.ip"}
_PORTS = {"src_port": "source.port", "dst_port": "destination.port"}
_NUMBERS = {"pid": "process.pid", "ppid": "process.parent.pid"}
_LISTS = {"category": "event.category", "type": "event.type"}


def parents(*names: str) -> tuple[str, ...]:
    """The objects that fields of these ``names`` stand in."""
    return tuple(sorted({name[:place] for name in names for place, sign in enumerate(name) if sign == "."}))


_OBJECTS = parents(
    *_TEXTS.values(), *_LABELS.values(), *_ADDRESSES.values(), *_PORTS.values(), *_NUMBERS.values(), *_LISTS.values(),
    "file.hash.sha256", "user.audit.id",
)


def read(text: str) -> Document:
    """Decode a JSON object and join the names of nested objects with dots; lists stay as they are.

    Raises:
        Unreadable: what :func:`streams.feeds.kit.strict.mapping` refuses, and wrong_type for an empty object.

    """
    document = flat(strict.mapping(text))
    if not document:
        raise Unreadable("wrong_type", "expected a JSON object with fields, got an empty one")
    return document


def flat(value: Mapping[str, Any]) -> Document:
    """Join the names of nested objects with dots; empty values are left out."""
    result = Document()
    _flatten(value, "", result)
    return result


def _flatten(value: Mapping[str, Any], prefix: str, result: Document) -> None:
    for name, item in value.items():
        if type(item) is str:
            if item:
                result[prefix + name] = item
        elif isinstance(item, dict):
            result.objects.add(prefix + name)
            _flatten(item, f"{prefix}{name}.", result)
        elif item is not None and item != []:
            result[prefix + name] = item


def one(value: Any) -> str:
    """Text of a value that may be of any type; of a list the first."""
    if isinstance(value, str):
        return value.strip()
    return values.string(value[0] if isinstance(value, list) and value else value)


def many(value: Any) -> tuple[str, ...]:
    """Texts of a value or list of values that may be of any type, without the empty ones."""
    return tuple(text for item in (value if isinstance(value, list) else [value]) if (text := values.string(item)))


def fields(document: Document) -> Fields:
    """Fields of an event that ``document`` states under their ECS names.

    Raises:
        Unreadable: wrong_type.

    """
    document.within(*_OBJECTS)
    result: Fields = {name: found for name, field in _TEXTS.items() if (found := document.text(field))}
    result |= {name: found for name, field in _LABELS.items() if (found := document.label(field))}
    if actions := document.texts("event.action"):
        result["action"] = actions[0]
    for name, field in _ADDRESSES.items():
        if address := values.address(document.text(field)):
            result[name] = address
    result |= {name: count for name, field in _NUMBERS.items() if (count := document.number(field))}
    result |= {name: count for name, field in _PORTS.items() if (count := document.port(field))}
    for name, field in _LISTS.items():
        if listed := document.texts(field):
            result[name] = listed
    if not result.get("host"):
        result["host"] = document.text("host.hostname") or document.text("agent.hostname")
    return result


def time(document: Document, record: RawRecord) -> int | None:
    """Return the instant of ``@timestamp``, or None where there is none.

    Raises:
        Unreadable: bad_time, wrong_type.

    """
    stamp = document.text("@timestamp")
    return record.time(stamp) if stamp else None
