"""Hostile text made harmless and visible: between a log field and the page or the spreadsheet that shows it.

A log line may hold control characters, direction overrides ("Trojan source", CVE-2021-42574), invisible characters and
terminal escapes. They are shown, never acted upon: C0 controls by their names (‹ESC›), everything else by its number.
HTML escaping is the template's work and comes on top.
"""

import unicodedata
from collections.abc import Iterator

from markupsafe import Markup, escape

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_C0 = [
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "TAB", "LF", "VT", "FF", "CR", "SO", "SI",
    "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC", "FS", "GS", "RS", "US",
]
_BLANK = frozenset("\u00a0\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\uffa0")  # empty glyphs in other classes


def _hidden(char: str) -> bool:
    return (
        unicodedata.category(char) in _HIDDEN
        or char in _BLANK
        or 0xFE00 <= ord(char) <= 0xFE0F
        or 0xE0100 <= ord(char) <= 0xE01EF
        or (char not in {" ", "\u3000"} and unicodedata.category(char) == "Zs")
    )


def _picture(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return f"‹{_C0[code]}›"
    return "‹DEL›" if code == 0x7F else f"‹U+{code:04X}›"


def plain(text: str, limit: int = 0) -> str:
    """``text`` with every hidden character replaced by a visible one; cut after ``limit`` characters if given."""
    cut = text[:limit] if limit else text
    shown = cut if cut.isascii() and cut.isprintable() else "".join(_picture(c) if _hidden(c) else c for c in cut)
    return shown + "…" if limit and len(text) > limit else shown


def _runs(text: str) -> Iterator[tuple[bool, str]]:
    start = 0
    for at, char in enumerate(text):
        if _hidden(char):
            if start < at:
                yield False, text[start:at]
            yield True, char
            start = at + 1
    if start < len(text):
        yield False, text[start:]


def marked(text: str, limit: int = 0) -> Markup:
    """``text`` as HTML in which replaced characters stand in ``<span class="ctl">`` with their Unicode name.

    A literal ``‹U+202E›`` or ``‹ESC›`` in the text can so be told from a replaced character. A line feed is also a break.
    """
    cut = text[:limit] if limit else text
    out: list[str] = []
    for hidden, run in _runs(cut):
        if not hidden:
            out.append(str(escape(run)))
            continue
        name = unicodedata.name(run, "control character").title()
        out.append(f'<span class="ctl" title="U+{ord(run):04X} {name}">{_picture(run)}</span>')
        if run == "\n":
            out.append("\n")
    return Markup("".join(out))  # noqa: S704 - each run is escaped above
