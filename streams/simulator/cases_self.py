"""Hard cases and traps of detector 5 (self-approved change, hints of collusion); a firewall commit uses each request."""

from schemas import instant
from streams.simulator.acts import FirewallAct
from streams.simulator.clock import H, M
from streams.simulator.firm import Person
from streams.simulator.registry import case
from streams.simulator.scene import Scene
from streams.simulator.ticket import Ticket
from streams.simulator.truth import FIREWALL, SELF, Subject


def _found(s: Scene, act: FirewallAct, ticket: Ticket) -> None:
    subject = act.do(s.t)
    s.violation("SELF_APPROVED", {"approval": ticket.number})
    s.none("UNAPPROVED", subject, detector=FIREWALL)


def _hint(s: Scene, act: FirewallAct, ticket: Ticket, note: str = "") -> None:
    subject = act.do(s.t)
    s.violation("COLLUSION_HINT", {"approval": ticket.number}, note=note)
    s.none("UNAPPROVED", subject, detector=FIREWALL)


def _clean(s: Scene, act: FirewallAct, ticket: Ticket, subtype: str = "SELF_APPROVED") -> None:
    subject = act.do(s.t)
    s.none(subtype, {"approval": ticket.number})
    s.none("UNAPPROVED", subject, detector=FIREWALL)


@case("d5.hard.second_account", SELF)
def second_account(s: Scene) -> None:
    """The requester approves through a second account of his."""
    act, boss = FirewallAct(s), s.person()
    s.firm.post(act.role, boss)
    second = s.firm.account(f"{boss.account}-2", boss)
    ticket = s.approved(act.ticket(requester=boss.account, approvers=(second,)))
    _found(s, act, ticket)


@case("d5.hard.delegate_approves_delegator", SELF)
def delegate_approves_delegator(s: Scene) -> None:
    """The delegate decides, inside his interval, on the request of the one in whose place he decides."""
    act, holder, deputy = _delegation(s)
    _found(s, act, s.approved(act.ticket(requester=holder.account, approvers=(deputy.account,))))


@case("d5.trap.delegate_approves_another", SELF)
def delegate_approves_another(s: Scene) -> None:
    """The same delegation; the request is a third person's, which is what a delegate is for."""
    act, _, deputy = _delegation(s)
    _clean(s, act, s.approved(act.ticket(approvers=(deputy.account,))))


def _delegation(s: Scene) -> tuple[FirewallAct, Person, Person]:
    act, holder, deputy = FirewallAct(s), s.person(), s.person()
    s.firm.post(act.role, holder, objects=(act.target,))
    s.firm.post(act.role, deputy, objects=(act.target,), deputy=True, since=s.t - 3 * H, until=s.t + H)
    return act, holder, deputy


@case("d5.hard.deputy_ended", SELF)
def deputy_ended(s: Scene) -> None:
    """A deputy decides after his interval: a wrong approver of the act, but not self-approved."""
    act, deputy = FirewallAct(s), s.person()
    s.firm.post(act.role, deputy, deputy=True, since=s.t - 50 * H, until=s.t - 5 * H)
    ticket = s.approved(act.ticket(approvers=(deputy.account,)))
    s.violation("WRONG_APPROVER", act.do(s.t), detector=FIREWALL)
    s.none("SELF_APPROVED", {"approval": ticket.number})


@case("d5.hard.role_changed_after", SELF)
def role_changed_after(s: Scene) -> None:
    """The approver gives up the role between decision and use: the role at the decision counts."""
    act, boss = FirewallAct(s), s.person()
    s.firm.post(act.role, boss, until=s.t - 20 * M)
    _clean(s, act, s.approved(act.ticket(approvers=(boss.account,))))


@case("d5.hard.group_mailbox", SELF)
def group_mailbox(s: Scene) -> None:
    """A group mailbox approves: nobody is resolved, so it is no different person, and holds no role."""
    act = FirewallAct(s)
    ticket = s.approved(act.ticket(approvers=("it-approval@shanan-securities.example",)))
    s.violation("WRONG_APPROVER", act.do(s.t), detector=FIREWALL)
    s.violation("SELF_APPROVED", {"approval": ticket.number}, note="approver unresolved")


@case("d5.hard.reused_account_name", SELF)
def reused_account_name(s: Scene) -> None:
    """The approver's account name belonged to the requester until last month: as of the decision it is another person."""
    act, now, before = FirewallAct(s), s.person(), s.person()
    s.firm.post(act.role, now)
    name = f"duty.manager{s.firm.next('duty')}"
    change = s.t - 30 * 24 * H
    s.firm.account(name, before, since=s.t - 60 * 24 * H, until=change)
    s.firm.account(name, now, since=change)
    _clean(s, act, s.approved(act.ticket(requester=before.account, approvers=(name,))))


@case("d5.hard.implementer_approves", SELF)
def implementer_approves(s: Scene) -> None:
    """The implementer approves his own work, with his own account."""
    act = FirewallAct(s)
    s.firm.post(act.role, act.person)
    _found(s, act, s.approved(act.ticket(approvers=(act.person.account,))))


@case("d5.hard.on_behalf_of_approver", SELF)
def on_behalf_of_approver(s: Scene) -> None:
    """An assistant enters the request on behalf of the one who then approves it."""
    act, boss = FirewallAct(s), s.person()
    s.firm.post(act.role, boss)
    _found(s, act, s.approved(act.ticket(on_behalf_of=boss.account, approvers=(boss.account,))))


@case("d5.hard.trigger_person_approves", SELF)
def trigger_person_approves(s: Scene) -> None:
    """A pipeline files and implements the request; the one who set it off approves it."""
    act, boss = FirewallAct(s), s.person()
    s.firm.post(act.role, boss)
    _found(s, act, s.approved(_by_pipeline(s, act, boss, approvers=(boss.account,))))


@case("d5.collusion.reports_to_requester", SELF)
def reports_to_requester(s: Scene) -> None:
    """The approver, who holds the role, reports to the one who asked."""
    act, boss = FirewallAct(s), s.person()
    approver = s.firm.person(manager=boss.id)
    s.firm.post(act.role, approver)
    _hint(s, act, s.approved(act.ticket(requester=boss.account, approvers=(approver.account,))))


@case("d5.collusion.mutual_pair", SELF)
def mutual_pair(s: Scene) -> None:
    """Two persons approve each other's requests for one firewall rule, 90 minutes apart."""
    act = FirewallAct(s)
    first, second = _each_others(s, act, act)
    _hint(s, act, second, f"the other way round: {first.number}")


@case("d5.trap.mutual_other_object", SELF)
def mutual_other_object(s: Scene) -> None:
    """Two persons approve each other's requests for two firewalls that have nothing in common."""
    act = FirewallAct(s)
    _clean(s, act, _each_others(s, FirewallAct(s), act)[1], "COLLUSION_HINT")


def _each_others(s: Scene, before: FirewallAct, after: FirewallAct) -> tuple[Ticket, Ticket]:
    """Requests of two approvers, each approved by the other: the first used 90 minutes before the scene's moment."""
    one, other, at = s.person(), s.person(), s.t - 90 * M
    for person in (one, other):
        s.firm.post(before.role, person)
    first = before.ticket(
        requester=one.account, approvers=(other.account,), valid_from=at - 5 * M, valid_to=at + 10 * M,
    )
    s.approved(first, at - H)
    s.none("UNAPPROVED", before.do(at), since=at, detector=FIREWALL)
    return first, s.approved(after.ticket(requester=other.account, approvers=(one.account,)))


def _by_pipeline(s: Scene, act: FirewallAct, trigger: Person, **fields: object) -> Ticket:
    """A request that an automation's own account files and implements; ``trigger`` set the automation off."""
    service = s.firm.account(f"svc-pipeline{s.firm.next('service')}", None, kind="service")
    return act.ticket(requester=service, on_behalf_of=trigger.account, implementer=service, **fields)


@case("d5.trap.pipeline_triggered", SELF)
def pipeline_triggered(s: Scene) -> None:
    """A pipeline files and implements the request of the administrator who set it off; a third person approves."""
    act = FirewallAct(s)
    _clean(s, act, s.approved(_by_pipeline(s, act, act.person)))


@case("d5.trap.filed_for_another", SELF)
def filed_for_another(s: Scene) -> None:
    """A supervisor enters a request on behalf of a colleague and approves it: it is the colleague's request."""
    act, boss = FirewallAct(s), s.person()
    s.firm.post(act.role, boss)
    ticket = act.ticket(requester=boss.account, on_behalf_of=s.person().account, approvers=(boss.account,))
    _clean(s, act, s.approved(ticket))


@case("d5.trap.on_behalf_of", SELF)
def on_behalf_of(s: Scene) -> None:
    """The service desk enters a request on behalf of a colleague; a third person approves."""
    act = FirewallAct(s)
    _clean(s, act, s.approved(act.ticket(on_behalf_of=s.person().account)))


@case("d5.trap.service_implementer", SELF)
def service_implementer(s: Scene) -> None:
    """The ticket names a pipeline's service account as implementer; a designated administrator set it off."""
    act = FirewallAct(s)
    service = s.firm.account(f"svc-pipeline{s.firm.next('service')}", act.person, kind="service")
    _clean(s, act, s.approved(act.ticket(implementer=service)))


@case("p4.17a", SELF)
def excepted(s: Scene) -> None:
    """An approved exception for this request is in force at the decision: excepted, not dropped."""
    _exception(s, s.t + H, "excepted")


@case("p4.17b", SELF)
def exception_expired(s: Scene) -> None:
    """The exception for this request ended an hour before the decision."""
    _exception(s, s.t - 2 * H, "violation")


def _exception(s: Scene, until: int, verdict: str) -> None:
    act = FirewallAct(s)
    s.firm.post(act.role, act.person)
    ticket = s.approved(act.ticket(approvers=(act.account,)))
    act.do(s.t)
    subject: Subject = {"approval": ticket.number}
    s.firm.state(
        "exceptions", exception=f"EX-{s.firm.next('exception', 301)}", detector=SELF, subject=subject,
        reason="one supervisor on duty", approver=s.firm.head.id, since=s.t - 48 * H, until=until,
        recorded=instant.text(s.t - 48 * H),
    )
    s.violation("SELF_APPROVED", subject, verdict=verdict)
