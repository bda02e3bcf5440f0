"""ModSecurity audit records, JSON (2.9 and 3) and native serial, and its lines in the error logs of Apache and nginx.

The sections of a native record (``--1a2b3c4d-A--`` … ``-Z--``) make one record of several lines. Their boundary is random,
so that a request cannot carry the boundary of its own record.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from schemas import instant
from schemas.event import Activity
from streams.feeds.kit import strict, syslog
from streams.feeds.kit.contract import Feed, Parsed, RawRecord, Unreadable
from streams.feeds.kit.typed import Part
from streams.feeds.kit.values import address, filled, port

Result = dict[str, Any]

_BEGIN = re.compile(r"--([0-9A-Za-z]{4,64})-A--")
_JSON = '{"transaction":'
_APACHE = re.compile(r"\[([A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})? \d{4})\]")
_NGINX = re.compile(r"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[[a-z]+\]")
_CLIENT = re.compile(r"\[client (\[?[0-9A-Fa-f.:]{2,52}(?:\]:\d{1,5})?)\]")
# nginx writes the client after the tags, whose values have their quotes escaped.
_NGINX_CLIENT = re.compile(r'"\], client: ([0-9A-Fa-f.:]{2,45}), server: ')
_NGINX_REQUEST = re.compile(r', request: "([A-Z]{1,16}) ([^ "]{1,4096})')
_TAG = re.compile(r'\[([a-z_]{2,12}) "([^"\\]*(?:\\.[^"\\]*)*)"\]', re.DOTALL)
_CODE = re.compile(r"with code (\d{3})")
_CLOCK = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d(?:\.\d{1,6})?) ([+-]\d{4})")
_LONGEST = 40  # characters of such a stamp
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_REQUEST = re.compile(r"([A-Z]{1,32}) (\S{1,65536})")
_HEADER_A = re.compile(r"\s{0,9}\[([^\]]{10,40})\] (\S{1,128}) (\S{1,45}) (\d{1,5}) (\S{1,45}) (\d{1,5})")
_STATUS = re.compile(r"\s{0,9}HTTP/[\d.]{1,4} (\d{3})")
_HOST = re.compile(r"[\r\n ][Hh]ost: (\S{1,255})")
_TOTALS = ("949", "959", "980")  # rules of the core rule set that only add up what others found


def _time(record: RawRecord, text: str) -> int:
    """Instant of a stamp such as 23/May/2022:06:28:50 +0000, or Wed Mar 11 18:02:06 2020 of ModSecurity 3."""
    text = text.strip()
    t = _clock(text) if len(text) <= _LONGEST else None
    return syslog.when(text[4:], record) if t is None else t


@lru_cache(maxsize=4096)
def _clock(text: str) -> int | None:
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    day, month, year, clock, zone = match.groups()
    try:
        return instant.from_datetime(datetime.fromisoformat(f"{year}-{_MONTHS.index(month) + 1:02}-{day}T{clock}{zone}"))
    except ValueError as error:
        raise Unreadable("bad_time", f"expected 23/May/2022:06:28:50 +0000, got {text[:64]!r}") from error


def _verdict(messages: Sequence[Mapping[str, str]], *, blocked: bool) -> Result:
    """Fields of what the rules said; each message maps id, msg and severity."""
    found = [message for message in messages if message.get("id")]
    main = next((message for message in found if not message["id"].startswith(_TOTALS)), found[0] if found else {})
    return {
        "activity": Activity.ALERT if found or blocked else Activity.WEB_REQUEST, "category": ("web",), "type": ("access",),
        "action": "blocked" if blocked else "detected" if found else "", "outcome": "failure" if blocked else "",
        "rule_id": main.get("id", ""), "rule": main.get("msg", ""), "message": main.get("msg", ""),
        "extra": filled({
            "modsec.audit.rules": list(dict.fromkeys(message["id"] for message in found)),
            "log.level": main.get("severity", "").lower(),
        }),
    }


def _tags(text: str) -> dict[str, str]:
    return dict(reversed(_TAG.findall(text)))


def _request(line: str) -> Result:
    match = _REQUEST.match(line)
    return {} if match is None else {"method": match[1], "url": match[2], "url_path": match[2].partition("?")[0]}


def _address_and_port(text: str) -> tuple[str, int]:
    """Read 192.0.2.1, 192.0.2.1:443, 2001:db8::1, [2001:db8::1]:443 and, as Apache writes it, 2001:db8::1:50443."""
    whole = address(text.strip("[]"))
    if whole:
        return whole, 0
    host, _, number_text = text.rpartition(":")
    return address(host.strip("[]")), port(number_text)


def _with(result: Result, **extra: str) -> Result:
    return result | {"extra": result.get("extra", {}) | filled(extra)}


def _audit(record: RawRecord) -> Parsed:
    """A JSON audit record: of ModSecurity 3 all stands in "transaction"."""
    fields = Part(strict.mapping(record.text[record.text.find("{"):]))
    transaction = fields.part("transaction")
    if fields.raw("transaction") is None:
        raise Unreadable("missing_field", "audit record without transaction")
    modern = "time_stamp" in transaction.fields or "client_ip" in transaction.fields
    if modern:
        fields = transaction
    request, response = fields.part("request"), fields.part("response")
    messages: list[Mapping[str, str]] = []
    if modern:
        for message in transaction.parts("messages"):
            details = message.part("details")
            severity = details.label("severity")
            messages.append({"id": details.label("ruleId"), "msg": message.text("message"), "severity": severity})
        status = response.number("http_code")
        blocked = transaction.flag("is_interrupted") or (bool(messages) and status == 403)
        line = f"{request.text('method')} {request.text('uri')}"
        source, target = ("client_ip", "client_port"), ("host_ip", "host_port")
        stamp, own = transaction.text("time_stamp"), transaction.label("unique_id")
    else:
        audit = fields.part("audit_data")
        messages = [_tags(said) for said in audit.texts("messages")]
        blocked = audit.part("action").flag("intercepted")
        status = response.number("status")
        line = request.text("request_line")
        source, target = ("remote_address", "remote_port"), ("local_address", "local_port")
        stamp, own = transaction.text("time"), transaction.label("transaction_id")
    headers = request.part("headers")
    names = {name.lower(): headers.label(name) for name in headers.fields}
    result = _with(_verdict(messages, blocked=blocked), **{
        "url.domain": names.get("host", "").partition(":")[0], "user_agent.original": names.get("user-agent", ""),
        "transaction.id": own,
    })
    yield record.event(
        t=_time(record, stamp), own_id=f"audit/{own}" if own else "", status=status, user=names.get("remote_user", ""),
        src_ip=address(transaction.text(source[0])), src_port=transaction.port(source[1]),
        dst_ip=address(transaction.text(target[0])), dst_port=transaction.port(target[1]),
        **(_request(line) | result),
    )


def _native(record: RawRecord, boundary: str, start: int) -> Parsed:
    """A native record, of whose sections A (header), B (request), F (response) and H (trailer) count."""
    sections: dict[str, str] = {}
    for part in record.text[start:].split(f"--{boundary}-")[1:]:
        sections.setdefault(part[:1], part[3:])
    header = _HEADER_A.match(sections.get("A", ""))
    if header is None:
        raise Unreadable("bad_header", f"section A of record {boundary} is not: [time] id address port address port")
    stamp, own, source, source_port, target, target_port = header.groups()
    request, trailer = sections.get("B", "").lstrip(), sections.get("H", "")
    status = _STATUS.match(sections.get("F", ""))
    # Each message stands on a line of its own; where line ends were lost the word itself begins the next.
    messages = [_tags(text) for text in re.split(r"Message: |ModSecurity: ", trailer)[1:]]
    blocked = any(words in trailer for words in ("Action: Intercepted", "Message: Access denied", "ModSecurity: Access denied"))
    host = _HOST.search(request)
    result = _with(_verdict(messages, blocked=blocked), **{
        "url.domain": host[1].partition(":")[0] if host is not None else "", "transaction.id": own,
    })
    yield record.event(
        t=_time(record, stamp), own_id=f"audit/{own}", status=int(status[1]) if status is not None else 0,
        src_ip=address(source), src_port=port(source_port), dst_ip=address(target), dst_port=port(target_port),
        **(_request(request) | result),
    )


def _line(record: RawRecord) -> Parsed:
    """A message in an error log; several may tell of one transaction (its ``unique_id``)."""
    text = record.text
    tags = _tags(text)
    denied = "Access denied with " in text
    result = _verdict((tags,), blocked=denied)
    if not tags.get("id") and not denied:
        result |= {"activity": Activity.OTHER, "type": ("error",)}
        result["message"] = text.partition("ModSecurity: ")[2][:1024]
    apache, nginx = _APACHE.search(text, 0, 400), _NGINX.search(text, 0, 400)
    if apache is not None:
        t = syslog.when(apache[1][4:], record)
        client = _CLIENT.search(text)
    elif nginx is not None:
        t = record.time(nginx[1].replace("/", "-"))
        client = _NGINX_CLIENT.search(text)
        asked = _NGINX_REQUEST.search(text, client.end()) if client is not None else None
        result |= {"method": asked[1], "url": asked[2]} if asked is not None else {}
    else:
        t = syslog.when(syslog.split(text).time, record)
        client = _CLIENT.search(text)
    source, source_port = _address_and_port(client[1] if client is not None else "")
    code = _CODE.search(text)
    result = _with(result, **{"url.domain": tags.get("hostname", ""), "transaction.id": tags.get("unique_id", "")})
    yield record.event(
        t=t, src_ip=source, src_port=source_port, url_path=tags.get("uri", "").partition("?")[0],
        status=int(code[1]) if code is not None else 0, **result,
    )


def parse(record: RawRecord) -> Parsed:
    """Yield the event of one audit record or error line; raises Unreadable for anything else."""
    text = record.text
    native = _BEGIN.search(text, 0, 400)
    if native is not None:
        yield from _native(record, native[1], native.start())
    elif 0 <= text.find(_JSON[:2]) < 400 and "transaction" in text:
        yield from _audit(record)
    elif "ModSecurity" in text:
        yield from _line(record)
    else:
        raise Unreadable("bad_header", f"no section A, no JSON transaction and no ModSecurity message: {text[:64]!r}")


def starts(line: str) -> bool:
    """Whether ``line`` begins a record: a section A, a JSON record, or a message of an error log."""
    return (
        _BEGIN.match(line) is not None or line.startswith(_JSON)
        or ("ModSecurity" in line and (_APACHE.match(line) is not None or _NGINX.match(line) is not None))
    )


feed = Feed(
    title="ModSecurity audit and error logs",
    kinds=("waf",),
    parse=parse,
    aliases=("modsecurity.auditlog", "wazuh.modsecurity", "crowdsec.modsecurity", "fail2ban.apache-modsecurity"),
    starts=starts,
    reference="https://github.com/owasp-modsecurity/ModSecurity/wiki/ModSecurity-2-Data-Formats",
)
