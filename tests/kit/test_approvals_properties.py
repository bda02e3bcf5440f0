"""Properties of the verdict: it depends on the set of snapshots, and a better approval never makes it worse."""

from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.kit.approvals import judge
from tests.kit.world import DAY, PEOPLE, act, approved, context, member, post, snapshot

MINUTES = st.integers(-200, 400)
OBJECTS = st.lists(st.sampled_from(["firewall.policy/12", "firewall.policy/13", "firewall.*"]), max_size=2)
TARGET = st.sampled_from(["fw-a", "edge", "fw-z"])


@st.composite
def snapshots(draw):
    """One snapshot of one of three requests, in any state."""
    number = draw(st.sampled_from(["CHG1", "CHG2", "CHG3"]))
    decided = draw(MINUTES)
    updated = decided + draw(st.sampled_from([0, 0, 10, 900]))
    start = draw(st.one_of(st.none(), MINUTES))
    fields = {
        "approval": number,
        "approvers": [{"account": draw(st.sampled_from(["anna", "boss", "ian"]))}],
        "scope": {"targets": [draw(TARGET)], "objects": draw(OBJECTS)},
        "valid_from": start,
        "valid_to": None if start is None else start + draw(st.integers(1, 300)),
        "emergency": draw(st.booleans()),
        "max_uses": draw(st.sampled_from([None, 1])),
    }
    decision = draw(st.sampled_from(["requested", "approved", "approved", "rejected", "revoked"]))
    if decision != "requested":
        fields |= {"decision": decision, "decision_time": decided}
    return snapshot(updated, updated + draw(st.sampled_from([0, 0, 30, 120])), **fields)


WORLD = [*PEOPLE, member("edge", "fw-a"), post("firewall_approver", "P-IAN")]
ACT = st.fixed_dictionaries({
    "t": st.integers(0, 120),
    "objects": st.sampled_from([("firewall.policy/12",), ("firewall.policy/12", "firewall.policy/13")]),
})  # fmt: skip


def decide(records, fields):
    ctx = context(*WORLD, *records)
    return judge(ctx, act(ctx, **fields))


@settings(max_examples=150, deadline=None)
@given(st.lists(snapshots(), max_size=6), ACT, st.randoms())
def test_order_of_arrival_does_not_matter(records, fields, random):
    shuffled = list(records)
    random.shuffle(shuffled)
    assert decide(shuffled, fields) == decide(records, fields)


@settings(max_examples=150, deadline=None)
@given(st.lists(snapshots(), max_size=5), ACT)
def test_doubled_snapshots_change_nothing(records, fields):
    assert decide(records * 2, fields) == decide(records, fields)


@settings(max_examples=150, deadline=None)
@given(st.lists(snapshots(), max_size=5), ACT)
def test_irrelevant_approvals_change_nothing(records, fields):
    elsewhere = approved(0, approval="CHG8", scope={"targets": ["fw-q"]})
    long_over = approved(-60 * DAY, approval="CHG9", valid_from=-60 * DAY, valid_to=-59 * DAY)
    next_month = approved(-5, approval="CHG7", valid_from=30 * DAY, valid_to=31 * DAY)
    assert decide([*records, elsewhere, long_over, next_month], fields) == decide(records, fields)


@settings(max_examples=150, deadline=None)
@given(st.lists(snapshots(), max_size=5), ACT)
def test_a_covering_approval_wins(records, fields):
    covering = approved(-300, approval="CHG0", valid_from=-300, valid_to=600)
    assert decide([*records, covering], fields).state == "covered"


@settings(max_examples=150, deadline=None)
@given(st.lists(snapshots(), max_size=5), ACT)
def test_rows_and_state_agree(records, fields):
    found = decide(records, fields)
    assert (found.state == "covered") == (not found.rows)
    assert list(found.rows) == sorted(found.rows, key=list(type(found.rows[0])).index if found.rows else None)
    assert "EMERGENCY_RATIFIED" not in found.rows or len(found.rows) == 1
    assert found.settle_at > 0
