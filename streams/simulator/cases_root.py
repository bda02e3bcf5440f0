"""Hard cases of detector 3 (use of root without approval); the traps are in ``cases_root_traps.py``."""

from schemas import instant
from streams.simulator.acts import RELAY, RootAct
from streams.simulator.clock import H, M, S
from streams.simulator.firm import Person
from streams.simulator.registry import LONG, case
from streams.simulator.scene import Scene
from streams.simulator.truth import ROOT, Subject
from streams.simulator.writers import linux, windows


@case("d3.hard.continues_after_end", ROOT, tail=4 * H)
def continues_after_end(s: Scene) -> None:
    """Opened inside the approval, left 50 minutes after its end: the whole interval counts."""
    act = RootAct(s)
    s.approved(act.ticket(valid_to=s.t + 10 * M))
    subject = act.do(s.t, length=H)
    s.violation("EXPIRED", subject, until=s.t + H, note="overrun of 50 minutes")


@case("d3.hard.ends_within_skew", ROOT)
def ends_within_skew(s: Scene) -> None:
    """Left 90 seconds after the approval's end: within the clock tolerance."""
    act = RootAct(s)
    s.approved(act.ticket(valid_to=s.t + 10 * M - 90 * S))
    s.none("EXPIRED", act.do(s.t))


@case("d3.hard.chain", ROOT)
def chain(s: Scene) -> None:
    """From one's own account by su to a shared one, by sudo to root: the first person counts, and has no approval."""
    act = RootAct(s, way="sudo")
    s.violation("UNAPPROVED", _chain(s, act), note="resolved through the shared account")


@case("d3.hard.chain_approved", ROOT)
def chain_approved(s: Scene) -> None:
    """The same chain, approved for the first person."""
    act = RootAct(s, way="sudo")
    s.approved(act.ticket())
    s.none("UNAPPROVED", _chain(s, act))


def _chain(s: Scene, act: RootAct) -> Subject:
    shared = s.firm.account(f"appadm{s.firm.next('shared')}", None, kind="shared")
    pid, host = s.firm.next("pid", 100001), act.target
    first = s.t - 2 * M
    own, act.account = act.account, shared
    s.log(RELAY, first, linux.su(first, host, pid, own, shared, "pts/1"))
    s.log(RELAY, first, linux.opened(first, host, "su", pid, shared, own))
    subject = act.do(s.t)
    s.log(RELAY, s.t + 15 * M, linux.closed(s.t + 15 * M, host, "su", pid, shared))
    return subject


@case("d3.hard.shared_unresolved", ROOT)
def shared_unresolved(s: Scene) -> None:
    """Direct root log-in without any check-out: nobody is resolved, which counts as unapproved even under an approval."""
    act = RootAct(s, way="ssh")
    s.approved(act.ticket())
    subject = act.do(s.t, checkout=False)
    s.violation("UNAPPROVED", subject | {"person": None}, note="unresolved")


@case("d3.hard.two_persons", ROOT)
def two_persons(s: Scene) -> None:
    """Two persons hold the check-out of root at the log-in: not exactly one person, so unresolved."""
    act = RootAct(s, way="ssh")
    act.checkout(s.t - 20 * M, s.t + 40 * M, s.person())
    subject = act.do(s.t)
    s.violation("UNAPPROVED", subject | {"person": None}, note="two check-outs")


@case("d3.hard.pam_bypass", ROOT)
def pam_bypass(s: Scene) -> None:
    """Direct root log-in 20 minutes before the person's check-out begins: beyond two minutes, so unresolved."""
    act = RootAct(s, way="ssh")
    subject = act.do(s.t, checkout=False)
    act.checkout(s.t + 20 * M, s.t + H)
    s.violation("UNAPPROVED", subject | {"person": None}, note="no PAM session within two minutes")


@case("d3.hard.pam_within", ROOT)
def pam_within(s: Scene) -> None:
    """Direct root log-in 90 seconds before the person's check-out begins: within two minutes, so the person's."""
    act = RootAct(s, way="ssh")
    s.approved(act.ticket())
    subject = act.do(s.t, checkout=False)
    act.checkout(s.t + 90 * S, s.t + H)
    s.none("UNAPPROVED", subject)


@case("d3.hard.agent_account_at_terminal", ROOT)
def agent_account_at_terminal(s: Scene) -> None:
    """Somebody opens a root shell at a terminal from the monitoring's service account: programs are exempt, not accounts."""
    act = RootAct(s, way="sudo")
    act.account = s.firm.account(f"nagios{s.firm.next('probe')}", None, kind="service")
    subject = act.do(s.t, checkout=False)
    s.violation("UNAPPROVED", subject | {"person": None}, note="a service account is no person")


@case("d3.hard.end_lost_timeout", ROOT, tail=LONG)
def end_lost_timeout(s: Scene) -> None:
    """The end of a session is lost and no boot follows: closed by the time-out, long after the approval's end."""
    act = RootAct(s, way="ssh")
    s.approved(act.ticket(valid_to=s.t + H))
    s.violation("EXPIRED", act.do(s.t, ends=False))


@case("d3.hard.end_lost", ROOT, tail=4 * H)
def end_lost(s: Scene) -> None:
    """The end of an approved session is lost; the host's boot 40 minutes later ends it inside the approval."""
    act = RootAct(s, way="ssh")
    s.approved(act.ticket(valid_to=s.t + H))
    subject = act.do(s.t, length=40 * M, ends=False)
    s.log(RELAY, s.t + 40 * M, linux.boot(s.t + 40 * M, act.target))
    s.none("EXPIRED", subject, until=s.t + 40 * M)


@case("d3.hard.group_joined", ROOT)
def group_joined(s: Scene) -> None:
    """The approval names a host group; the host joined it after the decision and before the act."""
    act = RootAct(s)
    group = f"batch-{s.firm.next('group')}"
    s.firm.state("groups", group=group, member=act.target, kind="host", since=s.t - 20 * M)
    s.approved(act.ticket(targets=(group,)))
    s.none("UNAPPROVED", act.do(s.t))


@case("d3.hard.group_left", ROOT)
def group_left(s: Scene) -> None:
    """The approval names a host group that the host left before the act."""
    act = RootAct(s)
    group = f"batch-{s.firm.next('group')}"
    s.firm.state("groups", group=group, member=act.target, kind="host", since=s.t - 30 * H, until=s.t - 20 * M)
    s.approved(act.ticket(targets=(group,)))
    s.violation("UNAPPROVED", act.do(s.t), note="no approval names the host as of the act")


@case("d3.scope.host_only", ROOT)
def host_only(s: Scene) -> None:
    """A change ticket for another matter on the host names neither account nor person: no approval of becoming root."""
    act = RootAct(s)
    other = s.person()
    scope = {"accounts": (), "persons": (), "implementer": other.account, "kind": "change", "title": "Deploy page"}
    s.approved(act.ticket(channel="servicenow", **scope))
    s.violation("UNAPPROVED", act.do(s.t), note="the ticket names only the host")


@case("d3.scope.any_account", ROOT)
def any_account(s: Scene) -> None:
    """The approval names the person and every account."""
    act = RootAct(s)
    s.approved(act.ticket(accounts=("*",)))
    s.violation("UNAPPROVED", act.do(s.t), note="no account is named")


@case("d3.scope.any_person", ROOT)
def any_person(s: Scene) -> None:
    """The approval names the account and every person."""
    act = RootAct(s)
    s.approved(act.ticket(persons=("*",)))
    s.violation("UNAPPROVED", act.do(s.t), note="no person is named")


@case("d3.record.missing", ROOT, tail=LONG)
def record_missing(s: Scene) -> None:
    """An approved session of which no record is filed within 24 hours."""
    act = RootAct(s)
    s.approved(act.ticket())
    s.violation("NO_RECORD", act.do(s.t, record=False), until=s.t + 10 * M)


@case("d3.record.late", ROOT, tail=LONG + 2 * H)
def record_late(s: Scene) -> None:
    """The record of an approved session is filed 26 hours after its end: too late."""
    act = RootAct(s)
    s.approved(act.ticket())
    s.violation("NO_RECORD", act.do(s.t, filed=s.t + 10 * M + 26 * H), until=s.t + 10 * M)


@case("d3.record.in_time", ROOT, tail=LONG)
def record_in_time(s: Scene) -> None:
    """The record of an approved session is filed after 23 hours."""
    act = RootAct(s)
    s.approved(act.ticket())
    s.none("NO_RECORD", act.do(s.t, filed=s.t + 10 * M + 23 * H), until=s.t + 10 * M)


@case("d3.record.missing_unapproved", ROOT, tail=LONG)
def record_missing_unapproved(s: Scene) -> None:
    """Neither approval nor record: two findings."""
    act = RootAct(s)
    subject = act.do(s.t, record=False)
    s.violation("UNAPPROVED", subject)
    s.violation("NO_RECORD", subject, until=s.t + 10 * M)


@case("d3.elevation.unapproved", ROOT)
def elevation(s: Scene) -> None:
    """A Windows log-on gets a token of special privileges; no approval."""
    s.violation("UNAPPROVED", _elevated(s, s.firm.server(), s.person()))


@case("d3.elevation.approved", ROOT)
def elevation_approved(s: Scene) -> None:
    """The same under an approval that names host, account and person."""
    host, person = s.firm.server(), s.person()
    scope = {"accounts": (person.account,), "persons": (person.id,), "implementer": person.account, "kind": "access"}
    s.approved(s.ticket("root_approver", target=host, **scope))
    s.none("UNAPPROVED", _elevated(s, host, person))


def _elevated(s: Scene, host: str, person: Person) -> Subject:
    logon, end = s.firm.next(f"record {host}", 5001), s.t + 20 * M
    for at, line in (
        (s.t, windows.accepted(s.t, host, logon, person.account, s.firm.address(80), kind=10)),
        (s.t, windows.elevated(s.t, host, s.firm.next(f"record {host}"), person.account, logon=logon)),
        (end, windows.logoff(end, host, s.firm.next(f"record {host}"), person.account, kind=10, logon=logon)),
    ):
        s.log("windows@wec-1", at, line)
    start = instant.text(s.t)
    s.firm.state(
        "session_records", record=f"SR-{s.firm.next('record', 70001)}", host=host, account=person.account, person=person.id,
        since=s.t, until=end, recorded=instant.text(end + 20 * M),
    )
    return {"host": host, "account": person.account, "person": person.id, "start": start}
