"""Log lines that come as JSON -> the same fields as a syslog line (feed linux).

Forms: systemd's journal ("Journal JSON Format", systemd.journal-fields(7)) as ``journalctl -o json`` prints it, and documents of
Filebeat and Elastic Agent with the line, or its message, in ``message``.
"""

from typing import NamedTuple

from schemas.context import FOREVER
from streams.feeds.kit import ecs_document, syslog, typed, values
from streams.feeds.kit.contract import RawRecord, Unreadable
from streams.feeds.kit.ecs_document import Document

_PROGRAMS = ("log.syslog.appname", "log.syslog.identifier", "syslog.identifier", "process.name")
_HOSTS = ("host.hostname", "host.name", "agent.hostname")


class Entry(NamedTuple):
    """``t`` in microseconds, None where the stamp of ``line`` is the only one; ``own_id`` the journal's cursor, "" if none."""

    line: syslog.Line
    t: int | None
    own_id: str


def read(record: RawRecord) -> Entry:
    """Read one JSON document.

    Raises:
        Unreadable: bad JSON, bad_time, missing_field without a message.

    """
    document = ecs_document.read(record.text)
    if "MESSAGE" in document or "MESSAGE" in document.objects:
        return _journal(document)
    if "message" not in document and "message" not in document.objects:
        raise Unreadable("missing_field", "expected a journal entry with MESSAGE or a document with message")
    line = syslog.split(document.text("message"))
    if line.time and line.app:
        return Entry(line, None, "")
    app = line.app or next((text for name in _PROGRAMS if (text := document.text(name))), "")
    host = line.host or next((text for name in _HOSTS if (text := document.text(name))), "")
    pid = line.pid or document.number("process.pid")
    return Entry(line._replace(app=app, host=host, pid=pid), ecs_document.time(document, record), "")


def _journal(document: Document) -> Entry:
    stamp = document.label("_SOURCE_REALTIME_TIMESTAMP") or document.label("__REALTIME_TIMESTAMP")
    t = values.number(stamp)
    if not 0 < t <= FOREVER:
        raise Unreadable("bad_time", f"expected microseconds since 1970 in __REALTIME_TIMESTAMP, got {stamp[:64]!r}")
    line = syslog.Line(
        "", _first(document, "_HOSTNAME"), _first(document, "SYSLOG_IDENTIFIER") or _first(document, "_COMM"),
        values.number(_first(document, "SYSLOG_PID")) or document.number("_PID"), _text(document.raw("MESSAGE")),
    )
    return Entry(line, t, _first(document, "__CURSOR"))


def _first(document: Document, name: str) -> str:
    """Text of a journal field; one that was given several times is a list."""
    return next(iter(document.texts(name)), "")


def _text(message: object) -> str:
    """Text of a message; one that is not UTF-8 is a list of byte values."""
    if isinstance(message, list):
        if not all(type(byte) is int and 0 <= byte < 256 for byte in message):
            raise typed.wrong("MESSAGE", "text or a list of bytes", message)
        return bytes(message).decode("utf-8", "replace")
    return typed.text("MESSAGE", message)
