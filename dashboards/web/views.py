"""What a page shows of a violation: plain texts, hidden characters already made visible, the same for HTML and stream."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from dashboards.texts import Texts
from dashboards.visible import plain
from dashboards.when import Clockface
from schemas.control import Control, controls
from schemas.violation import Transition, Violation

_SHORT = 80  # characters of one value in a row of the list; the detail page has it whole


def subject(violation: Violation, words: Texts) -> list[tuple[str, str]]:
    """Named parts of the subject that are present."""
    return [(words.name("subject", key), value) for key, value in violation.subject.items() if value is not None]


def link(violation_id: str) -> str:
    """Address of the detail page."""
    return "/violations/" + quote(violation_id, safe="")


def row(violation: Violation, words: Texts, clock: Clockface) -> dict[str, Any]:
    """One line of the list."""
    parts = [f"{plain(name, _SHORT)} {plain(value, _SHORT)}" for name, value in subject(violation, words)]
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
        "controls_text": "  ".join(plain(control, _SHORT) for control in violation.controls),
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
        "subject": subject(violation, words),
        "clauses": [clause(identity) for identity in violation.controls],
        "reasons": [(reason, words.name("reason", reason)) for reason in violation.reasons],
        "columns": sorted({name for item in violation.evidence for name in item.values}),
        "history": history,
        "state_explained": words(
            f"state_explain.{violation.state}", settle=clock.local(violation.settle_at), zone=clock.zone
        ),
    }
