"""Tiles and the small bar chart: violations per severity, and per hour or day, each violation counted once."""

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from dashboards.texts import Texts
from dashboards.web.filters import SHOWN, Filters
from dashboards.when import Clockface
from schemas import instant
from schemas.violation import Severity, State
from sinks.contract import ViolationStore

WIDTH, HEIGHT, GAP = 720, 96, 4  # user units of the SVG
SEVERITIES = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)
_ALL_TIME = 10_000 * 366 * instant.DAY
_QUARTER = 15 * instant.MINUTE  # every zone's midnight and full hours are multiples of it


@dataclass(frozen=True)
class Span:
    """What the chart covers: number of buckets, their size in the local calendar, the label of every nth."""

    buckets: int
    step: timedelta
    label: str
    every: int


SPANS = {"day": Span(24, timedelta(hours=1), "%H:00", 3), "month": Span(30, timedelta(days=1), "%m-%d", 5)}


def edges(span: Span, now: int, clock: Clockface) -> list[int]:
    """Bucket limits in microseconds UTC; the last bucket holds ``now``. Days begin at the zone's midnight."""
    first = instant.to_datetime(now, clock.info).replace(minute=0, second=0, microsecond=0)
    if span.step >= timedelta(days=1):
        first = first.replace(hour=0)
    return [instant.from_datetime(first + span.step * (n - span.buckets + 1)) for n in range(span.buckets + 1)]


def tiles(store: ViolationStore, filters: Filters, words: Texts) -> list[dict[str, Any]]:
    """Number of violations by severity and state under all filters but those two; a tile's link turns its severity on or off."""
    counts: Counter[tuple[str, str]] = Counter()
    for entry in store.timeline(replace(filters, severities=(), states=()).query(), _ALL_TIME):
        counts[entry["severity"], entry["state"]] += entry["count"]
    shown: list[dict[str, Any]] = []
    for severity in SEVERITIES:
        on = severity in filters.severities
        chosen = tuple(s for s in filters.severities if s != severity) if on else (*filters.severities, severity)
        rest = [state for state in SHOWN if state is not State.OPEN]
        shown.append(
            {
                "severity": str(severity),
                "text": words(f"severity.{severity}"),
                "open": str(counts[severity, State.OPEN]),
                "rest": "\n".join(f"{words(f'state.{state}')}\u00a0{counts[severity, state]}" for state in rest),
                "on": on,
                "url": "/" + filters.text(severities=chosen),
            }
        )
    return shown


def chart(store: ViolationStore, filters: Filters, now: int, words: Texts, clock: Clockface) -> dict[str, Any]:
    """Bars, stacked by severity with the worst at the bottom, of what the filters show."""
    span = SPANS[filters.span]
    limits = edges(span, now, clock)
    counts: Counter[tuple[int, str]] = Counter()
    for entry in store.timeline(replace(filters.query(), since=limits[0], until=limits[-1]), _QUARTER):
        counts[bisect_right(limits, entry["time"]) - 1, entry["severity"]] += entry["count"]
    totals = [sum(counts[index, severity] for severity in SEVERITIES) for index in range(span.buckets)]
    top = max(*totals, 1)
    pitch = WIDTH / span.buckets
    bars: list[dict[str, Any]] = []
    for index, total in enumerate(totals):
        floor = float(HEIGHT)
        parts: list[dict[str, Any]] = []
        for severity in SEVERITIES:
            height = counts[index, severity] * HEIGHT / top
            floor -= height
            parts.append({"severity": str(severity), "y": f"{floor:.2f}", "h": f"{height:.2f}"})
        start = clock.local(limits[index], span.label)
        bars.append(
            {
                "x": f"{index * pitch + GAP / 2:.2f}",
                "w": f"{pitch - GAP:.2f}",
                "tick": start if index % span.every == 0 else "",
                "title": words("chart.bar", at=start, n=total),
                "parts": parts,
            }
        )
    return {"bars": bars, "text": words("chart.text", n=sum(totals), top=max(totals))}
