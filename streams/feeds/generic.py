"""Whatever has no feed of its own: JSON, CEF, LEEF, key=value, web server and syslog lines, tried in this order.

Refuses no readable text: a line that says nothing it knows is an event of activity ``other`` with its message. What begins
as JSON is JSON or a dead letter, and so is a record whose only time cannot be read.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from schemas.event import Activity, SecurityEvent
from streams.feeds.kit import anyline, cef, document, ecs_document, extended, named, stamps, strict, syslog, values
from streams.feeds.kit.contract import Feed, RawRecord, Unreadable
from streams.feeds.kit.keyvalue import pairs

LIMIT = 8192  # characters of a message that are kept

_ACCESS = re.compile(
    r"(?:\S{1,255} )?(\[?[0-9A-Fa-f:.]{2,45}\]?) \S{1,64} (\S{1,255}) \[([^\]]{10,64})\] "
    r'"([A-Z]{1,16}) ([^ "]{1,4096})(?: [^"]{1,16})?" (\d{3})(?= |$)'
)
_OBJECT = re.compile(r'\s{0,64}(?:\{\s{0,64}(?:["{}\[]|\Z)|\[{32})')  # how JSON begins, and no line of a log
_MIN_PAIRS = 3
_VERDICT = ("activity", "category", "type", "outcome", "reason", "kind")


def _json(record: RawRecord, header: str, body: str) -> SecurityEvent:
    found = strict.mapping(body)
    fields = ecs_document.flat(found)
    if document.is_ecs(fields):
        return document.read(record, found)
    flat = named.flatten(found)
    t, result = named.read(flat, record)
    named.check(fields, t, result)
    return _event(record, header, t, result, flat)


def _event(
    record: RawRecord, header: str, t: int | None, result: Mapping[str, Any], fields: Mapping[str, str], message: str = ""
) -> SecurityEvent:
    """An event of ``result``; time, host and program come from the header where the fields tell none."""
    line = syslog.split(f"{header}-") if header else None
    if t is None:
        stamp = stamps.find(header or message, record)
        t = named.arrived(fields, record) if stamp is None else stamp.t
    base: dict[str, Any] = {"message": message[:LIMIT]}
    if line is not None:
        base |= {"host": line.host, "process": line.app, "pid": line.pid, "seq": line.seq}
    return record.event(
        t=t, **(base | {"rank": values.rank(result.get("activity", ""), result.get("outcome", ""))} | dict(result))
    )


def _access(record: RawRecord, match: re.Match[str]) -> SecurityEvent:
    client, user, stamp, method, url, status = match.groups()
    result = {
        "activity": Activity.WEB_REQUEST, "category": ("web",), "type": ("access",), "method": method, "url": url,
        "url_path": url.partition("?")[0], "status": int(status), "src_ip": values.address(client.strip("[]")),
        "user": "" if user == "-" else user, "outcome": "failure" if int(status) >= 400 else "success",
    }
    return _event(record, "", stamps.moment(stamp, record), result, {}, match.string)


def _text(record: RawRecord, text: str) -> SecurityEvent:
    line = syslog.split(text)
    message = line.message if line.time or line.app else text
    result: dict[str, Any] = anyline.read(message)
    fields = pairs(message)
    t = None
    if len(fields) >= _MIN_PAIRS:
        t, told = named.read(fields, record)
        # Fields that have a name are surer than what stands somewhere in the line, but for what the line says happened.
        result = result | {name: value for name, value in told.items() if value not in ("", ()) and name not in _VERDICT}
        if told.get("activity") and "activity" not in result:
            result |= {name: told[name] for name in _VERDICT if name in told}
    if line.time:
        with contextlib.suppress(Unreadable):
            t = syslog.when(line.time, record)
    base = {"host": line.host, "process": line.app, "pid": line.pid, "seq": line.seq, "message": message[:LIMIT]}
    return _event(record, "", t, base | result, fields if len(fields) >= _MIN_PAIRS else {}, text)


def parse(record: RawRecord) -> Iterator[SecurityEvent]:
    """Yield the event of any readable text.

    Raises:
        Unreadable: bad_json, duplicate_key, too_deep or wrong_type for JSON; bad_time where a text states a time that cannot be
            read, or none, and none was observed.

    """
    text = record.text
    if _OBJECT.match(text) is not None:
        yield _json(record, "", text)
        return
    start = text.find("{", 0, 512)
    if start >= 0 and text.rstrip()[-1:] == "}" and (start == 0 or text[start - 1] in " :\t"):
        header, body = text[:start], text[start:]
        try:
            yield _json(record, header, body)
        except Unreadable as refused:
            if refused.reason != "bad_json" or body.startswith('{"'):
                raise
        else:
            return
    message = cef.read(text) if "CEF:" in text or "LEEF:" in text else None
    if message is not None:
        yield extended.event(record, message)
    elif (match := _ACCESS.match(text)) is not None:
        yield _access(record, match)
    else:
        yield _text(record, text)


feed = Feed(
    title="Any other format (syslog, CEF, LEEF, key=value, JSON)",
    kinds=("siem",),
    parse=parse,
    reference="RFC 3164, RFC 5424, RFC 8259",
)
