"""The approval verdict table: covered or not, the window, late arrival and late decision (minutes after 09:00)."""

import pytest

from detectors.kit.approvals import Limits, Row, judge
from schemas.violation import Severity, State
from tests.kit.world import COVERED, DAY, PEOPLE, act, approved, at, context, member, opened, rows, snapshot, verdict


def test_approved_before_and_seen_before_is_covered():
    found = verdict(approved(0))
    assert (found.state, found.subtype, found.approval, found.persons) == ("covered", None, "CHG1", ("P-IAN",))
    assert not found.skew_ambiguous


def test_no_approval_names_the_target():
    found = verdict(approved(0, scope={"targets": ["fw-z"]}))
    assert (found.state, found.subtype, found.approval) == ("open", "UNAPPROVED", None)
    assert found.settle_at == at(62)


def test_request_never_decided_is_unapproved():
    assert rows(snapshot(0)) == opened("UNAPPROVED")


def test_approval_of_the_group_covers_its_members_as_of_the_act():
    group = {"scope": {"targets": ["Edge"]}}
    assert rows(approved(0, **group), member("edge", "fw-a")) == COVERED
    assert rows(approved(0, **group), member("edge", "fw-a", to="2026-03-02T09:30:00Z")) == opened("UNAPPROVED")


def test_wildcard_target_is_for_standing_approvals_only():
    everything = {"scope": {"targets": ["*"]}, "valid_to": None}
    assert rows(approved(0, standing=True, **everything)) == COVERED
    assert rows(approved(0, **everything))[0] == "open"


@pytest.mark.parametrize(
    ("t", "expected", "ambiguous"),
    [
        (30, COVERED, False),
        (30 - 1 / 60, COVERED, True),  # one second before valid_from
        (28, COVERED, True),  # exactly the tolerance
        (28 - 1 / 60, opened("UNAPPROVED"), False),
        (150 + 1 / 60, COVERED, True),  # one second after valid_to
        (152, COVERED, True),
        (152 + 1 / 60, opened("EXPIRED"), False),
    ],
)  # fmt: skip
def test_window_with_tolerance_at_both_ends(t, expected, ambiguous):
    found = verdict(approved(0), t=t)
    assert (found.state, *found.rows) == expected
    assert found.skew_ambiguous is (ambiguous and found.state == "covered")


def test_expired_names_the_overrun():
    found = verdict(approved(0), t=180)
    assert found.values()["overrun_s"] == "1800"
    assert "valid_to" in "".join(found.values())


def test_approval_that_ended_long_ago_is_another_matter():
    assert rows(approved(0), t=150 + 8 * DAY) == opened("UNAPPROVED")


def test_session_must_lie_within_the_window_as_a_whole():
    assert rows(approved(0), t=60, until=149) == COVERED
    found = verdict(approved(0), t=60, until=160)
    assert (found.subtype, found.overrun // 60_000_000, found.settle_at) == ("EXPIRED", 10, at(162))


def test_act_between_two_scans_is_covered_if_any_part_is():
    found = verdict(approved(0), t=200, earliest=140)
    assert (found.state, found.skew_ambiguous) == ("covered", True)
    assert rows(approved(0), t=200, earliest=160) == opened("EXPIRED")


def test_decided_one_second_after_the_act_is_within_tolerance():
    found = verdict(approved(60 + 1 / 60))
    assert (found.state, found.skew_ambiguous) == ("covered", True)


@pytest.mark.parametrize("window", [{}, {"valid_from": None}, {"valid_to": None}, {"valid_from": None, "valid_to": None}])
@pytest.mark.parametrize("days", [0, 1, 6, 45, 100])
def test_approvals_are_found_on_every_day_of_their_window(window, days):
    span = {"valid_from": 30, "valid_to": 30 + 120 * DAY} | window
    assert rows(approved(0, **span), t=60 + days * DAY) == COVERED


@pytest.mark.parametrize(("days", "expected"), [(2, opened("EXPIRED")), (3.2, opened("UNAPPROVED")), (4, opened("UNAPPROVED"))])
def test_ended_approval_speaks_of_an_act_for_three_days(days, expected):
    assert rows(approved(0), t=150 + days * DAY) == expected


def test_limits_beyond_what_is_looked_up_are_refused():
    with pytest.raises(ValueError, match="related is at most 3 days"):
        Limits(related="P4D")


def test_numbers_of_ours_can_be_set():
    ctx = context(*PEOPLE, approved(0))
    strict = Limits(skew="PT1S")
    assert judge(ctx, act(ctx, 151), limits=strict).subtype == "EXPIRED"
    assert judge(ctx, act(ctx, 151)).state == "covered"


@pytest.mark.parametrize(("o", "state"), [(45, "covered"), (120, "covered"), (120 + 1 / 60, "retracted"), (230, "retracted")])
def test_decided_before_observed_after_the_act(o, state):
    found = verdict(approved(0, o=o))
    assert found.state == state
    if state == "retracted":
        assert (found.subtype, found.approval, found.finding_state) == ("UNAPPROVED", "CHG1", State.RETRACTED)


def test_act_itself_seen_late_gives_the_approval_as_long():
    assert verdict(approved(0, o=200), o=200).state == "covered"
    assert verdict(approved(0, o=200), o=199).state == "retracted"


def test_retracted_carries_the_rows_that_stood_until_then():
    found = verdict(approved(0, o=180), approved(0, approval="CHG0", valid_to=50))
    assert (found.state, found.subtype, found.approval) == ("retracted", "EXPIRED", "CHG1")


def test_decided_after_the_act_stays_and_lowers_the_severity():
    found = verdict(snapshot(0), approved(90))
    assert (found.state, found.rows) == ("open", (Row.LATE_APPROVAL,))
    assert found.severity(Severity.CRITICAL) is Severity.HIGH
    assert found.settle_at == at(62)


def test_late_decision_for_other_objects_says_nothing_of_the_act():
    other = {"scope": {"targets": ["fw-a"], "objects": ["firewall.policy/99"]}}
    assert rows(approved(90, **other)) == opened("UNAPPROVED")


def test_late_decision_for_a_window_of_next_week_says_nothing_of_the_act():
    assert rows(approved(90, valid_from=7 * DAY, valid_to=8 * DAY)) == opened("UNAPPROVED")


def test_backdated_by_its_arrival():
    found = verdict(approved(0, updated=900, o=900))
    assert (found.state, found.rows) == ("open", (Row.BACKDATED_APPROVAL,))


def test_backdated_by_an_own_earlier_state():
    """At 10:10 the request was still open; at 10:40 it says it was approved at 09:00."""
    assert rows(snapshot(70), approved(0, updated=100)) == opened("BACKDATED_APPROVAL")


def test_old_decision_known_at_the_act_is_not_backdated():
    assert rows(approved(-30 * DAY, updated=0, valid_from=-30 * DAY)) == COVERED


def test_normal_delay_of_the_ticket_source_is_allowed_for():
    slow = ("sources", {"source": "tickets", "feed": "servicenow", "delay": "P1D"}, None)
    assert verdict(approved(0, updated=900, o=900), slow).state == "retracted"


def test_same_decision_exported_again_counts_from_its_first_sight():
    assert rows(approved(0, o=900)) == opened("BACKDATED_APPROVAL")
    assert rows(approved(0, o=900), approved(0, updated=50, o=70)) == COVERED


@pytest.mark.parametrize(("days", "expected"), [(6, opened("LATE_APPROVAL")), (8, opened("UNAPPROVED"))])
def test_late_decision_without_window_speaks_of_an_act_for_seven_days(days, expected):
    assert rows(approved(60 + days * DAY, valid_from=None, valid_to=None)) == expected
