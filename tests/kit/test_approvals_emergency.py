"""The approval verdict table: emergencies, ratified in time, too late, by whom (minutes after 09:00)."""

import pytest

from detectors.kit.approvals import Row
from schemas.violation import Severity
from tests.kit.world import DAY, PEOPLE, approved, at, opened, post, rows, snapshot, verdict

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


def test_ratification_taken_back_in_time_is_none():
    back = snapshot(120, decision="revoked", decision_time=120, **EMERGENCY)
    assert rows(snapshot(50, **EMERGENCY), approved(90, **EMERGENCY), back) == opened("EMERGENCY_UNRATIFIED")


def test_emergency_does_not_wait_for_the_window_its_ratification_states():
    assert rows(snapshot(50, **EMERGENCY), approved(90, **(EMERGENCY | {"valid_from": 90}))) == opened("EMERGENCY_RATIFIED")
