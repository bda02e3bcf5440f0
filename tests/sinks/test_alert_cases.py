"""Which violations are alerted, under which labels, and what is told when: the bookkeeping without a server."""

import pytest

from schemas import instant
from schemas.violation import Severity
from sinks.alerts.cases import Cases, Policy
from sinks.alerts.wording import Wording, annotations, labels
from tests.sinks.violations import T0, violation

S = instant.SECOND
WORDING = Wording(base_url="https://watch.example/", subject_labels=frozenset({"host", "user"}))
POLICY = Policy(severities=frozenset({Severity.HIGH, Severity.CRITICAL}))


class Told:
    """Cases, and a receiver that takes everything."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.cases = Cases(policy, WORDING)

    def after(self, *documents, now=T0):
        """What is told after these documents: (case, firing) in order."""
        for document in documents:
            self.cases.observe(document, now)
        return self.tell(now)

    def tell(self, now):
        self.cases.due(now)
        alerts = self.cases.take(1000, now)
        self.cases.told(alerts, now)
        return [(alert.case, alert.firing) for alert in alerts]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.mark.parametrize("severity", list(Severity))
@pytest.mark.parametrize("state", ["pending", "open", "excepted", "retracted", "withdrawn", "superseded"])
def test_only_open_violations_of_the_chosen_severities_are_told(told, severity, state):
    expected = [("v1", True)] if state == "open" and severity in POLICY.severities else []
    assert told.after(violation("v1", severity=severity, state=state)) == expected


@pytest.mark.parametrize("state", ["retracted", "excepted"])
def test_an_alert_ends_with_the_verdict(told, state):
    told.after(violation("v1"))
    told.cases.observe(violation("v1", 2, state=state), T0 + 5 * S)
    (alert,) = told.cases.take(10, T0 + 9 * S)
    assert (alert.firing, alert.starts, alert.ends) == (False, T0, T0 + 5 * S)
    told.cases.told([alert], T0 + 9 * S)
    assert told.cases.active == 0


def test_pending_again_and_changed_keep_the_alert(told):
    told.after(violation("v1"))
    assert told.after(violation("v1", 2, state="pending")) == []
    assert told.after(violation("v1", 3, severity="critical")) == [("v1", True)]
    assert told.cases.active == 1


def test_an_alert_ends_when_its_severity_has_fallen_for_good(told):
    told.after(violation("v1"))
    assert told.after(violation("v1", 2, severity="low")) == []
    assert told.after(violation("v1", 3), now=T0 + 10 * S) == [("v1", True)]
    assert told.after(violation("v1", 4, severity="low"), now=T0 + 20 * S) == []
    assert told.tell(T0 + 49 * S) == []
    assert told.tell(T0 + 50 * S) == [("v1", False)]


def test_a_withdrawal_is_told_only_when_it_has_held(told):
    told.after(violation("v1"))
    assert told.after(violation("v1", 2, state="withdrawn"), now=T0 + 1 * S) == []
    assert told.tell(T0 + 30 * S) == []
    assert told.tell(T0 + 31 * S) == [("v1", False)]


def test_a_withdrawal_taken_back_in_time_is_never_told_as_an_end(told):
    told.after(violation("v1"))
    told.after(violation("v1", 2, state="withdrawn"), now=T0 + 1 * S)
    assert told.after(violation("v1", 3), now=T0 + 20 * S) == [("v1", True)]
    assert told.tell(T0 + 60 * S) == []


def test_a_withdrawal_before_anything_was_told_tells_nothing(told):
    assert told.after(violation("v1"), violation("v1", 2, state="withdrawn")) == []
    assert told.tell(T0 + 60 * S) == []
    assert told.cases.active == 0


def test_a_withdrawal_while_a_failed_request_was_under_way_tells_nothing(told):
    told.cases.observe(violation("v1"), T0)
    under_way = told.cases.take(10, T0)
    told.cases.observe(violation("v1", 2, state="withdrawn"), T0)
    told.cases.put_back(under_way)
    assert told.tell(T0) == []
    assert told.tell(T0 + 60 * S) == []


OLD = violation("old", 2, state="superseded", superseded_by="new")


def new(number=1, **fields):
    return violation("new", number, case=fields.pop("case", "old"), supersedes="old", **fields)


@pytest.mark.parametrize("order", [(OLD, new()), (new(), OLD)])
def test_a_successor_of_the_same_case_keeps_the_alert_and_its_labels(told, order):
    first = violation("old", severity="critical", subtype="UNAPPROVED")
    told.after(first)
    for document in order:
        told.cases.observe(document, T0)
    (alert,) = told.cases.take(10, T0)
    assert alert.firing
    assert alert.labels == labels(first, WORDING)
    assert alert.link.endswith("/violations/new")
    assert told.cases.active == 1


@pytest.mark.parametrize("order", [(OLD, new(state="retracted")), (new(state="retracted"), OLD)])
def test_a_successor_that_is_no_violation_ends_the_alert_once(told, order):
    told.after(violation("old"))
    assert told.after(*order) == [("old", False)]
    assert told.cases.active == 0


@pytest.mark.parametrize("order", [(OLD, new(case="other")), (new(case="other"), OLD)])
def test_a_successor_of_another_case_ends_the_alert_and_begins_its_own(told, order):
    told.after(violation("old"))
    assert sorted(told.after(*order)) == [("old", False), ("other", True)]


def test_a_case_whose_successor_is_with_another_worker_is_no_longer_repeated(told):
    told.after(violation("old"))
    assert told.after(OLD) == []
    told.cases.refresh(T0 + 60 * S)
    assert told.tell(T0 + 60 * S) == []
    assert told.cases.active == 1
    told.cases.refresh(T0 + POLICY.lease + 61 * S)
    assert told.cases.active == 0


def test_redelivered_and_older_documents_tell_nothing(told):
    told.after(violation("v1"), violation("v1", 2))
    assert told.after(violation("v1"), violation("v1", 2)) == []
    told.after(violation("v1", 3, state="retracted"))
    assert told.after(violation("v1"), violation("v1", 2), violation("v1", 3, state="retracted")) == []


def test_firing_alerts_are_repeated_and_live_for_the_lease(told):
    told.after(violation("v1"), violation("v2"), violation("v3"))
    told.after(violation("v3", 2, state="retracted"))
    assert told.tell(T0 + 60 * S) == []
    told.cases.refresh(T0 + 60 * S)
    alerts = told.cases.take(10, T0 + 60 * S)
    assert [(alert.case, alert.starts, alert.ends) for alert in alerts] == [
        ("v1", T0, T0 + 60 * S + POLICY.lease),
        ("v2", T0, T0 + 60 * S + POLICY.lease),
    ]


def test_what_was_not_told_stays_first_in_the_queue_in_its_newest_state(told):
    for name in ("v1", "v2", "v3"):
        told.cases.observe(violation(name), T0)
    failed = told.cases.take(2, T0)
    told.cases.observe(violation("v1", 2, state="retracted"), T0)
    told.cases.put_back(failed)
    assert told.tell(T0) == [("v1", False), ("v2", True), ("v3", True)]


def test_an_end_that_came_while_the_start_was_under_way_is_told(told):
    told.cases.observe(violation("v1"), T0)
    under_way = told.cases.take(10, T0)
    told.cases.observe(violation("v1", 2, state="retracted"), T0)
    told.cases.told(under_way, T0)
    assert told.tell(T0) == [("v1", False)]
    assert told.cases.active == 0


def test_an_opening_that_came_while_the_end_was_under_way_is_told(told):
    told.after(violation("v1"))
    told.cases.observe(violation("v1", 2, state="retracted"), T0)
    under_way = told.cases.take(10, T0)
    told.cases.observe(violation("v1", 3), T0)
    told.cases.told(under_way, T0)
    assert told.tell(T0) == [("v1", True)]


def test_more_cases_than_there_is_room_for_are_counted_and_can_be_taken_up_later():
    told = Told(Policy(capacity=2))
    assert told.after(violation("v1"), violation("v2"), violation("v3")) == [("v1", True), ("v2", True)]
    assert told.cases.dropped == 1
    told.after(violation("v1", 2, state="retracted"))
    told.cases.observe(violation("v3"), T0, adopt=True)
    assert told.tell(T0) == [("v3", True)]


def test_what_the_store_holds_open_is_taken_up_once(told):
    told.cases.restore([violation("v1"), violation("v2", 3), violation("v3", severity="low")], T0)
    assert told.tell(T0) == [("v1", True), ("v2", True)]
    told.cases.restore([violation("v1"), violation("v2", 3)], T0 + 60 * S)
    assert told.after(violation("v2", 2)) == []


def test_what_the_store_no_longer_holds_open_ends_when_that_has_held(told):
    told.after(violation("v1"), violation("v2"), violation("v3"))
    told.cases.restore([violation("v1")], T0 + 120 * S)
    told.cases.restore([violation("v1"), violation("v3", 2)], T0 + 140 * S)
    assert told.tell(T0 + 149 * S) == [("v3", True)]
    assert told.tell(T0 + 150 * S) == [("v2", False)]
    assert told.cases.active == 2


def test_what_a_search_cannot_find_yet_does_not_end(told):
    told.after(violation("v1"))
    told.cases.restore([], T0 + 60 * S)
    assert told.tell(T0 + 100 * S) == []
    assert told.cases.active == 1


def test_a_list_that_may_be_cut_ends_nothing():
    told = Told(Policy(capacity=2))
    told.after(violation("v1"))
    told.cases.restore([violation("v2"), violation("v3")], T0 + 120 * S)
    assert told.tell(T0 + 200 * S) == [("v2", True)]


def test_nobody_is_told_the_future_as_a_start(told):
    told.cases.observe(violation("v1", detected_time=T0 + 100 * S), T0)
    assert told.cases.take(10, T0)[0].starts == T0


# Wording


def test_labels_are_of_the_case_and_of_the_subject_parts_the_site_names():
    assert labels(violation("v1", case="c1"), WORDING) == {
        "alertname": "repeated_failed_logins",
        "case": "c1",
        "severity": "high",
        "control": "CC-18000.3.e",
        "detector": "repeated_failed_logins",
        "subtype": "CONTROL_FAILURE",
        "subject_host": "web-7",
        "subject_user": "chen",
    }
    assert "subject_user" not in labels(violation("v1"), Wording(base_url=""))


def test_hostile_subjects_become_harmless_labels():
    wording = Wording(base_url="", subject_labels=frozenset({"source.ip", "host", "severity"}))
    hostile = violation("v1", subject={"source.ip": "\x1b[31m\r\n\u202e", "host": "x" * 1000, "severity": "low"}, controls=())
    found = labels(hostile, wording)
    assert found["subject_source_ip"] == r"\x1b[31m\r\n\u202e"
    assert len(found["subject_host"]) == 200
    assert found["severity"] == "high"
    assert "control" not in found


def test_people_read_the_clause_in_both_languages_and_find_the_page():
    assert annotations(violation("v/1", controls=("CC-18000.3.e", "CC-17010.c")), WORDING) == {
        "summary_zh": "【高】CC-18000.3.e, CC-17010.c 密碼輸入錯誤次數達三次者，應予中斷連線（repeated_failed_logins CONTROL_FAILURE）",
        "summary_en": "[high] CC-18000.3.e, CC-17010.c Disconnect after three wrong passwords (repeated_failed_logins CONTROL_FAILURE)",
        "time": "2026-03-02T01:00:00Z",
        "link": "https://watch.example/violations/v%2F1",
    }
    assert "CC-unknown" in annotations(violation("v1", controls=("CC-unknown",)), WORDING)["summary_en"]
