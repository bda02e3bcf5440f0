"""Hard cases and traps of detector 5 (self-approved change); each request is used by one firewall commit."""

from streams.simulator.acts import FirewallAct
from streams.simulator.clock import H, M
from streams.simulator.registry import case
from streams.simulator.scene import Scene
from streams.simulator.ticket import Ticket
from streams.simulator.truth import FIREWALL, SELF


def _found(s: Scene, act: FirewallAct, ticket: Ticket) -> None:
    subject = act.do(s.t)
    s.violation("SELF_APPROVED", {"approval": ticket.number})
    s.none("UNAPPROVED", subject, detector=FIREWALL)


def _clean(s: Scene, act: FirewallAct, ticket: Ticket) -> None:
    subject = act.do(s.t)
    s.none("SELF_APPROVED", {"approval": ticket.number})
    s.none("UNAPPROVED", subject, detector=FIREWALL)


@case("d5.hard.second_account", SELF)
def second_account(s: Scene) -> None:
    """The requester approves through a second account of his."""
    act, boss = FirewallAct(s), s.person()
    s.firm.post(act.role, boss)
    second = s.firm.account(f"{boss.account}-2", boss)
    ticket = s.approved(act.ticket(requester=boss.account, approvers=(second,)))
    _found(s, act, ticket)


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
