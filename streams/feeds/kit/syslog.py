"""Syslog headers, between raw text and a feed's grammar: RFC 5424, RFC 3164 (BSD) and what daemons write.

:func:`split` cuts the header off and never fails: what is absent is empty. :func:`when` reads a stamp.
"""

import re
from calendar import isleap
from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple

from schemas import instant
from streams.feeds.kit.contract import RawRecord, Unreadable

EMPTY: Mapping[str, Mapping[str, str]] = {}


class Line(NamedTuple):
    """One syslog line. ``time`` is the stamp as written, "" if none; ``priority`` is -1 if the line has none.

    ``pid`` is 0 where the process id is absent or not a number; ``data`` are the structured data elements of
    RFC 5424 (section 6.3), ``seq`` the sequenceId of its element ``meta`` (section 7.3.1).
    """

    time: str
    host: str
    app: str
    pid: int
    message: str
    priority: int = -1
    msgid: str = ""
    data: Mapping[str, Mapping[str, str]] = EMPTY
    seq: int = 0


_PRI = re.compile(r"<(\d{1,3})>", re.ASCII)
_MONTHS = {
    "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6,
    "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12,
}
# "Feb  5 17:32:18", with vendors' variants: year in any place, fraction of a second, "UTC", weekday first.
_BSD = re.compile(
    r"(?:[A-Z][a-z]{2} )?((?:\d{4} )?[A-Z][a-z]{2} {1,2}\d{1,2} (?:\d{4} )?\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
    r"(?: \d{4}(?= ))?)(?: UTC| GMT)?:? ",
    re.ASCII,
)
_STAMP = re.compile(
    r"(?:[A-Z][a-z]{2} )?(?:(\d{4}) )?([A-Z][a-z]{2}) {1,2}(\d{1,2}) (?:(\d{4}) )?"
    r"(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?: (\d{4}))?$",
    re.ASCII,
)
_ISO = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?):? ", re.ASCII)
# The tag ends at "[pid]:" or ":"; gdm writes "gdm-password][77]:", macOS may add "(facility)", Solaris "[ID 8 auth.info]".
_TAG = re.compile(
    r"([^\s:\[\]]{1,128})(?:\]?\[(\d{1,10})[^\]\s]{0,64}\])?(?: \([^\s()]{1,128}\))?:(?: |$)", re.ASCII
)
_TWO_WORDS = re.compile(r"([^\s:\[\]]{1,64} [^\s:\[\]]{1,64})\[(\d{1,10})\]: ", re.ASCII)  # macOS: "Google Chrome[7]: "
_BARE_TAG = re.compile(r"(?:\[([^\s:\[\]]{1,128})\]|([^\s:\[\]]{1,128})\[(\d{1,10})\]):? ", re.ASCII)
# The usual line, header and all: "Feb  5 17:32:18 host sshd[77]: " or the same with an ISO 8601 stamp.
_USUAL = re.compile(
    r"([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)?) "
    r"([^\s:=\[\]]{1,255}) ([^\s:\[\]]{1,128})(?:\]?\[(\d{1,10})\])?: (?!\[ID )",
    re.ASCII,
)
_SOLARIS = re.compile(r"\[ID \d{1,10} [a-z0-9]{1,16}\.[a-z]{1,16}\] ")
_FIELD = re.compile(r"(\S{1,255}) ")
_ELEMENT = re.compile(r"\[([^\s=\]\"]{1,64})")
_PARAM = re.compile(r' {1,8}([^\s=\]"]{1,64})="((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(r'\\(["\\\]])')


def split(text: str) -> Line:
    """Cut ``text`` into its header fields and its message; a text without header is all message."""
    if (match := _USUAL.match(text)) is not None:
        return Line(match[1], match[2], match[3], int(match[4] or 0), text[match.end() :])
    start, priority = 0, -1
    if text[:1] == "<" and (match := _PRI.match(text)) is not None:
        priority, start = int(match[1]), match.end()
        if text.startswith("1 ", start) and (line := _rfc5424(text, start + 2, priority)) is not None:
            return line
    time = ""
    if (match := _BSD.match(text, start)) is not None or (match := _ISO.match(text, start)) is not None:
        time, start = match[1], match.end()
    return _tagged(text, start, time, priority)


def _tagged(text: str, start: int, time: str, priority: int) -> Line:
    """HOST TAG[PID]: MESSAGE, where host, tag or both may be missing."""
    while text.startswith(" ", start):
        start += 1
    host, head = "", start
    if (match := _TAG.match(text, start)) is None and time:
        space = text.find(" ", start, start + 256)
        word = text[start:space] if space >= 0 else ""
        match = _BARE_TAG.match(text, start)
        if match is None and word and word[-1] not in ":,;" and "=" not in word:
            host, head = word, space + 1
            while text.startswith(" ", head):
                head += 1
            match = _TAG.match(text, head) or _BARE_TAG.match(text, head) or _TWO_WORDS.match(text, head)
    elif match is None:
        # Without a stamp only "host tag[pid]: " is taken for a header, as journald hands it on.
        space = text.find(" ", start, start + 256)
        second = _TAG.match(text, space + 1) if space > start else None
        if second is not None and second[2] is not None:
            host, match = text[start:space], second
    if match is None:
        return Line(time, host, "", 0, text[head:], priority)
    end = match.end()
    if match.re is _BARE_TAG:
        app, pid = match[1] or match[2], match[3]
    else:
        app, pid = match[1], match[2]
    if text.startswith("[ID ", end) and (solaris := _SOLARIS.match(text, end)) is not None:
        end = solaris.end()
    return Line(time, host, app, int(pid) if pid else 0, text[end:], priority)


def _rfc5424(text: str, start: int, priority: int) -> Line | None:
    """Fields after "<PRI>1 ", or None if they are not those of RFC 5424."""
    fields: list[str] = []
    for _ in range(5):
        match = _FIELD.match(text, start)
        if match is None:
            return None
        fields.append("" if match[1] == "-" else match[1])
        start = match.end()
    time, host, app, procid, msgid = fields
    data: dict[str, Mapping[str, str]] = {}
    if text.startswith("-", start):
        start += 1
    else:
        while (element := _ELEMENT.match(text, start)) is not None:
            start = element.end()
            params: dict[str, str] = {}
            while (param := _PARAM.match(text, start)) is not None:
                value = param[2]
                params[param[1]] = _ESCAPE.sub(r"\1", value) if "\\" in value else value
                start = param.end()
            if not text.startswith("]", start):
                return None
            start += 1
            data[element[1]] = params
        if not data:
            return None
    message = text[start:].removeprefix(" ").removeprefix("\ufeff")
    seq = _number(data["meta"].get("sequenceId", "")) if "meta" in data else 0
    return Line(time, host, app, _number(procid), message, priority, msgid, data or EMPTY, seq)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else 0


def when(text: str, record: RawRecord) -> int:
    """Return the instant of a stamp that :func:`split` found (BSD or ISO 8601), read in the record's zone.

    A stamp without year gets the newest year that puts it at most one day after the record was observed.

    Raises:
        Unreadable: bad_time, also when there is no stamp, or no observed time that could tell the year.

    """
    if text[4:5] == "-":
        return record.time(text)
    base = record.o if record.o is not None else record.base
    try:
        t = _bsd(text, 0, record.zone)
        if t is not None:
            return t
        if base is None:
            raise Unreadable("bad_time", f"{text[:64]!r} has no year, and no observed time tells it")
        latest = base + instant.DAY
        year = _year(latest // instant.DAY, record.zone)
        for candidate in range(year, year - 9, -1):  # 29 February comes back within eight years
            t = _bsd(text, candidate, record.zone)
            if t is not None and t <= latest:
                return t
    except (KeyError, OverflowError, ValueError) as error:
        if isinstance(error, Unreadable):
            raise
        detail = f"expected a time such as 'Feb  5 17:32:18' or ISO 8601, got {text[:64]!r}"
        raise Unreadable("bad_time", detail) from error
    raise Unreadable("bad_time", f"{text[:64]!r} fits no year")


@lru_cache(maxsize=256)
def _year(day: int, zone: tzinfo) -> int:
    """Return the year in ``zone`` at the end of a day counted from 1970: never too early a year."""
    return instant.to_datetime((day + 1) * instant.DAY, zone).year


@lru_cache(maxsize=4096)
def _bsd(text: str, year: int, zone: tzinfo) -> int | None:
    """Return the instant of a BSD stamp; None without a year, or if the year has no such day."""
    match = _STAMP.match(text)
    if match is None:
        raise ValueError(text)
    first, month, day, before, hour, minute, second, fraction, after = match.groups()
    if first or before or after:
        year = int(first or before or after)
    if not year:
        return None
    number = _MONTHS[month]
    if number == 2 and day == "29" and not isleap(year):
        return None
    leap = second == "60"
    value = datetime(
        year, number, int(day), int(hour), int(minute), 59 if leap else int(second),
        int(fraction[:6].ljust(6, "0")) if fraction else 0, tzinfo=zone,
    )
    return instant.from_datetime(value) + (instant.SECOND if leap else 0)
