"""What a fold may keep in its state is written and read back as it was."""

import msgspec
import pytest

from detectors.kit import changelog, restoring
from detectors.kit.contract import Detector, Fold, FoldState, Keying, Step, evidence
from detectors.kit.engine import MARGIN, Engine
from detectors.kit.registry import Loaded, Ruleset
from detectors.kit.segments import Log
from schemas import instant
from schemas.event import Activity, SecurityEvent
from schemas.log import Keyed, Progress
from schemas.violation import Evidence, Severity
from tests.kit import toys

BASE = 1_770_000_000 * instant.SECOND
MEMORY = instant.HOUR


class Seen(FoldState):
    items: tuple[Evidence, ...] = ()
    other: tuple[object, ...] = ()


def step(state, event, ctx):
    return Step(msgspec.structs.replace(state, items=(*state.items, evidence(event, user=event.user))))


def stray(state, event, ctx):
    return Step(msgspec.structs.replace(state, other=(object(),)))


def rules(step):
    fold = Fold(
        name="seen", keying=Keying("user", lambda event: (event.user,)), activities=frozenset({Activity.LOGIN}), init=Seen(),
        step=step, memory=MEMORY,
    )
    detector = Detector(clauses=("CC-18000.3.e",), feeds=("idp",), severity=Severity.HIGH, folds=(fold,), subtypes=())
    return Ruleset([Loaded(id="toy", detector=detector, title="", doc="", version="1")])


def trimmed(ruleset):
    """An engine whose only event has gone into the base state."""
    engine = Engine(ruleset)
    event = SecurityEvent(id="e1", t=BASE, o=BASE, feed="x", source="s", activity=Activity.LOGIN, user="a", original="line")
    engine.apply(Keyed(event, tuple(ruleset.routes(event))))
    engine.apply(Progress(part=0, parts=1, observed=BASE + MEMORY + MARGIN + 1))
    engine.drain()
    engine.trim()
    return engine


def test_evidence_in_a_state_outlives_the_process():
    ruleset = rules(step)
    engine = trimmed(ruleset)
    stored = {name: value for name, value in changelog.changes(engine) if value is not None}
    other = Engine(ruleset)
    restoring.restore(other, stored.items())
    before, after = engine.keys[(0, ("a",))], other.keys[(0, ("a",))]
    assert not before.orders
    assert after.base == before.base
    assert after.base.items[0].values == {"user": "a"}


def test_what_cannot_be_kept_is_named():
    engine = trimmed(rules(stray))
    with pytest.raises(TypeError, match="holds a object"):
        changelog.changes(engine)


def test_a_key_without_results_holds_no_collections_for_them():
    engine = Engine(toys.RULES)
    event = toys.login(1, 0)
    engine.apply(Keyed(event, tuple(toys.RULES.routes(event))))
    engine.drain()
    list(changelog.changes(engine))
    (keyed,) = engine.keys.values()
    assert not keyed.used
    assert keyed.findings == {}
    assert keyed.used


def test_a_key_whose_events_have_all_passed_keeps_none_of_them_and_neither_does_the_changelog():
    engine, kept = Engine(toys.RULES), {}
    event = toys.login(1, 0)
    engine.apply(Keyed(event, tuple(toys.RULES.routes(event))))
    for until in (0, 3600):
        engine.apply(Progress(part=0, parts=1, observed=toys.BASE + until * toys.S))
        engine.drain()
        engine.trim()
        kept.update(changelog.changes(engine))
        if not until:
            assert [name for name, value in kept.items() if value and name.startswith('["b"')] == ['["b","toy/user","a","0"]']
    assert [name for name, value in kept.items() if value and name.startswith('["b"')] == []
    assert all(not keyed.log.open for keyed in engine.keys.values())


def test_an_event_that_comes_into_a_segment_emptied_before_the_last_write_is_written():
    log = Log()
    old, new = toys.login(1, 0), toys.login(2, 100)
    log.append(old)
    log.forget(new.t)
    assert log.open_dirty
    assert not log.open
    log.open_dirty = False  # written
    log.append(new)
    assert log.open_dirty
    assert log.open == [new]


def test_of_an_open_segment_only_what_the_horizon_has_not_passed_is_kept():
    log = Log()
    old, new = toys.login(1, 0), toys.login(2, 100)
    log.append(old)
    log.append(new)
    log.forget(new.t)
    assert log.open == [new]
    assert log.weight == len(new.original) + len(new.message)
