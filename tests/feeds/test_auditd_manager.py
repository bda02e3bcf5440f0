"""Documents of Auditbeat. The committed ones are written after the Auditbeat reference ("Auditd fields", "File Integrity fields",
"File integrity module") with other names and addresses.
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import instant
from schemas.event import Activity, Reason, SecurityEvent
from streams.feeds.auditd_manager import feed
from streams.feeds.kit.contract import RawRecord, Unreadable
from streams.normalize import normalize
from tests.feeds.reading import BASE, event, read

NAME = "auditd_manager"


def document(**changes) -> dict:
    base = {
        "@timestamp": "2026-03-02T09:00:00.072Z",
        "host": {"name": "db-1"},
        "event": {"module": "auditd", "kind": "event", "category": ["authentication"], "type": ["start"], "action": "logged-in", "outcome": "failure"},
        "auditd": {"message_type": "user_login", "sequence": 77, "result": "fail", "session": "3",
                   "data": {"acct": "root", "op": "login", "terminal": "ssh", "addr": "192.0.2.7"}},
        "process": {"executable": "/usr/sbin/sshd", "pid": 374},
        "source": {"ip": "192.0.2.7"},
    }
    for path, value in changes.items():
        *parents, last = path.split("__")
        inner = base
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return base


def one(**changes) -> SecurityEvent:
    return event(NAME, json.dumps(document(**changes)))


def test_a_failed_log_in():
    found = one()
    assert (found.activity, found.outcome, found.user, found.reason) == (Activity.LOGIN, "failure", "root", Reason.WRONG_PASSWORD)
    assert (found.t, found.seq, found.src_ip, found.session) == (instant.parse("2026-03-02T09:00:00.072Z"), 77, "192.0.2.7", "db-1/sshd[374]")
    assert one(auditd__data__acct="(unknown)").reason == Reason.UNKNOWN_USER


def test_sudo_by_alice_is_a_use_of_root_by_alice():
    found = one(
        auditd__message_type="user_start", auditd__data={"acct": "root", "op": "PAM:session_open"}, event__outcome="success", event__action="started-session",
        user={"name": "alice", "id": "1000", "effective": {"name": "root"}, "audit": {"id": "1000", "name": "alice"}}, process__executable="/usr/bin/sudo",
    )
    assert (found.activity, found.user, found.effective_user, found.session) == (Activity.PRIVILEGE_OPEN, "alice", "root", "db-1/sudo[374]")


def test_a_watched_file():
    changes = {
        "auditd__message_type": "syscall", "auditd__data": {"syscall": "openat", "a2": "241"}, "event__outcome": "success", "event__action": "opened-file",
        "auditd__paths": [{"name": "/etc/", "nametype": "PARENT"}, {"name": "passwd", "nametype": "NORMAL"}], "process__working_directory": "/etc",
    }
    found = one(**changes, tags=["identity"])
    assert (found.activity, found.path, found.rule, found.action) == (Activity.FILE_CHANGE, "/etc/passwd", "identity", "opened-file")
    assert one(**changes).activity == Activity.PROCESS


def integrity(*actions: str) -> SecurityEvent:
    sha = "AB" * 32
    return event(NAME, json.dumps({
        "@timestamp": "2026-03-02T09:00:00Z", "host.name": "web-1", "event": {"module": "file_integrity", "dataset": "file", "action": list(actions), "type": ["change"]},
        "file": {"path": "/var/www/index.html", "hash": {"sha256": sha}, "mtime": "2026-03-02T08:59:59Z"},
    }))


@pytest.mark.parametrize(
    ("actions", "activity"),
    [
        (["updated"], Activity.FILE_CHANGE), (["created"], Activity.FILE_CHANGE), (["deleted"], Activity.FILE_CHANGE), (["moved"], Activity.FILE_CHANGE),
        (["attributes_modified", "updated"], Activity.FILE_CHANGE), (["attributes_modified"], Activity.OTHER), (["initial_scan"], Activity.OTHER),
    ],
)
def test_file_integrity(actions, activity):
    found = integrity(*actions)
    assert (found.activity, found.path, found.hash, found.host) == (activity, "/var/www/index.html", "ab" * 32, "web-1")


def test_a_first_scan_of_a_directory_and_a_checked_signature():
    base = {"@timestamp": "2026-03-02T09:00:00Z", "host.name": "web-1", "event": {"module": "file_integrity", "action": ["initial_scan"]}}
    found = event(NAME, json.dumps(base | {"file": {"path": "/var/www", "type": "dir"}}))
    assert (found.activity, found.action, found.path) == (Activity.FILE_SCAN, "initial_scan", "/var/www")
    assert event(NAME, json.dumps(base | {"file": {"path": "/var/www/a", "type": "file"}})).activity == Activity.OTHER
    signed = {"path": "/var/www/a", "code_signature": {"valid": True, "trusted": True, "subject_name": "Acme"}}
    extra = event(NAME, json.dumps(base | {"file": signed})).extra
    assert (extra["file.code_signature.valid"], extra["file.code_signature.subject_name"]) == (True, "Acme")


def test_a_baseline_made_anew_is_told_beside_the_command():
    changes = {
        "auditd__message_type": "syscall", "auditd__data": {"syscall": "execve"}, "event__outcome": "success", "event__action": "executed",
        "process": {"executable": "/usr/sbin/tripwire", "name": "tripwire", "args": ["tripwire", "-m", "u", "-r", "x.twr"], "pid": 7},
    }
    command, reset = read(NAME, json.dumps(document(**changes)))
    assert (command.activity, reset.activity, reset.action) == (Activity.PROCESS, Activity.FILE_SCAN, "baseline-reset")
    assert (reset.command, reset.host, reset.pid) == (command.command, "db-1", 7)
    assert len(read(NAME, json.dumps(document(**changes | {"event__outcome": "failure"})))) == 1


@pytest.mark.parametrize(("text", "reason"), [("{}", "wrong_type"), ('{"event":{"module":"file_integrity"}}', "missing_field"), ('{"a":1}', "missing_field"),
                                              ('{"@timestamp":5,"auditd.result":"x"}', "wrong_type")])
def test_unreadable(text, reason):
    with pytest.raises(Unreadable, match=reason):
        read(NAME, text)


LEAF = st.text(max_size=8) | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False) | st.sampled_from(["syscall", "user_start", "openat", "root", "241"])
VALUE = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "paths", "name", "nametype", "id"]), inner, max_size=3), max_leaves=8)
FIELDS = st.sampled_from(["auditd.message_type", "auditd.data.syscall", "auditd.data.a2", "auditd.paths", "auditd.sequence", "auditd.data.acct", "event.module",
                          "event.action", "event.original", "event.outcome", "file.path", "process.pid", "tags", "user.name", "source.ip", "user", "process"])


@given(st.dictionaries(FIELDS, VALUE, max_size=10))
def test_any_document_is_read_or_refused(fields):
    reason = ""
    try:
        normalize(feed, RawRecord(json.dumps(fields).encode(), "s", NAME, base=BASE))
    except Unreadable as error:
        reason = f"{error}"
    assert "parser_error" not in reason, reason


@pytest.mark.corpora
def test_documents_of_elastic(corpora):
    events = json.loads((corpora / "elastic/auditd_manager.auditd/test-userlogin-events.json").read_text())["events"]
    found = [event(NAME, json.dumps(item)) for item in events]
    assert found[0].t == instant.parse("2019-03-25T08:12:29.148Z")
    assert (found[0].activity, found[0].reason, found[0].src_ip) == (Activity.LOGIN, Reason.UNKNOWN_USER, "1.128.3.4")
