"""What a scaling law is: cases to measure, each in a process of its own, and the figures that are read off the curve."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Case = tuple[str, float]  # name of the curve, x
Row = dict[str, Any]  # what one case measured: "value" (y), and more for the table
Rows = Mapping[Case, Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure read off the curve, beside what was wanted."""

    words: str
    found: float
    wanted: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: which cases, and how many events each has (0: the case says it itself)."""

    cases: tuple[Case, ...]
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """One law.

    ``measure(curve, x, events, seed)`` measures one case; ``sizes``: by the names ``quick``, ``default`` and ``full``; ``runs``:
    how often each case is measured, run after run, so that a slow minute hits all alike; the median counts. ``columns``:
    further values of a row for the table, with their headings. ``seconds``: what a case takes on average in the default size,
    on a quiet machine of two cores.
    """

    name: str
    title: str
    words: str
    x: str
    y: str
    sizes: Mapping[str, Size]
    measure: Callable[[str, float, int, int], Row]
    figures: Callable[[Rows], list[Figure]]
    seconds: float
    runs: int = 3
    log_x: bool = True
    columns: Mapping[str, str] = field(default_factory=dict)


def sizes(
    name: str, *, quick: tuple[Sequence[float], int], default: tuple[Sequence[float], int], full: tuple[Sequence[float], int]
) -> dict[str, Size]:
    """Sizes of a law of one curve: places on it, and events."""
    given = {"quick": quick, "default": default, "full": full}
    return {size: Size(tuple((name, float(x)) for x in places), events) for size, (places, events) in given.items()}


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """Exponent b of y = a·x^b, fitted by least squares in logarithms."""
    logs = [(math.log(x), math.log(y)) for x, y in points]
    return slope(logs)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Slope of the straight line fitted by least squares."""
    x0 = sum(x for x, _ in points) / len(points)
    y0 = sum(y for _, y in points) / len(points)
    return sum((x - x0) * (y - y0) for x, y in points) / sum((x - x0) ** 2 for x, _ in points)


def curve(rows: Rows, name: str) -> list[tuple[float, float]]:
    """(x, value) of one curve, by x."""
    return sorted((x, float(row["value"])) for (of, x), row in rows.items() if of == name)


def at_most(words: str, found: float, limit: float, unit: str = "") -> Figure:
    """A figure that must not be above ``limit``."""
    return Figure(words=words, found=round(found, 3), wanted=f"≤ {limit:,}{unit}", holds=found <= limit)


def at_least(words: str, found: float, limit: float, unit: str = "") -> Figure:
    """A figure that must not be below ``limit``."""
    return Figure(words=words, found=round(found, 3), wanted=f"≥ {limit:,}{unit}", holds=found >= limit)
