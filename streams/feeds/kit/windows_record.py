"""One Windows event in any of the JSON forms that collectors give it -> number, log, computer, time and data (feed windows).

Forms: Winlogbeat and Elastic Agent ("winlog.event_id"), the event's own tree ("Event": {"System", "EventData"}) as evtx_dump and
others convert it from XML, Wazuh's eventchannel ("win": {"system", "eventdata"}), and flat objects ("EventID" beside the data).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from streams.feeds.kit import ecs_document, values
from streams.feeds.kit.contract import RawRecord, Unreadable
from streams.feeds.kit.ecs_document import Document, one


class WindowsEvent(NamedTuple):
    """``data`` holds the event's own fields under lower-case names; "-" counts as absent. ``t`` in microseconds."""

    id: int
    provider: str
    channel: str
    computer: str
    record: int
    t: int
    data: Mapping[str, str]
    outcome: str
    keywords: str
    message: str


_NAMES = ("@Name", "Name", "#attributes.Name", "@attributes.Name")
_TEXTS = ("#text", "text", "content", "Value", "value")
_ABSENT = frozenset({"-", "", "(null)", "NULL"})
_DATE = re.compile(r"/Date\((\d{1,15})\)/$", re.ASCII)
_SPACED = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\S*)$", re.ASCII)
# Names that flat objects use for the same thing, the most telling first.
_FLAT = {
    "id": ("EventID", "event_id", "EventId", "EventCode", "Id"),
    "provider": ("SourceName", "ProviderName", "Provider", "Provider_Name", "provider_name"),
    "channel": ("Channel", "LogName", "channel"),
    "computer": ("Computer", "ComputerName", "Hostname", "MachineName", "computer_name", "host.name"),
    "record": ("EventRecordID", "RecordNumber", "RecordId", "record_id", "EventRecordId"),
    "time": ("TimeCreated", "SystemTime", "EventTime", "@timestamp", "UtcTime", "TimeGenerated"),
    "keywords": ("Keywords", "keywords", "EventType"),
    "message": ("Message", "message"),
}
_AUDIT_SUCCESS, _AUDIT_FAILURE = 0x20000000000000, 0x10000000000000


def read(record: RawRecord) -> WindowsEvent:
    """Read one event.

    Raises:
        Unreadable: bad JSON, missing_field without an event id, wrong_type for one that is no number, bad_time.

    """
    document = ecs_document.read(record.text)
    for prefix in ("", "data."):  # Wazuh's alerts hold the event in "data"
        if f"{prefix}win.system.eventID" in document:
            return _wazuh(document, prefix + "win.", record)
    if "winlog.event_id" in document:
        return _beat(document, record)
    if any(name.startswith("Event.System.EventID") for name in document):
        return _tree(document, record)
    if _first(document, "id"):
        return _flat(document, record)
    names = ", ".join(list(document)[:8])[:120]
    raise Unreadable("missing_field", f"expected a Windows event with an event id, got the fields {names}")


def _beat(document: Document, record: RawRecord) -> WindowsEvent:
    stamp = one(document.get("winlog.time_created")) or one(document.get("@timestamp"))
    return _event(
        record, one(document["winlog.event_id"]), one(document.get("winlog.provider_name")), one(document.get("winlog.channel")),
        one(document.get("winlog.computer_name")) or one(document.get("host.name")), document.get("winlog.record_id"), stamp,
        _data(document, ("winlog.event_data.", "winlog.user_data.")),
        one(document.get("winlog.outcome") or document.get("event.outcome")), document.get("winlog.keywords"),
        one(document.get("message")),
    )


def _tree(document: Document, record: RawRecord) -> WindowsEvent:
    system = {name.removeprefix("Event.System."): value for name, value in document.items() if name.startswith("Event.System.")}

    def text(name: str, attribute: str = "#text") -> str:
        """Text of an element or, where converters differ, of its attribute."""
        inner = (attribute, f"#attributes.{attribute}", f"@{attribute}", f"@attributes.{attribute}")
        return next((one(system[key]) for key in (name, *(f"{name}.{part}" for part in inner)) if key in system), "")

    data = dict(_data(document, ("Event.EventData.", "Event.UserData.")))
    data |= _named(document.get("Event.EventData.Data", []))
    return _event(
        record, text("EventID"), text("Provider", "Name"), text("Channel"), text("Computer"), text("EventRecordID"),
        text("TimeCreated", "SystemTime"), data, "", text("Keywords"), one(document.get("Event.RenderingInfo.Message")),
    )


def _wazuh(document: Document, prefix: str, record: RawRecord) -> WindowsEvent:
    system = prefix + "system."
    # The data stand in "eventdata" or in an object named after the event, such as "logFileCleared".
    others = {name: value for name, value in document.items() if not name.startswith(system)}
    # Wazuh writes each backslash of the event data as two.
    data = {name: value.replace("\\\\", "\\") for name, value in _data(others, (prefix,)).items()}

    def text(name: str) -> str:
        return one(document.get(system + name))

    outcome = {"AUDIT_SUCCESS": "success", "AUDIT_FAILURE": "failure"}.get(text("severityValue"), "")
    return _event(
        record, text("eventID"), text("providerName"), text("channel"), text("computer"), text("eventRecordID"),
        text("systemTime"), data, outcome, text("keywords"), text("message").strip('"'),
    )


def _flat(document: Document, record: RawRecord) -> WindowsEvent:
    data = _data(document, ("",)) | _data(document, ("EventData.", "event_data.")) | _named(document.get("EventData.Data", []))
    return _event(
        record, _first(document, "id"), _first(document, "provider"), _first(document, "channel"),
        _first(document, "computer"), _first(document, "record"), _first(document, "time"), data, "",
        _first(document, "keywords"), _first(document, "message"),
    )


def _first(document: Document, name: str) -> str:
    return next((text for key in _FLAT[name] if (text := one(document.get(key)))), "")


def _data(document: Document, prefixes: tuple[str, ...]) -> dict[str, str]:
    """Event data under lower-case names; of a nested name the last part counts."""
    result: dict[str, str] = {}
    for name, value in document.items():
        if name.startswith(prefixes):
            text = value.strip() if isinstance(value, str) else " ".join(ecs_document.many(value))
            if text not in _ABSENT:
                result[name.rpartition(".")[2].lower()] = text
    return result


def _named(items: Any) -> dict[str, str]:
    """Event data given as a list of {"@Name": ..., "#text": ...}."""
    return {name.lower(): text for name, text in _pairs(items if isinstance(items, list) else []) if text not in _ABSENT}


def _pairs(items: list[Any]) -> Iterator[tuple[str, str]]:
    for item in items:
        if isinstance(item, dict):
            inner = ecs_document.flat(item)
            name = next((one(inner[key]) for key in _NAMES if key in inner), "")
            yield name, next((one(inner[key]) for key in _TEXTS if key in inner), "")


def _event(
    record: RawRecord, number: str, provider: str, channel: str, computer: str, serial: Any, stamp: str,
    data: Mapping[str, str], outcome: str, keywords: Any, message: str,
) -> WindowsEvent:
    if not (number.isascii() and number.isdigit() and len(number) <= 10):
        raise Unreadable("wrong_type", f"expected a number as event id, got {number[:64]!r}")
    words = " ".join(ecs_document.many(keywords))
    return WindowsEvent(
        int(number), provider, channel, computer, values.number(one(serial)), _time(stamp, record), data,
        outcome if outcome in ("success", "failure") else _audited(words), words, message,
    )


def _audited(keywords: str) -> str:
    """Outcome that the keywords of the security log state, in words or as a bit mask."""
    words = keywords.lower()
    if words.startswith("0x"):
        try:
            mask = int(words.split()[0], 16)
        except ValueError:
            return ""
        return "failure" if mask & _AUDIT_FAILURE else "success" if mask & _AUDIT_SUCCESS else ""
    if "failure" in words:
        return "failure"
    return "success" if "success" in words else ""


def _time(stamp: str, record: RawRecord) -> int:
    if not stamp:
        return values.arrival(record)
    if (match := _DATE.match(stamp)) is not None:  # PowerShell's ConvertTo-Json
        return int(match[1]) * 1000
    if (match := _SPACED.match(stamp)) is not None:
        stamp = f"{match[1]}T{match[2]}"
    return record.time(stamp)
