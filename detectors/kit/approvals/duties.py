"""Who asked, who did and who decided, as persons as of the decision; whether the deciders held the approving role."""

from collections.abc import Iterable
from dataclasses import dataclass

from detectors.kit import identity
from detectors.kit.approvals.history import Grant
from detectors.kit.contract import Context
from detectors.kit.groups import folded
from detectors.kit.identity import Kind, Who
from detectors.kit.tolerance import Fit
from schemas.approval import Approval
from schemas.context import Post


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """The persons behind a decision.

    ``requester`` is the one for whom it was asked, if somebody else filed it; ``implementer`` the one who set the
    automation off, if a service account is named.
    """

    requester: Who
    implementer: Who
    approvers: tuple[Who, ...]


def parties(ctx: Context, snapshot: Approval, decided: int) -> Parties:
    """Parties of a decision at ``decided``."""
    behalf = identity.party(ctx, decided, account=snapshot.on_behalf_of)
    requester = behalf if snapshot.on_behalf_of else identity.party(ctx, decided, account=snapshot.requester)
    implementer = identity.party(ctx, decided, account=snapshot.implementer)
    if implementer.kind is Kind.SERVICE and snapshot.on_behalf_of:
        implementer = behalf
    return Parties(requester=requester, implementer=implementer, approvers=deciders(ctx, snapshot, decided))


def deciders(ctx: Context, snapshot: Approval, decided: int) -> tuple[Who, ...]:
    """Approvers who decided: those with a time of their own if any has one (a group asks many, one answers), else all."""
    answered = [approver for approver in snapshot.approvers if approver.decided is not None]
    return tuple(
        identity.party(
            ctx, decided if approver.decided is None else approver.decided, account=approver.account,
            person=approver.person,
        )
        for approver in answered or snapshot.approvers
    )


def own_decision(found: Parties, actor: Who) -> bool:
    """Whether an approver is also the requester, the implementer named or ``actor``, as a person."""
    others = [who for who in (found.requester, found.implementer, actor) if who.account]
    return any(identity.same_person(approver, other) for approver in found.approvers for other in others)


def role_fit(ctx: Context, grant: Grant, role: str, objects: Iterable[str], *, skew: int) -> Fit:
    """Whether every approver of ``grant`` held ``role`` for one of ``objects`` at the decision.

    INSIDE if no role is asked for or nobody was ever declared to hold it; OUTSIDE if no approver is named.
    """
    if not role or not identity.role_known(ctx, role):
        return Fit.INSIDE
    names = tuple(objects)
    fits = [
        identity.holds_role(ctx, role, who.person, names, grant.decided, skew=skew) if who.person else Fit.OUTSIDE
        for who in deciders(ctx, grant.snapshot, grant.decided)
    ]
    return min(fits, default=Fit.OUTSIDE)


def stands_in_for(ctx: Context, deputy: str, holder: str, t: int) -> bool:
    """Whether ``deputy`` decides at ``t`` only in the place of ``holder``.

    A deputy stands in for whoever holds the same approving role for the same objects; if nobody does, for whoever holds it at
    all. With several such holders nobody can tell for whom.
    """
    posts = [entry.data for entry in ctx.as_of("posts", f"person:{deputy}", t)]
    own = {post.role for post in posts if not post.deputy}
    for post in posts:
        if not post.deputy or not post.role.endswith("approver") or post.role in own:
            continue
        held = [entry.data for entry in ctx.as_of("posts", f"role:{post.role}", t) if not entry.data.deputy]
        same = [item for item in held if _objects(item) == _objects(post)]
        if {item.person for item in same or held} == {holder}:
            return True
    return False


def _objects(post: Post) -> frozenset[str]:
    return frozenset(folded(name) for name in post.objects)
