"""Every row of the approval verdict table, planted for firewall commits, root sessions and web changes."""

from collections.abc import Callable

from streams.simulator import registry
from streams.simulator.acts import FirewallAct, RootAct, WebAct
from streams.simulator.clock import H, M, S
from streams.simulator.registry import LEAD, LONG, TAIL
from streams.simulator.scene import Scene
from streams.simulator.truth import SELF

Act = FirewallAct | RootAct | WebAct
Kind = type[FirewallAct] | type[RootAct] | type[WebAct]
Plant = Callable[[Scene, Act], None]

ALL: tuple[Kind, ...] = (FirewallAct, RootAct, WebAct)
POINTS: tuple[Kind, ...] = (FirewallAct, WebAct)  # over in a moment, unlike a session


def _bind(plant: Plant, kind: Kind) -> Callable[[Scene], None]:
    return lambda scene: plant(scene, kind(scene))


def row(*ids: str, acts: tuple[Kind, ...] = ALL, lead: int = LEAD, tail: int = TAIL) -> Callable[[Plant], Plant]:
    """Register a verdict row under each of ``ids`` for each kind of act."""

    def register(plant: Plant) -> Plant:
        for id_ in ids:
            for kind in acts:
                registry.add(id_, kind.detector, plant.__doc__ or "", _bind(plant, kind), lead=lead, tail=tail)
        return plant

    return register


@row("p4.01")
def covered(s: Scene, act: Act) -> None:
    """Approval decided and known before the act: nothing to find."""
    s.approved(act.ticket())
    s.none(act.unapproved, act.do(s.t))


@row("row.no_approval", "p4.04")
def no_approval(s: Scene, act: Act) -> None:
    """No approval names the target."""
    s.violation(act.unapproved, act.do(s.t))


@row("row.late_arrival", "p4.02a")
def late_arrival(s: Scene, act: Act) -> None:
    """Approval decided before the act, observed 40 minutes after it: within the grace nothing remains."""
    s.decide(act.ticket(), s.t - 20 * M, received=s.t + 40 * M)
    s.none(act.unapproved, act.do(s.t))


@row("p4.15")
def source_behind(s: Scene, act: Act) -> None:
    """The ticket source is 45 minutes behind: no finding before the grace is over, and then none."""
    s.decide(act.ticket(), s.t - M, received=s.t + 44 * M)
    s.none(act.unapproved, act.do(s.t))


@row("row.late_arrival_act_late", tail=5 * H)
def late_arrival_act_late(s: Scene, act: Act) -> None:
    """The act itself is observed three hours later, the approval before that: nothing remains."""
    s.decide(act.ticket(), s.t - 10 * M, received=s.t + 150 * M)
    s.none(act.unapproved, act.do(s.t, observed=s.t + 3 * H))


@row("row.late_arrival_retracted", "p4.02b", tail=4 * H)
def retracted(s: Scene, act: Act) -> None:
    """Approval decided before the act but observed 100 minutes after it: the finding is retracted for good."""
    s.decide(act.ticket(), s.t - 10 * M, received=s.t + 100 * M)
    s.violation(act.unapproved, act.do(s.t), verdict="retracted")


@row("row.late_export_retracted", tail=4 * H)
def retracted_by_export(s: Scene, act: Act) -> None:
    """As before, but the change system itself wrote the state two hours after the decision (its export time)."""
    s.decide(act.ticket(), s.t - 5 * M, exported=s.t + 115 * M)
    s.violation(act.unapproved, act.do(s.t), verdict="retracted")


@row("row.late_decision", "p4.03")
def late_decision(s: Scene, act: Act) -> None:
    """Approval decided half an hour after the act: stays."""
    ticket = act.ticket()
    s.request(ticket, s.t - 30 * M)
    s.decide(ticket, s.t + 30 * M)
    s.violation("LATE_APPROVAL", act.do(s.t))


@row("row.late_decision_within_skew")
def late_decision_within_skew(s: Scene, act: Act) -> None:
    """Decided 120 seconds after the act: within the clock tolerance, so covered."""
    ticket = act.ticket()
    s.request(ticket, s.t - 30 * M)
    s.decide(ticket, s.t + 120 * S)
    s.none("LATE_APPROVAL", act.do(s.t))


@row("row.late_decision_beyond_skew")
def late_decision_beyond_skew(s: Scene, act: Act) -> None:
    """Decided 121 seconds after the act: beyond the clock tolerance."""
    ticket = act.ticket()
    s.request(ticket, s.t - 30 * M)
    s.decide(ticket, s.t + 121 * S)
    s.violation("LATE_APPROVAL", act.do(s.t))


@row("row.emergency_ratified", "p4.08a", tail=LONG)
def emergency_ratified(s: Scene, act: Act) -> None:
    """Emergency flagged before the act, approved five hours after it."""
    ticket = act.ticket(emergency_at=s.t - 10 * M)
    s.request(ticket, s.t - 10 * M)
    s.decide(ticket, s.t + 5 * H)
    s.violation("EMERGENCY_RATIFIED", act.do(s.t))


@row("row.emergency_unratified", "p4.08c", tail=LONG)
def emergency_unratified(s: Scene, act: Act) -> None:
    """Emergency flagged before the act and never decided."""
    s.request(act.ticket(emergency_at=s.t - 10 * M), s.t - 10 * M)
    s.violation("EMERGENCY_UNRATIFIED", act.do(s.t), until=s.t + 24 * H)


@row("p4.08b", tail=LONG + 2 * H)
def emergency_ratified_late(s: Scene, act: Act) -> None:
    """Emergency approved 26 hours after the act: too late."""
    ticket = act.ticket(emergency_at=s.t - 10 * M)
    s.request(ticket, s.t - 10 * M)
    s.decide(ticket, s.t + 26 * H)
    s.violation("EMERGENCY_UNRATIFIED", act.do(s.t), until=s.t + 24 * H)


@row("row.emergency_rejected", tail=LONG)
def emergency_rejected(s: Scene, act: Act) -> None:
    """Emergency rejected three hours after the act."""
    ticket = act.ticket(emergency_at=s.t - 10 * M)
    s.request(ticket, s.t - 10 * M)
    s.decide(ticket, s.t + 3 * H, decision="rejected")
    s.violation("EMERGENCY_UNRATIFIED", act.do(s.t), until=s.t + 3 * H)


@row("row.emergency_flag_after", tail=5 * H)
def emergency_flag_after(s: Scene, act: Act) -> None:
    """The emergency flag is set half an hour after the act: no emergency, a late approval."""
    ticket = act.ticket()
    s.request(ticket, s.t - H)
    ticket.emergency_at = s.t + 30 * M
    s.request(ticket, s.t + 30 * M)
    s.decide(ticket, s.t + 90 * M)
    s.violation("LATE_APPROVAL", act.do(s.t))


@row("row.backdated", "p4.16", tail=16 * H)
def backdated(s: Scene, act: Act) -> None:
    """Decision dated before the act but written 13 hours later (normal delay of the source: four hours)."""
    ticket = act.ticket()
    s.request(ticket, s.t - H)
    s.decide(ticket, s.t - 30 * M, exported=s.t + 13 * H)
    s.violation("BACKDATED_APPROVAL", act.do(s.t))


@row("row.expired", "p4.05c")
def expired(s: Scene, act: Act) -> None:
    """The act comes 30 minutes after the approval's end."""
    s.approved(act.ticket(valid_from=s.t - 150 * M, valid_to=s.t - 30 * M), s.t - 155 * M)
    s.violation("EXPIRED", act.do(s.t))


@row("p4.05a")
def before_start_within_skew(s: Scene, act: Act) -> None:
    """The act comes one second before the approval's start: within the clock tolerance."""
    s.approved(act.ticket(valid_from=s.t + S))
    s.none(act.unapproved, act.do(s.t))


@row("p4.05e")
def before_start_beyond_skew(s: Scene, act: Act) -> None:
    """The act comes 121 seconds before the approval's start: beyond the clock tolerance, and no row but the last fits."""
    s.approved(act.ticket(valid_from=s.t + 121 * S))
    s.violation(act.unapproved, act.do(s.t))


@row("p4.05b", acts=POINTS)
def after_end_within_skew(s: Scene, act: Act) -> None:
    """The act comes one second after the approval's end: within the clock tolerance."""
    s.approved(act.ticket(valid_to=s.t - S))
    s.none("EXPIRED", act.do(s.t))


@row("p4.05d", acts=POINTS)
def after_end_beyond_skew(s: Scene, act: Act) -> None:
    """The act comes 121 seconds after the approval's end: beyond the clock tolerance."""
    s.approved(act.ticket(valid_to=s.t - 121 * S))
    s.violation("EXPIRED", act.do(s.t))


@row("row.revoked", "p4.07a")
def revoked(s: Scene, act: Act) -> None:
    """Approved, and withdrawn half an hour before the act."""
    ticket = s.approved(act.ticket())
    s.revoke(ticket, s.t - 30 * M)
    s.violation("REVOKED", act.do(s.t))


@row("p4.07b", tail=4 * H)
def revoked_after(s: Scene, act: Act) -> None:
    """Approved, and withdrawn only after the act."""
    ticket = s.approved(act.ticket())
    subject = act.do(s.t)
    s.revoke(ticket, s.t + 90 * M)
    s.none("REVOKED", subject)


@row("row.rejected")
def rejected(s: Scene, act: Act) -> None:
    """Rejected half an hour before the act."""
    ticket = act.ticket()
    s.request(ticket, s.t - H)
    s.decide(ticket, s.t - 30 * M, decision="rejected")
    s.violation("REJECTED", act.do(s.t))


@row("row.wrong_approver")
def wrong_approver(s: Scene, act: Act) -> None:
    """The approver holds no approving role."""
    s.approved(act.ticket(approvers=(s.person().account,)))
    s.violation("WRONG_APPROVER", act.do(s.t))


@row("row.wrong_approver_object")
def wrong_approver_object(s: Scene, act: Act) -> None:
    """The approver holds the role, but for another target."""
    approver = s.person()
    s.firm.post(act.role, approver, objects=("other-system",))
    s.approved(act.ticket(approvers=(approver.account,)))
    s.violation("WRONG_APPROVER", act.do(s.t))


@row("p4.10a")
def deputy_in_time(s: Scene, act: Act) -> None:
    """A deputy decides inside his interval, which ends before the act."""
    deputy = s.person()
    s.firm.post(act.role, deputy, deputy=True, since=s.t - 3 * H, until=s.t - 30 * M)
    s.approved(act.ticket(approvers=(deputy.account,)))
    s.none("WRONG_APPROVER", act.do(s.t))


@row("p4.10b")
def deputy_too_late(s: Scene, act: Act) -> None:
    """A deputy decides an hour after his interval ended."""
    deputy = s.person()
    s.firm.post(act.role, deputy, deputy=True, since=s.t - 30 * H, until=s.t - 2 * H)
    s.approved(act.ticket(approvers=(deputy.account,)))
    s.violation("WRONG_APPROVER", act.do(s.t))


@row("row.several_wrong_late", tail=3 * H)
def several_wrong_late(s: Scene, act: Act) -> None:
    """Decided after the act by somebody without the role: the first row in the order names it."""
    ticket = act.ticket(approvers=(s.person().account,))
    s.request(ticket, s.t - 30 * M)
    s.decide(ticket, s.t + 30 * M)
    s.violation("WRONG_APPROVER", act.do(s.t), note="also LATE_APPROVAL")


@row("row.self_approved", tail=3 * H)
def self_approved(s: Scene, act: Act) -> None:
    """Requester and approver are one person: raised by self_approved_change, not beside it as unapproved."""
    boss = s.person()
    s.firm.post(act.role, boss)
    ticket = s.approved(act.ticket(requester=boss.account, approvers=(boss.account,)))
    subject = act.do(s.t)
    s.none(act.unapproved, subject, note="the act has an approval; who gave it is detector 5's question")
    s.violation("SELF_APPROVED", {"approval": ticket.number}, detector=SELF)


@row("p4.09", tail=3 * H)
def second_account(s: Scene, act: Act) -> None:
    """The implementer approves through a second account."""
    s.firm.post(act.role, act.person)
    second = s.firm.account(f"{act.person.account}.mgr", act.person)
    ticket = s.approved(act.ticket(approvers=(second,)))
    subject = act.do(s.t)
    s.none(act.unapproved, subject)
    s.violation("SELF_APPROVED", {"approval": ticket.number}, detector=SELF)
