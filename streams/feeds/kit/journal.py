"""Log lines that come as JSON -> the same fields as a syslog line (feed linux).

Forms: systemd's journal ("Journal JSON Format", systemd.journal-fields(7)) as ``journalctl -o json`` prints it, and documents of
Filebeat and Elastic Agent with the line, or its message, in ``message``.
"""

from typing import NamedTuple

from schemas.context import FOREVER
from streams.feeds.kit import ecs_document, syslog, values
from streams.feeds.kit.contract import RawRecord, Unreadable
from streams.feeds.kit.ecs_document import Document, one

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
    if "MESSAGE" in document:
        return _journal(document)
    if "message" not in document:
        raise Unreadable("missing_field", "expected a journal entry with MESSAGE or a document with message")
    line = syslog.split(one(document["message"]))
    if line.time and line.app:
        return Entry(line, None, "")
    app = line.app or next((text for name in _PROGRAMS if (text := one(document.get(name)))), "")
    host = line.host or next((text for name in _HOSTS if (text := one(document.get(name)))), "")
    pid = line.pid or values.number(one(document.get("process.pid")))
    return Entry(line._replace(app=app, host=host, pid=pid), ecs_document.time(document, record), "")


def _journal(document: Document) -> Entry:
    stamp = one(document.get("_SOURCE_REALTIME_TIMESTAMP")) or one(document.get("__REALTIME_TIMESTAMP"))
    t = values.number(stamp)
    if not 0 < t <= FOREVER:
        raise Unreadable("bad_time", f"expected microseconds since 1970 in __REALTIME_TIMESTAMP, got {stamp[:64]!r}")
    line = syslog.Line(
        "", one(document.get("_HOSTNAME")), one(document.get("SYSLOG_IDENTIFIER")) or one(document.get("_COMM")),
        values.number(one(document.get("SYSLOG_PID")) or one(document.get("_PID"))), _text(document["MESSAGE"]),
    )
    return Entry(line, t, one(document.get("__CURSOR")))


def _text(message: object) -> str:
    """Text of a message; one that is not UTF-8 is a list of byte values."""
    if isinstance(message, list):
        return bytes(byte for byte in message if isinstance(byte, int) and 0 <= byte < 256).decode("utf-8", "replace")
    return one(message)
