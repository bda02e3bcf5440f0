"""Keys of which there is nothing to tell rest in the stored records, and come back as they were when something asks for them."""

import sqlite3

import msgspec
import pytest

from detectors.kit import changelog, restoring
from detectors.kit.contract import Detector, Fact, Finding, Fold, FoldState, Keying, Step
from detectors.kit.engine import Engine
from detectors.kit.registry import Loaded, Ruleset
from schemas import instant
from schemas.event import Activity
from schemas.violation import Severity
from streams.stored import Damaged, Stored
from tests.kit.test_engine_context import passed, take
from tests.kit.toys import S, account, login


class Seen(FoldState):
    """How often a user was seen, and by whom it is waited for: that ends with a finding, or with a fact only."""

    count: int = 0
    user: str = ""


def counting(state, event, ctx):
    """The third is too many; users ``w`` and ``f`` should be seen again within a minute; ``k`` is looked up the second time."""
    if event.user == "k" and state.count:
        ctx.as_of("accounts", "account:k", event.t)
    out = ()
    if state.count == 2:
        out = (Finding(subtype="MANY", anchor=event.id, anchor_time=event.t, subject={"user": event.user}, first_time=event.t,
                       last_time=event.t, evidence=()),)  # fmt: skip
    deadline = event.t + 60 * S if event.user in "wf" else None
    return Step(Seen(count=state.count + 1, user=event.user, deadline=deadline), out)


def missing(state, at, ctx):
    """Nothing came within a minute."""
    del ctx
    told = Finding(subtype="GONE", anchor=f"at {at}", anchor_time=at, subject={}, first_time=at, last_time=at, evidence=())
    out = told if state.user == "w" else Fact(kind="gone", key="f", t=at)
    return Step(msgspec.structs.replace(state, deadline=None), (out,))


def ruleset(version="1"):
    fold = Fold(name="seen", keying=Keying("user", lambda event: (event.user,)), activities=frozenset({Activity.LOGIN}),
                init=Seen(), step=counting, overdue=missing, memory=500 * S)  # fmt: skip
    detector = Detector(clauses=("CC-18000.3.e",), feeds=("idp",), severity=Severity.HIGH, folds=(fold,), subtypes=())
    return Ruleset([Loaded(id="toy", detector=detector, title="", doc="", version=version)])


class Partition:
    """An engine over stored records that may hold only ``most`` keys and events in memory, one batch after the other."""

    def __init__(self, most=1):
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.records = Stored(self.connection, sealed=True)
        self.most = most
        self.opened()

    def opened(self, rules=None):
        self.engine = Engine(rules or ruleset(), most=self.most)
        restoring.reopen(self.engine, self.records)

    def take(self, *records, trim=False):
        """A batch; the violations."""
        for record in records:
            take(self.engine, record)
        batch = self.engine.drain()
        self.facts = [record.event.action for record in batch.looped]
        if trim:
            self.engine.trim()
        self.engine.rest()
        self.records.put(changelog.changes(self.engine))
        self.connection.commit()
        return batch.violations

    @property
    def awake(self):
        return {key for _, (key,) in self.engine.keys}


def test_the_longest_silent_rest_and_what_was_just_touched_does_not():
    partition = Partition(most=8)
    partition.take(*(login(number, number, f"u{number}") for number in range(10)))
    assert len(partition.awake) == 10, "everything was touched by this batch"
    partition.take(login(10, 10, "u3"))
    assert partition.awake == {"u3", "u9"}, "three quarters of what may be, keys and events counted"
    assert partition.records.resting() == 8


@pytest.mark.parametrize("restart", [False, True])
def test_an_event_wakes_its_key_and_finds_what_was_counted(restart):
    partition = Partition()
    partition.take(login(1, 1), login(2, 2))
    partition.take(login(3, 3, "b"))
    assert partition.awake == {"b"}
    if restart:
        partition.opened()
        assert partition.awake == set()
    (found,) = partition.take(login(4, 4))
    assert (found.subtype, found.anchor) == ("MANY", "e0004")


@pytest.mark.parametrize("restart", [False, True])
def test_a_copy_of_what_rests_is_a_copy_and_what_is_older_goes_before_it(restart):
    partition = Partition()
    partition.take(login(1, 10), login(2, 20))
    partition.take(login(9, 20, "b"))
    if restart:
        partition.opened()
    assert not partition.take(login(1, 10))
    assert partition.engine.counters["duplicate"] == 1
    (found,) = partition.take(login(3, 5))
    assert found.anchor == "e0002", "the third in order of time"


@pytest.mark.parametrize("restart", [False, True])
def test_a_deadline_wakes_its_key(restart):
    partition = Partition()
    partition.take(login(1, 1, "w"))
    partition.take(login(2, 2, "b"))
    assert partition.awake == {"b"}
    if restart:
        partition.opened()
    assert not partition.take(passed(60))
    (found,) = partition.take(passed(62))
    assert found.subtype == "GONE"


def test_what_was_due_before_the_restart_is_told_only_once():
    partition = Partition()
    partition.take(login(1, 1, "w"), login(2, 1, "f"))
    assert partition.take(passed(62))
    assert partition.facts == ["gone"]
    partition.opened()
    assert not partition.take(passed(100))
    assert partition.facts == []


def test_a_key_that_looked_up_context_or_has_findings_stays_awake():
    partition = Partition()
    partition.take(login(1, 1, "k"), *(login(number, number) for number in range(2, 5)))
    partition.take(login(8, 8, "k"))
    partition.take(login(9, 9, "b"))
    assert partition.awake == {"k", "a", "b"}
    partition.opened()
    assert partition.awake == {"k", "a"}
    partition.take(account("k", 0, observed=10))
    assert "k" in partition.awake


def test_a_trim_wakes_what_has_passed_and_ends_what_is_empty():
    partition = Partition()
    partition.take(login(1, 1), login(2, 2, "b"), passed(3))
    partition.take(login(3, 9_000, "c"), passed(9_000))
    assert partition.records.resting() == 2
    partition.take(passed(9_001), trim=True)
    partition.take(passed(9_002))
    assert {name for name, _ in partition.records.items() if name.startswith('["b"')} == {'["b","toy/seen","c","0"]'}
    assert partition.records.resting() == 3, "their counts are kept: nothing says when they may be forgotten"
    assert partition.records.passing(10**9) == ['["h","toy/seen","c"]'], "and no trim has to look at them again"


def test_what_rests_is_folded_anew_if_other_rules_wrote_it():
    """What a key has to tell, other code may see otherwise."""
    partition = Partition()
    partition.take(login(1, 1), login(2, 2, "b"))
    partition.opened(ruleset("2"))
    assert partition.engine.keys or partition.records.resting() == 2
    woken = []
    partition.engine.resume = woken.append
    restoring.reopen(partition.engine, partition.records)
    assert len(woken) == 2


def test_a_record_that_is_not_what_was_written_is_found():
    partition = Partition()
    partition.take(login(1, 1))
    partition.take(login(2, 2, "b"))
    partition.connection.execute("UPDATE state SET value = CAST(value || x'00' AS BLOB) WHERE name LIKE '[\"b\"%'")
    with pytest.raises(Damaged, match="is not what was written"):
        partition.take(login(3, 3))


def test_hours_are_told_with_what_rests():
    partition = Partition()
    partition.take(login(1, 1))
    partition.take(login(2, 2, "b"))
    (name,) = partition.records.passing(10**9)
    assert name == '["h","toy/seen","a"]'
    hour = (login(1, 1).t + 500 * S + 300 * S) // instant.HOUR
    assert partition.records.passing(hour) == [name]
    assert partition.records.passing(hour - 1) == []
