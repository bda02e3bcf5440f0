"""Self-approved requests: reasons, evidence, severity, and what the raw lines of a feed do not show."""

import msgspec
import pytest

from schemas import tables
from schemas.event import Activity, SecurityEvent
from tests.detectors.harness import at, judged

ID = "self_approved_change"
PEOPLE = {"anna": "P-ANNA", "rita": "P-RITA", "ian": "P-IAN", "ian.adm": "P-IAN"}


def stated(table, **data):
    return tables.envelope(table, data)


FIRM = [
    *(stated("accounts", account=name, person=person) for name, person in PEOPLE.items()),
    stated("accounts", account="svc-deploy", kind="service"),
]


def request(approver="anna", *, number="CHG1", decided=0, **fields):
    """A request that Rita asked for and Ian is to do, and the record of its decision."""
    data = {
        "approval": number, "requester": "rita", "implementer": "ian", "approvers": [{"account": approver}], "decision": "approved",
        "decision_time": at(decided), "updated": at(decided), "scope": {"targets": ["web-1"]},
    }  # fmt: skip
    decision = SecurityEvent(
        id=f"decision-{number}-{decided}", t=at(decided), o=at(decided), feed="approval", source="tickets",
        activity=Activity.APPROVAL_DECISION, action="approved", user=approver, ref=number, original=f"{number} approved",
    )  # fmt: skip
    return [decision], [*FIRM, tables.envelope("approvals", data | fields)]


def reasons(*args, **fields):
    events, context = request(*args, **fields)
    return [(v.subtype, v.reasons) for v in judged(ID, events, context)]


@pytest.mark.parametrize(
    ("approver", "fields", "expected"),
    [
        ("anna", {}, []),
        ("rita", {}, ["APPROVER_IS_REQUESTER"]),
        ("ian.adm", {}, ["APPROVER_IS_IMPLEMENTER"]),
        ("rita", {"implementer": "rita"}, ["APPROVER_IS_REQUESTER", "APPROVER_IS_IMPLEMENTER"]),
        ("mailbox", {}, ["UNRESOLVED_APPROVER"]),
        ("svc-deploy", {}, ["UNRESOLVED_APPROVER"]),
        ("mailbox", {"requester": "MAILBOX"}, ["APPROVER_IS_REQUESTER", "UNRESOLVED_APPROVER"]),
        ("anna", {"implementer": "svc-deploy"}, []),
        ("anna", {"implementer": "svc-deploy", "on_behalf_of": "anna"}, ["APPROVER_IS_REQUESTER", "APPROVER_IS_IMPLEMENTER"]),
        ("anna", {"requester": "anna", "on_behalf_of": "rita"}, []),
        ("anna", {"requester": "ghost"}, []),
        ("anna", {"requester": "", "implementer": ""}, []),
    ],
)
def test_reasons(approver, fields, expected):
    assert reasons(approver, **fields) == ([("SELF_APPROVED", tuple(expected))] if expected else [])


def test_approver_known_as_person_needs_no_account():
    assert reasons(approvers=[{"person": "P-BEA"}]) == []
    assert reasons(approvers=[{"person": "P-RITA"}]) == [("SELF_APPROVED", ("APPROVER_IS_REQUESTER",))]


def test_no_approver_named_is_not_judged_here():
    assert reasons(approvers=[]) == []


def test_decision_and_persons_are_the_evidence():
    [found] = judged(ID, *request("rita"))
    assert (found.anchor_time, found.persons, found.approval) == (at(0), ("P-RITA",), "CHG1")
    assert [item.original for item in found.evidence] == ["CHG1 approved"]


@pytest.mark.parametrize(
    ("fields", "severity", "controls"),
    [
        ({"scope": {"targets": ["edge"]}}, "critical", ("CC-17010.b.e",)),
        ({"scope": {"targets": ["fw-a"]}}, "critical", ("CC-17010.b.e",)),
        ({"scope": {"targets": ["db-1"], "accounts": ["root"]}}, "critical", ("CC-17020.b.c",)),
    ],
)
def test_firewall_and_root_are_critical(fields, severity, controls):
    events, context = request("rita", **fields)
    [found] = judged(ID, events, [*context, stated("groups", group="edge", member="fw-a", kind="firewall")])
    assert (found.severity, found.controls) == (severity, controls)


def test_renamed_account_of_the_requester_is_still_the_requester():
    events, context = request("r.wu")
    assert len(judged(ID, events, [*context, stated("accounts", account="r.wu", person="P-RITA")])) == 1


def test_account_that_came_later_is_not_the_approvers_at_the_decision():
    events, context = request("new")
    later = stated("accounts", account="new", person="P-ANNA", **{"from": at(60)})
    assert [v.reasons for v in judged(ID, events, [*context, later])] == [("UNRESOLVED_APPROVER",)]


def test_act_whose_doer_nobody_saw_names_no_implementer():
    events, context = request("rita")
    use = SecurityEvent(
        id="use", t=at(60), o=at(60), feed="fact", source="unannounced_web_or_program_change", activity=Activity.FACT,
        action="approval_use", ref="CHG1", extra={
            "detector": "unannounced_web_or_program_change", "account": "", "persons": [], "event": "change-1",
            "act": {"source": "fim", "time": at(60)},
        },
    )  # fmt: skip
    [found] = judged(ID, [*events, use], context)
    assert [(item.event_id, item.values.get("implementer")) for item in found.evidence] == [("decision-CHG1-0", None), ("change-1", None)]
    assert found.evidence[1].values == {}


def each_others():
    """Ian approves Anna's request, an hour later Anna his for the same host."""
    first, context = request("ian", number="CHG1", requester="anna", implementer="")
    second, more = request("anna", number="CHG2", decided=3600, requester="ian", implementer="")
    return [*first, *second], [*context, more[-1]]


def cited(found):
    return [(item.event_id, item.source, item.original, item.values["approval"], item.values["approver"]) for item in found.evidence]


BOTH = [
    ("decision-CHG1-0", "tickets", "CHG1 approved", "CHG1", "P-IAN"),
    ("decision-CHG2-3600", "tickets", "CHG2 approved", "CHG2", "P-ANNA"),
]


@pytest.mark.parametrize("order", [1, -1])
def test_mutual_approval_cites_the_records_of_both_decisions(order):
    events, context = each_others()
    events = [msgspec.structs.replace(event, line=line) for line, event in enumerate(events, 7)]
    [found] = judged(ID, events[::order], context)
    assert (found.subtype, found.reasons, found.persons) == ("COLLUSION_HINT", ("MUTUAL_APPROVAL",), ("P-ANNA", "P-IAN"))
    assert cited(found) == BOTH
    assert [item.line for item in found.evidence] == [7, 8]


def test_mutual_approval_cites_the_first_record_of_a_decision_that_is_exported_again():
    events, context = each_others()
    again = [
        msgspec.structs.replace(event, id=f"{event.id}-again-{n}", o=at(7200), seq=n) for event in events for n in range(1, 9)
    ]  # fmt: skip
    [found] = judged(ID, [*events, *again], context)
    assert cited(found) == BOTH


def test_mutual_approval_of_a_request_approved_twice_cites_the_decision_that_made_the_pair():
    # CHG2 had been approved by Rita, and was then edited and approved anew, by Anna.
    events, context = each_others()
    early, more = request("rita", number="CHG2", decided=-60, requester="ian", implementer="")
    [found] = judged(ID, [*early, *events], [*context, more[-1]])
    assert cited(found) == BOTH


def test_fact_that_an_earlier_version_told_stands_for_the_record_it_does_not_name():
    facts = [
        SecurityEvent(
            id=f"fact-{n}", t=at(n), o=at(n), feed="fact", source=ID, activity=Activity.FACT, action="approval_between",
            ref="P-ANNA|P-IAN", extra={"approval": f"CHG{n}", "requester": asked, "approver": given, "targets": ["w"], "objects": []},
        )
        for n, (asked, given) in enumerate([("P-ANNA", "P-IAN"), ("P-IAN", "P-ANNA")], 1)
    ]  # fmt: skip
    [found] = judged(ID, facts, FIRM)
    assert [item.event_id for item in found.evidence] == ["fact-1", "fact-2"]
