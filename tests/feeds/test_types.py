"""Values of a wrong type: each field of a good record of every JSON feed, replaced by what does not belong there.

The record is a dead letter, or it says the same as before: nothing that a detector asks for is dropped, and nothing invented.
"""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.event import Activity, SecurityEvent
from streams.feeds.kit import ecs_document
from streams.feeds.kit.contract import Unreadable
from tests.feeds.reading import event, read

IDENTITY = (
    "t", "activity", "outcome", "user", "effective_user", "target_user", "src_ip", "src_port", "dst_ip", "dst_port", "path", "hash",
    "hash_before", "objects", "ref", "pid", "host", "rank",
)  # fmt: skip
NOON = "2026-03-02T09:15:30.000Z"
GOOD: dict[str, list[dict[str, Any]]] = {
    "ecs": [
        {
            "@timestamp": NOON, "host": {"name": "app-1"}, "process": {"pid": 99}, "message": "x",
            "event": {"category": ["authentication"], "type": ["start"], "outcome": "failure", "kind": "event", "created": NOON},
            "user": {"name": "amy", "target": {"name": "bob"}}, "source": {"ip": "203.0.113.9", "port": 51000}, "destination": {"ip": "192.0.2.7"},
        },
        {"@timestamp": NOON, "event": {"category": ["file"], "type": ["change"]}, "file": {"path": "/etc/passwd"}},
    ],
    "auditd_manager": [
        {
            "@timestamp": NOON, "event": {"module": "file_integrity", "action": ["updated"], "category": ["file"]}, "host": {"name": "h"},
            "file": {"path": "/etc/passwd", "hash": {"sha256": "ab"}, "type": "file"}, "controlwatch": {"last_scan": NOON},
        },
        {
            "@timestamp": NOON, "event": {"module": "auditd", "outcome": "success", "category": ["authentication"]}, "process": {"pid": 7},
            "auditd": {"message_type": "user_login", "sequence": 5, "data": {"acct": "amy", "op": "login"}}, "source": {"ip": "203.0.113.9"},
            "user": {"name": "amy"}, "host": {"name": "h"},
        },
    ],
    "suricata": [
        {
            "timestamp": "2026-03-02T09:15:30.000000+0000", "event_type": "alert", "src_ip": "203.0.113.9", "src_port": 5, "dest_ip": "192.0.2.7",
            "dest_port": 80, "proto": "TCP", "host": "ids-1", "alert": {"action": "blocked", "signature": "x", "signature_id": 5, "severity": 2},
        },
        {
            "timestamp": "2026-03-02T09:15:30.000000+0000", "event_type": "flow", "src_ip": "203.0.113.9", "dest_ip": "192.0.2.7",
            "flow": {"action": "drop", "state": "new"},
        },
    ],
    "modsecurity": [
        {"transaction": {
            "time_stamp": "Mon Mar  2 09:15:30 2026", "client_ip": "203.0.113.9", "client_port": 5, "host_ip": "192.0.2.7", "host_port": 80,
            "is_interrupted": True, "unique_id": "u", "request": {"method": "GET", "uri": "/a", "headers": {"Host": "x"}},
            "response": {"http_code": 403}, "messages": [{"message": "m", "details": {"ruleId": "942100", "severity": "2"}}],
        }},
        {
            "transaction": {
                "time": "02/Mar/2026:09:15:30 +0000", "transaction_id": "u", "remote_address": "203.0.113.9", "remote_port": 5,
                "local_address": "192.0.2.7", "local_port": 80,
            },
            "request": {"request_line": "GET /a HTTP/1.1", "headers": {"Host": "x"}}, "response": {"status": 403},
            "audit_data": {"messages": ['Access denied [id "942100"] [msg "m"]'], "action": {"intercepted": True}},
        },
    ],
    "servicenow": [
        {
            "number": "CHG1", "sys_updated_on": "2026-03-02 09:15:30", "approval": "approved", "approval_set": "2026-03-02 09:00:00",
            "requested_by": {"display_value": "amy", "value": "5"}, "assigned_to": "bob", "cmdb_ci": "fw-1", "u_targets": ["fw-2"],
            "start_date": "2026-03-02 10:00:00", "end_date": "2026-03-02 12:00:00", "type": "normal", "u_approved_by": "eve",
        },
        {"number": "CTASK1", "sys_updated_on": "2026-03-02 09:15:30", "sys_updated_by": "amy", "change_request": "CHG1", "cmdb_ci": "fw-1"},
    ],
    "wazuh": [
        {
            "timestamp": NOON, "rule": {"id": "550", "level": 7, "groups": ["syscheck"]}, "agent": {"id": "001", "name": "web-1"}, "id": "1.2",
            "manager": {"name": "m"}, "syscheck": {
                "path": "/etc/passwd", "event": "modified", "mode": "realtime", "sha256_before": "ab", "sha256_after": "cd",
                "changed_attributes": ["sha256"], "audit": {"user": {"name": "amy", "id": "7"}, "process": {"id": "9", "name": "/bin/sh"}},
            },
        },
        {
            "timestamp": NOON, "rule": {"id": "5", "groups": ["authentication_failed"]}, "agent": {"id": "001", "name": "web-1"},
            "data": {"srcip": "203.0.113.9", "srcport": "5", "dstuser": "amy"}, "full_log": "x",
        },
    ],
    "windows": [
        {
            "@timestamp": NOON, "winlog": {
                "event_id": 4625, "channel": "Security", "computer_name": "pc", "record_id": 5, "provider_name": "p", "keywords": ["Audit Failure"],
                "event_data": {"TargetUserName": "amy", "TargetDomainName": "D", "IpAddress": "203.0.113.9", "IpPort": "5", "LogonType": "3"},
            },
        },
        {"Event": {
            "System": {"EventID": 4624, "Channel": "Security", "Computer": "pc", "EventRecordID": 5, "TimeCreated": {"SystemTime": NOON}},
            "EventData": {"TargetUserName": "amy", "IpAddress": "203.0.113.9", "LogonType": 3, "TargetLogonId": "0x5"},
        }},
        {
            "EventID": 4720, "Channel": "Security", "Computer": "pc", "TimeCreated": NOON,
            "TargetUserName": "amy", "SubjectUserName": "bob",
        },
    ],
    "linux": [{
        "__REALTIME_TIMESTAMP": "1772442930000000", "_HOSTNAME": "h", "SYSLOG_IDENTIFIER": "sshd", "_PID": "7",
        "MESSAGE": "Failed password for amy from 203.0.113.9 port 5 ssh2",
    }],
    "approval": [{
        "approval": "CHG1", "requester": "amy", "decision": "approved", "decision_time": NOON, "valid_from": NOON, "updated": NOON,
        "scope": {"targets": ["fw-1"]}, "approvers": [{"account": "eve"}],
    }],
    "generic": [{"timestamp": NOON, "event": "login", "result": "failure", "username": "amy", "srcip": "203.0.113.9"}],
}  # fmt: skip
WRONG: tuple[Any, ...] = (7, 1.5, -1, 10**25, True, {}, {"a": 1}, {"a": {"b": []}}, [{}], [["x"]], [7], [True])
# What has no one type: words of unknown formats, a name that is a number, a message given as its bytes.
NOT_TYPED = {"generic": (("event",), ("result",), ("username",)), "linux": (("MESSAGE",),)}
CASES = [(feed, number) for feed, records in GOOD.items() for number in range(len(records))]


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Paths of all values but the whole, objects among them."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in items:
        yield from leaves(part, (*path, name))


def at(record: Any, path: tuple[str | int, ...]) -> Any:
    for name in path:
        record = record[name]
    return record


def replaced(record: dict[str, Any], path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(record)
    at(changed, path[:-1])[path[-1]] = value
    return changed


def identity(feed: str, record: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What the record says, without what only describes."""
    items = read(feed, json.dumps(record))
    assert items
    return [
        tuple(getattr(item, name) for name in IDENTITY) if isinstance(item, SecurityEvent)
        else tuple(item.data.get(name) for name in ("approval", "decision", "decision_time", "requester", "scope", "valid_from", "updated"))
        for item in items
    ]  # fmt: skip


def outcome(feed: str, record: dict[str, Any]) -> list[tuple[Any, ...]] | Unreadable:
    """What the record says, or why it is a dead letter."""
    try:
        return identity(feed, record)
    except Unreadable as refused:
        return refused


def same_or_dead(feed: str, good: dict[str, Any], path: tuple[str | int, ...], value: Any) -> None:
    old = at(good, path)
    new = value[0] if isinstance(value, list) and len(value) == 1 else value
    numeric = (isinstance(old, int | float) or (isinstance(old, str) and old.isdecimal())) and isinstance(new, int | float)
    numeric = numeric or (path == ("@timestamp",) and feed == "ecs" and isinstance(new, int))  # milliseconds since 1970
    if type(old) is type(value) or numeric or path in NOT_TYPED.get(feed, ()):
        return
    said = outcome(feed, replaced(good, path, value))
    if isinstance(said, Unreadable):
        stated = said.reason != "wrong_type" or "got" in said.detail or said.detail.startswith("approvals: ")
        assert stated
        assert said.reason in ("wrong_type", "bad_time", "missing_field", "implausible_time"), said
    else:
        assert said == identity(feed, good)


@pytest.mark.parametrize(("feed", "number"), CASES)
def test_a_wrong_type_is_a_dead_letter_or_changes_nothing(feed: str, number: int) -> None:
    good = GOOD[feed][number]
    wrongs = [(path, value) for path in leaves(good) for value in WRONG]
    failed = []
    for path, value in wrongs:
        try:
            same_or_dead(feed, good, path, value)
        except AssertionError as error:
            failed.append((path, value, str(error).splitlines()[0]))
    assert not failed


json_values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


@given(st.sampled_from(CASES), st.data())
def test_any_other_value_too(case: tuple[str, int], data: st.DataObject) -> None:
    good = GOOD[case[0]][case[1]]
    path = data.draw(st.sampled_from(list(leaves(good))))
    value = data.draw(json_values.filter(lambda value: value != []))  # an empty list is no value
    same_or_dead(case[0], good, path, value)


@pytest.mark.parametrize(
    ("feed", "text", "reason"),
    [
        ("ecs", '{"@timestamp":{},"event":{"category":["authentication"],"outcome":"failure"},"user":{"name":"amy"}}', "wrong_type"),
        ("auditd", "type=USER_LOGIN msg=audit(99999999999999999999.000:99): pid=7 uid=0 res=failed", "bad_time"),
        ("auditd", "type=USER_LOGIN msg=audit(x:99): pid=7 uid=0 res=failed", "bad_time"),
        ("cef", "CEF:0|v|p|1|1|login failed|5|rt=garbage suser=amy src=203.0.113.9", "bad_time"),
        ("leef", "LEEF:1.0|v|p|1|login|devTime=garbage\tusrName=amy\tsrc=203.0.113.9", "bad_time"),
        ("generic", "timestamp=garbage user=amy src=203.0.113.9 action=login result=failure", "bad_time"),
        ("generic", '{"time":"garbage","username":"amy","srcip":"203.0.113.9"}', "bad_time"),
        ("generic", '{"timestamp":{"a":1},"username":"amy"}', "wrong_type"),
        ("generic", '{"username":"amy","time":', "bad_json"),
        ("generic", '{"username":"amy","a":NaN}', "bad_json"),
        ("generic", "{", "bad_json"),
        ("generic", '{"a":' * 100_000 + "1" + "}" * 100_000, "too_many_keys"),
        ("generic", '{"a":' * 10_000 + "1" + "}" * 10_000, "too_deep"),
        ("generic", '{"a":' * 10_000, "too_deep"),
        ("fortigate", 'devname="fw" logid="0100032001" type="event" action="login" user="amy"', "bad_time"),
        ("fortigate", 'eventtime=garbage devname="fw" type="event" action="login" user="amy"', "bad_time"),
        ("servicenow", '{"number":["CHG1"],"sys_updated_on":"2026-03-02 09:15:30","approval":{"a":1}}', "wrong_type"),
        ("servicenow", '{"a":1}', "missing_field"),
        ("fim", '{"@timestamp":"2026-03-02T09:15:30Z","event":{"module":"file_integrity","action":["updated"]},"file":{"path":7}}', "wrong_type"),
        ("suricata", '{"timestamp":"2026-03-02T09:15:30Z","event_type":"alert","alert":"boo","src_ip":5}', "wrong_type"),
    ],
)
def test_never_taken_at_another_time_or_for_another_record(feed: str, text: str, reason: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read("auditd_manager" if feed == "fim" else feed, text)
    assert refused.value.reason == reason
    assert refused.value.detail


def test_a_list_of_one_is_its_element() -> None:
    found = event("ecs", json.dumps({"@timestamp": [NOON], "event.category": "authentication", "event.outcome": ["failure"], "user": {"name": ["amy"]}}))
    assert (found.activity, found.outcome, found.user) == (Activity.LOGIN, "failure", "amy")


def test_of_several_wrong_objects_the_first_by_name_is_told():
    assert ecs_document.parents("b.a.x", "a.y", "b.z") == ("a", "b", "b.a")
