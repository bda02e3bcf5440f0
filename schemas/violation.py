"""Violation: what a detector found, with clause, subject, evidence and approval, and its numbered transitions.

Field names on the wire are ECS names where ECS has one. The canonical form leaves out what may differ between two
complete runs over the same events (``docs/decisions/0004-one-truth.md``).
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from pydantic import ConfigDict, Field

from schemas.context import Record, Time


class Severity(StrEnum):
    """Severity of a violation while it is open."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class State(StrEnum):
    """What the detection says; what people do with it is ``workflow``."""

    PENDING = "pending"  # waits for feeds that could still bring the missing record
    OPEN = "open"
    EXCEPTED = "excepted"  # an approved exception covered the act
    RETRACTED = "retracted"  # the approval was in force but was observed too late
    WITHDRAWN = "withdrawn"  # an artefact of arrival order; never counted
    SUPERSEDED = "superseded"  # replaced by another violation of the same case


SETTLED = frozenset({State.OPEN, State.EXCEPTED, State.RETRACTED})
GONE = frozenset({State.WITHDRAWN, State.SUPERSEDED})


class Change(StrEnum):
    """Kind of a transition."""

    PENDING = "pending"
    OPENED = "opened"
    CHANGED = "changed"
    RETRACTED = "retracted"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class Evidence(Record):
    """One event that proves the violation, with the values that were compared and the line as it was received."""

    event_id: str
    source: str
    line: int = 0
    time: Time
    values: dict[str, str] = {}
    original: str = ""


class Transition(Record):
    """One numbered step in a violation's life: 1, 2, 3 … without gaps. ``time`` is the observed time of its cause."""

    number: int = Field(ge=1)
    change: Change
    state: State
    time: Time
    cause: str = ""


class Violation(Record):
    """The whole current document of one violation; ``transition`` is the newest step that made it so."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    id: str
    case: str
    anchor: str
    anchor_time: Time
    detector: str
    detector_version: str
    subtype: str
    controls: tuple[str, ...]
    severity: Severity
    state: State
    subject: dict[str, str | None]
    source_ip: str | None = Field(default=None, alias="source.ip")
    user_name: str | None = Field(default=None, alias="user.name")
    host_name: str | None = Field(default=None, alias="host.name")
    persons: tuple[str, ...] = ()
    first_time: Time
    last_time: Time
    count: int = 1
    approval: str | None = None
    exception: str | None = None
    reasons: tuple[str, ...] = Field(default=(), description="every row of the approval verdict that applies")
    settle_at: Time
    skew_ambiguous: bool = False
    degraded_sources: tuple[str, ...] = ()
    detected_time: Time
    supersedes: str | None = None
    superseded_by: str | None = None
    workflow: str = "new"
    evidence: tuple[Evidence, ...] = ()
    transition: Transition

    def canonical(self) -> dict[str, Any]:
        """The form in which two complete runs over the same events are equal (engine definition A.6)."""
        document = self.model_dump(mode="json", exclude=_NOT_CANONICAL)
        for item in document["evidence"]:
            del item["line"]
        return document


def final(transitions: Iterable[Violation]) -> list[Violation]:
    """The settled violations among ``transitions`` (each violation's in order of its numbers), sorted by id."""
    newest = {violation.id: violation for violation in transitions}
    return sorted((v for v in newest.values() if v.state in SETTLED), key=lambda violation: violation.id)


_NOT_CANONICAL = {
    "case",
    "detector_version",
    "degraded_sources",
    "detected_time",
    "supersedes",
    "superseded_by",
    "workflow",
    "transition",
}
