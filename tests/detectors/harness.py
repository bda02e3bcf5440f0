"""Folds a handful of events: bare (sorted, deadlines by hand) and through the engine."""

from itertools import count

from detectors.kit.contract import Finding
from detectors.kit.engine import Engine
from detectors.kit.registry import Ruleset, load
from schemas import instant, tables
from schemas.event import Activity, Rank, Reason, SecurityEvent
from schemas.log import Keyed, Progress, Stated
from schemas.violation import final

BASE = instant.parse("2026-03-02T09:00:00+08:00")
_number = count(1)


def at(seconds):
    return BASE + round(seconds * instant.SECOND)


def login(seconds, user="alice", src="10.1.1.7", *, ok=False, reason=Reason.WRONG_PASSWORD, session="s1", host="web-1", **more):
    fields = {"feed": "linux", "source": "auth", "process": "sshd", "action": "ssh_login", "o": at(seconds)} | more
    return SecurityEvent(
        id=f"e{next(_number):05}", t=at(seconds), rank=Rank.SUCCESS if ok else Rank.ACT, activity=Activity.LOGIN,
        outcome="success" if ok else "failure", reason="" if ok else reason, user=user, src_ip=src, session=session,
        host=host, **fields,
    )


def ended(seconds, user="alice", src="10.1.1.7", *, activity=Activity.DISCONNECT, session="s1", host="web-1", **more):
    fields = {"feed": "linux", "source": "auth", "process": "sshd", "o": at(seconds)} | more
    return SecurityEvent(
        id=f"e{next(_number):05}", t=at(seconds), rank=Rank.LOCK, activity=activity, user=user, src_ip=src, session=session,
        host=host, **fields,
    )


def stated(table, **data):
    return tables.envelope(table, data, o=0)


def engine_of(detector):
    return Engine(Ruleset([load()[detector]]))


def judged(detector, events, context=(), *, to=None):
    """Final violations; ``to``: seconds after the base, default two days after the last event."""
    engine = engine_of(detector)
    for record in context:
        engine.apply(Stated(record))
    history = []
    for event in events:
        engine.apply(Keyed(event, tuple(engine.ruleset.routes(event))))
        history += engine.drain().violations
    end = at(to) if to is not None else max(event.t for event in events) + 2 * instant.DAY
    engine.apply(Progress(part=0, parts=1, observed=end))
    batch = engine.drain()
    assert not batch.parked, batch.parked
    return final([*history, *batch.violations])


def brief(violations):
    """What equality is about, without the parts that are null."""
    return sorted(
        (v.subtype, *sorted((name, part) for name, part in v.subject.items() if part is not None)) for v in violations
    )


class NoContext:
    def all(self, *_place):
        return ()

    def as_of(self, *_place):
        return ()


def bare(fold, events, *, to, ctx=None):
    """Findings and facts of one fold and key over sorted events: deadlines before the next event's time are fired."""
    ctx = ctx or NoContext()
    state, out = fold.init, []

    def fire(state, until):
        while state.deadline is not None and state.deadline <= until:
            before = state.deadline
            state, found = fold.overdue(state, before, ctx)
            state = fold.init if state is None else state
            assert state.deadline is None or state.deadline > before
            out.extend(found)
        return state

    for event in sorted(events, key=lambda event: event.order):
        state = fire(state, event.t - 1)
        state, found = fold.step(state, event, ctx)
        state = fold.init if state is None else state
        out.extend(found)
    fire(state, to)
    last = {(item.subtype, item.anchor, item.part): item for item in out if isinstance(item, Finding)}
    return list(last.values()), [item for item in out if not isinstance(item, Finding)]
