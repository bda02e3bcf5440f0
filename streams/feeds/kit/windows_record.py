"""One Windows event in any of the JSON forms that collectors give it -> number, log, computer, time and data (feed windows).

Forms: Winlogbeat and Elastic Agent ("winlog.event_id"), the event's own tree ("Event": {"System", "EventData"}) as evtx_dump and
others convert it from XML, Wazuh's eventchannel ("win": {"system", "eventdata"}), and flat objects ("EventID" beside the data).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from streams.feeds.kit import ecs_document, typed, values
from streams.feeds.kit.contract import RawRecord, Unreadable
from streams.feeds.kit.ecs_document import Document


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
    "message": ("Message", "message"),
}
_NUMBERED = frozenset({"EventID", "eventID", "EventRecordID", "eventRecordID", "Keywords", "keywords"})
# Event data that are accounts, addresses, paths and programs: text and nothing else.
_WORDS = frozenset({
    "targetusername", "subjectusername", "targetdomainname", "subjectdomainname", "ipaddress", "membername", "workstationname",
    "targetfilename", "objectname", "image", "parentimage", "processname", "newprocessname", "commandline", "sourceip",
    "destinationip", "servicename", "accountname",
})
_PORTS = frozenset({"ipport", "sourceport", "destinationport"})
_PLAIN = _WORDS | _PORTS
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
    document.within("event", "winlog.event_data")
    return _event(
        record, document.label("winlog.event_id"), document.text("winlog.provider_name"), document.text("winlog.channel"),
        document.text("winlog.computer_name") or document.text("host.name"), document.label("winlog.record_id"),
        document.text("winlog.time_created") or document.text("@timestamp"),
        _data(document, ("winlog.event_data.", "winlog.user_data.")),
        document.text("winlog.outcome") or document.text("event.outcome"), document.labels("winlog.keywords"),
        document.text("message"),
    )


def _tree(document: Document, record: RawRecord) -> WindowsEvent:
    def text(name: str, attribute: str = "#text") -> str:
        """Text of an element or, where converters differ, of its attribute."""
        inner = (attribute, f"#attributes.{attribute}", f"@{attribute}", f"@attributes.{attribute}")
        keys = (f"Event.System.{key}" for key in (name, *(f"{name}.{part}" for part in inner)))
        found = next((key for key in keys if key in document), f"Event.System.{name}")
        return document.label(found) if name in _NUMBERED else document.text(found)

    data = dict(_data(document, ("Event.EventData.", "Event.UserData.")))
    data |= _named("Event.EventData.Data", document)
    document.within("Event", "Event.System", "Event.EventData")
    return _event(
        record, text("EventID"), text("Provider", "Name"), text("Channel"), text("Computer"), text("EventRecordID"),
        text("TimeCreated", "SystemTime"), data, "", (text("Keywords"),), document.text("Event.RenderingInfo.Message"),
    )


def _wazuh(document: Document, prefix: str, record: RawRecord) -> WindowsEvent:
    system = prefix + "system."
    # The data stand in "eventdata" or in an object named after the event, such as "logFileCleared".
    # Wazuh writes each backslash of the event data as two.
    data = {name: value.replace("\\\\", "\\") for name, value in _data(document, (prefix,), system).items()}

    def text(name: str) -> str:
        return document.label(system + name) if name in _NUMBERED else document.text(system + name)

    outcome = {"AUDIT_SUCCESS": "success", "AUDIT_FAILURE": "failure"}.get(text("severityValue"), "")
    return _event(
        record, text("eventID"), text("providerName"), text("channel"), text("computer"), text("eventRecordID"),
        text("systemTime"), data, outcome, (text("keywords"),), text("message").strip('"'),
    )


def _flat(document: Document, record: RawRecord) -> WindowsEvent:
    data = _data(document, ("",)) | _data(document, ("EventData.", "event_data.")) | _named("EventData.Data", document)
    return _event(
        record, _first(document, "id"), _first(document, "provider"), _first(document, "channel"),
        _first(document, "computer"), _first(document, "record"), _first(document, "time"), data, "",
        document.labels("Keywords") or document.labels("keywords") or document.labels("EventType"), _first(document, "message"),
    )


def _first(document: Document, name: str) -> str:
    read = document.label if name in ("id", "record") else document.text
    return next((text for key in _FLAT[name] if (text := read(key))), "")


def _data(document: Document, prefixes: tuple[str, ...], but: str = "\n") -> dict[str, str]:
    """Event data under lower-case names; of a nested name the last part counts. Names that begin with ``but`` are left out."""
    result: dict[str, str] = {}
    for name in document.objects:
        if name.startswith(prefixes) and name.rpartition(".")[2].lower() in _PLAIN:
            raise typed.wrong(name, "text", {})
    for name, value in document.items():
        if name.startswith(prefixes) and not name.startswith(but):
            text = value.strip() if isinstance(value, str) else _joined(name, value)
            if text not in _ABSENT:
                result[name.rpartition(".")[2].lower()] = text
    return result


def _joined(name: str, value: Any) -> str:
    """Text of a value that converters give as a number, a boolean or a list of these; a list of objects is read by its names."""
    if name.rpartition(".")[2].lower() in _WORDS:
        return typed.text(name, value)
    if name.rpartition(".")[2].lower() in _PORTS:
        return typed.label(name, value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return " ".join(ecs_document.many(value))
    return typed.label(name, value)


def _named(name: str, document: Document) -> dict[str, str]:
    """Event data given as a list of {"@Name": ..., "#text": ...}."""
    items = document.get(name)
    return {key.lower(): text for key, text in _pairs(name, items if isinstance(items, list) else []) if text not in _ABSENT}


def _pairs(where: str, items: list[Any]) -> Iterator[tuple[str, str]]:
    for item in items:
        if isinstance(item, dict):
            inner = ecs_document.flat(item)
            name = next((inner.label(key) for key in _NAMES if key in inner), "")
            found = next((key for key in _TEXTS if key in inner or key in inner.objects), "")
            yield name, _joined(f"{where}.{name}", inner.raw(found)) if found else ""


def _event(
    record: RawRecord, number: str, provider: str, channel: str, computer: str, serial: str, stamp: str,
    data: Mapping[str, str], outcome: str, keywords: tuple[str, ...], message: str,
) -> WindowsEvent:
    if not (number.isascii() and number.isdigit() and len(number) <= 10):
        raise Unreadable("wrong_type", f"expected a number as event id, got {number[:64]!r}")
    words = " ".join(keywords)
    return WindowsEvent(
        int(number), provider, channel, computer, typed.number("record id", serial), _time(stamp, record), data,
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
