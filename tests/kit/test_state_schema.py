"""State and records say by which schema they were written: the previous one is read, a later one is refused."""

import sqlite3
from pathlib import Path

import msgspec
import pytest

from detectors.kit import changelog, restoring
from detectors.kit.contract import Detector, Fold, FoldState, Keying, Step
from detectors.kit.engine import Engine
from detectors.kit.registry import Loaded, Ruleset
from schemas import log
from schemas.event import Activity
from schemas.log import FactGone, Incompatible, Keyed, Progress, Stated
from schemas.violation import Severity, Violation, final
from streams.stage import Kept, NormalizeStage
from streams.stored import Stored
from tests.kit import toys
from tests.kit.test_engine_context import passed, take
from tests.kit.toys import account, login, waiver

PREVIOUS = tuple(Path(__file__).parent / f"state_schema_{number}.bin" for number in (1, 2))
"""What earlier schemas wrote after BEFORE: MessagePack of (key, value) pairs."""

BEFORE = (
    account("a", 0), *(login(number, number * 30) for number in range(8)), login(20, 10, user="b"), login(21, 12, user="b"),
    login(22, 14, user="b"), account("b", 2, stated=20), passed(680), login(8, 560), login(30, 600, user="c"), passed(690),
)  # fmt: skip
AFTER = (
    account("a", 0, until=570, stated=640), login(9, 565), login(31, 605, user="c"), login(32, 606, user="c"), login(10, 575),
    waiver(1, since=600, until=610), passed(3000),
)  # fmt: skip


def judged(engine, records):
    history = []
    for record in records:
        take(engine, record)
        history += engine.drain().violations
        if isinstance(record, Progress):
            engine.trim()
    return history


def canonical(history):
    return [violation.canonical() for violation in final(history)]


@pytest.mark.parametrize("previous", PREVIOUS, ids=lambda path: path.stem)
@pytest.mark.parametrize("resting", [False, True])
def test_state_of_an_earlier_schema_is_judged_on_from(previous, resting):
    stored = msgspec.msgpack.decode(previous.read_bytes(), type=list[tuple[str, bytes]])
    assert {name[:5] for name, _ in stored} == {'["b",', '["c",', '["h",', '["m"]', '["v",'}
    engine = Engine(toys.RULES)
    if resting:
        records = Stored(sqlite3.connect(":memory:", isolation_level=None))
        records.put(stored)
        restoring.reopen(engine, records)
        assert not records.resting(), "an earlier schema did not say which keys may"
    else:
        restoring.restore(engine, stored)
    before = [Violation.model_validate_json(value) for name, value in stored if name.startswith('["v"')]
    after = judged(engine, AFTER)
    alone = Engine(toys.RULES)
    assert canonical([*judged(alone, BEFORE), *after]) == canonical([*judged(Engine(toys.RULES), (*BEFORE, *AFTER))])
    assert {violation.id for violation in after} & {violation.id for violation in before}, "it goes on with what was published"
    rewritten = dict(changelog.changes(engine))
    assert msgspec.msgpack.decode(rewritten['["m"]'])["schema"] == changelog.SCHEMA


def test_state_of_a_later_schema_is_refused_before_anything_is_read():
    engine = Engine(toys.RULES)
    judged(engine, BEFORE)
    stored = {name: value for name, value in changelog.changes(engine) if value is not None}
    meta = msgspec.msgpack.decode(stored['["m"]'])
    stored['["m"]'] = msgspec.msgpack.encode(meta | {"schema": changelog.SCHEMA + 1})
    stored['["c","accounts","x"]'] = msgspec.msgpack.encode({"of": "a kind that nobody knows"})
    with pytest.raises(Incompatible, match=r"schema 4, this version reads \(1, 2, 3\).*run the version that wrote it"):
        restoring.restore(Engine(toys.RULES), stored.items())


def test_state_of_normalisation_of_a_later_schema_is_refused():
    stage = NormalizeStage(toys.RULES, {})
    stage.resume(msgspec.msgpack.decode(msgspec.msgpack.encode({"counters": {}, "dead": {}, "clocks": {"s": 1}}), type=Kept))
    assert stage.clocks() == {"s": 1}
    with pytest.raises(Incompatible, match="schema 2"):
        stage.resume(Kept({}, {}, {}, schema=2))


@pytest.mark.parametrize(
    "record", [Keyed(login(1, 1), ()), Stated(account("a", 0)), FactGone("f", ()), Progress(part=0, parts=1, observed=1)],
    ids=lambda record: type(record).__name__,
)  # fmt: skip
def test_records_of_a_later_schema_are_refused_and_ours_say_nothing(record):
    wire = log.encode(record)
    assert b"schema" not in wire
    assert log.decode(wire) == record
    with pytest.raises(Incompatible, match="schema 2"):
        log.decode(log.encode(msgspec.structs.replace(record, schema=2)))


class Old(FoldState):
    count: int = 0


class New(FoldState):
    counts: tuple[int, ...] = ()


def rules(init, step, version, upgrade=None):
    fold = Fold(name="n", keying=Keying("user", lambda event: (event.user,)), activities=frozenset({Activity.LOGIN}), init=init,
                step=step, memory=100 * toys.S, state_version=version, upgrade=upgrade)  # fmt: skip
    detector = Detector(clauses=("CC-18000.3.e",), feeds=("idp",), severity=Severity.HIGH, folds=(fold,), subtypes=())
    return Ruleset([Loaded(id="toy", detector=detector, title="", doc="", version="1")])


def upgraded(version, old):
    assert version == 1
    return New(counts=(old.get("count", 0),))


def first(state, event, ctx):
    return Step(Old(count=state.count + 1))


def second(state, event, ctx):
    return Step(New(counts=(*state.counts, 1)))


FIRST, SECOND = rules(Old(), first, 1), rules(New(), second, 2, upgraded)


def written(ruleset):
    engine = Engine(ruleset)
    for event in (login(1, 1), login(2, 2)):
        engine.apply(Keyed(event, tuple(ruleset.routes(event))))
    engine.apply(passed(1000))
    engine.trim()
    return [(name, value) for name, value in changelog.changes(engine) if value is not None]


def test_a_fold_takes_up_the_state_of_its_previous_version():
    engine = Engine(SECOND)
    restoring.restore(engine, written(FIRST))
    assert engine.keys[(0, ("a",))].base == New(counts=(2,))


def test_state_of_a_fold_without_way_to_it_is_refused():
    with pytest.raises(Incompatible, match="has version 1, its code has 2 and no upgrade"):
        restoring.restore(Engine(rules(New(), second, 2)), written(FIRST))
    with pytest.raises(Incompatible, match="has version 2, its code has 1 and is older"):
        restoring.restore(Engine(FIRST), written(SECOND))
