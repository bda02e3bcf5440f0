"""Times as programs write them, for formats that leave the choice to the sender; between raw text and instants."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

from schemas import instant
from streams.feeds.kit import syslog
from streams.feeds.kit.contract import RawRecord, Unreadable

WINDOW = 256  # characters at the beginning of a line in which its stamp stands

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK = r"(?P<h>\d{1,2}):(?P<mi>\d\d):(?P<s>\d\d)(?:[.,](?P<f>\d{1,9}))?(?: ?(?P<half>[AP]M))?"
_ZONE = r"(?: ?(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)(?![\w:]))?"
_FORMS = tuple(
    re.compile(date + _CLOCK + rest)
    for date, rest in (
        (r"(?<![\d.])(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?:[T_ ]| - )", _ZONE),
        (r"(?<!\d)(?P<d>\d{1,2})[-/ ](?P<mon>[A-Za-z]{3,4})\.?[-/ ](?P<y>\d{4})[: ]", _ZONE),
        (
            r"(?<!\w)(?P<mon>[A-Z][a-z]{2}) {1,2}(?P<d>\d{1,2})(?:,? (?P<y>\d{4}))?,? ",
            r"(?:(?: [A-Z]{3,4})? (?P<y2>\d{4})\b)?" + _ZONE,
        ),
        (r"(?<![\d.])(?P<m>\d{1,2})[/-](?P<d>\d{1,2})[/-](?P<y>\d{4}|\d\d)(?:,? | - )", _ZONE),
    )
)
_EPOCH = re.compile(r"(?<![\w.:])(\d{10}|\d{13}|\d{16}|\d{19})(?:\.(\d{1,9}))?(?![\w.:])")


class Stamp(NamedTuple):
    """A time found in a text, and where it stands there."""

    t: int
    start: int
    end: int


def epoch(digits: str, fraction: str = "") -> int:
    """Instant of a number since 1970, of which the length tells seconds, milli-, micro- or nanoseconds."""
    value = int(digits)
    if len(digits) <= 11:
        return value * instant.SECOND + int(fraction[:6].ljust(6, "0") or 0)
    if len(digits) <= 14:
        return value * instant.MILLISECOND
    return value if len(digits) <= 17 else value // 1000


def find(text: str, record: RawRecord) -> Stamp | None:
    """The first stamp in the first WINDOW characters of ``text``, None if there is none that can be read."""
    head = text[:WINDOW]
    matches = [match for form in _FORMS if (match := form.search(head)) is not None]
    for match in sorted(matches, key=re.Match.start):
        t = _read(match, record)
        if t is not None:
            return Stamp(t, match.start(), match.end())
    return None


def moment(value: object, record: RawRecord) -> int | None:
    """Instant of a field's whole value: a number since 1970, or a stamp in one of the usual forms; else None."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip() if not isinstance(value, float) else f"{value:.6f}"
    number = _EPOCH.fullmatch(text)
    if number is not None:
        return epoch(number[1], number[2] or "")
    if len(text) > 64:
        return None
    try:
        return instant.parse(text, record.zone)
    except (ValueError, OverflowError):
        found = find(text, record)
        return None if found is None else found.t


def _read(match: re.Match[str], record: RawRecord) -> int | None:
    parts = match.groupdict()
    year = parts.get("y") or parts.get("y2")
    name = parts.get("mon")
    if name is not None and name[:3].lower() not in _MONTHS:
        return None
    month = int(parts["m"]) if name is None else _MONTHS.index(name[:3].lower()) + 1
    fraction = (parts["f"] or "0")[:6].ljust(6, "0")
    hour = int(parts["h"])
    if parts["half"]:
        hour = hour % 12 + (12 if parts["half"] == "PM" else 0)
    clock = f"{hour:02}:{parts['mi']}:{parts['s']}.{fraction}"
    try:
        if year is None:
            return syslog.when(f"{_MONTHS[month - 1].title()} {parts['d']} {clock}", record)
        full = int(year) + (2000 if len(year) == 2 else 0)
        moment_ = datetime.fromisoformat(f"{full:04}-{month:02}-{int(parts['d']):02}T{clock}")
        return instant.from_datetime(moment_, _zone(parts.get("zone"), record.zone))
    except (ValueError, OverflowError, Unreadable):
        return None


def _zone(text: str | None, default: tzinfo) -> tzinfo:
    if not text:
        return default
    if text in ("Z", "UTC", "GMT"):
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
