"""Requests approved by the person who asked for or did the work.

Why: CC-17010.b.e, CC-17020.b.c, CC-18000.5.a and CC-19000.5 want the responsible supervisor's approval, CC-17020.d.b an operator
who is not the supervisor: a person's consent to the own request is none. Requester, implementer (the one named and whoever did
the acts that the approval covered) and approver are compared as persons, as of the decision; a second account is the same
person. A service account stands for the person on whose behalf it ran, and a requester who filed for another for that other.

SELF_APPROVED: the approver is the requester or an implementer (reasons APPROVER_IS_REQUESTER, APPROVER_IS_IMPLEMENTER), decided
as deputy of the requester who alone holds that role for those objects (DEPUTY_OF_REQUESTER), or is nobody's account, such as a
group mailbox: an unresolved approver never is a different person (UNRESOLVED_APPROVER). COLLUSION_HINT, for review: the approver
reports to the requester (APPROVER_REPORTS_TO_REQUESTER), or two persons approved each other's requests for the same object within
seven days (MUTUAL_APPROVAL, raised for the later one).

Blind spots: an approver whom the change system does not name is not judged here (WRONG_APPROVER tells it where roles are known).
Approvals that reach the system as context only, without the change system's records, are judged when an act uses them. A deputy
whose role several hold for the same objects is not taken for one holder's deputy. Two persons who share one account without
check-out cannot be told apart.

What to do: have the responsible supervisor decide again, and check what was done under the approval. For an unresolved approver
find out who used the mailbox and register its owner, or take it off the list of approvers.

Subject: {approval}: number of the request.
"""

import msgspec

from detectors.kit import identity
from detectors.kit.approvals import BY_APPROVAL, USE, history
from detectors.kit.approvals.duties import Parties, parties, stands_in_for
from detectors.kit.approvals.history import Grant
from detectors.kit.approvals.uses import unpacked_evidence
from detectors.kit.contract import CONTEXT_LOOKBACK, Context, Detector, Finding, Fold, FoldState, Step, evidence, merged
from detectors.kit.groups import folded
from detectors.kit.identity import Kind, Who
from detectors.requests import mutual
from detectors.requests.limits import LIMITS
from schemas.event import Activity, SecurityEvent
from schemas.violation import Evidence, Severity

SELF = "SELF_APPROVED"

_CLAUSES = {
    "firewall_change_unapproved": "CC-17010.b.e", "root_use_without_approval": "CC-17020.b.c",
    "important_data_change_unapproved": "CC-18000.5.a", "unannounced_web_or_program_change": "CC-19000.5",
    "program_deploy_unapproved": "CC-19000.5",
}  # fmt: skip
_CRITICAL = frozenset({"CC-17010.b.e", "CC-17020.b.c", "CC-18000.5.a"})
_ROOT = frozenset({"root", "sudo", "su", "privileged", "admin", "sa"})


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who did an act under the approval, with the first such act."""

    detector: str
    account: str
    persons: tuple[str, ...]
    event: str
    source: str
    t: int


class Request(FoldState, frozen=True):
    """What is known of one request: the records of its decisions and the actors under it."""

    decisions: tuple[Evidence, ...] = ()
    actors: tuple[Actor, ...] = ()


def decide(state: Request, event: SecurityEvent, ctx: Context) -> Step:
    """A decision was recorded, or an act used the approval: judge every decision of the request anew."""
    if event.activity == Activity.FACT:
        state = _used(state, event)
    else:
        item = evidence(event, decision=event.action, approver=event.user, approval=event.ref)
        state = msgspec.structs.replace(state, decisions=merged(state.decisions, [item])[: LIMITS.actors])
    entries = ctx.all("approvals", f"approval:{event.ref}")
    out: list[Finding] = []
    reasons: dict[str, None] = {}
    hints: dict[str, None] = {}
    grants = history.read(entries).grants if entries else ()
    first: Grant | None = None
    persons: set[str] = set()
    for grant in grants:
        found = parties(ctx, grant.snapshot, grant.decided)
        own = _own(ctx, found, state.actors, grant.decided)
        below = _below(ctx, found, grant.decided)
        if own or below:
            first = first or grant
            persons.update(approver.label for approver in found.approvers)
        reasons.update(dict.fromkeys(own))
        hints.update(dict.fromkeys(below))
    if first is not None:
        clauses = _clauses(ctx, state, first)
        for subtype, why in ((SELF, reasons), (mutual.HINT, hints)):
            if why:
                out.append(_finding(subtype, tuple(why), state, first, tuple(sorted(persons)), clauses))
    return Step(state, tuple(out))


def _used(state: Request, event: SecurityEvent) -> Request:
    told = event.extra
    actor = Actor(
        detector=told["detector"], account=told["account"], persons=tuple(told["persons"]), event=told["event"],
        source=told["act"]["source"], t=told["act"]["time"],
    )  # fmt: skip
    known = {(item.detector, item.account, item.persons) for item in state.actors}
    if (actor.detector, actor.account, actor.persons) in known or len(known) >= LIMITS.actors:
        return state
    return msgspec.structs.replace(state, actors=(*state.actors, actor))


def _own(ctx: Context, found: Parties, actors: tuple[Actor, ...], decided: int) -> list[str]:
    """Why the decision is nobody else's."""
    implementers = [found.implementer, *(Who(actor.account, Kind.PERSON, actor.persons) for actor in actors)]
    reasons: list[str] = []
    for approver in found.approvers:
        if identity.same_person(approver, found.requester):
            reasons.append("APPROVER_IS_REQUESTER")
        if any(item.account and identity.same_person(approver, item) for item in implementers):
            reasons.append("APPROVER_IS_IMPLEMENTER")
        if not approver.person:
            reasons.append("UNRESOLVED_APPROVER")
        elif found.requester.person and stands_in_for(ctx, approver.person, found.requester.person, decided):
            reasons.append("DEPUTY_OF_REQUESTER")
    return reasons


def _below(ctx: Context, found: Parties, decided: int) -> list[str]:
    asked = found.requester.person
    return [
        "APPROVER_REPORTS_TO_REQUESTER" for approver in found.approvers
        if asked and approver.person and identity.superior_of(ctx, asked, approver.person, decided)
    ]  # fmt: skip


def _clauses(ctx: Context, state: Request, grant: Grant) -> tuple[str, ...]:
    """Clauses that want this approval: by what was done under it, else by what it is for; none known: all."""
    done = {_CLAUSES[actor.detector] for actor in state.actors if actor.detector in _CLAUSES}
    if done:
        return tuple(sorted(done))
    scope = grant.snapshot.scope
    names = [folded(target) for target in scope.targets]
    groups = [
        entry.data for name in names for side in ("member", "group")
        for entry in ctx.as_of("groups", f"{side}:{name}", grant.decided)
    ]  # fmt: skip
    if any(group.kind == "firewall" for group in groups):
        return ("CC-17010.b.e",)
    if _ROOT & {folded(word) for word in (*scope.actions, *scope.accounts)}:
        return ("CC-17020.b.c",)
    return ()


def _finding(
    subtype: str, reasons: tuple[str, ...], state: Request, grant: Grant, persons: tuple[str, ...], clauses: tuple[str, ...]
) -> Finding:
    acts = [
        unpacked_evidence({
            "event_id": actor.event, "source": actor.source, "time": actor.t, "original": "",
            "values": _implementer(actor),
        }, {})
        for actor in state.actors
    ]  # fmt: skip
    grave = Severity.CRITICAL if set(clauses) & _CRITICAL else Severity.HIGH
    return Finding(
        subtype=subtype, anchor=grant.request, anchor_time=grant.decided, subject={"approval": grant.request},
        first_time=grant.decided, last_time=grant.decided, evidence=merged(state.decisions, acts), clauses=clauses,
        severity=grave if subtype == SELF else Severity.MEDIUM, persons=persons, approval=grant.request, reasons=reasons,
    )  # fmt: skip


def _implementer(actor: Actor) -> dict[str, str]:
    """Who did it, as evidence; an integrity monitor does not see who wrote."""
    who = actor.persons[0] if len(actor.persons) == 1 else actor.account
    return {"implementer": who} if who else {}


detector = Detector(
    clauses=("CC-17010.b.e", "CC-17020.b.c", "CC-17020.d.b", "CC-18000.5.a", "CC-19000.5"),
    feeds=("change_management",),
    severity=Severity.HIGH,
    folds=(
        Fold(
            name="request", keying=BY_APPROVAL, activities=frozenset({Activity.APPROVAL_DECISION, Activity.FACT}),
            facts=frozenset({USE}), init=Request(), step=decide, stage=3, memory=CONTEXT_LOOKBACK, lookback=CONTEXT_LOOKBACK,
        ),
        mutual.decision,
        mutual.fold,
    ),
    subtypes=(SELF, mutual.HINT),
)  # fmt: skip
