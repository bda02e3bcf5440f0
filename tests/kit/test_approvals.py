"""The approval verdict table, row by row, and the tests every approval detector must pass (minutes after 09:00)."""

import pytest

from detectors.kit import groups
from detectors.kit.approvals import Limits, Row, judge
from schemas.violation import Severity, State
from tests.kit.world import DAY, PEOPLE, account, act, approved, at, context, member, post, snapshot


def verdict(*records, people=PEOPLE, t: float = 60, **fields):
    ctx = context(*people, *records)
    return judge(ctx, act(ctx, t, **fields))


def rows(*records, **fields):
    found = verdict(*records, **fields)
    return (found.state, *found.rows)


COVERED = ("covered",)


def opened(*names):
    return ("open", *(Row(name) for name in names))


# ------------------------------------------------------------------------------------------------ covered, unapproved


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


# ------------------------------------------------------------------------------------------------ time


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


# ------------------------------------------------------------------------------------------------ late


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


# ------------------------------------------------------------------------------------------------ emergency


EMERGENCY = {"emergency": True, "emergency_at": 50, "valid_from": None, "valid_to": None}


def test_emergency_ratified_in_time_is_medium_and_stands_alone():
    found = verdict(snapshot(50, **EMERGENCY), approved(10 * 60, **EMERGENCY))
    assert (found.state, found.rows) == ("open", (Row.EMERGENCY_RATIFIED,))
    assert found.severity(Severity.CRITICAL) is Severity.MEDIUM


@pytest.mark.parametrize(
    ("decided", "expected"),
    [
        (60 + DAY, opened("EMERGENCY_RATIFIED")),
        (62 + DAY, opened("EMERGENCY_RATIFIED")),
        (63 + DAY, opened("EMERGENCY_UNRATIFIED", "LATE_APPROVAL")),
        (60 + 9 * DAY, opened("EMERGENCY_UNRATIFIED", "LATE_APPROVAL")),
    ],
)
def test_emergency_decided_within_24_hours_of_the_act(decided, expected):
    assert rows(snapshot(50, **EMERGENCY), approved(decided, **EMERGENCY)) == expected


def test_emergency_never_decided_settles_when_its_time_is_up():
    found = verdict(snapshot(50, **EMERGENCY))
    assert (found.rows, found.settle_at) == ((Row.EMERGENCY_UNRATIFIED,), at(62 + DAY))
    assert found.severity(Severity.HIGH) is Severity.CRITICAL


def test_emergency_rejected_settles_at_once():
    found = verdict(snapshot(50, **EMERGENCY), snapshot(90, decision="rejected", decision_time=90, **EMERGENCY))
    assert (found.rows, found.settle_at) == ((Row.EMERGENCY_UNRATIFIED,), at(62))


@pytest.mark.parametrize("approver", ["ian", "rita"])
def test_emergency_ratified_by_the_implementer_or_requester_is_not_ratified(approver):
    people = [*PEOPLE, post("firewall_approver", "P-IAN"), post("firewall_approver", "P-RITA")]
    late = approved(90, approvers=[{"account": approver}], **EMERGENCY)
    assert rows(snapshot(50, **EMERGENCY), late, people=people) == opened("EMERGENCY_UNRATIFIED")


def test_emergency_ratified_without_the_role_is_not_ratified():
    late = approved(90, approvers=[{"account": "boss"}], **EMERGENCY)
    assert rows(snapshot(50, **EMERGENCY), late) == opened("EMERGENCY_UNRATIFIED", "WRONG_APPROVER")


def test_emergency_flag_set_after_the_act_is_none():
    flag = EMERGENCY | {"emergency_at": 70}
    assert rows(snapshot(55), approved(90, **flag)) == opened("LATE_APPROVAL")
    assert rows(snapshot(55), snapshot(70, **flag)) == opened("UNAPPROVED")


def test_emergency_flag_stated_earlier_than_a_state_without_it_does_not_count():
    assert rows(snapshot(65), approved(90, **EMERGENCY)) == opened("LATE_APPROVAL")


def test_emergency_of_yesterday_is_not_the_emergency_of_today():
    flag = EMERGENCY | {"emergency_at": 50 - 2 * DAY}
    assert rows(snapshot(50 - 2 * DAY, **flag)) == opened("UNAPPROVED")


# ------------------------------------------------------------------------------------------------ scope


SCOPE = {"targets": ["fw-a"], "objects": ["firewall.policy/12"], "accounts": ["ian"], "actions": ["edit"]}


def test_one_rule_too_many():
    found = verdict(approved(0, scope=SCOPE), objects=("firewall.policy/12", "firewall.policy/13"))
    assert (found.subtype, found.difference) == ("SCOPE_EXCEEDED", "objects: firewall.policy/13")


def test_right_host_wrong_account():
    found = verdict(approved(0, scope=SCOPE), account="boss")
    assert (found.subtype, found.difference) == ("SCOPE_EXCEEDED", "accounts: boss")


def test_other_person_than_approved_even_on_the_approved_account():
    scope = {"targets": ["fw-a"], "accounts": ["ian"], "persons": ["P-RITA"]}
    assert verdict(approved(0, scope=scope)).difference == "persons: P-IAN"


def test_unresolved_person_is_outside_named_persons():
    found = verdict(approved(0, scope={"targets": ["fw-a"], "persons": ["P-IAN"]}), account="ghost")
    assert (found.subtype, found.difference) == ("SCOPE_EXCEEDED", "persons: unknown person of ghost")


def test_action_outside():
    assert verdict(approved(0, scope=SCOPE), actions=("delete",)).difference == "actions: delete"


def test_words_of_change_systems_mean_the_same_action():
    assert rows(approved(0, scope=SCOPE | {"actions": ["modify"]})) == COVERED


def test_artefact_hash_outside():
    scope = {"targets": ["fw-a"], "hashes": ["aa" * 32]}
    assert rows(approved(0, scope=scope), hashes=("AA" * 32,)) == COVERED
    assert rows(approved(0, scope=scope), hashes=("bb" * 32,)) == opened("SCOPE_EXCEEDED")


def test_one_host_of_the_group_too_many():
    """Approved for web-1 and web-2; the same person goes on to web-3 of the same farm."""
    farm = [member("farm", f"web-{n}") for n in (1, 2, 3)]
    chg = approved(0, scope={"targets": ["web-1", "web-2"], "accounts": ["ian"]})
    assert rows(chg, *farm, host="web-2", role="") == COVERED
    found = verdict(chg, *farm, host="web-3", role="")
    assert (found.subtype, found.approval, found.difference) == ("SCOPE_EXCEEDED", "CHG1", "targets: web-3")


def test_neighbours_approval_for_somebody_else_says_nothing():
    farm = [member("farm", f"web-{n}") for n in (1, 3)]
    chg = approved(0, scope={"targets": ["web-1"], "accounts": ["rita"]})
    assert rows(chg, *farm, host="web-3", role="") == opened("UNAPPROVED")


@pytest.mark.parametrize("scope", [{}, {"accounts": ["ian"], "objects": ["firewall.policy/99"]}], ids=["anybody", "another object"])
def test_neighbours_approval_must_name_this_actor_and_differ_in_the_host_only(scope):
    farm = [member("farm", f"web-{n}") for n in (1, 3)]
    assert rows(approved(0, scope={"targets": ["web-1"]} | scope), *farm, host="web-3", role="") == opened("UNAPPROVED")


@pytest.mark.parametrize(
    ("allowed", "done", "covered"),
    [("set", "add", True), ("set", "edit", True), ("set", "delete", False), ("add", "set", True), ("delete", "set", False)],
)
def test_set_is_to_add_or_to_edit(allowed, done, covered):
    found = verdict(approved(0, scope={"targets": ["fw-a"], "actions": [allowed]}), actions=(done,))
    assert (found.state == "covered") is covered


def test_object_patterns_and_bare_names():
    names = ("firewall.policy/Web-In",)
    assert rows(approved(0, scope={"targets": ["fw-a"], "objects": ["firewall.policy/web-*"]}), objects=names) == COVERED
    bare = approved(0, scope={"targets": ["fw-a"], "objects": ["web-in"]})
    assert rows(bare, objects=names) == COVERED
    assert rows(bare, objects=names, bare_names=False) == opened("SCOPE_EXCEEDED")


def test_group_object_is_approved_by_naming_the_rules_it_alters():
    group, rules = "firewall.addrgrp/partners", ("firewall.policy/12", "firewall.policy/15")
    one = approved(0, scope={"targets": ["fw-a"], "objects": ["firewall.policy/12"]})
    both = approved(0, scope={"targets": ["fw-a"], "objects": list(rules)})
    assert rows(one, objects=(group,), used_by={group: rules}) == opened("SCOPE_EXCEEDED")
    assert rows(both, objects=(group,), used_by={group: rules}) == COVERED


def test_scope_edited_after_the_decision_does_not_count():
    wider = {"targets": ["fw-a"], "objects": ["firewall.policy/12", "firewall.policy/13"]}
    edited = [approved(0, scope=SCOPE), approved(0, updated=20, scope=wider)]
    assert rows(*edited, objects=("firewall.policy/13",)) == opened("SCOPE_EXCEEDED")
    renewed = [approved(0, scope=SCOPE), approved(25, scope=wider)]
    assert rows(*renewed, objects=("firewall.policy/13",)) == COVERED


def test_target_edited_into_an_approved_request_does_not_count():
    edited = [approved(0, scope={"targets": ["fw-z"]}), approved(0, updated=20, scope={"targets": ["fw-z", "fw-a"]})]
    assert rows(*edited)[0] == "open"


def test_target_edited_out_of_an_approved_request_still_counts():
    assert rows(approved(0), approved(0, updated=20, scope={"targets": ["fw-z"]})) == COVERED


def test_window_edited_after_the_decision_does_not_count():
    assert rows(approved(0), approved(0, updated=160, valid_to=300), t=180) == opened("EXPIRED")


# ------------------------------------------------------------------------------------------------ revoked, roles


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


# ------------------------------------------------------------------------------------------------ several rows, several requests


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


def test_ratification_taken_back_in_time_is_none():
    back = snapshot(120, decision="revoked", decision_time=120, **EMERGENCY)
    assert rows(snapshot(50, **EMERGENCY), approved(90, **EMERGENCY), back) == opened("EMERGENCY_UNRATIFIED")


def test_emergency_does_not_wait_for_the_window_its_ratification_states():
    assert rows(snapshot(50, **EMERGENCY), approved(90, **(EMERGENCY | {"valid_from": 90}))) == opened("EMERGENCY_RATIFIED")


def test_renewed_decision_replaces_the_earlier_one():
    narrower = {"targets": ["fw-a"], "objects": ["firewall.policy/13"]}
    assert rows(approved(0), approved(25, scope=narrower)) == opened("SCOPE_EXCEEDED")
    assert rows(approved(0), approved(65, scope=narrower)) == COVERED


def test_revoked_or_ended_approvals_for_other_objects_say_nothing():
    other = {"scope": {"targets": ["fw-a"], "objects": ["firewall.policy/99"]}}
    assert rows(approved(0, **other), snapshot(40, decision="revoked", decision_time=40, **other)) == opened("UNAPPROVED")
    assert rows(approved(0, valid_to=50, **other)) == opened("UNAPPROVED")


def test_request_in_force_goes_before_one_that_has_ended():
    ended = approved(0, approval="CHG0", valid_to=50)
    found = verdict(ended, approved(0), snapshot(40, decision="revoked", decision_time=40))
    assert (found.subtype, found.approval) == ("REVOKED", "CHG1")


def test_same_decision_exported_again_counts_from_its_first_sight():
    assert rows(approved(0, o=900)) == opened("BACKDATED_APPROVAL")
    assert rows(approved(0, o=900), approved(0, updated=50, o=70)) == COVERED


def test_of_several_that_cover_together_the_limited_one_is_counted():
    one, other = ({"targets": ["fw-a"], "objects": [f"firewall.policy/{n}"]} for n in (12, 13))
    found = verdict(
        approved(0, scope=one), approved(0, approval="CHG2", scope=other, max_uses=2),
        objects=("firewall.policy/12", "firewall.policy/13"),
    )  # fmt: skip
    assert (found.approval, found.approvals, found.max_uses) == ("CHG2", ("CHG2", "CHG1"), 2)


@pytest.mark.parametrize("window", [{}, {"valid_from": None}, {"valid_to": None}, {"valid_from": None, "valid_to": None}])
@pytest.mark.parametrize("days", [0, 1, 6, 45, 100])
def test_approvals_are_found_on_every_day_of_their_window(window, days):
    span = {"valid_from": 30, "valid_to": 30 + 120 * DAY} | window
    assert rows(approved(0, **span), t=60 + days * DAY) == COVERED


@pytest.mark.parametrize(("days", "expected"), [(2, opened("EXPIRED")), (3.2, opened("UNAPPROVED")), (4, opened("UNAPPROVED"))])
def test_ended_approval_speaks_of_an_act_for_three_days(days, expected):
    assert rows(approved(0), t=150 + days * DAY) == expected


@pytest.mark.parametrize(("days", "expected"), [(6, opened("LATE_APPROVAL")), (8, opened("UNAPPROVED"))])
def test_late_decision_without_window_speaks_of_an_act_for_seven_days(days, expected):
    assert rows(approved(60 + days * DAY, valid_from=None, valid_to=None)) == expected


def test_limits_beyond_what_is_looked_up_are_refused():
    with pytest.raises(ValueError, match="related is at most 3 days"):
        Limits(related="P4D")


def test_numbers_of_ours_can_be_set():
    ctx = context(*PEOPLE, approved(0))
    strict = Limits(skew="PT1S")
    assert judge(ctx, act(ctx, 151), limits=strict).subtype == "EXPIRED"
    assert judge(ctx, act(ctx, 151)).state == "covered"
