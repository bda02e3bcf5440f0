"""The catalogue's checker: the records, laid end to end, must be the regulation."""

import calendar
import datetime as dt
import difflib
import re
from collections import Counter


def squeeze(text):
    """Remove all white space (also the ideographic space)."""
    return re.sub(r"[\s\u3000\u200b\ufeff]+", "", text)


def normalise_source_line(line):
    """One line of the regulation without OCR artefacts and white space."""
    line = re.sub(r"^\s*-\s+", "", line)               # markdown bullet
    line = re.sub(r"\[((?:[^\[\]])*)\]\(#\)", r"\1", line)  # markdown link
    line = re.sub(r"\\([()\[\]])", r"\1", line)        # escaped bracket
    line = line.replace("**", "")                      # bold marks
    return squeeze(line)


def last_day(roc_year, month):
    year = roc_year + 1911
    return dt.date(year, month, calendar.monthrange(year, month)[1]).isoformat()


def roc_dates(text):
    return [last_day(int(y), int(m)) for y, m in re.findall(r"(\d{3})\s*年\s*(\d{1,2})\s*月底", text)]


def full_text(control):
    return control.get("label", "") + control.get("heading_zh", "") + control["text_zh"]


def check_coverage(catalogue, regulation):
    """The records, laid end to end, must be the regulation: nothing missing, doubled or moved."""
    errors = []
    head, controls = catalogue["catalogue"], catalogue["controls"]
    lines = [(number, normalise_source_line(line)) for number, line in enumerate(regulation.split("\n"), 1)]
    lines = [(number, text) for number, text in lines if text]
    want = "".join(text for _, text in lines)
    pieces = [("catalogue.title_zh", squeeze(head["title_zh"])), ("catalogue.published_zh", squeeze(head["published_zh"]))]
    pieces += [(c["id"], squeeze(full_text(c))) for c in controls]
    have = "".join(text for _, text in pieces)
    covered = [False] * len(want)
    if have == want:
        covered = [True] * len(want)
    else:
        owner = [name for name, text in pieces for _ in text]
        matcher = difflib.SequenceMatcher(None, want, have, autojunk=False)
        for tag, i1, i2, j1, j2 in matcher.get_opcodes():
            if tag == "equal":
                covered[i1:i2] = [True] * (i2 - i1)
                continue
            near = owner[min(j1, len(owner) - 1)] if owner else "?"
            if i2 > i1:
                errors.append(f"coverage: regulation text missing near {near}: {want[i1:i2][:60]!r}")
            if j2 > j1:
                errors.append(f"coverage: text not in the regulation, doubled or moved, at {near}: {have[j1:j2][:60]!r}")
    position = 0
    for number, text in lines:
        if not all(covered[position:position + len(text)]):
            errors.append(f"coverage: source line {number} is not fully covered: {text[:40]!r}")
        position += len(text)
    by_number = dict(lines)
    used = Counter()
    for c in controls:
        joined = ""
        for number in c["source_lines"]:
            used[number] += 1
            if number not in by_number:
                errors.append(f"{c['id']}: source line {number} is blank or does not exist")
            joined += by_number.get(number, "")
        if joined != squeeze(full_text(c)):
            errors.append(f"{c['id']}: text differs from its source lines {c['source_lines']}")
    for number, _ in lines[2:]:
        if used[number] != 1:
            errors.append(f"coverage: source line {number} is claimed by {used[number]} records")
    return errors, len(lines)
