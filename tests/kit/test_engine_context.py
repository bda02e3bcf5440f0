"""Late context: an exception after a restart or after the horizon, and a record that is stated anew."""

from detectors.kit import changelog, restoring
from detectors.kit.context import ContextStore, View
from detectors.kit.engine import Engine
from schemas import tables
from schemas.log import Keyed, Progress, Stated
from tests.kit import toys
from tests.kit.toys import BASE, S, account, login, waiver

RETENTION = 300  # seconds: memory and look-back of fold toy/user


def engine_with(*records):
    engine = Engine(toys.RULES)
    for record in records:
        take(engine, record)
    return engine


def take(engine, record):
    if isinstance(record, Progress):
        engine.apply(record)
    elif hasattr(record, "table"):
        engine.apply(Stated(record))
    else:
        engine.apply(Keyed(record, tuple(toys.RULES.routes(record))))


def passed(second):
    return Progress(part=0, parts=1, observed=BASE + second * S)


def states(engine):
    return {violation.subtype: str(violation.state) for violation in engine.drain().violations}


def restarted(engine):
    stored = [(name, value) for name, value in changelog.changes(engine) if value is not None]
    fresh = Engine(toys.RULES)
    restoring.restore(fresh, stored)
    return fresh


THREE = (login(1, 1), login(2, 2), login(3, 3))


def test_an_exception_reaches_what_was_found_before_a_restart():
    engine = engine_with(*THREE)
    assert states(engine)["UNKNOWN"] == "open"
    engine = restarted(engine)
    take(engine, waiver(1, since=0, until=10, observed=50))
    assert states(engine)["UNKNOWN"] == "excepted"


def test_an_exception_counts_if_observed_while_the_finding_may_still_change_wherever_the_horizon_is():
    for late, state in ((RETENTION, "excepted"), (RETENTION + 1, "open")):
        first = engine_with(waiver(1, since=0, until=10, observed=3 + late), *THREE)
        assert states(first)["UNKNOWN"] == state
        after = engine_with(*THREE, passed(200))
        assert states(after)["UNKNOWN"] == "open"
        after.trim()
        take(after, waiver(1, since=0, until=10, observed=3 + late))
        assert states(after).get("UNKNOWN", "open") == state


def test_a_correction_observed_too_late_leaves_the_statement_that_was_known():
    # Fold toy/user looks back 100 seconds. The account is ended, with effect for the past, after 90 or after 200.
    for observed, subtype in ((90, "UNKNOWN"), (200, "KNOWN")):
        known, ended = account("a", 0), account("a", 0, until=1, stated=observed)
        assert known.id == ended.id
        for order in ((known, ended), (ended, known)):
            engine = engine_with(*order, *THREE)
            assert subtype in states(engine)
            assert subtype in states(restarted_and_judged(engine))


def restarted_and_judged(engine):
    """The context alone outlives; the same log-ins of another user are judged by it."""
    engine.keys.clear()
    fresh = restarted(engine)
    for event in THREE:
        take(fresh, event)
    return fresh


def test_only_statements_that_somebody_could_see_are_kept():
    store = ContextStore()
    early, late = account("a", 0, owner="P", own="A", stated=5), account("a", 0, owner="Q", own="A", stated=6, observed=3)
    assert store.put(early) is not None
    assert store.put(late) is not None
    assert store.put(early) is None
    assert store.statements("accounts", "A") == (late,)


def test_copies_of_a_statement_do_not_depend_on_arrival():
    one, two = (tables.envelope("accounts", {"account": "a", "from": toys.text(0), "id": "A"}, source=name) for name in ("x", "y"))
    for copies in ((one, two), (two, one)):
        store = ContextStore()
        for copy in copies:
            store.put(copy)
        assert [entry.source for entry in View(store, "test").all("accounts", "account:a")] == ["y"]
