"""The contract of a sink and of a violation store.

A write is idempotent by (id, number): repeated, reordered or skipped numbers end in the same stored state, because each
record is the whole document. ``tests/conformance`` runs the same suite over every sink.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from schemas import instant
from schemas.coverage import Coverage
from schemas.violation import Severity, State, Transition, Violation


class Busy(Exception):
    """The sink cannot store now; nothing of the batch may be taken as stored. Try again after ``retry_after`` seconds."""

    def __init__(self, detail: str, retry_after: float = 1.0) -> None:
        super().__init__(f"{detail}; trying again in {retry_after:.1f} s")
        self.retry_after = retry_after


class Misconfigured(Exception):
    """The sink will not store anything until a person mends it; the caller stops loudly and keeps its position.

    Such as missing rights, a deleted or closed index, a database of another version.
    """


@dataclass(frozen=True, slots=True)
class Refused:
    """One document that the store will never take, and why; it goes to the dead letters.

    ``reason`` is one of bad_id, unencodable, too_large, mapping, version_mismatch (this number is stored with another
    content: two writers number one violation).
    """

    violation: Violation
    reason: str
    detail: str


def check_step(step: int) -> None:
    """Raise ValueError if ``step`` (microseconds) is not a positive number of whole minutes."""
    if step <= 0 or step % instant.MINUTE:
        raise ValueError(f"a chart's step is a whole number of minutes, not {step} microseconds")


class Sink(Protocol):
    """Takes violations; returns only when they are stored."""

    def write(self, batch: Sequence[Violation]) -> Sequence[Refused]:
        """Store each document unless a newer number of it is stored already; also keep its transition in the history.

        Returns the documents that were refused for good.

        Raises:
            Busy: the store cannot take them now.
            Misconfigured: the store cannot take them until somebody mends it.
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

    def whole_minutes(self) -> "Query":
        """This query with ``since`` taken down and ``until`` up to a whole minute."""
        since = None if self.since is None else self.since // instant.MINUTE * instant.MINUTE
        until = None if self.until is None else -(-self.until // instant.MINUTE) * instant.MINUTE
        return replace(self, since=since, until=until)


class ViolationStore(Sink, Protocol):
    """What pages and reports ask. Every question raises :class:`Busy` if the store does not answer now."""

    def search(self, query: Query) -> Sequence[Violation]:
        """Violations that match, newest first: by ``last_time``, equal ones by id, both descending."""
        ...

    def get(self, violation_id: str) -> Violation | None:
        """One violation, or None."""
        ...

    def history(self, violation_id: str) -> Sequence[Transition]:
        """Transitions 1, 2, 3 … of one violation; a number that was never written is left out."""
        ...

    def changes(self, after: int, limit: int) -> tuple[Sequence[Violation], int]:
        """What was written after cursor ``after`` (0: from the beginning), in the order of writing, and the next cursor.

        At most ``limit`` current documents; one that was written again comes once, at its newest place.
        """
        ...

    def newest(self) -> int:
        """The cursor after everything written until now, for a page that wants only what comes next."""
        ...

    def counts(self, query: Query) -> Sequence[dict[str, Any]]:
        """Rows ``{control, detector, severity, state, count}`` over everything that matches (``limit`` does not apply).

        A violation of two controls counts once in each of them; ``control`` is empty for a violation of none.
        """
        ...

    def timeline(self, query: Query, step: int) -> Sequence[dict[str, Any]]:
        """Rows ``{time, severity, state, count}`` for a chart, oldest first, empty steps left out.

        Each violation counts once, by ``last_time``, in steps of ``step`` microseconds (whole minutes) since 1970 UTC.
        Bounds are widened to whole minutes. For days of a zone ask for hours and add them up.

        Raises:
            ValueError: ``step`` is not a positive number of whole minutes.
        """
        ...

    def ready(self) -> bool:
        """Whether the store answers."""
        ...


class CoverageStore(Protocol):
    """Keeps what was watched (``schemas/coverage.py``). Every question raises :class:`Busy` if the store does not answer now."""

    def cover(self, rows: Sequence[Coverage]) -> None:
        """Store each row unless the same one is stored with as many minutes or more.

        Raises:
            Busy: the store cannot take them now.
            Misconfigured: the store cannot take them until somebody mends it.
        """
        ...

    def coverage(self, since: int, until: int) -> Sequence[Coverage]:
        """Rows of hours that begin within the span (µs) and say what was heard or left unjudged, oldest first."""
        ...

    def judged(self) -> Sequence[Coverage]:
        """Of each detect partition the newest row that says how far it has judged."""
        ...


class Store(ViolationStore, CoverageStore, Protocol):
    """Both: what the deliver stage writes and a report reads."""
