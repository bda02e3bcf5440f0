"""False-positive traps of detector 3 (use of root without approval): root at work without a person, or with a joint approval."""

from schemas import instant
from streams.simulator.acts import RELAY, RootAct
from streams.simulator.clock import H, M, S
from streams.simulator.registry import case
from streams.simulator.scene import Scene
from streams.simulator.truth import ROOT
from streams.simulator.writers import linux, sensors


def _nothing(s: Scene, host: str, note: str, account: str = "root") -> None:
    s.none("UNAPPROVED", {"host": host, "account": account, "start": instant.text(s.t)}, note=note)


@case("d3.trap.cron", ROOT)
def cron(s: Scene) -> None:
    """Cron runs a job as root, with a PAM session and no person."""
    host, pid, t = s.firm.server(), s.firm.next("pid", 100001), s.t
    s.log(RELAY, t, linux.opened(t, host, "CRON", pid, "root"))
    s.log(RELAY, t, linux.cron(t, host, pid, "root", "/usr/local/sbin/rotate-keys"))
    s.log(RELAY, t + 5 * S, linux.closed(t + 5 * S, host, "CRON", pid, "root"))
    _nothing(s, host, "no interactive session")


@case("d3.trap.agents", ROOT)
def agents(s: Scene) -> None:
    """init, an installer and an agent act as root without a log-in."""
    host, t = s.firm.server(), s.t
    pid = s.firm.next("pid", 100001)
    s.log(RELAY, t, linux.line(t, host, "systemd[1]", "Started Daily Cleanup of Temporary Directories."))
    s.log(RELAY, t + 20 * S, linux.line(t + 20 * S, host, f"dnf[{pid}]", "Upgraded: openssl-1:3.0.7-27.el9.x86_64"))
    line = linux.opened(t + 40 * S, host, "runuser", pid + 1, "postgres", service="runuser")
    s.log(RELAY, t + 40 * S, line)
    s.log(RELAY, t + 41 * S, linux.closed(t + 41 * S, host, "runuser", pid + 1, "postgres", service="runuser"))
    _nothing(s, host, "units and installers")


@case("d3.trap.container_root", ROOT)
def container_root(s: Scene) -> None:
    """Root inside a container is not root of the host."""
    host, t = s.firm.server(), s.t
    serial = s.firm.next("audit", 40001)
    rest = (
        "pid=30122 uid=0 auid=4294967295 ses=4294967295 subj=system_u:system_r:container_t:s0:c12,c90 "
        'msg=\'unit=crio-7f1c comm="entrypoint" exe="/usr/bin/conmon" hostname=? addr=? terminal=? res=success\''
    )
    s.log("auditd@db-1", t, sensors.audit(t, host, serial, "SERVICE_START", rest))
    message = "container exec 7f1c9e0a4b21 (image=registry.example/quotes:14, name=quotes, user=root)"
    s.log(RELAY, t + S, linux.line(t + S, host, "podman[30122]", message))
    _nothing(s, host, "container")


@case("d3.trap.sudo_list", ROOT)
def sudo_list(s: Scene) -> None:
    """Sudo -l only lists what would be allowed."""
    host, t, by = s.firm.server(), s.t, s.person().account
    s.log(RELAY, t, linux.sudo(t, host, s.firm.next("pid", 100001), by, "root", "list"))
    _nothing(s, host, "sudo -l")


@case("d3.trap.sudo_denied", ROOT)
def sudo_denied(s: Scene) -> None:
    """Sudo refuses the command: no use of root."""
    host, t, by = s.firm.server(), s.t, s.person().account
    pid = s.firm.next("pid", 100001)
    s.log(RELAY, t, linux.sudo(t, host, pid, by, "root", "/usr/bin/bash", note="command not allowed"))
    s.log(RELAY, t + M, linux.sudo(t + M, host, pid + 1, by, "root", "/usr/bin/bash", note="user NOT in sudoers"))
    _nothing(s, host, "denied")


@case("d3.trap.monitoring_probe", ROOT)
def monitoring_probe(s: Scene) -> None:
    """The monitoring agent runs a probe by sudo, without a terminal, every ten minutes."""
    host, t = s.firm.server(), s.t
    service = s.firm.account(f"nagios{s.firm.next('probe')}", None, kind="service")
    for step in range(3):
        at, pid = t + step * 10 * M, s.firm.next("pid", 100001)
        command = "/usr/lib64/nagios/plugins/check_disk -w 10% -c 5% /var"
        s.log(RELAY, at, linux.sudo(at, host, pid, service, "root", command, tty="unknown"))
    _nothing(s, host, "monitoring probe")


@case("d3.trap.vendor_maintenance", ROOT)
def vendor_maintenance(s: Scene) -> None:
    """A vendor's engineer works as root under a joint approval of two supervisors."""
    engineer = s.firm.person(vendor="Taiwan Systems Maintenance", department="vendor", since=s.t - 60 * H)
    act = RootAct(s, way="su", person=engineer)
    approvers = (s.firm.approvers["root_approver"].account, s.firm.second_approver.account)
    s.approved(act.ticket(approvers=approvers, kind="maintenance"))
    s.none("UNAPPROVED", act.do(s.t))
