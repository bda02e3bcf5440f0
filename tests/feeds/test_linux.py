"""Unix system logs: log-ins and privileged use. The committed lines are written after the sources of the programs that log them:

OpenSSH auth.c, auth-pam.c, packet.c, sshd-session.c · Linux-PAM pam_unix, pam_faillock, pam_access · sudoers(5) "LOG FORMAT" ·
util-linux su.c, login.c · shadow su.c, useradd.c, usermod.c, gpasswd.c · polkit pkexec.c · OpenBSD doas.c · systemd logind.
"""


import pytest

from schemas.event import Activity, Rank, Reason, SecurityEvent
from tests.feeds.reading import event, facts, read

AT = "Mar  2 09:00:00 web-1 "


def one(rest: str) -> SecurityEvent:
    return event("linux", AT + rest)


def several(rest: str) -> list[SecurityEvent]:
    return [item for item in read("linux", AT + rest) if isinstance(item, SecurityEvent)]


# --- sshd -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "user", "client", "port", "reason"),
    [
        ("Failed password for alice from 192.0.2.7 port 50022 ssh2", "alice", "192.0.2.7", 50022, Reason.WRONG_PASSWORD),
        ("Failed password for invalid user oracle from 192.0.2.7 port 50022 ssh2", "oracle", "192.0.2.7", 50022, Reason.UNKNOWN_USER),
        ("Failed password for root from 2001:db8::7 port 1 ssh2", "root", "2001:db8::7", 1, Reason.WRONG_PASSWORD),
        ("Failed password for root from ::ffff:192.0.2.7 port 1 ssh2", "root", "192.0.2.7", 1, Reason.WRONG_PASSWORD),
        ("Failed publickey for bob from 192.0.2.7 port 50022 ssh2: RSA SHA256:abc", "bob", "192.0.2.7", 50022, Reason.OTHER),
        ("Failed keyboard-interactive for bob from 192.0.2.7 port 5 ssh2", "bob", "192.0.2.7", 5, Reason.WRONG_PASSWORD),
        ("error: PAM: Authentication failure for bob from 192.0.2.7", "bob", "192.0.2.7", 0, Reason.WRONG_PASSWORD),
        ("error: PAM: User account has expired for bob from 192.0.2.7", "bob", "192.0.2.7", 0, Reason.EXPIRED),
        ("error: PAM: Authentication failure for illegal user eve from 192.0.2.7", "eve", "192.0.2.7", 0, Reason.UNKNOWN_USER),
        # A client may call itself anything; its address stands at the end.
        ("Failed password for invalid user x from 198.51.100.1 port 9 ssh2 from 192.0.2.7 port 5 ssh2",
         "x from 198.51.100.1 port 9 ssh2", "192.0.2.7", 5, Reason.UNKNOWN_USER),
    ],
)
def test_sshd_counts_these_as_failed_attempts(message, user, client, port, reason):
    found = one("sshd[731]: " + message)
    assert (found.activity, found.outcome, found.rank) == (Activity.LOGIN, "failure", Rank.ACT)
    assert (found.user, found.src_ip, found.src_port, found.reason) == (user, client, port, reason)
    assert (found.session, found.host, found.action) == ("web-1/sshd[731]", "web-1", "ssh_login")


@pytest.mark.parametrize(
    "message",
    [
        "Invalid user oracle from 192.0.2.7 port 50022",
        "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7  user=alice",
        "pam_unix(sshd:auth): check pass; user unknown",
        "PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7  user=alice",
        "PAM service(sshd) ignoring max retries; 3 > 3",
        "Failed none for invalid user oracle from 192.0.2.7 port 50022 ssh2",
        "Failed keyboard-interactive/pam for alice from 192.0.2.7 port 50022 ssh2",
        "User alice from 192.0.2.7 not allowed because not listed in AllowUsers",
        "ROOT LOGIN REFUSED FROM 192.0.2.7 port 50022",
        "input_userauth_request: invalid user oracle [preauth]",
        "Postponed publickey for alice from 192.0.2.7 port 50022 ssh2 [preauth]",
    ],
)
def test_what_accompanies_an_attempt_is_no_attempt_of_its_own(message):
    assert one("sshd[731]: " + message).activity == Activity.OTHER


@pytest.mark.parametrize(
    ("message", "user", "client", "outcome"),
    [
        ("error: maximum authentication attempts exceeded for root from 192.0.2.7 port 5 ssh2 [preauth]", "root", "192.0.2.7", "failure"),
        ("Disconnecting: Too many authentication failures for root [preauth]", "root", "", "failure"),
        ("Disconnecting authenticating user root 192.0.2.7 port 5: Too many authentication failures [preauth]", "root", "192.0.2.7", "failure"),
        ("Connection closed by authenticating user root 192.0.2.7 port 5 [preauth]", "root", "192.0.2.7", "failure"),
        ("Connection closed by invalid user a b 192.0.2.7 port 5 [preauth]", "a b", "192.0.2.7", "failure"),
        ("Connection reset by 192.0.2.7 port 5 [preauth]", "", "192.0.2.7", "failure"),
        ("Connection closed by 192.0.2.7 port 5", "", "192.0.2.7", ""),
        ("Received disconnect from 192.0.2.7 port 5:11: Bye Bye [preauth]", "", "192.0.2.7", "failure"),
        ("Received disconnect from 192.0.2.7: 11: disconnected by user", "", "192.0.2.7", ""),
        ("Received disconnect from 2001:db8::1 port 5:11: x", "", "2001:db8::1", ""),
        ("Disconnected from user alice 192.0.2.7 port 5", "alice", "192.0.2.7", ""),
        ("fatal: Timeout before authentication for 192.0.2.7 port 5", "", "192.0.2.7", "failure"),
    ],
)
def test_sshd_disconnects(message, user, client, outcome):
    found = one("sshd[731]: " + message)
    assert (found.activity, found.rank, found.session) == (Activity.DISCONNECT, Rank.LOCK, "web-1/sshd[731]")
    assert (found.user, found.src_ip, found.outcome) == (user, client, outcome)


def test_a_log_in_succeeds():
    found = one("sshd[731]: Accepted publickey for alice from 192.0.2.7 port 5 ssh2: ED25519 SHA256:abc")
    assert (found.activity, found.outcome, found.rank, found.user) == (Activity.LOGIN, "success", Rank.SUCCESS, "alice")
    assert found.category == ("authentication", "session")


def test_root_that_logs_in_uses_a_privileged_account_until_it_leaves():
    login, use = several("sshd-session[731]: Accepted password for root from 192.0.2.7 port 5 ssh2")
    assert (login.activity, use.activity) == (Activity.LOGIN, Activity.PRIVILEGE_OPEN)
    assert (use.effective_user, use.user, use.src_ip, use.session) == ("root", "root", "192.0.2.7", "web-1/sshd[731]")
    assert login.id != use.id
    again = one("sshd[731]: pam_unix(sshd:session): session opened for user root(uid=0) by (uid=0)")
    assert (again.activity, again.session) == (Activity.PRIVILEGE_OPEN, use.session)
    closed = one("sshd[731]: pam_unix(sshd:session): session closed for user root")
    assert (closed.activity, closed.session, closed.rank) == (Activity.PRIVILEGE_CLOSE, use.session, Rank.CLOSE)
    assert [item.activity for item in several("sshd[731]: Disconnected from user root 192.0.2.7 port 5")] == [
        Activity.DISCONNECT, Activity.PRIVILEGE_CLOSE,
    ]


def test_repeated_messages_are_attempts_each():
    found = several("sshd[731]: message repeated 3 times: [ Failed password for root from 192.0.2.7 port 5 ssh2]")
    assert [item.activity for item in found] == [Activity.LOGIN] * 3
    assert len({item.id for item in found}) == 3


def test_a_repetition_without_end_is_bounded():
    assert len(several("sshd[1]: message repeated 999999999 times: [ Failed password for root from 192.0.2.7 port 5 ssh2]")) == 100


# --- PAM --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "user", "reason"),
    [
        ("login[9]: pam_unix(login:auth): authentication failure; logname=LOGIN uid=0 euid=0 tty=/dev/tty1 ruser= rhost=  user=alice",
         "alice", Reason.WRONG_PASSWORD),
        ("gdm-password][9]: pam_unix(gdm-password:auth): authentication failure; logname= uid=0 euid=0 tty=/dev/tty1 ruser= rhost=",
         "", Reason.UNKNOWN_USER),
        ("vsftpd[9]: pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=carl rhost=192.0.2.7",
         "carl", Reason.WRONG_PASSWORD),
        ("su[9]: pam_unix(su:auth): authentication failure; logname=alice uid=1000 euid=0 tty=pts/0 ruser=alice rhost=  user=root",
         "root", Reason.WRONG_PASSWORD),
        ("ftpd(pam_unix)[9]: authentication failure; logname= uid=0 euid=0 tty= ruser= rhost=192.0.2.7  user=carl",
         "carl", Reason.WRONG_PASSWORD),
        ("login[9]: pam_google_authenticator(login:auth): Invalid verification code for alice", "alice", Reason.OTP),
    ],
)
def test_pam_tells_failed_log_ins_of_other_services(line, user, reason):
    found = one(line)
    assert (found.activity, found.outcome, found.user, found.reason) == (Activity.LOGIN, "failure", user, reason)


@pytest.mark.parametrize(
    "message",
    [
        "pam_faillock(sshd:auth): Consecutive login failures for user alice account temporarily locked",
        "pam_tally2(sshd:auth): user alice (1000) tally 4, deny 3",
    ],
)
def test_pam_tells_locks(message):
    found = one("sshd[9]: " + message)
    assert (found.activity, found.user, found.target_user, found.rank) == (Activity.LOCK, "alice", "alice", Rank.LOCK)


def test_jobs_of_root_are_told_by_their_program():
    found = one("CRON[88]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)")
    assert (found.activity, found.process, found.effective_user, found.tty) == (Activity.PRIVILEGE_OPEN, "CRON", "root", "")


def test_sessions_of_others_and_lesser_accounts_are_no_privilege():
    assert one("sshd[9]: pam_unix(sshd:session): session opened for user alice(uid=1000) by (uid=0)").activity == Activity.SESSION_OPEN
    assert one("su[9]: pam_unix(su:session): session opened for user nobody by root(uid=0)").activity == Activity.SESSION_OPEN


# --- su, sudo, pkexec, doas, login ------------------------------------------------------------------------------------


def test_sudo_is_a_use_of_root():
    found = one("sudo[55]:    alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/bin/cat /etc/shadow")
    assert (found.activity, found.rank, found.user, found.effective_user) == (Activity.PRIVILEGE_OPEN, Rank.OPEN, "alice", "root")
    assert (found.tty, found.command, found.session) == ("pts/0", "/bin/cat /etc/shadow", "web-1/sudo[55]")
    session = one("sudo[55]: pam_unix(sudo:session): session opened for user root(uid=0) by alice(uid=1000)")
    assert (session.activity, session.session, session.user) == (Activity.PRIVILEGE_OPEN, found.session, "alice")
    closed = one("sudo[55]: pam_unix(sudo:session): session closed for user root")
    assert (closed.activity, closed.session) == (Activity.PRIVILEGE_CLOSE, found.session)


@pytest.mark.parametrize(
    ("rest", "target", "command"),
    [
        ("TTY=pts/0 ; PWD=/tmp/x ; command not allowed ; USER=root ; COMMAND=/bin/bash", "root", "/bin/bash"),
        ("PWD=/tmp/1 incorrect password attempt ; USER=root ; COMMAND=/bin/bash", "root", "/bin/bash"),
        # Both of these may be what happened: the use of root counts, with all that may be its command.
        ("TTY=pts/0 ; PWD=/tmp ; USER=alice ; COMMAND=/bin/ls ; USER=root ; COMMAND=/bin/bash", "root", "/bin/bash"),
        ("TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/bash ; USER=alice ; COMMAND=list", "root", "/bin/bash ; USER=alice ; COMMAND=list"),
        ("TTY=pts/0 ; PWD=/tmp ; USER=alice ; COMMAND=list ; USER=bob ; COMMAND=/bin/sh", "bob", "/bin/sh"),
        ("HOST=web ; TTY=pts/0 ; CHROOT=/c ; PWD=/a ; USER=root ; GROUP=adm ; TSID=0000UM ; ENV=A=b C=d ; COMMAND=/bin/sh", "root", "/bin/sh"),
    ],
)
def test_a_directory_or_argument_named_like_a_field_hides_no_use_of_root(rest, target, command):
    """Order of the fields and the place of the reason: sudo, lib/eventlog/eventlog.c, new_logline()."""
    found = one("sudo[55]: alice : " + rest)
    assert (found.activity, found.user, found.effective_user, found.command) == (Activity.PRIVILEGE_OPEN, "alice", target, command)


def test_the_reason_of_sudo_stands_before_the_first_field():
    found = one("sudo[55]: alice : command not allowed ; TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/bin/bash")
    assert (found.activity, found.effective_user, found.tty) == (Activity.PRIVILEGE_DENIED, "root", "pts/0")
    named = one("sudo[55]: alice : unknown user: x ; TTY=pts/0 ; USER=root ; COMMAND=/bin/sh ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh")
    assert named.activity == Activity.PRIVILEGE_DENIED


@pytest.mark.parametrize(
    ("line", "user", "own"),
    [
        ("sshd[7]: pam_unix(sshd:session): session opened for user backdoor(uid=0) by (uid=0)", "backdoor", "0"),
        ("su[7]: pam_unix(su:session): session opened for user backdoor(uid=0) by alice(uid=1000)", "alice", "1000"),
        ("sudo[7]: pam_unix(sudo:session): session opened for user backdoor(uid=0) by alice(uid=1000)", "alice", "1000"),
    ],
)
def test_an_account_of_number_0_is_the_highest_whatever_its_name(line, user, own):
    found = one(line)
    assert (found.activity, found.user, found.user_id, found.effective_user) == (Activity.PRIVILEGE_OPEN, user, own, "backdoor")
    assert found.extra["user.effective.id"] == "0"


def test_sudo_without_process_number_is_known_by_its_actor():
    found = one("sudo:    alice : TTY=pts/0 ; PWD=/ ; USER=root ; TSID=0000UM ; COMMAND=/bin/bash")
    session = one("sudo: pam_unix(sudo:session): session opened for user root by alice(uid=0)")
    assert found.session == session.session == "web-1/sudo:alice"
    assert one("sudo: pam_unix(sudo:session): session closed for user root").session == ""


@pytest.mark.parametrize(
    ("rest", "activity", "reason"),
    [
        ("user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls", Activity.PRIVILEGE_DENIED, Reason.NOT_ALLOWED),
        ("command not allowed ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls", Activity.PRIVILEGE_DENIED, Reason.NOT_ALLOWED),
        ("3 incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls", Activity.PRIVILEGE_DENIED, Reason.WRONG_PASSWORD),
        ("TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=list", Activity.OTHER, ""),
        ("problem with defaults entries ; TTY=pts/0 ; PWD=/ ; USER=root ;", Activity.OTHER, ""),
        ("(command continued) /etc/shadow", Activity.OTHER, ""),
        # A directory named like a field does not hide the command.
        ("TTY=pts/0 ; PWD=/tmp/a ; USER=nobody ; COMMAND=list ; USER=root ; COMMAND=/bin/sh", Activity.PRIVILEGE_OPEN, ""),
    ],
)
def test_sudo_lines_that_are_no_use_of_root(rest, activity, reason):
    found = one("sudo:  alice : " + rest)
    assert (found.activity, found.reason) == (activity, reason)
    if activity != Activity.OTHER:
        assert found.effective_user == "root"


@pytest.mark.parametrize(
    ("message", "activity", "actor", "target"),
    [
        ("(to root) alice on pts/0", Activity.PRIVILEGE_OPEN, "alice", "root"),
        ("FAILED SU (to root) alice on pts/0", Activity.PRIVILEGE_DENIED, "alice", "root"),
        ("Successful su for root by alice", Activity.PRIVILEGE_OPEN, "alice", "root"),
        ("FAILED su for root by alice", Activity.PRIVILEGE_DENIED, "alice", "root"),
        ("+ /dev/pts/0 alice:root", Activity.PRIVILEGE_OPEN, "alice", "root"),
        ("- pts/0 alice-root", Activity.PRIVILEGE_DENIED, "alice", "root"),
        ("BAD SU alice to root on /dev/ttyp0", Activity.PRIVILEGE_DENIED, "alice", "root"),
        ("alice to root on /dev/ttyp0", Activity.PRIVILEGE_OPEN, "alice", "root"),
        ("'su root' failed for lonvick on /dev/pts/8", Activity.PRIVILEGE_DENIED, "lonvick", "root"),
        ("(to nobody) root on none", Activity.OTHER, "root", "nobody"),
    ],
)
def test_su(message, activity, actor, target):
    found = one("su[9]: " + message)
    assert (found.activity, found.user, found.effective_user, found.session) == (activity, actor, target, "web-1/su[9]")


def test_pkexec_and_doas():
    facts("linux", AT + "pkexec[9]: alice: Executing command [USER=root] [TTY=unknown] [CWD=/home/alice] [COMMAND=/usr/bin/id]",
          activity=Activity.PRIVILEGE_OPEN, user="alice", effective_user="root", command="/usr/bin/id")
    facts("linux", AT + "doas[9]: alice ran command /bin/ls as root from /home/alice",
          activity=Activity.PRIVILEGE_OPEN, user="alice", effective_user="root", command="/bin/ls")
    facts("linux", AT + "doas: failed auth for alice", activity=Activity.PRIVILEGE_DENIED, user="alice", reason=Reason.WRONG_PASSWORD)
    facts("linux", AT + "doas: failed command for alice: /bin/ls", activity=Activity.PRIVILEGE_DENIED, reason=Reason.NOT_ALLOWED)


def test_login_counts_what_pam_does_not():
    # pam_unix tells the first failure at once and the later ones only as a number at the end.
    first = "FAILED LOGIN 1 FROM tty1 FOR alice, Authentication failure"
    second = "FAILED LOGIN (2) on '/dev/tty1' FOR 'alice', Authentication failure"
    assert one("login[9]: " + first).activity == Activity.OTHER
    facts("linux", AT + "login[9]: " + second, activity=Activity.LOGIN, user="alice", tty="/dev/tty1", reason=Reason.WRONG_PASSWORD)
    assert one("login[9]: TOO MANY LOGIN TRIES (3) FROM tty1 FOR alice, x").activity == Activity.DISCONNECT
    assert [item.activity for item in several("login[9]: ROOT LOGIN ON tty1")] == [Activity.LOGIN, Activity.PRIVILEGE_OPEN]
