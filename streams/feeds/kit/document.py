"""An ECS document, nested or dotted, into an event; used where documents arrive ready-made.

The categories and types are those of "ECS Categorization Fields" (ECS 9.4).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from schemas import instant
from schemas.event import ECS, Activity, Reason, SecurityEvent
from streams.feeds.kit import integrity, words
from streams.feeds.kit.contract import RawRecord, Unreadable
from streams.feeds.kit.values import address, arrival, number, port, rank

MAX_EXTRA = 64
MAX_VALUE = 1024

_TEXTS = {
    name: attribute for attribute, name in ECS.items()
    if not name.startswith("controlwatch.")
    and attribute not in ("id", "t", "o", "feed", "category", "type", "original", "seq", "src_ip", "dst_ip", "activity")
}
_NUMBERS = {"pid", "ppid", "status"}
_PORTS = {"src_port", "dst_port"}
# For what has several names in ECS the others, in order.
_OTHERS = {
    "src_ip": ("source.ip", "client.ip", "source.address", "client.address"),
    "dst_ip": ("destination.ip", "server.ip", "destination.address", "server.address"),
    "host": ("host.name", "host.hostname", "observer.name", "observer.hostname", "agent.hostname"),
    "observer": ("observer.name", "observer.hostname"),
    "user": ("user.name", "source.user.name", "client.user.name", "user.email"),
    "path": ("file.path", "file.name"),
}
_READ = frozenset((
    *ECS.values(), *(name for names in _OTHERS.values() for name in names), "event.ingested", "ecs.version", "tags",
))
_CLAIMS = ("event.category", "event.kind", "event.action", "ecs.version")
_FIREWALLS = ("firewall", "ngfw", "utm")
_REASONS = frozenset(Reason)


def flatten(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Leaves under dotted names; a list of objects is left out, as ECS has none among the fields read here."""
    stack: list[tuple[str, Any]] = [("", value)]
    while stack:
        path, item = stack.pop()
        if isinstance(item, dict):
            stack.extend((f"{path}.{name}" if path else name, part) for name, part in reversed(item.items()))
        elif not isinstance(item, list) or all(isinstance(part, str | int | float) for part in item):
            yield path, item


def _text(value: object) -> str:
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _words(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(item for item in items if isinstance(item, str))


def is_ecs(fields: Mapping[str, Any]) -> bool:
    """Whether flattened ``fields`` are an ECS document, or at least claim to be one."""
    return "@timestamp" in fields and any(name in fields for name in _CLAIMS)


def read(record: RawRecord, document: Mapping[str, Any]) -> SecurityEvent:
    """The event of an ECS ``document``, or of the ``_source`` of a search hit.

    Raises:
        Unreadable: bad_time, wrong_type or missing_field.

    """
    own = _text(document.get("_id"))
    source = document.get("_source")
    fields = dict(flatten(source if isinstance(source, dict) else document))
    stamp = fields.get("@timestamp")
    if stamp is None:
        t = arrival(record)
    elif isinstance(stamp, str):
        t = record.time(stamp)
    elif isinstance(stamp, int) and not isinstance(stamp, bool):
        t = stamp * instant.MILLISECOND
    else:
        raise Unreadable("wrong_type", f"@timestamp is RFC 3339 text or milliseconds since 1970, got {stamp!r:.64}")
    result: dict[str, Any] = {}
    for name, attribute in _TEXTS.items():
        value = _text(fields.get(name))
        if value:
            result[attribute] = _typed(attribute, value)
    for attribute, names in _OTHERS.items():
        found = (_text(fields.get(name)) for name in names)
        checked = (address(value) for value in found) if attribute.endswith("_ip") else found
        result[attribute] = next((value for value in checked if value), "")
    category, types = _words(fields.get("event.category")), _words(fields.get("event.type"))
    result |= {"category": category, "type": types, "seq": number(fields.get("event.sequence"))}
    result["activity"] = activity = _activity(category, types, fields)
    if activity == Activity.LOGIN and result.get("outcome") == "failure" and result.get("reason") not in _REASONS:
        result["reason"] = words.reason(f"{result.get('reason', '')} {result.get('message', '')}")
    extra = [(name, value) for name, value in fields.items() if name not in _READ and not name.startswith("controlwatch.")]
    result["extra"] = {name: _bounded(value) for name, value in extra[:MAX_EXTRA] if value not in (None, "", [])}
    event_id = own or _text(fields.get("event.id"))
    return record.event(
        t=t, exported=_exported(record, fields, t), own_id=f"{event_id}@{t}" if event_id else "",
        rank=rank(activity, result.get("outcome", "")), **result,
    )


def _typed(attribute: str, value: str) -> str | int:
    if attribute in _NUMBERS:
        return number(value)
    return port(value) if attribute in _PORTS else value


def _bounded(value: Any) -> Any:
    return value[:MAX_VALUE] if isinstance(value, str | list) else value


def _exported(record: RawRecord, fields: Mapping[str, Any], t: int) -> int | None:
    """When the agent or the store first had the event; never before it happened."""
    for name in ("event.created", "event.ingested"):
        stamp = fields.get(name)
        if isinstance(stamp, str):
            return max(record.time(stamp), t)
    return None


def _activity(category: tuple[str, ...], types: tuple[str, ...], fields: Mapping[str, Any]) -> str:
    """What happened, by the allowed values of category and type, and by action where they leave it open."""
    action = _text(fields.get("event.action")).lower()
    outcome = _text(fields.get("event.outcome"))
    changed = any(kind in types for kind in ("creation", "change", "deletion"))
    if _text(fields.get("event.kind")) == "alert" or "malware" in category or "intrusion_detection" in category:
        return Activity.ALERT
    if "authentication" in category:
        if "lock" in action and "unlock" not in action:
            return Activity.LOCK
        if "end" in types or "logout" in action or "logoff" in action:
            return Activity.SESSION_CLOSE
        return Activity.LOGIN if outcome in ("success", "failure") else Activity.OTHER
    if "iam" in category:
        return Activity.ACCOUNT_CHANGE if changed or "user" in types or "group" in types else Activity.OTHER
    if "session" in category:
        return Activity.SESSION_OPEN if "start" in types else Activity.SESSION_CLOSE if "end" in types else Activity.OTHER
    if "configuration" in category:
        kind = f"{_text(fields.get('observer.type'))} {_text(fields.get('host.type'))}".lower()
        firewall = any(word in kind for word in _FIREWALLS)
        return Activity.OTHER if not changed else Activity.FIREWALL_CHANGE if firewall else Activity.CONFIG_CHANGE
    if "file" in category:
        if action == integrity.RESET:
            return Activity.FILE_SCAN
        return Activity.FILE_CHANGE if changed else Activity.OTHER
    if "web" in category:
        return Activity.WEB_REQUEST
    if "process" in category:
        return Activity.PROCESS
    if "host" in category and ("boot" in action or action == "system-start"):
        return Activity.BOOT
    return Activity.FLOW if "network" in category else Activity.OTHER
