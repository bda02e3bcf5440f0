"""ArcSight Common Event Format and IBM Log Event Extended Format: grammar only; between raw text and named fields.

"Micro Focus Security ArcSight Common Event Format, version 26", chapter 1; "QRadar: Log Event Extended Format (LEEF)", versions
1.0 and 2.0.
"""

import re
from typing import NamedTuple

from streams.feeds.kit.contract import Unreadable

_CEF = re.compile(r"CEF: ?[01]\|")
_LEEF = re.compile(r"LEEF: ?([12])(?:\.0)?\|")
_HEADER = re.compile(r"((?:[^|\\]|\\.){0,1024})\|", re.DOTALL)
# A key follows a blank; its "=" is not escaped since a key holds no backslash.
_KEY = re.compile(r"(?:^|(?<= ))([A-Za-z_][\w.\[\]-]{0,62})=")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_UNESCAPED = {"n": "\n", "r": "\r"}
_DELIMITER = re.compile(r"(?:0?x)([0-9A-Fa-f]{2,4})$")


class Message(NamedTuple):
    """A CEF or LEEF record: the text before it, its header fields and its extension."""

    prefix: str
    vendor: str
    product: str
    version: str
    code: str  # CEF: Device Event Class ID; LEEF: EventID
    name: str  # CEF only
    severity: str  # CEF only; LEEF has a field sev
    fields: dict[str, str]


def read(text: str) -> Message | None:
    """The CEF or LEEF record in ``text`` (a syslog header may stand before it), None if there is none.

    Raises:
        Unreadable: bad_header, if it begins as one and its header is broken off.

    """
    if (start := _CEF.search(text)) is not None:
        header, end = _header(text, start.end(), 6)
        vendor, product, version, code, name, severity = header
        return Message(text[: start.start()], vendor, product, version, code, name, severity, _extension(text[end:]))
    if (start := _LEEF.search(text)) is not None:
        header, end = _header(text, start.end(), 5 if start[1] == "2" else 4)
        vendor, product, version, code = header[:4]
        fields = _attributes(text[end:], header[4] if len(header) > 4 else "")
        return Message(text[: start.start()], vendor, product, version, code, "", "", fields)
    return None


def _header(text: str, start: int, count: int) -> tuple[list[str], int]:
    fields: list[str] = []
    for _ in range(count):
        match = _HEADER.match(text, start)
        if match is None:
            # The last field of CEF may end the record.
            if len(fields) == count - 1 and count == 6 and len(text) - start <= 16:
                return [*fields, text[start:]], len(text)
            raise Unreadable("bad_header", f"expected {count} fields between bars, got {len(fields)}: {text[:64]!r}")
        fields.append(_ESCAPE.sub(r"\1", match[1]) if "\\" in match[1] else match[1])
        start = match.end()
    return fields, start


def _plain(value: str) -> str:
    value = value.strip()
    return _ESCAPE.sub(lambda match: _UNESCAPED.get(match[1], match[1]), value) if "\\" in value else value


def _extension(text: str) -> dict[str, str]:
    """``key=value`` pairs whose values hold blanks: a value ends where the next key begins. The first of equal keys counts."""
    keys = list(_KEY.finditer(text))
    result: dict[str, str] = {}
    for index, key in enumerate(keys):
        end = keys[index + 1].start() if index + 1 < len(keys) else len(text)
        result.setdefault(key[1], _plain(text[key.end() : end]))
    return result


def _attributes(text: str, named: str) -> dict[str, str]:
    """Pairs between delimiters: tab, or what LEEF 2.0 names (a character, or its code as x5E); blanks if there are none."""
    code = _DELIMITER.match(named)
    delimiter = chr(int(code[1], 16)) if code is not None else named[:1] or "\t"
    if delimiter not in text:
        return _extension(text)
    result: dict[str, str] = {}
    for part in text.split(delimiter):
        key, separator, value = part.partition("=")
        if separator and len(key) <= 64:
            result.setdefault(key.strip(), value.strip().replace("\\=", "="))
    return result
