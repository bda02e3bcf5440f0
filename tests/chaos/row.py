"""What a row of the protocol is: its number, its fault, its full size, and the function that carries it out."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.compare import Difference


@dataclass(frozen=True)
class Size:
    """How large a run is: faults, planted violations, records in all."""

    faults: int
    cases: int
    records: int

    def scaled(self, scale: float) -> "Size":
        """This size times ``scale``; never nothing, and enough cases to notice a fault."""
        return Size(
            faults=max(1, round(self.faults * scale)), cases=max(100, round(self.cases * scale)),
            records=max(2_000, round(self.records * scale)),
        )  # fmt: skip


@dataclass(slots=True)
class Tally:
    """What came of a row. ``recovery``: seconds from each fault until the lag was back to nothing; ``notes``: row's own figures.

    ``killed``: SIGKILLs by kind of process; ``crashed``: processes that killed themselves, by fail-point; ``away``: seconds of
    each time without the store; ``met_work``: faults at whose moment something was left to do, where that was looked at.
    """

    faults: int = 0
    expected: int = 0
    records: int = 0
    difference: Difference = field(default_factory=Difference)
    recovery: list[float] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)
    crashed: Counter[str] = field(default_factory=Counter)
    away: list[float] = field(default_factory=list)
    met_work: int | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def demand(self, holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
        """Note a broken promise without ending the row."""
        if not holds:
            self.failed.append(otherwise)

    def summary(self) -> dict[str, Any]:
        """For the JSON line."""
        times = sorted(self.recovery)
        summary: dict[str, Any] = {
            "faults": self.faults, "expected": self.expected, "records": self.records,
            "lost": len(self.difference.lost), "duplicate": len(self.difference.duplicate),
            "phantom": len(self.difference.phantom), "changed": len(self.difference.changed),
            "laws_broken": len(self.difference.laws),
            "recovery_p95_s": round(times[min(len(times) - 1, int(len(times) * 0.95))], 1) if times else None,
            "recovery_max_s": round(times[-1], 1) if times else None,
        }  # fmt: skip
        if self.met_work is not None:
            summary["met_work"] = self.met_work
        done = {"killed": dict(self.killed), "crashed_at": dict(self.crashed), "store_away_s": [round(s, 1) for s in self.away]}
        summary |= {name: value for name, value in done.items() if value}
        return {**summary, **self.notes, **({"failed": self.failed} if self.failed else {})}

    @property
    def passed(self) -> bool:
        """Whether every promise held."""
        return self.difference.nothing and not self.failed


@dataclass(frozen=True)
class Row:
    """One row. ``run`` takes a :class:`tests.chaos.trial.Trial` and fills its tally.

    ``alone``: it promises times, so no other row may run beside it.
    """

    id: str
    fault: str
    size: Size
    run: Callable[[Any], None]
    alone: bool = False


ROWS: dict[str, Row] = {}


def row(
    id_: str, fault: str, *, faults: int, cases: int = 1_000, records: int = 100_000, alone: bool = False
) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Register the decorated function as row ``id_`` with its full size."""

    def register(run: Callable[[Any], None]) -> Callable[[Any], None]:
        ROWS[id_] = Row(id_, fault, Size(faults, cases, records), run, alone)
        return run

    return register
