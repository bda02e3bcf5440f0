"""How one case is named and worded for an alert: labels that route and group it, annotations that people read.

Labels and texts leave the system (chat, mail, pagers): no evidence is in them, and of the subject only what the site names.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote

from schemas import instant
from schemas.control import Control, controls
from schemas.violation import Severity, Violation
from sinks.deadletter import plain

_LONGEST_LABEL = 200  # characters
_LONGEST_TITLE = 60
_ZH = {Severity.LOW: "低", Severity.MEDIUM: "中", Severity.HIGH: "高", Severity.CRITICAL: "嚴重"}


@dataclass(frozen=True, slots=True)
class Wording:
    """Options: ``base_url`` of the dashboard for links; ``subject_labels``: parts of subjects that may leave the system."""

    base_url: str
    subject_labels: frozenset[str] = frozenset({"host", "source", "group"})


def labels(violation: Violation, wording: Wording) -> dict[str, str]:
    """Labels of the violation's case; the caller keeps the first ones for as long as the case is alerted."""
    subject = {
        f"subject_{re.sub('[^a-zA-Z0-9_]', '_', name)}": value
        for name, value in violation.subject.items()
        if name in wording.subject_labels and value
    }
    own = {
        "alertname": violation.detector,
        "case": violation.case,
        "severity": violation.severity.value,
        "control": violation.controls[0] if violation.controls else "",
        "detector": violation.detector,
        "subtype": violation.subtype,
    }
    return {name: _bounded(value) for name, value in {**subject, **own}.items() if value}


def annotations(violation: Violation, wording: Wording) -> dict[str, str]:
    """Texts of the newest state of the case, and the link to its page."""
    control = controls().get(violation.controls[0]) if violation.controls else None
    clauses = ", ".join(violation.controls)
    what = f"{violation.detector} {violation.subtype}"
    texts = {
        "summary_zh": f"【{_ZH[violation.severity]}】{clauses} {_title_zh(control)}（{what}）",
        "summary_en": f"[{violation.severity.value}] {clauses} {control.title_en if control else ''} ({what})",
        "time": instant.text(violation.anchor_time),
    }
    return {name: plain(text) for name, text in texts.items()} | {"link": link(violation, wording)}


def link(violation: Violation, wording: Wording) -> str:
    """Address of the violation's page."""
    return f"{wording.base_url.rstrip('/')}/violations/{quote(violation.id, safe='')}"


def _title_zh(control: Control | None) -> str:
    if control is None:
        return ""
    title = control.heading_zh.rstrip("：") or control.text_zh.rstrip("。：")
    return title if len(title) <= _LONGEST_TITLE else title[: _LONGEST_TITLE - 1] + "…"


def _bounded(value: str) -> str:
    text = plain(value)
    return text if len(text) <= _LONGEST_LABEL else text[: _LONGEST_LABEL - 1] + "…"
