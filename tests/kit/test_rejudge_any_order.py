"""Whatever came too late, and however: once it is judged again, the final set is that of all records in order."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.kit.registry import Loaded, Ruleset
from schemas import instant
from tests.kit import naive, rejudging, shells, toys
from tests.kit.test_one_truth import WAYS, stories

EVER = 100_000 * instant.DAY
UNTIL = toys.BASE + 5000 * toys.S
PATIENT = Ruleset([
    Loaded(
        id="toy", title="", doc="", version="1",
        detector=replace(toys.DETECTOR, folds=tuple(replace(fold, memory=EVER, lookback=EVER) for fold in toys.FOLDS)),
    )
])  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(stories(), WAYS, st.booleans())
def test_rejudged_it_is_what_the_definition_says_of_everything_ever_observed(records, way, early):
    """At last the horizon has passed everything, so that the corrections carry it all: old numbers, facts, forgotten keys.

    ``early``: late events have been let in before, as far as the owners still covered them.
    """
    events = [record for record in records if hasattr(record, "rank")]
    context = [record for record in records if not hasattr(record, "rank")]
    shell = shells.ran(toys.RULES, records, way, UNTIL)
    shell.way = way._replace(trim=0.0)  # a correction made before a trim is refused: run again, see test_rejudge.py
    if early:
        rejudging.rejudged(shell, 0, UNTIL)
        again = rejudging.plan(shell, 0, UNTIL)
        assert (again.corrections, again.changes) == ([], [])
    for lane in shell.lanes:
        lane.commit(trim=True)
        lane.commit(trim=True)
    found = rejudging.rejudged(shell, 0, UNTIL)
    due = naive.final(PATIENT, events, context, UNTIL, waiving=toys.RULES)
    assert {id_: naive.shown(violation) for id_, violation in shell.final().items()} == due
    assert found.left == 0
    again = rejudging.plan(shell, 0, UNTIL)
    assert (again.corrections, again.changes) == ([], [])
