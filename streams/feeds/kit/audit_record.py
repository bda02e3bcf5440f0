"""One raw record of the Linux audit system -> its type, node, time, serial and fields (feed auditd).

Format: audit.log as auditd(8) writes it, "type=X msg=audit(SECONDS.MILLIS:SERIAL): key=value ...", user-space text in
msg='...', fields that the log daemon resolved ("enriched") after a group separator (0x1D). Values that hold blanks or
quotes are in hexadecimal ("audit-userspace" wiki, "Field encoding").
"""

import re
from typing import NamedTuple

from streams.feeds.kit.contract import Unreadable

_HEAD = re.compile(
    r"(?:node=(\S{1,255}) )?type ?=(\S{1,64}) (?:msg=)?audit\((\d{1,12})(?:\.(\d{1,9}))?:(\d{1,19})\):? ?", re.ASCII
)
_BARE = re.compile(r"(?:node=(\S{1,255}) )?type=(\S{1,64})(?: |$)", re.ASCII)
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}(?:\[\d{1,6}\])?$", re.ASCII)
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+$", re.ASCII)
_NEXT = re.compile(r" (?=(?:node=\S{1,255} )?type=[A-Z0-9_\[\]]{1,64} msg=audit\()", re.ASCII)
# Fields that may be written in hexadecimal (audit-userspace, auparse/typetab.h, type "escaped").
_ENCODED = frozenset({
    "acct", "cmd", "comm", "exe", "cwd", "name", "proctitle", "data", "path", "file", "dir", "watch", "key", "grp", "new_group",
    "vm", "sw", "root_dir", "ocomm", "device", "cgroup", "profile", "operation", "unit",
})
_ARGUMENT = re.compile(r"a\d{1,6}(?:\[\d{1,6}\])?$")
_UNSET = frozenset({"?", "(null)", "(none)", ""})
SEPARATOR = "\x1d"


class AuditRecord(NamedTuple):
    """One record; ``t`` in microseconds, None if it states no time. ``resolved`` are the enriched fields, in capitals."""

    type: str
    node: str
    t: int | None
    serial: int
    fields: dict[str, str]
    resolved: dict[str, str]
    text: str


def records(text: str) -> list[str]:
    """Split text that holds several records, one a line or, as some collectors join them, one after another."""
    lines = [line.strip() for line in text.split("\n")]
    return [part for line in lines if line for part in (_NEXT.split(line) if line.count("msg=audit(") > 1 else [line])]


def read(text: str) -> AuditRecord | None:
    """Read one record, or return None if ``text`` does not begin like one.

    Raises:
        Unreadable: bad_time, where it begins like one but for its time.

    """
    if (match := _HEAD.match(text)) is not None:
        seconds, fraction = int(match[3]), (match[4] or "")[:6].ljust(6, "0")
        t, serial = seconds * 1_000_000 + int(fraction), int(match[5])
    elif (match := _BARE.match(text)) is not None:
        if text.startswith(("msg=audit(", "audit("), match.end()):
            raise Unreadable("bad_time", f"expected audit(SECONDS.MILLIS:SERIAL), got {text[match.end() :][:64]!r}")
        t, serial = None, 0
    else:
        return None
    body = text[match.end() :].replace("\\u001D", SEPARATOR)
    body, _, enriched = body.partition(SEPARATOR)
    start = body.find("msg='")
    if start >= 0:
        inner, body = body[start + 5 :].rstrip().removesuffix("'"), body[:start]
    else:
        inner = ""
    kind = match[2]
    fields = _pairs(body, execve=kind == "EXECVE")
    if inner:
        fields |= _pairs(inner, execve=False)
    return AuditRecord(kind, match[1] or "", t, serial, fields, _pairs(enriched, execve=False) if enriched else {}, body)


def _pairs(text: str, *, execve: bool) -> dict[str, str]:
    """Fields of ``text``; words that are no pair belong to the value before them; "?" and "(null)" are left out."""
    result: dict[str, str] = {}
    key, value = "", ""
    for word in [*text.split(" "), "end="]:
        name, equals, rest = word.partition("=")
        # A quoted value goes on up to its closing quote, whatever stands in it.
        open_quote = value[:1] == '"' and (len(value) == 1 or value[-1] != '"')
        if not equals or open_quote or _KEY.match(name) is None:
            if key and word:
                value += " " + word
            continue
        if key and key not in result and value not in _UNSET:
            result[key] = _value(key, value, execve=execve)
        key, value = name, rest
    return result


def _value(key: str, value: str, *, execve: bool) -> str:
    if value[:1] == '"':
        return value[1:].removesuffix('"')
    if value[:1] == "'":
        return value.strip("'")
    if (key in _ENCODED or (execve and _ARGUMENT.match(key))) and _HEX.match(value) is not None:
        return _decoded(value)
    return value


def _decoded(value: str) -> str:
    """Text of a hexadecimal value; a value that need not have been encoded (all letters and digits) is taken as it stands."""
    raw = bytes.fromhex(value)
    if raw.isalnum() or (value.isdecimal() and not any(byte < 0x21 or byte in (0x22, 0x7F) for byte in raw)):
        return value
    return raw.decode("utf-8", "replace").rstrip("\x00").replace("\x00", " ")
