"""The approval verdict table: revoked, rejected, wrong approver, several rows, several requests (minutes after 09:00)."""

import pytest

from detectors.kit import groups
from detectors.kit.approvals import Row, judge
from tests.kit.world import (
    COVERED,
    DAY,
    PEOPLE,
    SCOPE,
    account,
    act,
    approved,
    at,
    context,
    member,
    opened,
    post,
    rows,
    snapshot,
    verdict,
)


def test_revoked_before_the_act():
    found = verdict(approved(0), snapshot(40, decision="revoked", decision_time=40))
    assert (found.rows, found.approval) == ((Row.REVOKED,), "CHG1")


def test_revoked_after_the_act_is_no_violation():
    assert rows(approved(0), snapshot(70, decision="revoked", decision_time=70)) == COVERED


def test_time_of_the_approval_kept_in_a_revoked_record_is_not_the_revocation():
    assert rows(approved(0), snapshot(70, decision="revoked", decision_time=0)) == COVERED
    assert rows(approved(0), snapshot(40, decision="revoked", decision_time=0)) == opened("REVOKED")


def test_session_that_goes_on_after_the_revocation():
    revoked = [approved(0), snapshot(70, decision="revoked", decision_time=70)]
    assert rows(*revoked, until=69) == COVERED
    assert rows(*revoked, until=90) == opened("REVOKED")


def test_rejected_before_the_act():
    assert rows(snapshot(10, decision="rejected", decision_time=10)) == opened("REJECTED")


def test_rejected_then_approved_before_the_act():
    assert rows(snapshot(10, decision="rejected", decision_time=10), approved(20)) == COVERED


def test_rejected_before_and_approved_after_the_act_is_still_rejected_at_the_act():
    rejected = snapshot(10, decision="rejected", decision_time=10)
    assert rows(rejected, approved(90)) == opened("REJECTED", "LATE_APPROVAL")


def test_reopened_for_editing_keeps_the_approval():
    assert rows(approved(0), snapshot(40)) == COVERED


def test_only_the_end_of_a_request_was_seen_but_its_approvers_tell_their_time():
    end = snapshot(70, decision="revoked", decision_time=70, approvers=[{"account": "anna", "decided": "2026-03-02T09:00:00Z"}])
    assert rows(end) == COVERED


def test_approver_without_the_role_at_the_decision():
    assert rows(approved(0, approvers=[{"account": "boss"}])) == opened("WRONG_APPROVER")


def test_every_approver_needs_the_role_but_only_those_who_answered():
    two = [{"account": "anna"}, {"account": "boss"}]
    assert rows(approved(0, approvers=two)) == opened("WRONG_APPROVER")
    answered = [{"account": "anna", "decided": "2026-03-02T09:00:00Z"}, {"account": "boss"}]
    assert rows(approved(0, approvers=answered)) == COVERED


def test_no_approver_named_holds_no_role():
    assert rows(approved(0, approvers=[])) == opened("WRONG_APPROVER")


def test_roles_nobody_was_ever_given_are_not_judged():
    assert rows(approved(0, approvers=[{"account": "boss"}]), people=PEOPLE[:-1]) == COVERED


@pytest.mark.parametrize(("decided", "expected"), [(10, COVERED), (25, opened("WRONG_APPROVER"))])
def test_deputy_inside_and_outside_the_interval(decided, expected):
    deputy = post("firewall_approver", "P-BOSS", deputy=True, **{"from": "2026-03-02T09:05:00Z", "to": "2026-03-02T09:20:00Z"})
    assert rows(approved(decided, approvers=[{"account": "boss"}]), deputy) == expected


def test_role_for_another_group_is_not_the_role():
    people = [*PEOPLE[:-1], post("firewall_approver", "P-ANNA", objects=["edge"])]
    assert rows(approved(0), people=people) == opened("WRONG_APPROVER")
    assert rows(approved(0), member("edge", "fw-a"), people=people) == COVERED


def test_approver_moved_to_another_post_after_the_decision():
    people = [*PEOPLE[:-1], post("firewall_approver", "P-ANNA", to="2026-03-02T09:10:00Z")]
    assert rows(approved(0), people=people) == COVERED


def test_own_decision_is_told_beside_the_verdict():
    people = [*PEOPLE, account("ian.adm", "P-IAN"), post("firewall_approver", "P-IAN")]
    found = verdict(approved(0, approvers=[{"account": "ian.adm"}]), people=people)
    assert (found.state, found.own_decision) == ("covered", True)


def test_precedence_of_several_rows():
    everything = approved(0, approvers=[{"account": "boss"}], scope=SCOPE)
    revoked = snapshot(40, decision="revoked", decision_time=40)
    found = verdict(everything, revoked, t=160, objects=("firewall.policy/12", "x/13"))
    assert found.rows == (Row.REVOKED, Row.WRONG_APPROVER, Row.EXPIRED, Row.SCOPE_EXCEEDED)


def test_least_severe_of_several_requests():
    found = verdict(approved(0, approvers=[{"account": "boss"}]), approved(90, approval="CHG2"))
    assert (found.subtype, found.approval) == ("LATE_APPROVAL", "CHG2")


def test_request_for_the_object_goes_before_one_for_another():
    other = approved(0, approval="CHG0", scope={"targets": ["fw-a"], "objects": ["firewall.policy/99"]})
    mine = [approved(0, scope=SCOPE), snapshot(40, decision="revoked", decision_time=40, scope=SCOPE)]
    found = verdict(other, *mine)
    assert (found.subtype, found.approval) == ("REVOKED", "CHG1")


def test_two_approvals_together_cover_a_commit_of_two_rules():
    one, other = ({"targets": ["fw-a"], "objects": [f"firewall.policy/{n}"]} for n in (12, 13))
    found = verdict(
        approved(0, scope=one), approved(0, approval="CHG2", scope=other), objects=("firewall.policy/12", "firewall.policy/13")
    )
    assert (found.state, found.approvals) == ("covered", ("CHG1", "CHG2"))


def test_approvals_of_limited_uses_that_both_cover_are_one_stock():
    both = [approved(0, max_uses=1), approved(0, approval="CHG2", max_uses=2)]
    found = verdict(*both)
    assert (found.approval, found.max_uses) == ("CHG1", 3)
    free = verdict(*both, approved(0, approval="CHG3"))
    assert (free.approval, free.max_uses) == ("CHG3", None)


def test_reuse_found_elsewhere_takes_its_place_among_the_rows():
    found = verdict(approved(0, max_uses=1))
    assert found.max_uses == 1
    again = found.with_row(Row.REUSED)
    assert (again.state, again.subtype) == ("open", "REUSED")
    late = verdict(approved(90, max_uses=1)).with_row(Row.REUSED)
    assert late.rows == (Row.REUSED, Row.LATE_APPROVAL)


def test_request_cited_by_the_act_is_judged_although_long_over():
    assert rows(approved(0), t=150 + 30 * DAY, cites=("CHG1",)) == opened("EXPIRED")


def test_pair_is_named_by_either_member():
    ctx = context(*PEOPLE, approved(0), member("edge", "fw-a", kind="firewall"), member("edge", "fw-b", kind="firewall"))
    pair = act(ctx, host="fw-b", targets=groups.firewall_targets(ctx, "fw-b", at(60)))
    assert judge(ctx, pair).state == "covered"


def test_revoked_or_ended_approvals_for_other_objects_say_nothing():
    other = {"scope": {"targets": ["fw-a"], "objects": ["firewall.policy/99"]}}
    assert rows(approved(0, **other), snapshot(40, decision="revoked", decision_time=40, **other)) == opened("UNAPPROVED")
    assert rows(approved(0, valid_to=50, **other)) == opened("UNAPPROVED")


def test_request_in_force_goes_before_one_that_has_ended():
    ended = approved(0, approval="CHG0", valid_to=50)
    found = verdict(ended, approved(0), snapshot(40, decision="revoked", decision_time=40))
    assert (found.subtype, found.approval) == ("REVOKED", "CHG1")


def test_of_several_that_cover_together_the_limited_one_is_counted():
    one, other = ({"targets": ["fw-a"], "objects": [f"firewall.policy/{n}"]} for n in (12, 13))
    found = verdict(
        approved(0, scope=one), approved(0, approval="CHG2", scope=other, max_uses=2),
        objects=("firewall.policy/12", "firewall.policy/13"),
    )  # fmt: skip
    assert (found.approval, found.approvals, found.max_uses) == ("CHG2", ("CHG2", "CHG1"), 2)
