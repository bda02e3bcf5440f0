"""Coverage: what rows of watched and judged minutes say of the regulation's clauses. Green means watched.

A clause is *monitored* over a span if in every hour of it that has been judged some source of its detectors' feeds was heard
throughout, all required feeds were, and nothing was left unjudged; *degraded* if that held only for part; *blind* if sources
of its feeds were configured and never heard. A clause without a detector, or without a configured source that could show its
acts, is not listed: nothing watched it. With several detectors a clause is monitored if it is for each of them, else
degraded if one of them watched.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from detectors.kit.engine import Batch
from detectors.kit.registry import Loaded, Ruleset
from schemas import coverage, instant
from schemas.coverage import About, Coverage
from streams.feeds.kit import registry
from streams.heard import BLIND_AFTER

# A source is heard throughout an hour if it was unheard in at most so many of its minutes.
TOLERATED = 5
# Retention of topic raw: what is older than that when records are lost has been judged, or was lost before.
LONGEST = 35 * instant.DAY
ZONE = "Asia/Taipei"
FIRST_YEAR, LAST_YEAR = 1970, 9998  # what times reach, with room for any zone


def unjudged(batch: Batch, *, part: int, parts: int) -> list[Coverage]:
    """What of ``batch`` was not judged: events beyond a fold's memory, events that crashed it, gaps of keys."""
    minutes: defaultdict[tuple[str, str, int], int] = defaultdict(int)
    for rule, reason, since, until in _holes(batch):
        for hour, bits in coverage.span(since, until):
            minutes[rule.partition("/")[0], reason, hour] |= bits
    return [
        Coverage(about=About.UNJUDGED, name=detector, reason=reason, part=part, parts=parts, hour=hour, minutes=bits)
        for (detector, reason, hour), bits in sorted(minutes.items())
    ]


def unread(ruleset: Ruleset, since: int, until: int, *, part: int, parts: int) -> list[Coverage]:
    """What every detector of ``ruleset`` did not judge because records observed from ``since`` to ``until`` (µs) were lost.

    A record may tell of anything that its folds still accept: so the span begins their memory earlier. It ends a little
    later, for sources that were ahead of the others.
    """
    memory: dict[str, int] = {}
    for rule in ruleset.rules:
        memory[rule.detector.id] = max(rule.fold.memory, memory.get(rule.detector.id, 0))
    return [
        Coverage(about=About.UNJUDGED, name=detector, reason="unread", part=part, parts=parts, hour=hour, minutes=bits)
        for detector, longest in sorted(memory.items())
        for hour, bits in coverage.span(max(since - longest, until - LONGEST), until + BLIND_AFTER)
    ]


def _holes(batch: Batch) -> Iterator[tuple[str, str, int, int]]:
    for rule, event in batch.late:
        yield rule, "late", event.t, event.t
    for parked in batch.parked:
        yield parked.rule, "fold_crashed", parked.t, parked.t
    for gap in batch.gaps:
        yield gap.rule, gap.reason, gap.since, gap.until


def month(text: str, zone: str = ZONE) -> tuple[int, int]:
    """First instant of month ``YYYY-MM`` in ``zone`` and of the next. Raises ValueError if it is no month."""
    year, number = (int(text[:4]), int(text[5:])) if re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text) else (0, 0)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"{text!r} is no month from {FIRST_YEAR} to {LAST_YEAR}; write it like 2026-03")
    first = datetime(year, number, 1, tzinfo=ZoneInfo(zone))
    following = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=ZoneInfo(zone))
    return instant.from_datetime(first), instant.from_datetime(following)


def assessed(rows: Iterable[Coverage], detectors: Iterable[Loaded], since: int, until: int) -> dict[str, str]:
    """Clause -> monitored, degraded or blind over [since, until) (µs), ``until`` being at most the truth time; see above."""
    feeds = registry.load()
    heard: defaultdict[tuple[int, str, str], int] = defaultdict(int)
    holes: set[tuple[int, str]] = set()
    for row in rows:
        if not since <= row.hour < until:
            continue
        if row.about is About.UNJUDGED:
            holes.add((row.hour, row.name))
        elif row.about is About.HEARD and row.feed in feeds:
            heard[row.hour, row.name, row.feed] |= row.minutes
    configured: set[str] = set()
    some: set[str] = set()
    throughout: defaultdict[int, set[str]] = defaultdict(set)
    for (hour, _, feed), minutes in heard.items():
        kinds = feeds[feed].kinds
        configured.update(kinds)
        if minutes:
            some.update(kinds)
        passed = min(coverage.MINUTES, (until - hour) // instant.MINUTE)
        if passed - (minutes & ((1 << passed) - 1)).bit_count() <= TOLERATED:
            throughout[hour].update(kinds)
    total = max(1, -(-(until - since) // instant.HOUR))
    states: dict[str, set[str]] = {}
    for loaded in detectors:
        shown, needed = set(loaded.detector.feeds), set(loaded.detector.requires)
        whole = sum(
            1 for hour, kinds in throughout.items() if kinds & shown and kinds >= needed and (hour, loaded.id) not in holes
        )
        state = "none" if configured.isdisjoint(shown) else "blind" if some.isdisjoint(shown) else "degraded"
        for clause in loaded.detector.clauses:
            states.setdefault(clause, set()).add("monitored" if whole >= total else state)
    return {clause: _together(found) for clause, found in states.items() if found != {"none"}}


def _together(states: set[str]) -> str:
    """One word for what several detectors have seen of a clause."""
    if states == {"monitored"}:
        return "monitored"
    return "blind" if states <= {"blind", "none"} else "degraded"
