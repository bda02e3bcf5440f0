"""Cases of detector 4 (unannounced web or program change): baselines of integrity monitors made anew (BASELINE_RESET)."""

from schemas import instant
from streams.simulator import clock
from streams.simulator.acts import MANAGER, RELAY, WebAct
from streams.simulator.clock import H, M
from streams.simulator.registry import case
from streams.simulator.scene import Scene
from streams.simulator.ticket import Ticket
from streams.simulator.truth import WEB, Subject
from streams.simulator.writers import linux, monitors, wazuh

AUDIT = "auditd@db-1"
WAYS = ("aide", "tripwire", "wazuh")
RESET = "BASELINE_RESET"
STORE = "/var/lib/aide"


class BaselineAct:
    """The integrity monitor of a host of its own compares with a new baseline from now on.

    ``way`` aide: configuration management runs ``aide --init``, the host's audit log tells it. tripwire: it updates
    Tripwire's database, Wazuh's alert about the command tells it. wazuh: the results of the host's agent are cleared through
    the API, whose log knows the agent by its number.
    """

    def __init__(self, scene: Scene, way: str = "") -> None:
        self.scene = scene
        self.way = way or scene.rng.choice(WAYS)
        self.host = scene.firm.ordering_host()
        self.named = self.host
        if self.way == "wazuh":
            self.named = str(scene.firm.next("agent", 1001))
            scene.firm.state("groups", group=self.host, member=self.named, kind="host", since=clock.BEFORE)

    @property
    def subject(self) -> Subject:
        """Subject of the reset."""
        return {"host": self.named, "path": None}

    def ticket(self, **fields: object) -> Ticket:
        """A request for maintenance of the monitor on this host."""
        defaults = {"title": f"New integrity baseline on {self.host}"}
        return self.scene.ticket("release_approver", target=self.host, **(defaults | fields))

    def do(self, t: int) -> Subject:
        """Make the baseline anew at ``t``."""
        if self.way == "aide":
            self.audited("/usr/sbin/aide", "--init", at=t)
        elif self.way == "tripwire":
            self.reported("/usr/sbin/tripwire", "--update", "--accept-all", at=t)
        else:
            self.scene.log(MANAGER, t, monitors.request(t, "DELETE", f"/syscheck/{self.named}"))
        return self.subject

    def audited(self, path: str, *arguments: str, at: int) -> None:
        """The host's audit log tells a command."""
        record = monitors.command(at, self.host, self.scene.firm.next("audit", 700_001), path, *arguments)
        self.scene.log(AUDIT, at, record, at)  # several lines that a shipper keeps together

    def reported(self, path: str, *arguments: str, at: int) -> None:
        """Wazuh tells a command."""
        line = monitors.reported(at, self.host, self.scene.firm.next("alert", 10001), path, *arguments)
        self.scene.log(MANAGER, at, line)


@case("d4.baseline.unapproved", WEB)
def unapproved(s: Scene) -> None:
    """Three hosts' baselines are made anew (AIDE, Tripwire, Wazuh's API) and no request names the hosts."""
    for way in WAYS:
        s.violation(RESET, BaselineAct(s, way).do(s.t), note=way)


@case("d4.baseline.approved", WEB)
def approved(s: Scene) -> None:
    """The same three ways under approved maintenance, decided an hour before."""
    for way in WAYS:
        act = BaselineAct(s, way)
        s.approved(act.ticket())
        s.none(RESET, act.do(s.t), note=way)


@case("d4.baseline.late_decision", WEB)
def late_decision(s: Scene) -> None:
    """The maintenance is decided half an hour after the reset: it was made without approval, and that stays."""
    act = BaselineAct(s)
    ticket = act.ticket()
    s.request(ticket, s.t - 30 * M)
    s.decide(ticket, s.t + 30 * M)
    s.violation(RESET, act.do(s.t), note="a late decision")


@case("d4.baseline.rejected", WEB)
def rejected(s: Scene) -> None:
    """The maintenance was rejected half an hour before the reset."""
    act = BaselineAct(s)
    ticket = act.ticket()
    s.request(ticket, s.t - H)
    s.decide(ticket, s.t - 30 * M, decision="rejected")
    s.violation(RESET, act.do(s.t))


@case("d4.baseline.after_window", WEB)
def after_window(s: Scene) -> None:
    """The reset comes half an hour after the end of the approved maintenance."""
    act = BaselineAct(s)
    s.approved(act.ticket(valid_from=s.t - 150 * M, valid_to=s.t - 30 * M), s.t - 155 * M)
    s.violation(RESET, act.do(s.t))


@case("d4.baseline.other_host", WEB)
def other_host(s: Scene) -> None:
    """Maintenance is approved for one host; the baseline of another is made anew."""
    act, named = BaselineAct(s), BaselineAct(s)
    s.approved(named.ticket())
    s.violation(RESET, act.do(s.t))


@case("d4.baseline.late_arrival", WEB)
def late_arrival(s: Scene) -> None:
    """The approval was decided before the reset and is observed 40 minutes after it: within the grace nothing remains."""
    act = BaselineAct(s)
    s.decide(act.ticket(), s.t - 20 * M, received=s.t + 40 * M)
    s.none(RESET, act.do(s.t))


@case("d4.baseline.late_arrival_retracted", WEB, tail=4 * H)
def late_arrival_retracted(s: Scene) -> None:
    """The approval was decided before the reset and is observed 100 minutes after it: the finding is retracted for good."""
    act = BaselineAct(s)
    s.decide(act.ticket(), s.t - 10 * M, received=s.t + 100 * M)
    s.violation(RESET, act.do(s.t), verdict="retracted")


@case("d4.hard.baseline_told_twice", WEB)
def told_twice(s: Scene) -> None:
    """The audit log tells `aide --init`, and three minutes later that the new database was copied over the old one: one reset."""
    act = BaselineAct(s, "aide")
    subject, placed = act.do(s.t), s.t + 3 * M
    s.log(AUDIT, placed, monitors.installed(placed, act.host, s.firm.next("audit", 700_001)), placed)
    s.violation(RESET, subject, until=placed)


@case("d4.hard.baseline_in_downtime", WEB)
def in_downtime(s: Scene) -> None:
    """The reset falls into a declared downtime of the host: that excuses silence, and approves nothing."""
    act = BaselineAct(s)
    s.firm.state(
        "downtimes", source=act.host, reason="maintenance", since=s.t - 30 * M, until=s.t + H, recorded=instant.text(s.t - H)
    )
    s.violation(RESET, act.do(s.t))


@case("d4.trap.baseline_compared", WEB)
def compared(s: Scene) -> None:
    """Checks, a started agent, ended scans and reads through the API compare with the baseline and leave it as it is."""
    aide, tripwire, api = (BaselineAct(s, way) for way in WAYS)
    aide.audited("/usr/sbin/aide", "--check", at=s.t)
    tripwire.reported("/usr/sbin/tripwire", "--check", at=s.t)
    s.log(MANAGER, s.t, monitors.request(s.t, "GET", f"/syscheck/{api.named}"))
    s.log(MANAGER, s.t + M, monitors.request(s.t + M, "PUT", "/syscheck"))
    for step, rule, text in ((2, "503", "ossec: Agent started"), (6, "516", "ossec: Ending syscheck scan.")):
        at = s.t + step * M
        s.log(MANAGER, at, wazuh.alert(at, api.host, s.firm.next("alert", 10001), rule, text, text))
    for act in (aide, tripwire, api):
        s.none(RESET, act.subject, until=s.t + 6 * M)


@case("d4.trap.baseline_moved", WEB)
def moved(s: Scene) -> None:
    """AIDE builds a new database and it is moved over the old one, as approved; on another host a file beside them changes."""
    act, other = BaselineAct(s, "aide"), WebAct(s)
    s.approved(act.ticket(objects=(f"{STORE}/aide.db.gz",)))
    subject, placed, serial = act.do(s.t), s.t + 3 * M, s.firm.next("audit", 700_001)
    built = WebAct(s, host=act.host).do(s.t + 2 * M, item=f"{STORE}/aide.db.new.gz", event="added", handled=False)
    s.log(AUDIT, placed, monitors.moved(placed, act.host, serial), placed)
    s.none(RESET, subject, until=placed)
    for subtype in ("UNANNOUNCED", "SCOPE_EXCEEDED"):
        s.none(subtype, built, until=placed)
    s.violation("UNANNOUNCED", other.do(s.t, item=f"{STORE}/aide.conf"))


@case("d4.trap.baseline_refused", WEB)
def refused(s: Scene) -> None:
    """Sudo refuses `aide --init` and the API refuses to clear an agent's results: the baselines stay."""
    aide, api = BaselineAct(s, "aide"), BaselineAct(s, "wazuh")
    by, command = s.person().account, "/usr/sbin/aide --init"
    pid = s.firm.next("pid", 100001)
    s.log(RELAY, s.t, linux.sudo(s.t, aide.host, pid, by, "root", command, note="command not allowed"))
    s.log(MANAGER, s.t, monitors.request(s.t, "DELETE", f"/syscheck/{api.named}", status=403))
    s.none(RESET, aide.subject)
    s.none(RESET, api.subject)
