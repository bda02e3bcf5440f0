"""audit.log. The committed lines are written after Red Hat's Security Guide ("Understanding Audit log files"), the record types of
audit-userspace (libaudit.h), the specification "Linux Audit: field names" and Linux-PAM's audit messages (_pam_auditlog).
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import instant
from schemas.event import Activity, Rank, Reason, SecurityEvent
from streams.feeds.auditd import feed, starts
from streams.feeds.kit.contract import RawRecord, Unreadable
from streams.normalize import normalize
from tests.feeds.reading import BASE, event, facts, read

STAMP = "msg=audit(1772442000.072:19623):"
T = instant.parse("2026-03-02T09:00:00.072Z")
USER = "pid=4121 uid=0 auid=1000 ses=12 subj=unconfined"


def user(kind: str, inner: str, head: str = USER, enriched: str = "") -> SecurityEvent:
    return event("auditd", f"node=db-1 type={kind} {STAMP} {head} msg='{inner}'{enriched}")


SSHD = 'exe="/usr/sbin/sshd" hostname=192.0.2.7 addr=192.0.2.7 terminal=ssh'
LOCAL = "hostname=db-1 addr=? terminal=/dev/pts/0"


@pytest.mark.parametrize(
    ("kind", "inner", "expected"),
    [
        ("USER_AUTH", f'op=PAM:authentication grantors=? acct="root" {SSHD} res=failed', (Activity.LOGIN, "root", Reason.WRONG_PASSWORD)),
        ("USER_AUTH", f'op=PAM:authentication grantors=? acct="?" {SSHD} res=failed', (Activity.LOGIN, "", Reason.UNKNOWN_USER)),
        ("USER_LOGIN", f"op=login acct=28696E76616C6964207573657229 {SSHD} res=failed", (Activity.LOGIN, "", Reason.UNKNOWN_USER)),
        ("USER_AUTH", f'op=password acct="root" {SSHD} res=failed', (Activity.OTHER, "root", "")),
        ("CRED_ACQ", f'op=PAM:setcred acct="root" {SSHD} res=failed', (Activity.OTHER, "root", "")),
    ],
)
def test_failed_log_ins(kind, inner, expected):
    found = user(kind, inner)
    assert (found.activity, found.user, found.reason) == expected
    assert (found.outcome, found.src_ip, found.host, found.code) == ("failure", "192.0.2.7", "db-1", kind)


def test_time_and_serial():
    facts("auditd", f"type=USER_LOGIN {STAMP} {USER} msg='op=login acct=\"bob\" {SSHD} res=success'", t="2026-03-02T09:00:00.072Z",
          seq=19623, activity=Activity.LOGIN, rank=Rank.SUCCESS, user="bob", session="/sshd[4121]", host="")


def test_a_log_in_that_names_only_the_number_of_the_user_opens_a_session():
    found = user("USER_LOGIN", f"op=login id=1000 {SSHD} res=success")
    assert (found.activity, found.user_id) == (Activity.SESSION_OPEN, "1000")


def test_sessions_of_root():
    opened = user("USER_START", f'op=PAM:session_open grantors=pam_unix acct="root" exe="/usr/bin/sudo" {LOCAL} res=success',
                  enriched='\x1dUID="root" AUID="alice"')
    assert (opened.activity, opened.user, opened.effective_user) == (Activity.PRIVILEGE_OPEN, "alice", "root")
    assert (opened.session, opened.rank, opened.user_id) == ("db-1/sudo[4121]", Rank.OPEN, "1000")
    closed = user("USER_END", f'op=PAM:session_close acct="root" exe="/usr/bin/sudo" {LOCAL} res=success')
    assert (closed.activity, closed.session, closed.rank) == (Activity.PRIVILEGE_CLOSE, opened.session, Rank.CLOSE)
    cron = user("USER_START", 'op=PAM:session_open acct="root" exe="/usr/sbin/crond" hostname=? addr=? terminal=cron res=success')
    assert (cron.activity, cron.process) == (Activity.PRIVILEGE_OPEN, "crond")
    denied = user("USER_START", f'op=PAM:session_open acct="root" exe="/usr/bin/su" {LOCAL} res=failed')
    assert denied.activity == Activity.OTHER
    lesser = user("USER_START", f'op=PAM:session_open acct="nobody" exe="/usr/bin/su" {LOCAL} res=success', "pid=1 uid=0 auid=4294967295 ses=4294967295")
    assert lesser.activity == Activity.SESSION_OPEN


def test_commands_of_sudo_are_decoded():
    ran = user("USER_CMD", 'cwd="/root" cmd=636174202F6574632F736861646F77 exe="/usr/bin/sudo" terminal=pts/0 res=success')
    assert (ran.activity, ran.command, ran.session) == (Activity.PROCESS, "cat /etc/shadow", "db-1/sudo[4121]")
    denied = user("USER_CMD", 'cwd="/root" cmd="id" terminal=pts/0 res=failed')
    assert (denied.activity, denied.command) == (Activity.PRIVILEGE_DENIED, "id")


@pytest.mark.parametrize(
    ("kind", "inner", "activity", "target"),
    [
        ("ADD_USER", 'op=add-user acct="bob" exe="/usr/sbin/useradd" res=success', Activity.ACCOUNT_CHANGE, "bob"),
        ("USER_CHAUTHTOK", 'op=PAM:chauthtok acct="bob" exe="/usr/bin/passwd" res=success', Activity.ACCOUNT_CHANGE, "bob"),
        ("USER_MGMT", 'op=changing id=1001 exe="/usr/sbin/usermod" res=success', Activity.ACCOUNT_CHANGE, "1001"),
        ("ACCT_LOCK", 'op=locked-password id=1001 exe="/usr/bin/passwd" res=success', Activity.LOCK, "1001"),
        ("ACCT_UNLOCK", 'op=unlocked-password id=1001 exe="/usr/bin/passwd" res=success', Activity.UNLOCK, "1001"),
        ("SYSTEM_BOOT", ' comm="systemd-update-utmp" exe="/usr/lib/systemd/systemd-update-utmp" res=success', Activity.BOOT, ""),
        ("USYS_CONFIG", 'changing system time exe="/usr/sbin/hwclock" res=success', Activity.CONFIG_CHANGE, ""),
    ],
)
def test_accounts_configuration_boot(kind, inner, activity, target):
    found = user(kind, inner)
    assert (found.activity, found.target_user, found.outcome) == (activity, target, "success")


CALL = (
    f"type=SYSCALL {STAMP} arch=c000003e syscall={{call}} success=yes exit=3 a0=ffffff9c a1=7ffd a2={{flags}} a3=1b6 items=2 ppid=2686 "
    'pid=3538 auid=1000 uid=0 gid=0 euid=0 tty=pts0 ses=1 comm="vi" exe="/usr/bin/vi" key={key}\x1dARCH=x86_64 SYSCALL=openat AUID="alice" UID="root"'
)
CWD = f'type=CWD {STAMP}  cwd="/etc/ssh"'
PATH = f'type=PATH {STAMP} item={{item}} name="{{name}}" inode=409248 dev=fd:00 mode=0100600 ouid=0 ogid=0 nametype={{kind}}'


def files(*lines: str) -> list[SecurityEvent]:
    return [item for item in read("auditd", "\n".join(lines)) if isinstance(item, SecurityEvent)]


def test_a_watched_file_is_changed():
    (found,) = files(
        CALL.format(call=257, flags="241", key='"sshd_config"'), CWD,
        PATH.format(item=0, name="/etc/ssh/", kind="PARENT"), PATH.format(item=1, name="sshd_config", kind="NORMAL"),
    )
    assert (found.activity, found.path, found.type, found.category) == (Activity.FILE_CHANGE, "/etc/ssh/sshd_config", ("change",), ("file",))
    assert (found.user, found.rule, found.process, found.t) == ("alice", "sshd_config", "vi", T)


def test_a_renamed_file_is_deleted_and_created():
    call = CALL.format(call=82, flags="0", key='"bin"').replace("SYSCALL=openat", "SYSCALL=rename")
    found = files(call, PATH.format(item=2, name="/usr/bin/a~", kind="DELETE"), PATH.format(item=3, name="/usr/bin/a", kind="CREATE"))
    assert [(item.path, item.type) for item in found] == [("/usr/bin/a~", ("deletion",)), ("/usr/bin/a", ("creation",))]
    assert found[0].id != found[1].id


@pytest.mark.parametrize(("flags", "key"), [("0", '"sshd_config"'), ("241", "(null)")])
def test_reading_or_an_unwatched_file_is_no_change(flags, key):
    (found,) = files(CALL.format(call=257, flags=flags, key=key), CWD, PATH.format(item=0, name="x", kind="NORMAL"))
    assert found.activity == Activity.PROCESS


def test_a_command_with_its_arguments():
    call = f'type=SYSCALL {STAMP} arch=c000003e syscall=59 success=yes exit=0 pid=7 ppid=6 auid=1000 uid=1000 comm="cat" exe="/usr/bin/cat" key=(null)'
    (found,) = files(call, f'type=EXECVE {STAMP} argc=3 a0="cat" a1=612062 a2="c"', f"type=PROCTITLE {STAMP} proctitle=636174")
    assert (found.activity, found.command, found.type, found.pid) == (Activity.PROCESS, "cat a b c", ("start",), 7)


def test_which_lines_begin_an_event():
    assert starts(CALL)
    assert starts(f"type=USER_AUTH {STAMP} pid=1")
    assert not starts(CWD)
    assert not starts("node=db-1 " + CWD)


def test_records_joined_on_one_line_and_by_syslog():
    found = files(f"type=USER_ACCT {STAMP} pid=1 uid=0 type=CRED_ACQ {STAMP} pid=1 uid=0")
    assert [item.code for item in found] == ["USER_ACCT", "CRED_ACQ"]
    facts("auditd", 'Mar  2 17:00:00 db-1 kernel: [ 8665.951930] type=1400 audit(1772442000.072:54): apparmor="DENIED" operation="open" pid=7',
          code="AVC", host="db-1", seq=54, pid=7)
    facts("auditd", f"Mar  2 17:00:00 db-1 audispd: type=SYSTEM_BOOT {STAMP} pid=1", activity=Activity.BOOT, host="db-1")


def test_a_quoted_value_may_look_like_fields():
    found = user("USER_AUTH", 'op=PAM:authentication acct="a res=success addr=198.51.100.1" exe="/usr/sbin/sshd" addr=192.0.2.7 res=failed')
    assert (found.user, found.src_ip, found.outcome) == ("a res=success addr=198.51.100.1", "192.0.2.7", "failure")


@pytest.mark.parametrize(("text", "reason"), [("hello", "bad_header"), ("type=USER_AUTH msg=audit(999999999999.0:1): pid=1", "bad_time")])
def test_unreadable(text, reason):
    with pytest.raises(Unreadable, match=reason):
        read("auditd", text)


@given(st.text() | st.lists(st.sampled_from(
    ["type=SYSCALL", "type=PATH", "type=EXECVE", "type=USER_START", STAMP, "a0=", "a99999=ff", "name=", '"', "'", "msg='", "\x1d", "\n", "=", "key=ff",
     "syscall=257", "success=yes", "a2=zz", "nametype=CREATE", "pid=99999999999999999999", "exe=", "cmd=0a"]), max_size=20).map(" ".join))
def test_any_text_is_read_or_refused(text):
    reason = ""
    try:
        normalize(feed, RawRecord(text.encode(errors="ignore"), "s", "auditd", base=BASE))
    except Unreadable as error:
        reason = error.reason
    assert reason in ("", "bad_header", "bad_time", "nul", "too_large")


@pytest.mark.corpora
def test_records_of_elastic(corpora):
    lines = (corpora / "elastic/auditd.log/test-auditd-raw.log").read_text().splitlines()
    found = {item.seq: item for line in lines for item in read("auditd", line) if isinstance(item, SecurityEvent)}
    assert (found[19600331].activity, found[19600331].session) == (Activity.PRIVILEGE_OPEN, "/sudo[4151]")
    assert found[19600327].activity == Activity.PRIVILEGE_CLOSE
    assert (found[19623789].activity, found[19623789].user) == (Activity.LOGIN, "admin")
    assert found[18877199].executable == "/usr/libexec/strongswan/charon (deleted)"
    assert found[5].activity in (Activity.BOOT, Activity.CONFIG_CHANGE)
