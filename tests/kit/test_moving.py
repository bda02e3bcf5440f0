"""A set of engines whose state is moved to another number of partitions in mid-stream ends where one that never was does."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.kit import restoring
from detectors.kit.engine import Engine
from detectors.kit.moving import Moving
from schemas import identity
from schemas.log import Incompatible, Progress
from schemas.violation import State
from tests.kit import naive, shells, toys
from tests.kit.shells import Shell, Way
from tests.kit.test_one_truth import UNTIL, stories

S = toys.S


def moved(shell: Shell, rng, *, raw: int, keyed: int) -> Shell:
    """The shell after a migration: everything sent has been judged before; logs are empty, histories go on."""
    shell.finish(rng)
    way = shell.way._replace(raw=raw, keyed=keyed)
    after = Shell(shell.ruleset, way)
    after.history, after.gaps = shell.history, shell.gaps
    moving = Moving(shell.ruleset, before=(shell.way.raw, shell.way.keyed), after=(raw, keyed))
    for lane in shell.lanes:
        for place, name, value in moving.take(lane.stored):
            assert name not in after.lanes[place].stored
            after.lanes[place].stored[name] = value
    shared = moving.shared()
    for lane in after.lanes:
        lane.stored.update(shared)
        lane.records.put(lane.stored.items())
        lane.connection.commit()
        lane.lose()
    return after


def feed(shell: Shell, records, rng) -> None:
    for record in records:
        shell.send(record if isinstance(record, Progress) else shells.logged(shell.ruleset, record))
        while rng.random() < 0.7:
            rng.choice(shell.lanes).step(rng)


WAYS = st.builds(
    Way, seed=st.integers(0, 2**32), raw=st.sampled_from([1, 3]), keyed=st.sampled_from([1, 2, 4]),
    disorder=st.sampled_from([0, 60, None]), commit=st.sampled_from([0.05, 1.0]), crash=st.sampled_from([0.0, 0.3]),
    trim=st.sampled_from([0.0, 0.3, 1.0]), most=st.sampled_from([0, 1]),
)  # fmt: skip
MOVES = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from([1, 2, 5]), st.sampled_from([None, None, 1, 2])), min_size=1, max_size=3
)


@settings(max_examples=250, deadline=None)
@given(stories(), WAYS, MOVES, st.sampled_from([0, S, 100 * S]))
def test_what_is_moved_in_mid_stream_ends_as_the_definition_says(records, way, moves, pace):
    """Also several times; deadlines and verdicts wait, facts go from one stage to the next, raw partitions change."""
    rng = random.Random(way.seed)
    shell = Shell(toys.RULES, way)
    coming = list(shells.arrivals(records, way, rng, UNTIL))
    shell.pace = pace
    for number, (share, keyed, raw) in enumerate(moves, 1):
        now = int(len(coming) * share)
        feed(shell, coming[:now], rng)
        coming = coming[now:]
        parts = shell.way.raw if raw is None else raw
        if parts != shell.way.raw:  # what comes, comes through other partitions
            left = [record for record in coming if not isinstance(record, Progress)]
            coming = list(shells.arrivals(left, way._replace(raw=parts), rng, UNTIL))
        shell = moved(shell, rng, raw=parts, keyed=keyed)
        shell.pace = pace if number < len(moves) else 0
    feed(shell, coming, rng)
    shell.finish(rng)
    due = naive.final(toys.RULES, [r for r in records if hasattr(r, "rank")], [r for r in records if not hasattr(r, "rank")], UNTIL)
    assert {id_: naive.shown(violation) for id_, violation in shell.final().items()} == due


def halfway(keyed: int, pace: int = 0) -> Shell:
    """Three users have failed; an account is known; a deadline, a pending verdict and a fact's reader wait."""
    shell = Shell(toys.RULES, Way(1, raw=2, keyed=keyed))
    shell.pace = pace
    rng = random.Random(1)
    records = [toys.login(n, 10 + n, user) for n, user in enumerate("aaabbbccc")]
    feed(shell, [toys.account("a", 0), *records], rng)
    for second in (20, 85):
        feed(shell, [Progress(part=part, parts=2, observed=toys.BASE + second * S) for part in range(2)], rng)
        shell.finish(rng)
    return shell


@pytest.mark.parametrize("after", [1, 5])
def test_a_move_by_itself_tells_nothing(after):
    """Everything is as it was: time, verdicts that wait, what is published; only counters begin anew."""
    shell = halfway(2, pace=200 * S)
    assert {lane.engine.observed(2) for lane in shell.lanes} != {toys.BASE + 85 * S}, "higher stages are behind"
    told = list(shell.history)
    assert any(violation.state is State.PENDING for violation in told)
    new = moved(shell, random.Random(2), raw=2, keyed=after)
    assert [lane.engine.drain().violations for lane in new.lanes] == [[]] * after
    assert {lane.engine.observed(stage) for lane in new.lanes for stage in range(1)} == {toys.BASE + 85 * S}
    assert {lane.engine.observed(2) for lane in new.lanes} == {min(lane.engine.observed(2) for lane in shell.lanes)}
    assert [dict(lane.engine.counters) for lane in new.lanes] == [{}] * after
    for lane in new.lanes:
        for rule, key in lane.engine.keys:
            kind = toys.RULES.rules[rule].fold.keying.kind
            assert identity.partition(kind, key, after) == lane.part
        assert len(lane.engine.context.read("accounts", "account:a", None)) == 1
    assert sum(len(lane.engine.keys) for lane in new.lanes) == sum(len(lane.engine.keys) for lane in shell.lanes)


def test_several_raw_partitions_do_not_let_time_pass_when_they_become_others():
    shell = Shell(toys.RULES, Way(1, raw=2, keyed=1))
    for part, second in ((0, 50), (1, 90)):
        shell.send(Progress(part=part, parts=2, observed=toys.BASE + second * S, watermarks={"idp": second}, blind=(f"s{part}",)))
    new = moved(shell, random.Random(1), raw=3, keyed=2)
    for lane in new.lanes:
        told = [lane.engine.progress[-1, part] for part in range(3)]
        assert {item.observed for item in told} == {lane.engine.observed()} == {toys.BASE + 50 * S}
        assert {(item.parts, item.watermarks["idp"], item.blind) for item in told} == {(3, 50, ("s0", "s1"))}


def test_a_worker_with_another_number_of_partitions_refuses_the_state():
    stored = halfway(2).lanes[0].stored
    with pytest.raises(Incompatible, match=r"one of 2, this worker expects 3.*KEYED_PARTITIONS=2.*topics migrate"):
        restoring.restore(Engine(toys.RULES, raw_partitions=2, partitions=3), stored.items())


def test_state_of_a_fold_that_is_not_loaded_or_of_an_unknown_kind_is_not_moved():
    for name in ('["h","gone/fold","a"]', '["?","x"]'):
        moving = Moving(toys.RULES, before=(1, 1), after=(1, 2))
        with pytest.raises(Incompatible, match=r"load its detector|later one"):
            list(moving.take({name: msgspec.msgpack.encode({})}))
