"""Approvals as plain JSON, as ``schemas/approval.py`` states their fields."""

import json

import pytest

from schemas import instant, tables
from schemas.approval import Approval
from schemas.context import ContextRecord
from schemas.event import Activity, SecurityEvent
from streams.feeds.kit.contract import Unreadable
from tests.feeds.reading import read

SNAPSHOT = {
    "approval": "REQ-7", "requester": "amy", "implementer": "carl", "approvers": [{"account": "bob"}, {"person": "P9"}],
    "decision": "approved", "decision_time": "2026-03-02T08:00:00+08:00", "valid_from": "2026-03-02T09:00:00+08:00",
    "valid_to": "2026-03-02T11:00:00+08:00", "scope": {"targets": ["fw1"], "objects": ["firewall.policy/*"]},
    "updated": "2026-03-02T08:00:05+08:00",
}


def test_a_decided_snapshot_is_context_and_a_decision():
    context, decision = read("approval", json.dumps(SNAPSHOT))
    assert isinstance(context, ContextRecord)
    assert isinstance(decision, SecurityEvent)
    typed = tables.model(context)
    assert isinstance(typed, Approval)
    assert typed.scope.targets == ("fw1",)
    assert context.o == instant.parse("2026-03-02T00:00:05Z")
    assert (decision.t, decision.o) == (instant.parse("2026-03-02T00:00:00Z"), instant.parse("2026-03-02T00:00:05Z"))
    assert (decision.activity, decision.action, decision.ref) == (Activity.APPROVAL_DECISION, "approved", "REQ-7")
    assert (decision.user, decision.objects) == ("bob", ("fw1",))
    assert decision.extra["related.user"] == ["bob", "P9"]


def test_a_request_without_decision_states_no_decision():
    open_request = {key: value for key, value in SNAPSHOT.items() if not key.startswith(("decision", "approvers"))}
    context, request = read("approval", json.dumps(open_request))
    assert isinstance(context, ContextRecord)
    assert isinstance(request, SecurityEvent)
    assert (request.activity, request.action, request.user) == (Activity.OTHER, "requested", "amy")


def test_the_observed_time_of_the_collector_comes_before_the_export_time():
    seen = instant.parse("2026-03-02T01:00:00Z")
    assert {item.o for item in read("approval", json.dumps(SNAPSHOT), o=seen)} == {seen}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"updated": None}, "missing_field"),
        ({"updated": "yesterday"}, "bad_time"),
        ({"decision_time": "2026-02-30T00:00:00Z"}, "bad_time"),
        ({"aproved_by": "typing mistake"}, "wrong_type"),
        ({"decision": "maybe"}, "wrong_type"),
        ({"max_uses": 0}, "wrong_type"),
    ],
)
def test_what_is_not_an_approval_is_refused_with_the_reason(change, reason):
    with pytest.raises(Unreadable) as refused:
        read("approval", json.dumps(SNAPSHOT | change))
    assert refused.value.reason == reason
