"""The contract of a sink and of a violation store.

A write is idempotent by (id, number): repeated, reordered or skipped numbers end in the same stored state, because each
record is the whole document. ``tests/conformance`` runs the same suite over every sink.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from schemas.violation import Severity, State, Transition, Violation


class Busy(Exception):
    """The sink cannot store now; nothing of the batch may be taken as stored. Try again after ``retry_after`` seconds."""

    def __init__(self, detail: str, retry_after: float = 1.0) -> None:
        super().__init__(f"{detail}; trying again in {retry_after:.1f} s")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Refused:
    """One document that the store will never take, and why; it goes to the dead letters."""

    violation: Violation
    reason: str
    detail: str


class Sink(Protocol):
    """Takes violations; returns only when they are stored."""

    def write(self, batch: Sequence[Violation]) -> Sequence[Refused]:
        """Store each document unless a newer number of it is stored already; also keep its transition in the history.

        Returns the documents that were refused for good. Raises :class:`Busy` if the store cannot take them now.
        """
        ...

    def close(self) -> None:
        """Release connections."""
        ...


@dataclass(frozen=True, slots=True)
class Query:
    """What to show: newest first. Empty tuples do not restrict; times bound ``last_time`` (from <= t < to)."""

    severities: tuple[Severity, ...] = ()
    states: tuple[State, ...] = (State.PENDING, State.OPEN, State.EXCEPTED, State.RETRACTED)
    controls: tuple[str, ...] = ()
    detectors: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    limit: int = 50


class ViolationStore(Sink, Protocol):
    """What pages and reports ask."""

    def search(self, query: Query) -> Sequence[Violation]:
        """Violations that match, ordered by ``last_time`` then id, newest first."""
        ...

    def get(self, violation_id: str) -> Violation | None:
        """One violation, or None."""
        ...

    def history(self, violation_id: str) -> Sequence[Transition]:
        """Transitions 1, 2, 3 … of one violation."""
        ...

    def counts(self, query: Query) -> Sequence[dict[str, Any]]:
        """Rows ``{control, detector, severity, state, count}`` over everything that matches (``limit`` does not apply)."""
        ...

    def ready(self) -> bool:
        """Whether the store answers."""
        ...
