"""Unix system logs: accounts, boots, headers, journal and corpora. The committed lines are written after these sources:

OpenSSH auth.c, auth-pam.c, packet.c, sshd-session.c · Linux-PAM pam_unix, pam_faillock, pam_access · sudoers(5) "LOG FORMAT" ·
util-linux su.c, login.c · shadow su.c, useradd.c, usermod.c, gpasswd.c · polkit pkexec.c · OpenBSD doas.c · systemd logind.
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import instant
from schemas.event import Activity, Rank, Reason, SecurityEvent
from streams.feeds.kit.contract import RawRecord, Unreadable
from streams.feeds.linux import feed, parse
from streams.normalize import normalize
from tests.feeds.reading import BASE, event, facts, read

AT = "Mar  2 09:00:00 web-1 "


def one(rest: str) -> SecurityEvent:
    return event("linux", AT + rest)


def several(rest: str) -> list[SecurityEvent]:
    return [item for item in read("linux", AT + rest) if isinstance(item, SecurityEvent)]


# --- accounts, boots, the rest ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "activity", "target", "kind", "outcome"),
    [
        ("useradd[9]: new user: name=bob, UID=1001, GID=1001, home=/home/bob, shell=/bin/sh, from=/dev/pts/0",
         Activity.ACCOUNT_CHANGE, "bob", ("user", "creation"), "success"),
        ("useradd[9]: failed adding user 'bob', exit code: 9", Activity.ACCOUNT_CHANGE, "bob", ("user", "creation"), "failure"),
        ("userdel[9]: delete user 'bob'", Activity.ACCOUNT_CHANGE, "bob", ("user", "deletion"), "success"),
        ("usermod[9]: add 'bob' to group 'wheel'", Activity.ACCOUNT_CHANGE, "bob", ("group", "change"), "success"),
        ("usermod[9]: lock user 'bob' password", Activity.LOCK, "bob", ("user", "change"), "success"),
        ("usermod[9]: unlock user 'bob' password", Activity.UNLOCK, "bob", ("user", "change"), "success"),
        ("gpasswd[9]: user bob added by root to group wheel", Activity.ACCOUNT_CHANGE, "bob", ("group", "change"), "success"),
        ("passwd[9]: password for 'bob' changed by 'root'", Activity.ACCOUNT_CHANGE, "bob", ("user", "change"), "success"),
        ("passwd[9]: pam_unix(passwd:chauthtok): password changed for bob", Activity.ACCOUNT_CHANGE, "bob", ("user", "change"), "success"),
        ("groupadd[9]: new group: name=web, GID=1002", Activity.ACCOUNT_CHANGE, "", ("group", "creation"), "success"),
    ],
)
def test_changes_of_accounts(line, activity, target, kind, outcome):
    found = one(line)
    assert (found.activity, found.target_user, found.type, found.outcome) == (activity, target, kind, outcome)
    assert found.category == ("iam",)


def test_a_boot_stands_first_in_its_second():
    found = one("kernel: [    0.000000] Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org)")
    assert (found.activity, found.rank < Rank.OPEN) == (Activity.BOOT, True)
    assert one("kernel: [   12.000000] usb 1-1: New USB device found").activity == Activity.OTHER


def test_other_programs_and_free_text():
    assert one("systemd[1]: Started Session 5 of user alice.").activity == Activity.OTHER
    assert one("systemd-logind[1]: New session 5 of user alice.").activity == Activity.SESSION_OPEN
    facts("linux", AT + "webapp[7]: authentication error for user 'toto' from: 192.0.2.7",
          activity=Activity.LOGIN, user="toto", src_ip="192.0.2.7", reason=Reason.WRONG_PASSWORD)
    # Dropbear, svr-authpasswd.c
    facts("linux", AT + "dropbear[7]: Bad password attempt for 'root' from 192.0.2.7:5022", activity=Activity.LOGIN, user="root", src_ip="192.0.2.7")
    assert one("webapp[7]: retry of authentication failed job skipped").activity == Activity.OTHER


def test_time_host_and_sequence_come_from_the_header():
    line = '<38>1 2026-03-02T17:00:00.5+08:00 web-1 sshd 7 - [meta sequenceId="12"] Failed password for a from 192.0.2.7 port 5 ssh2'
    found = event("linux", line)
    assert (found.t, found.seq, found.session) == (instant.parse("2026-03-02T09:00:00.5Z"), 12, "web-1/sshd[7]")


def test_a_line_without_stamp_happened_when_it_was_seen():
    assert event("linux", "web-1 sshd[7]: Invalid user a from 192.0.2.7").t == BASE
    assert event("linux", "web-1 sshd[7]: Invalid user a from 192.0.2.7", o=77).t == 77


@pytest.mark.parametrize(("text", "reason"), [("what is this", "bad_header"), ("Feb 31 10:00:00 h sshd[1]: x", "bad_time")])
def test_unreadable_lines(text, reason):
    with pytest.raises(Unreadable, match=reason):
        read("linux", text)


def test_entries_of_the_journal():
    entry = {"MESSAGE": "Failed password for root from 192.0.2.7 port 5 ssh2", "_HOSTNAME": "web-1", "SYSLOG_IDENTIFIER": "sshd", "_PID": "77",
             "__REALTIME_TIMESTAMP": "1772442000123456", "__CURSOR": "s=1;i=2"}
    found = event("linux", json.dumps(entry))
    assert (found.activity, found.t, found.session) == (Activity.LOGIN, instant.parse("2026-03-02T09:00:00.123456Z"), "web-1/sshd[77]")
    assert event("linux", json.dumps(entry | {"PRIORITY": "6"})).id == found.id
    assert event("linux", json.dumps(entry | {"MESSAGE": list(entry["MESSAGE"].encode())})).user == "root"


def test_documents_of_filebeat():
    line = {"@timestamp": "2026-03-02T10:00:00Z", "message": AT + "sshd[77]: Invalid user a from 192.0.2.7"}
    assert event("linux", json.dumps(line)).t == instant.parse("2026-03-02T09:00:00Z")
    message = {"@timestamp": "2026-03-02T10:00:00Z", "message": "Accepted password for bob from 192.0.2.7 port 5 ssh2", "host": {"hostname": "web-1"},
               "process": {"pid": 77}, "log": {"syslog": {"appname": "sshd"}}}
    found = event("linux", json.dumps(message))
    assert (found.activity, found.t, found.session) == (Activity.LOGIN, instant.parse("2026-03-02T10:00:00Z"), "web-1/sshd[77]")


@pytest.mark.parametrize(("text", "reason"), [('{"a":1}', "missing_field"), ('{"MESSAGE":"x"}', "bad_time"), ("{", "bad_json")])
def test_unreadable_documents(text, reason):
    with pytest.raises(Unreadable, match=reason):
        read("linux", text)


PROGRAMS = st.sampled_from(["sshd", "sudo", "su", "login", "pkexec", "doas", "useradd", "kernel", "x(pam_unix)", "systemd-logind", "app"])
WORDS = st.lists(
    st.sampled_from([
        "Failed", "Accepted", "password", "for", "invalid user", "from", "192.0.2.7", "port", "99999999", "ssh2", "error:", "fatal:",
        "PAM:", "Disconnecting", "user", "Received", "disconnect", ":", ";", "TTY=", "USER=root", "COMMAND=", "session", "opened", "closed",
        "by", "(uid=0)", "pam_unix(su:session):", "authentication failure;", "rhost=", "user=", "[preauth]", "message repeated 3 times: [",
        "FAILED LOGIN 1 FROM", "FOR", "'", "login failed",
    ]) | st.text(max_size=8),
    max_size=12,
).map(" ".join)


@given(PROGRAMS, WORDS)
def test_any_message_is_read_or_refused(program, message):
    record = RawRecord(b"", "s", "linux", base=BASE, text=f"{AT}{program}[7]: {message}")
    assert all(isinstance(item, SecurityEvent) for item in parse(record))


@given(st.text())
def test_any_text_is_read_or_refused(text):
    record = RawRecord(text.encode(errors="ignore"), "s", "linux", base=BASE)
    try:
        normalize(feed, record)
    except Unreadable as error:
        reason = error.reason
    else:
        reason = ""
    assert reason != "parser_error"


# --- the public corpora -----------------------------------------------------------------------------------------------


@pytest.mark.corpora
def test_lines_of_elastic(corpora):
    lines = (corpora / "elastic/system.auth/test-auth.log").read_text().splitlines()
    found = [event("linux", line) for line in lines]
    assert [item.activity for item in found] == [
        Activity.LOGIN, Activity.LOGIN, Activity.OTHER, Activity.LOGIN, Activity.PRIVILEGE_OPEN, Activity.OTHER, Activity.PRIVILEGE_OPEN,
        Activity.PRIVILEGE_DENIED, Activity.ACCOUNT_CHANGE, Activity.ACCOUNT_CHANGE, Activity.LOGIN,
    ]
    assert [item.user for item in found] == [
        "vagrant", "vagrant", "test", "root", "vagrant", "", "vagrant", "tsg", "", "apache", "test",
    ]


@pytest.mark.corpora
def test_one_failed_log_in_of_root_is_told_by_seven_records(corpora):
    lines = (corpora / "elastic/system.auth/test-secure-rhel7.log").read_text().splitlines()
    told = [event("linux", line) for line in lines if "[2738]" in line]
    assert [item.activity for item in told].count(Activity.LOGIN) == 1
    assert [item.activity for item in told].count(Activity.DISCONNECT) == 1


@pytest.mark.corpora
@pytest.mark.parametrize("name", ["sshd", "sshd-journal", "pam-generic"])
def test_what_fail2ban_counts_is_a_failure(corpora, name):
    cases = [json.loads(line) for line in (corpora / "fail2ban/cases.jsonl").read_text().splitlines()]
    cases = [case for case in cases if case["filter"] == name and case["match"]]
    # Two lines are joined with earlier failures of their connection, one holds a kernel message.
    missed = [case["log"] for case in cases if event(name="linux", text=case["log"]).outcome != "failure"]
    assert all("Accepted password" in line or "kernel:" in line for line in missed), missed
    assert len(missed) <= 3
