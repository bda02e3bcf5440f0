"""Geometry of the report's chart: for each section its open violations by severity and how its clauses were watched."""

from dataclasses import dataclass

from dashboards.reports.tally import SEVERITIES, Coverage, Section, Summary

LEFT, MIDDLE, RIGHT = 330, 310, 200  # widths of label, violations and coverage, in user units of the SVG
GAP, ROW = 50, 25
_COVERAGE: tuple[Coverage, ...] = ("monitored", "degraded", "blind", "not_assessed")


@dataclass(frozen=True)
class Part:
    """One coloured piece of a bar."""

    kind: str
    x: str
    width: str
    number: int


@dataclass(frozen=True)
class Bar:
    """The two bars of one section; ``y`` is their upper edge."""

    section: Section
    y: int
    violations: tuple[Part, ...]
    end: str
    number: int
    coverage: tuple[Part, ...]


@dataclass(frozen=True)
class Bars:
    """The whole chart."""

    width: int
    height: int
    bars: tuple[Bar, ...]
    left: int = LEFT
    coverage_left: int = LEFT + MIDDLE + GAP


def _parts(numbers: list[tuple[str, int]], left: float, scale: float) -> tuple[Part, ...]:
    parts: list[Part] = []
    for kind, number in numbers:
        if number:
            parts.append(Part(kind, f"{left:.1f}", f"{number * scale:.1f}", number))
            left += number * scale
    return tuple(parts)


def bars(summary: Summary) -> Bars:
    """The chart of ``summary``; the longest bar fills its column."""
    top = max([sum(section.tally.severity(severity) for severity in SEVERITIES) for section in summary.sections] + [1])
    found: list[Bar] = []
    for index, section in enumerate(summary.sections):
        violations: list[tuple[str, int]] = [(str(severity), section.tally.severity(severity)) for severity in SEVERITIES]
        number = sum(count for _, count in violations)
        found.append(
            Bar(
                section=section,
                y=index * ROW + 22,
                violations=_parts(violations, LEFT, MIDDLE / top),
                end=f"{LEFT + number * MIDDLE / top + 5:.1f}",
                number=number,
                coverage=_parts(
                    [(kind, section.coverage(kind)) for kind in _COVERAGE], LEFT + MIDDLE + GAP, RIGHT / len(section.clauses)
                ),
            )
        )
    return Bars(LEFT + MIDDLE + GAP + RIGHT, len(found) * ROW + 24, tuple(found))
