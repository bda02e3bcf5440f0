"""ECS documents, after "ECS Categorization Fields" (elastic.co/docs/reference/ecs), and Filebeat's envelope."""

import json

import pytest

from schemas import instant
from schemas.event import Activity, Rank, Reason, ecs_document
from streams.feeds.kit.contract import Unreadable
from streams.feeds.kit.filebeat import unwrap
from tests.feeds.reading import event, facts, read

LOGIN = {
    "@timestamp": "2026-03-02T01:15:30.123Z",
    "event": {
        "category": ["authentication"], "type": ["start"], "outcome": "failure", "action": "ssh_login", "id": "e-1", "code": 4625,
        "created": "2026-03-02T01:15:33Z", "ingested": "2026-03-02T01:16:00Z", "sequence": 77,
    },
    "user": {"name": "amy", "domain": "CORP"}, "source": {"ip": "203.0.113.9", "port": 51000}, "host": {"hostname": "app-1"},
    "process": {"name": "sshd", "pid": 99}, "message": "Failed password for amy", "labels": {"team": "x"}, "tags": ["a"],
}


def document(category: str, *types: str, **fields: object) -> str:
    return json.dumps({"@timestamp": "2026-03-02T01:15:30Z", "event.category": [category], "event.type": list(types)} | fields)


def test_a_nested_document():
    facts(
        "ecs", json.dumps(LOGIN), activity=Activity.LOGIN, outcome="failure", reason=Reason.WRONG_PASSWORD, user="amy", user_domain="CORP",
        src_ip="203.0.113.9", src_port=51000, host="app-1", process="sshd", pid=99, code="4625", seq=77, action="ssh_login",
        t="2026-03-02T01:15:30.123Z", o=instant.parse("2026-03-02T01:15:33Z"), message="Failed password for amy",
    )
    assert event("ecs", json.dumps(LOGIN)).extra == {"labels.team": "x"}


def test_dotted_documents_and_search_hits_say_the_same():
    dotted = {"@timestamp": LOGIN["@timestamp"], "event.category": "authentication", "event.type": "start", "event.outcome": "failure", "user.name": "amy"}
    facts("ecs", json.dumps(dotted), activity=Activity.LOGIN, user="amy", category=("authentication",))
    hit = json.dumps({"_index": "i", "_id": "abc", "_source": LOGIN})
    facts("ecs", hit, activity=Activity.LOGIN, user="amy")
    moved = json.dumps({"_index": "j", "_id": "abc", "_source": LOGIN | {"labels": {}}})
    assert event("ecs", hit).id == event("ecs", moved).id


@pytest.mark.parametrize(
    ("text", "activity"),
    [
        (document("authentication", "start", **{"event.outcome": "success"}), Activity.LOGIN),
        (document("authentication", "end", **{"event.outcome": "success"}), Activity.SESSION_CLOSE),
        (document("authentication", "info", **{"event.action": "account-locked", "event.outcome": "failure"}), Activity.LOCK),
        (document("session", "start"), Activity.SESSION_OPEN),
        (document("session", "end"), Activity.SESSION_CLOSE),
        (document("iam", "user", "creation"), Activity.ACCOUNT_CHANGE),
        (document("file", "change"), Activity.FILE_CHANGE),
        (document("file", "access"), Activity.OTHER),
        (document("configuration", "change", **{"observer.type": "firewall"}), Activity.FIREWALL_CHANGE),
        (document("configuration", "change", **{"observer.type": "proxy"}), Activity.CONFIG_CHANGE),
        (document("configuration", "access", **{"observer.type": "firewall"}), Activity.OTHER),
        (document("network", "connection", "denied"), Activity.FLOW),
        (document("web", "access"), Activity.WEB_REQUEST),
        (document("intrusion_detection", "info"), Activity.ALERT),
        (document("network", **{"event.kind": "alert"}), Activity.ALERT),
        (document("process", "start"), Activity.PROCESS),
        (document("host", "start", **{"event.action": "booted-system"}), Activity.BOOT),
        (document("database", "access"), Activity.OTHER),
    ],
)
def test_categories_and_types_tell_what_happened(text, activity):
    facts("ecs", text, activity=activity)


def test_a_success_comes_after_the_failures_of_its_instant():
    assert event("ecs", document("authentication", "start", **{"event.outcome": "success"})).rank == Rank.SUCCESS


def test_what_a_sender_says_about_our_own_fields_is_not_believed():
    facts("ecs", document("network", **{"controlwatch.activity": "approval_decision", "controlwatch.ref": "CHG1"}), activity=Activity.FLOW, ref="")


def test_our_own_documents_read_back():
    first = event("ecs", json.dumps(LOGIN))
    again = event("ecs", json.dumps(ecs_document(first)))
    assert (again.activity, again.user, again.src_ip, again.t, again.o) == (first.activity, first.user, first.src_ip, first.t, first.o)


def test_an_ingest_clock_that_runs_behind_does_not_make_it_implausible():
    late = json.loads(json.dumps(LOGIN))
    late["event"]["created"] = "2026-03-02T00:00:00Z"
    assert event("ecs", json.dumps(late)).o == instant.parse("2026-03-02T01:15:30.123Z")


@pytest.mark.parametrize(
    ("text", "reason"),
    [("[]", "wrong_type"), ("{", "bad_json"), ('{"@timestamp":"x"}', "bad_time"), ('{"@timestamp":{"a":1}}', "wrong_type"), ('{"@timestamp":true}', "wrong_type")],
)
def test_refused(text, reason):
    if reason is None:
        assert read("ecs", text)
        return
    with pytest.raises(Unreadable) as refused:
        read("ecs", text)
    assert refused.value.reason == reason


ENVELOPE = {
    "@timestamp": "2026-03-02T01:15:33.5Z", "agent": {"type": "filebeat"}, "host": {"name": "app-1"}, "input": {"type": "log"},
    "log": {"file": {"path": "/var/log/auth.log"}}, "message": "Mar  2 09:15:30 app-1 sshd[99]: Failed password",
}


def test_filebeats_envelope_comes_off():
    assert unwrap(ENVELOPE) == (ENVELOPE["message"], instant.parse("2026-03-02T01:15:33.5Z"), "app-1")
    assert unwrap(ENVELOPE | {"event": {"original": "raw"}}) == ("raw", instant.parse("2026-03-02T01:15:33.5Z"), "app-1")
    assert unwrap({"@metadata": {}, "message": "x", "@timestamp": "?"}) == ("x", None, "")


@pytest.mark.parametrize("own", [{"event": {"category": ["web"]}}, {"event.category": "web"}, {"message": None}])
def test_an_event_of_its_own_stays_as_it_is(own):
    assert unwrap(ENVELOPE | own) is None


def test_a_message_without_filebeats_marks_stays_as_it_is():
    assert unwrap({"message": "x", "level": "info"}) is None
