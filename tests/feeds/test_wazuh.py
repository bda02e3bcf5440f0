"""Wazuh. The committed alerts are written after Wazuh's documentation ("File integrity monitoring", "Who-data", "Alerts JSON fields",
"Reference: syscheck", message 6009 of wazuh-syscheckd) with other names.
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import instant
from schemas.event import Activity, Reason, SecurityEvent
from streams.feeds.kit.contract import RawRecord, Unreadable
from streams.feeds.wazuh import feed
from streams.normalize import normalize
from tests.feeds.reading import BASE, event, read

STAMP = "2026-03-02T17:00:00.461+0800"
T = instant.parse("2026-03-02T09:00:00.461Z")
OLD, NEW = "AA" * 32, "BB" * 32


def alert(**parts) -> str:
    document = {
        "timestamp": STAMP, "id": "1772442000.2696", "manager": {"name": "wazuh-1"}, "agent": {"id": "003", "name": "web-7", "ip": "10.0.0.7"},
        "rule": {"id": "550", "level": 7, "description": "Integrity checksum changed.", "groups": ["ossec", "syscheck"]}, "location": "syscheck",
        "decoder": {"name": "syscheck_integrity_changed"}, "full_log": "File '/var/www/index.html' modified\nMode: realtime\n",
    }
    return json.dumps(document | parts)


def syscheck(**fields) -> SecurityEvent:
    return event("wazuh", alert(syscheck={"path": "/var/www/index.html", "mode": "realtime", "event": "modified"} | fields))


def test_a_changed_file():
    found = syscheck(sha256_before=OLD, sha256_after=NEW, mtime_after="2026-03-02T08:59:59", uname_after="root", changed_attributes=["mtime", "sha256"])
    assert (found.activity, found.path, found.hash_before, found.hash, found.type) == (
        Activity.FILE_CHANGE, "/var/www/index.html", "aa" * 32, "bb" * 32, ("change",))
    assert (found.t, found.seq, found.host, found.observer, found.last_scan) == (T, 2696, "web-7", "wazuh-1", 0)
    assert (found.rule_id, found.extra["file.owner"]) == ("550", "root")


@pytest.mark.parametrize(("word", "kind"), [("added", "creation"), ("deleted", "deletion")])
def test_added_and_deleted(word, kind):
    found = syscheck(event=word)
    assert (found.activity, found.type, found.action) == (Activity.FILE_CHANGE, (kind,), word)


def test_attributes_alone_are_no_change_of_content():
    assert syscheck(changed_attributes=["permission", "mtime", "inode"]).activity == Activity.OTHER
    assert syscheck(sha256_before=NEW, sha256_after=NEW).activity == Activity.OTHER
    assert syscheck(changed_attributes=["size"]).activity == Activity.FILE_CHANGE


def test_a_scan_finds_a_change_some_time_after_it_was_made():
    assert syscheck(mode="scheduled").last_scan == T - 12 * instant.HOUR
    assert syscheck(mode="scheduled", mtime_before="2026-03-02T07:00:00").last_scan == instant.parse("2026-03-02T07:00:00Z")
    assert syscheck(mode="scheduled", mtime_before="2026-01-15T10:00:00").last_scan == T - 12 * instant.HOUR
    assert syscheck(mode="scheduled", mtime_before="2027-01-15T10:00:00").last_scan == T
    assert syscheck(mode="scheduled", mtime_before="never").last_scan == T - 12 * instant.HOUR
    assert syscheck(mode="whodata").last_scan == 0


def test_who_changed_it():
    found = syscheck(mode="whodata", audit={
        "user": {"id": "0", "name": "root"}, "login_user": {"id": "1000", "name": "alice"}, "effective_user": {"id": "0", "name": "root"},
        "process": {"id": "6126", "name": "/usr/bin/dash", "parent_name": "/usr/bin/sudo", "ppid": "6125"},
    })
    assert (found.user, found.effective_user, found.process, found.pid, found.parent) == ("alice", "root", "dash", 6126, "sudo")


def test_the_registry_is_configuration():
    assert syscheck(path="HKEY_LOCAL_MACHINE\\Software\\Run", event="added").activity == Activity.CONFIG_CHANGE


def test_the_end_of_a_scan():
    own = alert(decoder={"name": "ossec"}, location="rootcheck", full_log="ossec: Ending syscheck scan.", rule={"id": "516", "groups": ["ossec"]})
    assert (event("wazuh", own).activity, event("wazuh", own).host) == (Activity.FILE_SCAN, "web-7")
    forged = alert(decoder={"name": "sshd"}, full_log="Mar  2 17:00:00 web-7 app: Ending syscheck scan.", rule={"id": "1002"})
    assert event("wazuh", forged).activity == Activity.ALERT
    line = "2026/03/02 09:00:00 wazuh-syscheckd[12] run_check.c:81 at fim_scan(): INFO: (6009): File integrity monitoring scan ended."
    found = event("wazuh", line)
    assert (found.activity, found.t, found.code) == (Activity.FILE_SCAN, instant.parse("2026-03-02T09:00:00Z"), "6009")
    assert event("wazuh", "2026/03/02 09:00:00 wazuh-syscheckd: INFO: (6008): File integrity monitoring scan started.").activity == Activity.OTHER


def test_a_baseline_made_anew():
    cleared = '2026/03/02 09:00:00 INFO: wazuh 10.0.0.9 "DELETE /{}" with parameters {} and body {{}} done in 0.083s: {}'
    found = event("wazuh", cleared.format("syscheck/003", "{}", 200))
    assert (found.activity, found.action, found.host, found.user, found.src_ip) == (Activity.FILE_SCAN, "baseline-reset", "003", "wazuh", "10.0.0.9")
    several = read("wazuh", cleared.format("experimental/syscheck", '{"pretty": "true", "agents_list": "003,001"}', 200))
    assert [(item.action, item.host) for item in several] == [("baseline-reset", "001"), ("baseline-reset", "003")]
    assert event("wazuh", cleared.format("experimental/syscheck", '{"agents_list": "all"}', 200)).host == ""
    for told in (cleared.format("syscheck/003", "{}", 403), cleared.format("rootcheck/003", "{}", 200), cleared.format("syscheck/003", "{}", 200) + " no"):
        assert event("wazuh", told).activity == Activity.OTHER
    audit = {"exe": "/usr/bin/aide", "command": "aide", "auid": "1001", "execve": {"a0": "aide", "a1": "--update"}}
    told = alert(data={"audit": audit}, rule={"id": "80792", "groups": ["audit", "audit_command"]})
    assert (event("wazuh", told).action, event("wazuh", told).host, event("wazuh", told).command) == ("baseline-reset", "web-7", "aide --update")
    audit["execve"]["a1"] = "--check"
    assert event("wazuh", alert(data={"audit": audit}, rule={"id": "80792", "groups": ["audit", "audit_command"]})).activity == Activity.ALERT


SSHD = "Mar  2 17:00:00 web-7 sshd[77]: "


def test_an_alert_about_a_line_means_what_the_line_means():
    failed = alert(full_log=SSHD + "Failed password for root from 192.0.2.7 port 5 ssh2", rule={"id": "5716", "groups": ["authentication_failed"]})
    found = event("wazuh", failed)
    assert (found.activity, found.user, found.reason, found.src_ip, found.t) == (Activity.LOGIN, "root", Reason.WRONG_PASSWORD, "192.0.2.7", T)
    told = alert(full_log=SSHD + "Invalid user x from 192.0.2.7 port 5", rule={"id": "5710", "groups": ["authentication_failed", "invalid_login"]})
    assert (event("wazuh", told).activity, event("wazuh", told).outcome) == (Activity.OTHER, "failure")


def test_a_verdict_over_several_lines_is_an_alert():
    found = event("wazuh", alert(
        full_log=SSHD + "Failed password for root from 192.0.2.7 port 5 ssh2", data={"srcip": "192.0.2.7", "dstuser": "root"},
        rule={"id": "5720", "description": "Multiple authentication failures", "frequency": 8, "groups": ["authentication_failures"], "mitre": {"id": ["T1110"]}},
    ))
    assert (found.activity, found.kind, found.category, found.src_ip, found.user) == (Activity.ALERT, "alert", ("authentication",), "192.0.2.7", "root")
    assert found.extra["threat.technique.id"] == ["T1110"]


def test_windows_events_and_watched_files_in_alerts():
    win = {"system": {"eventID": "4625", "eventRecordID": "7", "channel": "Security", "computer": "pc-7", "systemTime": "2026-03-02T09:00:00Z"},
           "eventdata": {"targetUserName": "alice", "subStatus": "0xc000006a", "ipAddress": "192.0.2.7"}}
    found = event("wazuh", alert(data={"win": win}, rule={"id": "60122", "groups": ["windows", "authentication_failed"]}))
    assert (found.activity, found.user, found.reason, found.host) == (Activity.LOGIN, "alice", Reason.WRONG_PASSWORD, "web-7")
    watched = alert(data={"audit": {"file": {"name": "/etc/passwd"}, "exe": "/usr/bin/vi", "auid": "1000"}}, rule={"id": "80781", "groups": ["audit", "audit_watch_write"]})
    assert (event("wazuh", watched).activity, event("wazuh", watched).path) == (Activity.FILE_CHANGE, "/etc/passwd")


def test_a_device_that_logs_to_the_manager_is_the_host():
    line = alert(agent={"id": "000", "name": "wazuh-1"}, predecoder={"hostname": "fw-1"}, full_log="x", decoder={}, rule={"id": "1"})
    assert event("wazuh", line).host == "fw-1"


def test_the_same_alert_twice_is_one():
    again = json.dumps(json.loads(alert(syscheck={"path": "/a"})), indent=1)
    assert event("wazuh", alert(syscheck={"path": "/a"})).id == event("wazuh", again).id


@pytest.mark.parametrize(("text", "reason"), [("hello", "bad_header"), ('{"a":1}', "missing_field"), ('{"syscheck":{"path":""},"rule":{"id":"1"},"x":{"y":1}', "bad_json"),
                                              ('{"rule":{"id":"1"},"timestamp":"soon"}', "bad_time"), ('{"rule":{"id":"550"},"syscheck":{"event":"added"}}', "missing_field")])
def test_unreadable(text, reason):
    with pytest.raises(Unreadable, match=reason):
        read("wazuh", text)


NAMES = st.sampled_from(["rule", "id", "groups", "frequency", "syscheck", "path", "event", "mode", "mtime_before", "changed_attributes", "audit", "process", "name", "data",
                         "win", "system", "eventID", "full_log", "decoder", "agent", "timestamp", "predecoder", "hostname", "srcip", "srcport", "sha256_before"])
LEAF = st.text(max_size=8) | st.integers() | st.none() | st.booleans() | st.sampled_from(["scheduled", "ossec", SSHD + "Failed", "4624", "added", "audit_watch_write"])
VALUE = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=10)


@given(st.dictionaries(NAMES, VALUE, max_size=10))
def test_any_document_is_read_or_refused(document):
    reason = ""
    try:
        normalize(feed, RawRecord(json.dumps(document | {"rule": {"id": "1"}}).encode(), "s", "wazuh", base=BASE))
    except Unreadable as error:
        reason = str(error)
    assert "parser_error" not in reason, reason
