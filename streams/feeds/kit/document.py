"""An ECS document, nested or dotted, into an event; used where documents arrive ready-made.

The categories and types are those of "ECS Categorization Fields" (ECS 9.4).
"""

from collections.abc import Mapping
from typing import Any

from schemas import instant
from schemas.event import ECS, Activity, Reason, SecurityEvent
from streams.feeds.kit import ecs_document, integrity, typed, words
from streams.feeds.kit.contract import RawRecord
from streams.feeds.kit.ecs_document import Document
from streams.feeds.kit.values import address, arrival, rank

MAX_EXTRA = 64
MAX_VALUE = 1024

_TEXTS = {
    name: attribute for attribute, name in ECS.items()
    if not name.startswith("controlwatch.")
    and attribute not in ("id", "t", "o", "feed", "category", "type", "original", "seq", "src_ip", "dst_ip", "activity")
}
_NUMBERS = {"pid", "ppid", "status"}
_PORTS = {"src_port", "dst_port"}
_LABELS = {"user_id", "code", "rule_id"}  # identifiers, which senders write as numbers too
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
_OBJECTS = ecs_document.parents(*_TEXTS, *(name for names in _OTHERS.values() for name in names))
_CLAIMS = ("event.category", "event.kind", "event.action", "ecs.version")
_FIREWALLS = ("firewall", "ngfw", "utm")
_REASONS = frozenset(Reason)


def is_ecs(fields: Document) -> bool:
    """Whether flattened ``fields`` are an ECS document, or at least claim to be one."""
    return ("@timestamp" in fields or "@timestamp" in fields.objects) and any(name in fields for name in _CLAIMS)


def read(record: RawRecord, document: Mapping[str, Any]) -> SecurityEvent:
    """The event of an ECS ``document``, or of the ``_source`` of a search hit.

    Raises:
        Unreadable: bad_time, wrong_type or missing_field.

    """
    own = typed.label("_id", document.get("_id"))
    source = document.get("_source")
    fields = ecs_document.flat(source if isinstance(source, dict) else document)
    fields.within(*_OBJECTS)
    t = _time(record, fields)
    result: dict[str, Any] = {
        attribute: value for name, attribute in _TEXTS.items() if (value := _typed(fields, name, attribute))
    }
    for attribute, names in _OTHERS.items():
        found = (fields.text(name) for name in names)
        checked = (address(value) for value in found) if attribute.endswith("_ip") else found
        result[attribute] = next((value for value in checked if value), "")
    category, types = fields.texts("event.category"), fields.texts("event.type")
    result |= {"category": category, "type": types, "seq": fields.number("event.sequence")}
    result["activity"] = activity = _activity(category, types, fields)
    if activity == Activity.LOGIN and result.get("outcome") == "failure" and result.get("reason") not in _REASONS:
        result["reason"] = words.reason(f"{result.get('reason', '')} {result.get('message', '')}")
    extra = [(name, value) for name, value in fields.items() if name not in _READ and not name.startswith("controlwatch.")]
    result["extra"] = {name: _bounded(value) for name, value in extra[:MAX_EXTRA] if not _objects(value)}
    event_id = own or fields.label("event.id")
    return record.event(
        t=t, exported=_exported(record, fields, t), own_id=f"{event_id}@{t}" if event_id else "",
        rank=rank(activity, result.get("outcome", "")), **result,
    )


def _time(record: RawRecord, fields: Document) -> int:
    stamp = fields.raw("@timestamp")
    if isinstance(stamp, int) and not isinstance(stamp, bool):
        return stamp * instant.MILLISECOND
    told = fields.text("@timestamp")
    return record.time(told) if told else arrival(record)


def _typed(fields: Document, name: str, attribute: str) -> str | int:
    if attribute in _NUMBERS:
        return fields.number(name)
    if attribute in _PORTS:
        return fields.port(name)
    if attribute == "action":
        return next(iter(fields.texts(name)), "")
    return fields.label(name) if attribute in _LABELS else fields.text(name)


def _objects(value: Any) -> bool:
    return isinstance(value, list) and not all(isinstance(part, str | int | float) for part in value)


def _bounded(value: Any) -> Any:
    return value[:MAX_VALUE] if isinstance(value, str | list) else value


def _exported(record: RawRecord, fields: Document, t: int) -> int | None:
    """When the agent or the store first had the event; never before it happened."""
    for name in ("event.created", "event.ingested"):
        if stamp := fields.text(name):
            return max(record.time(stamp), t)
    return None


def _activity(category: tuple[str, ...], types: tuple[str, ...], fields: Document) -> str:
    """What happened, by the allowed values of category and type, and by action where they leave it open."""
    action = next(iter(fields.texts("event.action")), "").lower()
    outcome = fields.text("event.outcome")
    changed = any(kind in types for kind in ("creation", "change", "deletion"))
    if fields.text("event.kind") == "alert" or "malware" in category or "intrusion_detection" in category:
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
        kind = f"{fields.text('observer.type')} {fields.text('host.type')}".lower()
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
