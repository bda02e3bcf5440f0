"""Silent log source: a source that should be speaking has said nothing for longer than it may.

Why: CC-17010.i.c wants events collected and attacks detected, CC-17010.i.d an intrusion detection that lives, CC-17010.b.a and
.b.c a firewall that reports and whose records are kept. Who does not hear a source sees no violation in it: what depends on it
is not assessed rather than compliant.

SILENT: in the hours in which the source is expected (``sources.toml``: ``expected``, in the source's own zone) nothing came for
longer than ``every``. Judged by observed time: a burst that brings the missing records later does not take it back, it stays
with its duration. Approved downtime and holidays (context ``downtimes``, ``*`` for all sources) excuse; after them and after
closing hours the source has ``every`` again. ABSENT: a core source was not heard for 24 hours (and is overdue by its expected
hours, if it has any). COLLECTOR_SILENT: all sources behind one collector that are expected now, two or more, are overdue
together: one finding for the collector, none for its sources until it speaks again. While it is open whether the collector or
one of its sources is silent, judgement waits for the others' deadlines of the next hour: a source is silent alone if another
one was heard after half of its ``every``, and as soon as another one speaks.

Blind spots: a source that was never heard is only missed if its collector was (then from the collector's first record on);
without a collector, compare the inventory with the sources page. A source that lives but sends only part of its records is
not silent. Expectation that is declared for the future begins with the next record or deadline. A source without ``expected``
is never SILENT. The firewall clauses are cited if the source's ``clauses`` name them.

What to do: see whether host, network or agent is down; for a collector look at it first. Backfill what was lost, and record
planned downtime before it begins.

Subject: {source}; for COLLECTOR_SILENT the collector's name.
"""

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from detectors.kit import calendar
from detectors.kit.calendar import Span
from detectors.kit.contract import Context, Detector, Finding, Fold, FoldState, Keying, Step
from schemas import instant
from schemas.context import Expected, Record, Source
from schemas.event import Activity, SecurityEvent
from schemas.identity import Key
from schemas.violation import Evidence, Severity

# A pulse carries the observed time itself, so it is never late; one every ten seconds fills a buffer soon.
MEMORY = 1 * instant.HOUR
# A downtime entered later than this after the silence began excuses nothing.
LOOKBACK = 3 * instant.HOUR


class Limits(Record):
    """Numbers that are ours, not the regulation's. Times in µs."""

    bucket: int = 10 * instant.SECOND  # what one summary stands for
    absent: int = 24 * instant.HOUR
    together: int = 2  # fewest sources whose common silence is their collector's
    wait: int = 60 * instant.MINUTE  # longest for which it may be open whether a source or its collector is silent
    ask_again: int = instant.DAY  # when nothing is expected soon


LIMITS = Limits()
CLAUSES = ("CC-17010.i.c",)  # of a source that names none
_ALWAYS = (Expected(every=LIMITS.absent),)


def _key(event: SecurityEvent) -> Key:
    return ("collector", event.observer) if event.observer else ("source", event.source)


class Heard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One source: its last summary (id, t) and what has been found since.

    ``since``: from when its silence counts. ``open``: its deadline has passed, but the collector may be the cause; ``silent``,
    ``absent``: the deadline that was reported. ``never``: it was never heard, id and t are the collector's first summary.
    """

    source: str
    id: str
    t: int
    since: int
    open: int | None = None
    silent: int | None = None
    absent: int | None = None
    never: bool = False


class Down(msgspec.Struct, frozen=True):
    """A silent collector: the last that was heard of it, and the deadline that was reported."""

    last: Heard
    at: int


class Pulse(FoldState, frozen=True):
    """Sources of one collector, or one source without collector (then ``collector`` is empty)."""

    collector: str = ""
    first: Heard | None = None
    heard: dict[str, Heard] = {}
    down: Down | None = None


def _step(state: Pulse, event: SecurityEvent, ctx: Context) -> Step:
    t = event.t
    if event.action == "configured":
        return _await_first(state, event)
    spoke = Heard(source=event.source, id=event.id, t=t, since=t + LIMITS.bucket)
    before = state.heard.get(event.source)
    heard = {**state.heard, event.source: spoke}
    out: list[Finding] = []
    again = state.deadline is None or before is None  # deadlines are computed anew in overdue, one µs from now
    if state.down is not None:
        out.append(_collector_silent(state.collector, state.down, end=t))
        heard = {name: replace(item, since=max(item.since, t)) for name, item in heard.items()}
        again = True
    if before is not None and (ended := tuple(_reported(before))):
        source = _configured(event.source, t, ctx)
        out += [_silence(subtype, before, at, source, end=t) for subtype, at in ended]
        again = True
    for other in heard.values():
        if other.open is not None:  # the collector lives, so the source is silent alone
            heard[other.source] = replace(other, open=None, silent=other.open)
            out.append(_silence("SILENT", other, other.open, _configured(other.source, t, ctx)))
    deadline = t + 1 if again else state.deadline
    return Step(Pulse(collector=event.observer, first=state.first or spoke, heard=heard, deadline=deadline), tuple(out))


def _await_first(state: Pulse, event: SecurityEvent) -> Step:
    """The source is configured from now on: it is to be heard, though it never was."""
    if event.source in state.heard:
        return Step(state)
    never = Heard(source=event.source, id=event.id, t=event.t, since=event.t, never=True)
    heard = {**state.heard, event.source: never}
    return Step(replace(state, collector=event.observer, first=state.first or never, heard=heard, deadline=event.t + 1))


def _overdue(state: Pulse, at: int, ctx: Context) -> Step:
    assert state.first is not None  # noqa: S101 - a deadline is set by a summary only
    first = state.first
    entity = f"collector:{state.collector}" if state.collector else f"source:{first.source}"
    sources: dict[str, Source] = {entry.data.source: entry.data for entry in ctx.as_of("sources", entity, at)}
    heard = dict(state.heard)
    for name, source in sources.items():
        if name not in heard and (source.expected or source.core):
            start = max(first.t, source.since)
            heard[name] = Heard(source=name, id=first.id, t=start, since=start, never=True)
    out: list[Finding] = []
    wakes = [entry.data.since for entry in ctx.all("sources", entity) if entry.data.since > at]
    late: dict[str, int] = {}
    soon: list[tuple[int, Source, list[Span]]] = []
    for name, source in sources.items():
        item = heard.get(name)
        if item is None:
            continue
        excused = _excused(name, ctx)
        if item.silent is None and source.expected:
            due = _first_due(source.expected, source, item.since, excused)
            if due is not None and due <= at:
                late[name] = due
            else:
                wakes.append(at + LIMITS.ask_again if due is None else due)
                if due is not None:
                    soon.append((due, source, excused))
        if item.absent is None and source.core:
            patient = tuple(item.model_copy(update={"every": max(item.every, LIMITS.absent)}) for item in source.expected)
            due = _first_due(patient or _ALWAYS, source, item.since, excused)
            if due is None or due > at:
                wakes.append(at + LIMITS.ask_again if due is None else due)
            elif name not in late:
                heard[name] = replace(item, absent=due)
                out.append(_silence("ABSENT", item, due, source))
    waiting = bool(late) and any(
        due <= min(late.values()) + LIMITS.wait and calendar.expects(source.expected, calendar.zone(source.zone), at, excused)
        for due, source, excused in soon
    )
    alone = [name for name in late if not state.collector or _collector_lived(heard, heard[name], sources[name])]
    together = [name for name in late if name not in alone]
    if len(together) >= LIMITS.together and not waiting:
        spoke = [item for item in heard.values() if not item.never]
        down = Down(max(spoke, key=lambda item: (item.t, item.source), default=first), at)
        return Step(
            replace(state, heard={name: replace(item, open=None) for name, item in heard.items()}, down=down, deadline=None),
            (*out, _collector_silent(state.collector, down)),
        )
    if not waiting:
        alone += together
        together = []
    for name in alone:
        out.append(_silence("SILENT", heard[name], late[name], sources[name]))
        heard[name] = replace(heard[name], open=None, silent=late[name])
        if sources[name].core:
            wakes.append(at + 1)
    for name in together:
        heard[name] = replace(heard[name], open=late[name])
    if not sources:
        wakes.append(at + LIMITS.ask_again)
    return Step(replace(state, heard=heard, deadline=min(wakes, default=None)), tuple(out))


def _reported(item: Heard) -> Iterable[tuple[str, int]]:
    """Silences of ``item`` that end when it speaks."""
    silent = item.open if item.silent is None else item.silent
    if silent is not None:
        yield "SILENT", silent
    if item.absent is not None:
        yield "ABSENT", item.absent


def _collector_lived(heard: dict[str, Heard], item: Heard, source: Source) -> bool:
    """Whether another source was heard when half of what ``item`` may be silent had passed."""
    half = min(expected.every for expected in source.expected) // 2
    return any(other.t >= item.since + half for other in heard.values() if other.source != item.source and not other.never)


def _configured(name: str, t: int, ctx: Context) -> Source | None:
    entries = ctx.as_of("sources", f"source:{name}", t)
    return entries[-1].data if entries else None


def _excused(name: str, ctx: Context) -> list[Span]:
    entries = (*ctx.all("downtimes", name), *ctx.all("downtimes", "*"))
    return [(entry.data.since, entry.data.until) for entry in entries]


def _first_due(expected: Iterable[Expected], source: Source, since: int, excused: list[Span]) -> int | None:
    local = calendar.zone(source.zone)
    dues = [due for item in expected if (due := calendar.due(item, local, since, excused)) is not None]
    return min(dues, default=None)


def _silence(subtype: str, item: Heard, due: int, source: Source | None, end: int | None = None) -> Finding:
    return Finding(
        subtype=subtype, anchor=item.id, anchor_time=item.t, part=item.source, subject={"source": item.source},
        first_time=item.t, last_time=due if end is None else end, settle_at=due, evidence=(_last_heard(item, due),),
        clauses=(source.clauses if source is not None else ()) or CLAUSES,
    )  # fmt: skip


def _collector_silent(collector: str, down: Down, end: int | None = None) -> Finding:
    return Finding(
        subtype="COLLECTOR_SILENT", anchor=down.last.id, anchor_time=down.last.t, subject={"source": collector},
        first_time=down.last.t, last_time=down.at if end is None else end, settle_at=down.at,
        evidence=(_last_heard(down.last, down.at),), clauses=CLAUSES,
    )  # fmt: skip


def _last_heard(item: Heard, due: int) -> Evidence:
    values = {"last_heard": "never" if item.never else instant.text(item.t), "due": instant.text(due)}
    return Evidence.model_construct(
        event_id=item.id, source=item.source, line=0, time=item.t, values=values, original=""
    )


detector = Detector(
    clauses=("CC-17010.i.c", "CC-17010.i.d", "CC-17010.b.a", "CC-17010.b.c"),
    feeds=("siem", "asset_inventory", "ids", "firewall"),
    severity=Severity.HIGH,
    subtypes=("SILENT", "ABSENT", "COLLECTOR_SILENT"),
    folds=(
        Fold(
            name="source", keying=Keying("source_pulse", _key), activities=frozenset({Activity.SOURCE_SUMMARY}), init=Pulse(),
            step=_step, overdue=_overdue, memory=MEMORY, lookback=LOOKBACK,
        ),
    ),
)  # fmt: skip
