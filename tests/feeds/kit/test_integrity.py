"""Which commands make the baseline of an integrity monitor anew, and what is told of them."""

import pytest

from schemas.event import Activity
from streams.feeds.kit import integrity
from tests.feeds.reading import read


@pytest.mark.parametrize(
    "command",
    [
        "aide --init", "/usr/bin/aide -u", "aide --config=/etc/aide.conf --init", "aideinit -y -f", "tripwire --init", "tripwire -m i",
        "tripwire -mu -r x.twr", "tripwire --update-policy tw.pol", "samhain -t update", "samhain --set-checksum-test=init",
        "/var/ossec/bin/syscheck_update -u 003", "syscheck_control -u 003", "aide '--init'",
    ],
)  # fmt: skip
def test_baselines_made_anew(command):
    assert integrity.resets(command)


@pytest.mark.parametrize(
    "command",
    [
        "", "aide", "aide --check", "aide --compare", "aide --dry-init", "aide --init --help", "aideinit --help", "man aide --init",
        "echo aide --init", "tripwire --check", "tripwire -m c", "tripwire --test", "samhain -t check", "syscheck_update -l",
        "syscheck_control -i 003", "aide.conf --init", "/etc/aide/aide.d/x --init",
    ],
)  # fmt: skip
def test_nothing_of_the_kind(command):
    assert not integrity.resets(command)


def test_the_program_that_ran_counts_whatever_it_is_called_by():
    assert integrity.resets("harmless --init", "/usr/bin/aide")
    assert integrity.resets("/bin/sh /usr/sbin/aideinit", "/usr/bin/dash", "aideinit")
    assert not integrity.resets("harmless --init", "/usr/bin/dash")


def test_sudo_tells_the_use_of_root_and_the_reset():
    line = "2026-03-02T09:00:00Z web-1 sudo[7]: alice : TTY=pts/0 ; PWD=/root ; USER=root ; COMMAND=/usr/bin/aide --init"
    use, reset = read("linux", line)
    assert (use.activity, reset.activity, reset.action) == (Activity.PRIVILEGE_OPEN, Activity.FILE_SCAN, "baseline-reset")
    assert (reset.user, reset.host, reset.command, reset.session) == ("alice", "web-1", "/usr/bin/aide --init", "")
    assert use.id != reset.id
    (denied,) = read("linux", line.replace(" : TTY", " : command not allowed ; TTY"))
    assert denied.activity == Activity.PRIVILEGE_DENIED


def test_the_audit_log_tells_command_and_reset():
    head = "msg=audit(1772442000.101:51):"
    text = (
        f'node=web-1 type=SYSCALL {head} arch=c000003e syscall=59 success=yes exit=0 pid=9 auid=1001 uid=0 comm="aide" exe="/usr/bin/aide" key="x"\n'
        f'node=web-1 type=EXECVE {head} argc=2 a0="aide" a1="--init"'
    )
    command, reset = read("auditd", text)
    assert (command.activity, reset.action, reset.host, reset.user_id) == (Activity.PROCESS, "baseline-reset", "web-1", "1001")
    assert len(read("auditd", text.replace("success=yes", "success=no"))) == 1
    sudo = f"node=web-1 type=USER_CMD {head} pid=7 uid=1001 auid=1001 msg='cwd=\"/\" cmd=616964652D2D696E6974 terminal=pts/0 res=success'"
    assert len(read("auditd", sudo)) == 1
    sudo = sudo.replace("616964652D2D696E6974", "61696465202D2D696E6974")
    assert [item.action for item in read("auditd", sudo)] == ["ran-command", "baseline-reset"]


def test_documents_that_say_it_themselves():
    (found,) = read("ecs", '{"@timestamp":"2026-03-02T09:00:00Z","host":{"name":"web-1"},"event":{"category":["file"],"type":["change"],"action":"baseline-reset"}}')
    assert (found.activity, found.action, found.host) == (Activity.FILE_SCAN, "baseline-reset", "web-1")
