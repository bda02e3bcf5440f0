"""Small folds as detectors are made of: a counter, a threshold in a window, an absence with deadline, a sequence."""

from collections.abc import Callable
from typing import Any

import msgspec

from detectors.kit.contract import Context, Finding, FoldState, Keying, Step, evidence
from schemas import instant
from schemas.event import SecurityEvent

Judge = Callable[[Any, SecurityEvent, Context], Step]

USER = Keying("user", lambda event: (event.user,))
HOST = Keying("host", lambda event: (event.host,))
ADDRESS = Keying("address", lambda event: (event.src_ip,))
PAIR = Keying("pair", lambda event: (event.user, event.host))
KEYINGS = (USER, HOST, ADDRESS, PAIR)


class Count(FoldState):
    """How many."""

    number: int = 0


def counting(state: Count, event: SecurityEvent, _: Context) -> Step:
    """One more."""
    return Step(Count(number=state.number + 1))


class Recent(FoldState):
    """When the newest happened, and which was the first."""

    times: tuple[int, ...] = ()


def threshold(limit: int, window: int) -> Judge:
    """A finding when ``limit`` events lie within ``window`` µs; then it begins anew."""

    def judge(state: Recent, event: SecurityEvent, _: Context) -> Step:
        since = event.t - window
        times = (*(t for t in state.times if t > since), event.t)
        if len(times) < limit:
            return Step(Recent(times=times))
        return Step(Recent(), (finding(event, len(times)),))

    return judge


class Open(FoldState):
    """What was begun and waits for its end."""

    event: SecurityEvent | None = None


def waiting(limit: int, *, finds: bool) -> tuple[Judge, Callable[[Any, int, Context], Step]]:
    """Each event must be followed by another within ``limit`` µs; ``finds``: its absence is a finding."""

    def judge(_state: Open, event: SecurityEvent, _: Context) -> Step:
        return Step(Open(event=event, deadline=event.t + limit))

    def overdue(state: Open, _at: int, _: Context) -> Step:
        return Step(None, (finding(state.event, 1),) if finds and state.event is not None else ())

    return judge, overdue


def sequence(state: Open, event: SecurityEvent, _: Context) -> Step:
    """A finding when a success follows a failure within a minute."""
    if event.outcome == "failure":
        return Step(Open(event=event))
    before = state.event
    if before is None or event.t - before.t > instant.MINUTE:
        return Step(None)
    return Step(None, (finding(event, 2),))


def each_bad(state: Count, event: SecurityEvent, _: Context) -> Step:
    """A finding for each event that says so itself."""
    after = msgspec.structs.replace(state, number=state.number + 1)
    return Step(after, (finding(event, after.number),) if event.outcome == "failure" else ())


def finding(event: SecurityEvent, count: int) -> Finding:
    """About ``event``."""
    return Finding(
        subtype="FOUND", anchor=event.id, anchor_time=event.t, subject={"user": event.user, "host": event.host},
        first_time=event.t, last_time=event.t, count=count, evidence=(evidence(event, count=count),),
    )  # fmt: skip
