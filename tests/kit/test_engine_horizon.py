"""What the horizon has passed: results stay, are told anew under the next number, and nothing is kept for ever."""

from detectors.kit import changelog
from detectors.kit.contract import Detector, Finding, Fold, FoldState, Keying, Step, evidence
from detectors.kit.engine import MARGIN, Engine
from detectors.kit.registry import Loaded, Ruleset
from schemas.event import Activity
from schemas.log import Keyed
from schemas.violation import Severity, final
from tests.kit import toys
from tests.kit.test_engine_context import THREE, passed, restarted, states, take
from tests.kit.toys import BASE, S, login


class Episode(FoldState):
    """The first event since the last success, and how many there were."""

    first: str = ""
    at: int = 0
    count: int = 0


def goes_on(state, event, ctx):
    """One finding for all events until a success."""
    if event.outcome == "success":
        return Step(None)
    state = Episode(first=state.first or event.id, at=state.at or event.t, count=state.count + 1)
    finding = Finding(
        subtype="GOES_ON", anchor=state.first, anchor_time=state.at, subject={"user": event.user}, first_time=state.at,
        last_time=event.t, count=state.count, evidence=(evidence(event),),
    )  # fmt: skip
    return Step(state, (finding,))


FOLD = Fold(name="episode", keying=Keying("user", lambda event: (event.user,)), activities=frozenset({Activity.LOGIN}),
            init=Episode(), step=goes_on, memory=100 * S)  # fmt: skip
DETECTOR = Detector(clauses=("CC-18000.3.e",), feeds=("idp",), severity=Severity.HIGH, folds=(FOLD,), subtypes=())
EPISODES = Ruleset([Loaded(id="toy", detector=DETECTOR, title="", doc="", version="1")])
HORIZON = 300 + MARGIN // S  # seconds that an event of toy/user is kept


def episode(engine, history, *events, until):
    """Take ``events``, let time pass to second ``until``, and let go of what the horizon has passed."""
    for event in events:
        engine.apply(Keyed(event, tuple(EPISODES.routes(event))))
    engine.apply(passed(until))
    history += engine.drain().violations
    engine.trim()


def test_a_finding_told_anew_and_taken_back_is_what_it_was_at_the_horizon():
    """Three events pass the horizon, a fourth counts, then an end shows up that came before it."""
    history = []
    engine = Engine(EPISODES)
    episode(engine, history, login(0, 0), login(1, 1), login(2, 2), until=2000)
    episode(engine, history, login(3, 2050), until=2050)
    episode(engine, history, login(4, 2040, outcome="success"), until=2060)
    assert sorted(violation.count for violation in final(history)) == [1, 3]


def test_a_violation_told_anew_long_after_goes_on_with_its_numbers():
    """An episode whose findings pause for longer than the horizon keeps one number series."""
    engine, history = Engine(EPISODES), []
    for number, second in enumerate([0, 1, 2, 5000]):
        episode(engine, history, login(number, second), until=second + 2000)
    assert [violation.transition.number for violation in history] == [1, 2, 3, 4]


def test_a_key_whose_deadlines_are_over_is_forgotten():
    engine = Engine(toys.RULES)
    stored = {}
    for event in (*THREE, login(4, 4, user="b")):
        take(engine, event)
    for second in (200, 400, 800, 1200, 1600, 2400):
        take(engine, passed(second))
        states(engine)
        engine.trim()
        stored.update(changelog.changes(engine))
    assert not [key for (rule, key) in engine.keys if rule == 0]
    stored = {name for name, value in stored.items() if value is not None}
    assert not [name for name in stored if name.startswith(('["h","toy/user"', '["v","toy/user"', '["b","toy/user"'))]


def test_what_was_sealed_is_not_remembered_for_ever():
    engine = Engine(toys.RULES)
    for number in range(200):
        take(engine, login(number, number * 50))
        take(engine, passed(number * 50))
        states(engine)
        engine.trim()
    for keyed in engine.keys.values():
        assert len(keyed.sealed) <= 2 * (HORIZON + 200) // 50, keyed.rule.id
        assert len(keyed.sent) <= 2 * (HORIZON + 200) // 50, keyed.rule.id


def test_a_fact_is_observed_when_its_cause_was():
    """Facts told by several events, and events of which an earlier observed copy comes: the reader sees one ``o`` in any order."""
    copies = [login(1, 1, delay=150), login(1, 1), login(2, 2, delay=120), login(2, 2, delay=60), login(3, 3, delay=90)]
    for order in (copies, copies[::-1], [copies[i] for i in (4, 0, 2, 1, 3)]):
        engine = Engine(toys.RULES)
        for event in order:
            take(engine, event)
            states(engine)
        facts = {e.action: e.o for key in engine.keys.values() for e in key.events.values() if e.activity == Activity.FACT}
        assert facts["started"] == BASE + 62 * S  # of e0002, its first cause in order
        fresh = restarted(engine)
        assert {e.action: e.o for k in fresh.keys.values() for e in k.events.values() if e.activity == Activity.FACT} == facts
