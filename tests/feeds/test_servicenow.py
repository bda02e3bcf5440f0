"""ServiceNow exports: the mapping of ``docs/feeds/servicenow.md``.

Field names and the pairs of display value and value follow "Table API" (ServiceNow developer reference,
``GET /now/table/{tableName}``, parameter ``sysparm_display_value``).
"""

import json
from zoneinfo import ZoneInfo

import pytest

from schemas import instant, tables
from schemas.approval import Approval
from schemas.context import ContextRecord, Incident
from schemas.event import Activity, SecurityEvent
from streams.feeds.kit.contract import Unreadable
from tests.feeds.reading import event, read


def pair(display: str, value: str) -> dict[str, str]:
    return {"display_value": display, "value": value}


CHANGE = {
    "table_name": "change_request",
    "sys_id": pair("1766f1de47410200e90d87e8dee490f6", "1766f1de47410200e90d87e8dee490f6"),
    "number": pair("CHG0000024", "CHG0000024"),
    "type": pair("Normal", "normal"),
    "requested_by": pair("amy.adams", "62826bf03710200044e0bfc8bcbe5df1"),
    "assigned_to": pair("carl.cho", "46c1293aa9fe1981000dc753e75ebeee"),
    "approval": pair("Approved", "approved"),
    "approval_set": pair("03/05/2026 16:00:00", "2026-03-05 08:00:00"),
    "u_approved_by": "bob.brown, dora.dai",
    "start_date": pair("03/05/2026 18:00:00", "2026-03-05 10:00:00"),
    "end_date": pair("03/05/2026 19:00:00", "2026-03-05 11:00:00"),
    "work_end": pair("03/05/2026 23:00:00", "2026-03-05 15:00:00"),
    "cmdb_ci": pair("fw-core-1", "b0ccabf1c0a80009001f14fd151d8df0"),
    "u_targets": "fw-core-2, fw-core-1",
    "u_objects": "firewall.policy/12,firewall.address/*",
    "u_actions": "edit,add",
    "u_accounts": "", "u_max_uses": "1",
    "assignment_group": pair("Network", "287ebd7da9fe198100f92cc8d1d2154e"),
    "state": pair("Scheduled", "-2"),
    "short_description": pair("Open the branch to the quote feed", "Open the branch to the quote feed"),
    "sys_updated_on": pair("03/05/2026 16:00:30", "2026-03-05 08:00:30"),
}


def change(**fields: object) -> str:
    return json.dumps(CHANGE | fields)


def approval(text: str, **options) -> Approval:
    context = next(item for item in read("servicenow", text, **options) if isinstance(item, ContextRecord))
    typed = tables.model(context)
    assert isinstance(typed, Approval)
    return typed


def test_an_approved_change_becomes_an_approval_with_its_scope():
    typed = approval(change())
    assert (typed.approval, typed.type, typed.decision, typed.emergency, typed.standing) == (
        "CHG0000024", "normal", "approved", False, False,
    )
    assert (typed.requester, typed.implementer, typed.team) == ("amy.adams", "carl.cho", "Network")
    assert [who.account for who in typed.approvers] == ["bob.brown", "dora.dai"]
    assert typed.decision_time == instant.parse("2026-03-05T08:00:00Z")
    assert typed.valid_from == instant.parse("2026-03-05T10:00:00Z")
    assert typed.valid_to == instant.parse("2026-03-05T11:00:00Z")
    assert typed.scope.targets == ("fw-core-1", "fw-core-2")
    assert typed.scope.objects == ("firewall.policy/12", "firewall.address/*")
    assert typed.scope.actions == ("edit", "add")
    assert typed.scope.accounts == ()
    assert typed.max_uses == 1
    assert typed.updated == instant.parse("2026-03-05T08:00:30Z")


def test_its_decision_is_an_event_at_the_time_of_the_decision():
    found = event("servicenow", change())
    assert found.activity == Activity.APPROVAL_DECISION
    assert (found.t, found.o) == (instant.parse("2026-03-05T08:00:00Z"), instant.parse("2026-03-05T08:00:30Z"))
    assert (found.ref, found.user, found.action) == ("CHG0000024", "bob.brown", "approved")
    assert found.objects == ("fw-core-1", "fw-core-2")


def test_the_same_state_exported_twice_is_one_event():
    again = change(short_description="another text beside it")
    assert event("servicenow", change()).id == event("servicenow", again).id
    later = change(sys_updated_on="2026-03-05 09:00:00")
    assert event("servicenow", change()).id != event("servicenow", later).id


@pytest.mark.parametrize(
    ("fields", "decision", "at"),
    [
        ({"approval": "requested", "approval_set": ""}, "requested", None),
        ({"approval": pair("Not Yet Requested", "not requested"), "approval_set": ""}, "requested", None),
        ({"approval": "rejected"}, "rejected", "2026-03-05T08:00:00Z"),
        ({"approval_set": ""}, "approved", "2026-03-05T08:00:30Z"),
        ({"state": pair("Canceled", "4")}, "revoked", "2026-03-05T08:00:30Z"),
        ({"state": "Canceled", "closed_at": "2026-03-05 08:00:10"}, "revoked", "2026-03-05T08:00:10Z"),
        ({"state": "4", "approval": "not requested"}, "revoked", "2026-03-05T08:00:30Z"),
        ({"state": "Canceled", "approval": "requested", "approval_set": ""}, "requested", None),
        ({"state": "Canceled", "approval": "rejected"}, "rejected", "2026-03-05T08:00:00Z"),
    ],
)
def test_decisions(fields, decision, at):
    typed = approval(change(**fields))
    assert typed.decision == decision
    assert typed.decision_time == (None if at is None else instant.parse(at))
    found = event("servicenow", change(**fields))
    assert (found.activity == Activity.APPROVAL_DECISION) == (decision != "requested")
    assert found.action == decision


def test_types_of_change():
    emergency = approval(change(type="emergency", u_emergency_at="2026-03-05 07:00:00"))
    assert (emergency.emergency, emergency.emergency_at) == (True, instant.parse("2026-03-05T07:00:00Z"))
    assert approval(change(type=pair("Standard", "standard"))).standing is True


def test_without_planned_dates_the_work_dates_count():
    typed = approval(change(start_date="", end_date=None, work_start="2026-03-05 12:00:00"))
    assert typed.valid_from == instant.parse("2026-03-05T12:00:00Z")
    assert typed.valid_to == instant.parse("2026-03-05T15:00:00Z")


@pytest.mark.parametrize(
    ("stamp", "other", "expected"),
    [
        # A stored value is UTC; a display value is in the exporting user's format and zone, here Taipei.
        ("2026-03-05 08:00:00", "", "2026-03-05T08:00:00Z"),
        (pair("2026-03-05 16:00:00", "2026-03-05 08:00:00"), "", "2026-03-05T08:00:00Z"),
        ("03/05/2026 16:00:00", "03/25/2026 00:00:00", "2026-03-05T08:00:00Z"),
        ("03/05/2026 16:00:00", "", "2026-03-05T08:00:00Z"),
        ("05/03/2026 16:00:00", "25/03/2026 00:00:00", "2026-03-05T08:00:00Z"),
        ("05-03-2026 04:00:00 PM", "25-03-2026 00:00:00", "2026-03-05T08:00:00Z"),
        ("05.03.2026 16:00", "", "2026-03-05T08:00:00Z"),
        ("2026-03-05T16:00:00+08:00", "", "2026-03-05T08:00:00Z"),
    ],
)
def test_dates(stamp, other, expected):
    found = approval(change(approval_set=stamp, due_date=other), zone=ZoneInfo("Asia/Taipei"))
    assert found.decision_time == instant.parse(expected)


@pytest.mark.parametrize("stamp", ["soon", "13/13/2026 10:00:00", "03/05/26 10:00:00", "2026-03-05 25:00:00"])
def test_a_broken_date_is_refused(stamp):
    with pytest.raises(Unreadable) as refused:
        read("servicenow", change(approval_set=stamp))
    assert refused.value.reason == "bad_time"


@pytest.mark.parametrize("name", ["number", "sys_updated_on"])
def test_a_change_without_number_or_update_time_is_refused(name):
    with pytest.raises(Unreadable) as refused:
        read("servicenow", change(**{name: ""}))
    assert refused.value.reason == "missing_field"


def test_a_task_refers_to_its_change_and_approves_nothing():
    task = {
        "sys_class_name": "Change Task", "number": "CTASK0010008", "change_request": pair("CHG0000024", "1766f1de"),
        "sys_updated_on": "2026-03-05 10:30:00", "sys_id": "d740c636",
    }
    items = read("servicenow", json.dumps(task))
    assert len(items) == 1
    found = event("servicenow", json.dumps(task))
    assert (found.activity, found.action, found.ref) == (Activity.OTHER, "change_task", "CHG0000024")


def test_an_incident_with_stamps_is_a_record_of_notification_and_handling():
    ticket = {
        "number": "INC0010023", "cmdb_ci": pair("web-7", "x"), "u_notified_at": "2026-03-05 10:05:00",
        "resolved_at": "2026-03-05 12:00:00", "sys_updated_on": "2026-03-05 12:00:01",
    }
    context, found = read("servicenow", json.dumps(ticket))
    assert isinstance(context, ContextRecord)
    assert isinstance(found, SecurityEvent)
    typed = tables.model(context)
    assert isinstance(typed, Incident)
    assert (typed.incident, typed.host) == ("INC0010023", "web-7")
    assert typed.notified == instant.parse("2026-03-05T10:05:00Z")
    assert typed.handled == instant.parse("2026-03-05T12:00:00Z")
    assert len(read("servicenow", json.dumps(ticket | {"u_notified_at": "", "resolved_at": ""}))) == 1


@pytest.mark.corpora
def test_public_export(corpora):
    lines = (corpora / "servicenow" / "test-event-mmdd.log").read_text().splitlines()
    found = [event("servicenow", line) for line in lines]
    assert [(item.action, item.t) for item in found] == [
        ("requested", instant.parse("2015-07-06T18:59:27Z")),
        ("alm_hardware", instant.parse("2024-09-10T01:15:50Z")),
        ("change_task", instant.parse("2016-11-11T03:51:16Z")),
    ]
    assert approval(lines[0]).valid_from == instant.parse("2025-03-05T10:00:00Z")
    assert found[1].message == "P1000241 - Gateway DX Series"
