"""Counts of one month, clause by clause: between the violation store and the monthly report.

A violation belongs to the month of its ``anchor_time`` in the firm's zone: the anchor is fixed with the violation's id,
while ``last_time`` grows with every further act, so a violation never moves from one report to another. It counts once in
each clause it breaks and once in the totals. Withdrawn and superseded ones are not counted (they are no findings).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from dashboards.paging import every
from schemas import instant
from schemas.control import Catalogue, Control
from schemas.violation import Severity, State, Violation
from sinks.contract import Query, ViolationStore

Coverage = Literal["monitored", "degraded", "blind", "not_assessed"]
Result = Literal["violations", "pending", "none", "none_open", "partly", "blind", "not_assessed"]
COUNTED = (State.OPEN, State.PENDING, State.EXCEPTED, State.RETRACTED)
SEVERITIES = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)


@dataclass(frozen=True)
class Month:
    """A calendar month in a zone; ``start`` and ``end`` (exclusive) in microseconds UTC."""

    name: str
    start: int
    end: int

    @classmethod
    def read(cls, name: str, zone: str) -> "Month":
        """The month ``YYYY-MM``.

        Raises:
            ValueError: not a month.
        """
        try:
            first = date.fromisoformat(f"{name}-01")
            if len(name) != len("YYYY-MM"):
                raise ValueError(name)
            after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
        except ValueError as error:
            raise ValueError(f"a month is YYYY-MM such as 2026-03, not {name!r}") from error
        info = ZoneInfo(zone)
        start, end = (instant.from_datetime(datetime(d.year, d.month, 1, tzinfo=info)) for d in (first, after))
        return cls(name, start, end)


@dataclass(frozen=True)
class Tally:
    """Number of violations by (severity, state), each counted once."""

    counts: Mapping[tuple[Severity, State], int]

    @classmethod
    def of(cls, violations: Iterable[Violation]) -> "Tally":
        """Count ``violations``."""
        return cls(Counter((violation.severity, violation.state) for violation in violations))

    def severity(self, severity: Severity) -> int:
        """Open violations of one severity."""
        return self.counts.get((severity, State.OPEN), 0)

    def state(self, state: State) -> int:
        """Violations in one state."""
        return sum(self.counts.get((severity, state), 0) for severity in SEVERITIES)

    @property
    def total(self) -> int:
        """All that are counted."""
        return sum(self.state(state) for state in COUNTED)


@dataclass(frozen=True)
class Clause:
    """A duty of the regulation in this month."""

    control: Control
    coverage: Coverage
    tally: Tally

    @property
    def result(self) -> Result:
        """What may be said of the clause. Nothing found counts as compliant only where it was watched throughout."""
        if self.tally.state(State.OPEN):
            return "violations"
        if self.tally.state(State.PENDING):
            return "pending"
        match self.coverage:
            case "not_assessed" | "blind":
                return self.coverage
            case "degraded":
                return "partly"
            case "monitored":
                return "none_open" if self.tally.total else "none"


@dataclass(frozen=True)
class Section:
    """A chapter of the regulation (or a coded part of one) with the duties in it; a violation counts once in it."""

    control: Control
    clauses: tuple[Clause, ...]
    tally: Tally

    def coverage(self, kind: Coverage) -> int:
        """Number of its clauses with this coverage."""
        return sum(clause.coverage == kind for clause in self.clauses)


@dataclass(frozen=True)
class Summary:
    """The whole month. ``unknown`` are violations of clauses that the catalogue does not have as duties ("": of none)."""

    month: Month
    sections: tuple[Section, ...]
    tally: Tally
    detectors: tuple[tuple[str, Tally], ...]
    unknown: tuple[tuple[str, Tally], ...]
    complete: bool

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """All duties in the order of the regulation."""
        return tuple(clause for section in self.sections for clause in section.clauses)

    def results(self, *results: Result) -> int:
        """Number of duties with one of these results."""
        return sum(clause.result in results for clause in self.clauses)

    def coverage(self, kind: Coverage) -> int:
        """Number of duties with this coverage."""
        return sum(clause.coverage == kind for clause in self.clauses)


def _coverage(clause: str, assessed: Mapping[str, str]) -> Coverage:
    match assessed.get(clause):
        case None:
            return "not_assessed"
        case ("monitored" | "degraded" | "blind") as status:
            return status
        case status:
            raise ValueError(f"coverage of {clause} is monitored, degraded or blind, not {status!r}")


def _sections(known: Catalogue) -> dict[str, Control]:
    """What duties are grouped by: subsections where a chapter has them (CC-17010), else the chapter."""
    return {control.id: control for control in known.controls if control.kind in ("section", "subsection")}


def summarise(
    store: ViolationStore, month: Month, known: Catalogue, assessed: Mapping[str, str], truth_time: int
) -> Summary:
    """Count the month.

    A violation's ``last_time`` is never before its anchor, so asking for everything since the month's first instant
    finds all of it, also what went on later. ``complete`` says whether all feeds have reported past the month's end.

    Raises:
        ValueError: ``assessed`` holds a word that is no coverage.
    """
    by_clause: dict[str, list[Violation]] = {}
    by_detector: dict[str, list[Violation]] = {}
    found: list[Violation] = []
    for violation in every(store, Query(states=COUNTED, since=month.start)):
        if month.start <= violation.anchor_time < month.end:
            found.append(violation)
            by_detector.setdefault(violation.detector, []).append(violation)
            for clause in set(violation.controls) or {""}:
                by_clause.setdefault(clause, []).append(violation)
    groups = _sections(known)
    sections: list[Section] = []
    for identity, control in groups.items():
        duties = [duty for duty in known.controls if duty.duty and duty.section == identity]
        clauses = tuple(
            Clause(duty, _coverage(duty.id, assessed), Tally.of(by_clause.pop(duty.id, ()))) for duty in duties
        )
        if clauses:
            inside = {duty.id for duty in duties}
            tally = Tally.of(violation for violation in found if not inside.isdisjoint(violation.controls))
            sections.append(Section(control, clauses, tally))
    return Summary(
        month=month,
        sections=tuple(sections),
        tally=Tally.of(found),
        detectors=tuple((name, Tally.of(by_detector[name])) for name in sorted(by_detector)),
        unknown=tuple((name, Tally.of(by_clause[name])) for name in sorted(by_clause)),
        complete=truth_time >= month.end,
    )
