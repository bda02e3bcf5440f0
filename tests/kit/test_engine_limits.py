"""What the engine may not lose: findings of a crowded key, and the sum of its counters where a detector crashes."""

import msgspec
import pytest

from detectors.kit import changelog, restoring
from detectors.kit.contract import Detector, Fact, Finding, Fold, FoldState, Keying, Step, evidence
from detectors.kit.engine import MAX_EVENTS, Engine
from detectors.kit.registry import Loaded, Ruleset
from schemas import instant, tables
from schemas.event import Activity, SecurityEvent
from schemas.log import Keyed, Progress, Stated
from schemas.violation import Severity, final

S = instant.SECOND
BASE = 1_770_000_000 * S
CROWD = MAX_EVENTS + MAX_EVENTS // 4 + 1  # events of one key at which the oldest are folded away


class Number(FoldState):
    n: int = 0


def count(state, event, ctx):
    """A finding and a fact for every thousandth log-in; a crash where the account is known to be cursed."""
    if ctx.as_of("accounts", f"account:{event.user_id}", event.t):
        raise ZeroDivisionError("on purpose")
    state = Number(n=state.n + 1)
    if state.n % 1000 != 1:
        return Step(state)
    finding = Finding(
        subtype="NTH", anchor=event.id, anchor_time=event.t, subject={"n": str(state.n)}, first_time=event.t, last_time=event.t,
        evidence=(evidence(event),), settle_at=event.t + 7200 * S,
    )
    return Step(state, (finding, Fact(kind="nth", key="all", t=event.t, payload={"n": state.n})))


def tell(state, event, ctx):
    finding = Finding(
        subtype="TOLD", anchor=event.id, anchor_time=event.t, subject={"n": str(event.extra["n"])}, first_time=event.t,
        last_time=event.t, evidence=(evidence(event),),
    )
    return Step(state, (finding,))


FOLDS = (
    Fold(name="user", keying=Keying("user", lambda e: (e.user,)), activities=frozenset({Activity.LOGIN}), init=Number(), step=count),
    Fold(name="told", keying=Keying("ref", lambda e: (e.ref,)), activities=frozenset({Activity.FACT}), init=Number(), step=tell,
         stage=1, facts=frozenset({"nth"})),
)  # fmt: skip
DETECTOR = Detector(clauses=("CC-18000.3.e",), feeds=("idp",), severity=Severity.HIGH, folds=FOLDS, subtypes=())
RULES = Ruleset([Loaded(id="toy", detector=DETECTOR, title="", doc="", version="1")])


def login(i, *, user_id="", t=None):
    t = BASE + (i if t is None else t) * S
    return SecurityEvent(id=f"e{i:05}", t=t, o=t, feed="x", source="s", activity=Activity.LOGIN, user="a", user_id=user_id)


def take(engine, event):
    engine.apply(Keyed(event, tuple(RULES.routes(event))))


def passed(engine, second):
    engine.apply(Progress(part=0, parts=1, observed=BASE + second * S))


def restarted(engine, stored):
    for key, value in changelog.changes(engine):
        stored.pop(key, None)
        if value is not None:
            stored[key] = value
    fresh = Engine(RULES)
    restoring.restore(fresh, stored.items())
    return fresh


@pytest.mark.parametrize("batch", [1, 700, CROWD])
@pytest.mark.parametrize("restart", [False, True])
def test_a_crowded_key_tells_what_it_found_whatever_the_batch(batch, restart):
    engine, history, gaps = Engine(RULES), [], []
    for i in range(CROWD):
        take(engine, login(i))
        if (i + 1) % batch == 0 or i == CROWD - 1:
            told = engine.drain()
            history += told.violations
            gaps += told.gaps
    assert [gap.count for gap in gaps] == [CROWD - MAX_EVENTS]
    pending = {violation.subject["n"] for violation in history if violation.subtype == "NTH"}
    assert pending == {str(n) for n in range(1, CROWD, 1000)}
    if restart:
        engine = restarted(engine, {})
    passed(engine, 7200 + CROWD + 86400)  # the feeds have passed what the findings wait for
    history += engine.drain().violations
    found = sorted((v.subtype, int(v.subject["n"])) for v in final(history))
    assert found == [(subtype, n) for subtype in ("NTH", "TOLD") for n in range(1, CROWD, 1000)]
    # What was carried until then is not any more, and nothing of it comes again.
    assert not any(keyed.carried for keyed in engine.keys.values())
    take(engine, login(CROWD, t=7200 + CROWD + 86400))
    assert not [v for v in engine.drain().violations if v.subject["n"] in pending]


def law(counters):
    assert counters["routed"] == counters["judged"] + counters["late"] + counters["duplicate"] + counters["parked"]


def test_counters_only_rise_and_add_up_when_judged_events_crash_later():
    engine, before = Engine(RULES), {}
    cursed = tables.envelope("accounts", {"account": "c", "person": "P", "from": instant.text(BASE)})
    second = tables.envelope("accounts", {"account": "d", "person": "P", "from": instant.text(BASE)})
    steps = [
        login(1, user_id="c"), login(2), Stated(cursed), login(3, user_id="c"), login(0, user_id="d"), login(2), Stated(second),
        login(4, user_id="d"),
    ]  # fmt: skip
    parked, stored = [], {}
    for step in steps:
        take(engine, step) if isinstance(step, SecurityEvent) else engine.apply(step)
        parked += engine.drain().parked
        law(engine.counters)
        assert all(engine.counters[name] >= value for name, value in before.items())
        before = dict(engine.counters)
        engine = restarted(engine, stored)
        assert dict(engine.counters) == before
    assert [item.event_id for item in parked] == ["e00001", "e00003", "e00000", "e00004"]
    # In hand when they crashed: 3 and 4; judged before and crashing anew: 1 and 0.
    assert [before[name] for name in ("duplicate", "parked", "parked_anew")] == [1, 2, 2]


def test_a_head_written_before_findings_were_carried_is_read():
    engine, stored = Engine(RULES), {}
    take(engine, login(1))
    engine.drain()
    restarted(engine, stored)
    for key, value in stored.items():
        if key.startswith('["h"'):
            head = msgspec.msgpack.decode(value)
            del head["carried"]
            stored[key] = msgspec.msgpack.encode(head)
    fresh = Engine(RULES)
    restoring.restore(fresh, stored.items())
    assert [keyed.carried for keyed in fresh.keys.values()] == [{}, {}]
