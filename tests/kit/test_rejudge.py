"""Corrections, case by case: what came too late counts after all, once, and what the owner still holds it judges itself."""

import random

import msgspec
import pytest

from detectors.kit import restoring
from detectors.kit.contract import Detector, Finding, Fold, FoldState, Keying, Step, evidence
from detectors.kit.registry import Loaded, Ruleset
from schemas.event import Activity
from schemas.log import Correction
from schemas.violation import Severity, State
from tests.kit import rejudging, shells, toys
from tests.kit.shells import Shell, Way
from tests.kit.test_engine_context import passed
from tests.kit.toys import BASE, S, account, login

EVER = (0, BASE + 10**6 * S)


class Site:
    """One partition. ``take``: records are judged; ``let_go``: what is old is trimmed."""

    def __init__(self, ruleset=toys.RULES):
        self.shell = Shell(ruleset, Way(0, commit=1.0))
        self.lane = self.shell.lanes[0]

    def take(self, *records):
        for record in records:
            self.shell.send(record if hasattr(record, "observed") else shells.logged(self.shell.ruleset, record))
        self.shell.finish(random.Random(1))

    def let_go(self, second):
        """Time passes, and the owner forgets twice: what is old, then keys that have been empty since."""
        self.take(passed(second))
        for _ in range(2):
            self.lane.commit(trim=True)

    def rejudge(self, since=EVER[0], until=EVER[1]):
        return rejudging.rejudged(self.shell, since, until)

    def told(self, subtype):
        """(number, state, count) of each transition of that subtype, in order."""
        return [(v.transition.number, str(v.state), v.count) for v in self.shell.history if v.subtype == subtype]

    def counters(self):
        return self.lane.engine.counters


@pytest.fixture
def site():
    """Two failed log-ins in time, a third of the same minute that is found 1,000 seconds later, when all that is forgotten."""
    site = Site()
    site.take(login(1, 1), login(3, 5))
    site.let_go(1000)
    site.take(login(2, 3, delay=1000), passed(1100))
    assert site.counters()["late"] == 1
    assert [event.id for _, event in site.lane.late] == ["e0002"]
    assert not site.told("UNKNOWN")
    return site


def test_a_late_record_makes_a_new_violation_that_names_it(site):
    site.rejudge()
    assert site.told("UNKNOWN") == [(1, "open", 3)]
    [found] = [v for v in site.shell.final().values() if v.subtype == "UNKNOWN"]
    assert found.anchor == "e0001"
    assert [item.event_id for item in found.evidence] == ["e0001", "e0002", "e0003"]
    assert found.transition.cause == "rejudge: late e0002"
    told = {v.subject["kinds"] for v in site.shell.history if v.subtype == "TOLD"}
    assert any("many" in kinds for kinds in told), "readers of its facts are corrected, too"
    assert (site.counters()["late"], site.counters()["admitted"]) == (1, 0), "it stays late; here the owner holds nothing any more"


def test_a_second_run_finds_nothing_to_do(site):
    site.rejudge()
    history = list(site.shell.history)
    again = site.rejudge()
    assert (again.corrections, again.changes, site.shell.history) == ([], [], history)


def test_a_plan_tells_the_transitions_that_then_come(site):
    told = [(v.id, v.transition) for v in site.rejudge().changes]
    assert told == [(v.id, v.transition) for v in site.shell.history[-len(told) :]]


def test_what_is_not_asked_for_is_not_judged(site):
    assert not rejudging.rejudged(site.shell, *EVER, wanted=lambda kind, key: (kind, key) == ("user", ("b",))).corrections
    assert not site.rejudge(since=BASE + 4 * S).corrections, "the late event happened before"


def test_a_violation_that_a_late_record_refutes_is_withdrawn_with_the_reason_and_the_next_number():
    site = Site()
    site.take(login(1, 1), login(2, 2), login(4, 4))
    site.let_go(1000)
    site.let_go(1100)
    assert (0, ("a",)) not in site.lane.engine.keys, "the owner has forgotten the key, its violation and its number"
    site.take(login(3, 3, outcome="success", delay=1200), passed(1300))
    site.rejudge()
    assert site.told("UNKNOWN") == [(1, "open", 3), (2, "withdrawn", 3)]
    [gone] = [v for v in site.shell.history if v.subtype == "UNKNOWN" and v.state is State.WITHDRAWN]
    assert gone.transition.cause == "rejudge: late e0003"
    site.let_go(2500)
    site.let_go(2600)
    assert (0, ("a",)) not in site.lane.engine.keys, "what was corrected is forgotten, too"
    assert not site.rejudge().corrections


def test_an_old_violation_goes_on_with_its_numbers_and_survives_restarts(site):
    site.rejudge()
    site.lane.lose()  # the worker dies after the commit; another takes the partition
    site.take(login(4, 4, delay=1200), passed(1300))
    site.rejudge()
    site.lane.lose()
    site.let_go(2000)
    site.take(login(5, 6, delay=2000), passed(2100))
    site.rejudge()
    assert site.told("UNKNOWN") == [(1, "open", 3), (2, "open", 4), (3, "open", 5)]
    site.shell.final()


def test_what_the_owner_still_holds_it_judges_itself():
    """The event is too late for memory (200 s), but look-back holds what happened around it."""
    site = Site()
    site.take(login(1, 1), login(3, 5), passed(250), login(2, 3, delay=250))
    assert (site.counters()["late"], site.told("UNKNOWN")) == (1, [])
    plan = site.rejudge()
    [own] = [record for _, record in plan.corrections if record.rule == "toy/user"]
    assert ([event.id for event in own.events], own.found, own.gone) == (["e0002"], {}, ())
    assert site.told("UNKNOWN") == [(1, "open", 3)]
    assert not site.rejudge().corrections
    site.lane.lose()
    site.take(login(2, 3, delay=250), login(4, 6, delay=190))
    assert site.told("UNKNOWN") == [(1, "open", 3), (2, "open", 4)], "it stays in the owner's state"
    assert site.counters()["duplicate"] == 1, "a further copy of it is one"


def test_no_result_of_a_correction_counts_where_the_live_state_tells_another():
    site = Site()
    site.take(login(1, 1), login(2, 2), login(3, 3), passed(50))
    other = Site()
    other.take(login(1, 1), login(2, 2))
    other.let_go(1000)
    other.take(login(3, 3, delay=1000), login(4, 4, delay=1000))
    forged = [record for _, record in rejudging.plan(other.shell, *EVER).corrections if record.rule == "toy/user"]
    assert forged[0].found
    [record] = forged
    site.lane.log.append(Correction(rule=record.rule, key=record.key, observed=1, trims=0, cause="forged", found=record.found))
    site.shell.finish(random.Random(1))
    assert site.counters()["corrections"] == 1
    assert site.told("UNKNOWN") == [(1, "open", 3)]
    site.take(login(5, 2, outcome="success"))
    assert site.told("UNKNOWN")[-1] == (2, "withdrawn", 3), "nor does it hold what the live state takes back"


def test_facts_of_an_event_that_was_let_in_reach_readers_of_shorter_memory():
    """The second failure tells a fact, 450 seconds late as its cause; its reader takes facts of up to 400."""
    site = Site()
    site.take(login(1, 1), passed(460), login(2, 3, delay=450))
    site.rejudge()
    assert {"started", "started,forgotten"} & {v.subject["kinds"] for v in site.shell.final().values() if v.subtype == "TOLD"}
    assert (site.counters()["late"], site.counters()["admitted"]) == (1, 1)


def test_a_correction_made_before_the_owner_let_go_of_numbers_is_refused(site):
    plan = rejudging.plan(site.shell, *EVER)
    site.lane.commit(trim=True)
    rejudging.send(site.shell, plan)
    assert (site.counters()["corrections_refused"], site.told("UNKNOWN")) == (len(plan.corrections), [])
    site.rejudge()
    assert site.told("UNKNOWN") == [(1, "open", 3)]


def test_what_the_archive_does_not_explain_stays():
    """The archive has a hole: without the late event, too, it gives another violation than was published."""
    site = Site()
    site.take(login(1, 1), login(2, 2), login(3, 3), login(4, 4))
    site.let_go(1000)
    site.take(login(5, 5, delay=1200), passed(1300))
    site.lane.log[:] = [record for record in site.lane.log if getattr(getattr(record, "event", None), "id", "") != "e0003"]
    site.lane.at = site.lane.committed = len(site.lane.log)
    assert site.rejudge().left > 0
    assert site.told("UNKNOWN") == [(1, "open", 3), (2, "open", 4)], "as it was published"


def test_late_events_older_than_the_archive_are_told(monkeypatch, site):
    monkeypatch.setattr(rejudging.Kept, "since", lambda *_: BASE + 10 * S)
    plan = site.rejudge()
    assert (plan.corrections, plan.beyond > 0) == ([], True)


class Acts(FoldState):
    """Nothing is remembered."""


def approved(state, event, ctx):
    """An act needs an account in force; one that was told only after the act retracts the finding, with the reason."""
    known = ctx.as_of("accounts", f"account:{event.user}", event.t)
    if known and known[0].o <= event.o:
        return Step(state)
    finding = Finding(
        subtype="UNAPPROVED", anchor=event.id, anchor_time=event.t, subject={"user": event.user}, first_time=event.t,
        last_time=event.t, evidence=(evidence(event),), state=State.RETRACTED if known else State.OPEN,
        reasons=("LATE_ARRIVAL",) if known else ("NO_RECORD",),
    )  # fmt: skip
    return Step(state, (finding,))


def ruleset(lookback):
    fold = Fold(name="act", keying=Keying("user", lambda event: (event.user,)), activities=frozenset({Activity.LOGIN}),
                init=Acts(), step=approved, memory=200 * S, lookback=lookback * S)  # fmt: skip
    detector = Detector(clauses=("CC-18000.3.e",), feeds=("idp",), severity=Severity.HIGH, folds=(fold,), subtypes=())
    return Ruleset([Loaded(id="toy", detector=detector, title="", doc="", version="1")])


def test_an_approval_observed_beyond_the_look_back_retracts_with_the_reason():
    site = Site(ruleset(100))
    site.take(login(1, 1))
    site.let_go(1000)
    site.take(account("a", 0, observed=1200), passed(1300))
    assert site.told("UNAPPROVED") == [(1, "open", 1)]
    site.rejudge()
    assert site.told("UNAPPROVED") == [(1, "open", 1), (2, "retracted", 1)]
    [found] = site.shell.final().values()
    assert (found.reasons, found.transition.change) == (("LATE_ARRIVAL",), "retracted")
    assert found.transition.cause == "rejudge: context that was observed later"
    assert not site.rejudge().corrections


def test_a_fold_without_look_back_goes_on_to_read_context_as_of_its_event():
    site = Site(ruleset(0))
    site.take(login(1, 1))
    site.let_go(1000)
    site.take(account("a", 0, observed=1200), passed(1300))
    assert not site.rejudge().corrections


def test_state_of_a_version_that_did_not_count_trims_is_read(site):
    """It may have let go of anything just now: so nothing is let in that the base state may hold."""
    stored = dict(site.lane.stored)
    meta = msgspec.msgpack.decode(stored['["m"]'])
    plain = {name: meta[name] for name in ("schema", "counters", "progress")}
    stored['["m"]'] = msgspec.msgpack.encode(plain)
    engine = site.lane._engine()
    restoring.restore(engine, list(stored.items()))
    assert (engine.trims, engine.trimmed) == (0, engine.observed())
