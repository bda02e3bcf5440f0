"""What a page shows of a violation: plain texts, hidden characters already made visible, the same for HTML and stream."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from dashboards.texts import Texts
from dashboards.visible import plain
from dashboards.when import Clockface
from schemas import instant
from schemas.control import Control, controls
from schemas.violation import Transition, Violation

_ORDER = ("host", "group", "system", "account", "user", "person", "source", "source_ip", "path", "commit", "approval", "start")
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
FIELDS = (
    "id",
    "url",
    "last_time",
    "severity",
    "severity_text",
    "state",
    "state_text",
    "detector_text",
    "subtype_text",
    "subject_text",
    "controls_text",
    "time",
    "day",
    "utc",
    "count",
    "degraded_text",
)  # of a row, for the blank row that the live page's script fills
_SHORT = 80  # characters of one value in a row of the list; the detail page has it whole


def subject(violation: Violation, words: Texts, clock: Clockface) -> list[tuple[str, str]]:
    """Named parts of the subject that are present, the place before the person before the thing; times in the zone."""
    keys = sorted(violation.subject, key=lambda key: (_ORDER.index(key) if key in _ORDER else len(_ORDER), key))
    parts: list[tuple[str, str]] = []
    for key in keys:
        value = violation.subject[key]
        if value is not None:
            parts.append((words.name("subject", key), _local(value, clock)))
    return parts


def _local(value: str, clock: Clockface) -> str:
    """A UTC time as the pages show times, anything else as it is."""
    if not _UTC.fullmatch(value):
        return value
    try:
        return clock.local(instant.parse(value))
    except ValueError:
        return value


def link(violation_id: str) -> str:
    """Address of the detail page."""
    return "/violations/" + quote(violation_id, safe="")


def row(violation: Violation, words: Texts, clock: Clockface) -> dict[str, Any]:
    """One line of the list."""
    parts = [f"{plain(name, _SHORT)} {plain(value, _SHORT)}" for name, value in subject(violation, words, clock)]
    return {
        "id": violation.id,
        "url": link(violation.id),
        "last_time": violation.last_time,
        "severity": str(violation.severity),
        "severity_text": words(f"severity.{violation.severity}"),
        "state": str(violation.state),
        "state_text": words(f"state.{violation.state}"),
        "detector_text": plain(words.name("detector", violation.detector), _SHORT),
        "subtype_text": plain(words.name("subtype", violation.subtype), _SHORT),
        "subject_text": " · ".join(parts),
        "controls_text": "\n".join(plain(control, _SHORT) for control in violation.controls),
        "time": clock.time(violation.last_time),
        "day": clock.day(violation.last_time),
        "utc": clock.utc(violation.last_time),
        "count": f"×{violation.count}" if violation.count > 1 else "",
        "degraded_text": words("row.degraded") if violation.degraded_sources else "",
    }


def _path(control: Control) -> Iterator[Control]:
    known = controls()
    above = known.get(control.parent) if control.parent else None
    if above:
        yield from _path(above)
    yield control


def clause(identity: str) -> dict[str, Any]:
    """A clause with its place in the regulation; ``control`` is None if the catalogue does not know it."""
    control = controls().get(identity)
    return {"id": identity, "control": control, "path": list(_path(control)) if control else []}


def detail(violation: Violation, history: list[Transition], words: Texts, clock: Clockface) -> dict[str, Any]:
    """Everything on the detail page that is not in the violation itself."""
    return {
        "row": row(violation, words, clock),
        "subject": subject(violation, words, clock),
        "clauses": [clause(identity) for identity in violation.controls],
        "reasons": [(reason, words.name("reason", reason)) for reason in violation.reasons],
        "columns": sorted({name for item in violation.evidence for name in item.values}),
        "history": history,
        "state_explained": words(
            f"state_explain.{violation.state}", settle=clock.local(violation.settle_at), zone=clock.zone
        ),
    }
