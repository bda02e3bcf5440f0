"""The approval verdict table: one act against one request -> the rows that apply (``docs/decisions``, detectors §1.2)."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from detectors.kit.approvals import duties
from detectors.kit.approvals.act import Act
from detectors.kit.approvals.history import Grant, Refusal, Request
from detectors.kit.approvals.limits import Limits
from detectors.kit.approvals.scope import NONE, Difference, bounds, difference, names_object
from detectors.kit.contract import Context
from detectors.kit.tolerance import Fit, not_after, not_before
from schemas.approval import Approval


class Row(StrEnum):
    """Rows of the table, in the order in which the first one becomes the subtype."""

    EMERGENCY_UNRATIFIED = "EMERGENCY_UNRATIFIED"
    REVOKED = "REVOKED"
    REJECTED = "REJECTED"
    WRONG_APPROVER = "WRONG_APPROVER"
    EXPIRED = "EXPIRED"
    SCOPE_EXCEEDED = "SCOPE_EXCEEDED"
    REUSED = "REUSED"
    BACKDATED_APPROVAL = "BACKDATED_APPROVAL"
    LATE_APPROVAL = "LATE_APPROVAL"
    UNAPPROVED = "UNAPPROVED"
    EMERGENCY_RATIFIED = "EMERGENCY_RATIFIED"  # stands alone


PRECEDENCE = {row: place for place, row in enumerate(Row)}


class Near(IntEnum):
    """How surely a request speaks of the act: in force and matching, ended or not begun, or about something else."""

    MATCHING = 0
    BESIDE = 1
    FOREIGN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What one request means for the act. No rows: it covers it.

    ``decisive``: until when a decision may still change it; ``overrun``: µs of the act after the end of the approval.
    """

    request: str
    rows: tuple[Row, ...]
    snapshot: Approval
    grant: Grant | None
    near: Near = Near.MATCHING
    decisive: int = 0
    ambiguous: bool = False
    difference: Difference = NONE
    overrun: int = 0
    own_decision: bool = False


def ordered(rows: set[Row]) -> tuple[Row, ...]:
    """Rows in order of precedence."""
    return tuple(sorted(rows, key=PRECEDENCE.__getitem__))


def weigh(ctx: Context, act: Act, request: Request, delays: dict[str, int], limits: Limits) -> list[Candidate]:
    """What ``request`` means for ``act``: one candidate for each decision that may cover it; none if it does not concern it.

    ``delays``: normal delay of the sources that observed the request, µs.
    """
    found = []
    for grant in request.grants:
        if grant.ended_by == "renewed" and grant.ended is not None and act.t > grant.ended + limits.skew:
            continue
        candidate = _granted(ctx, act, request, grant, delays.get(grant.source, 0), limits)
        if candidate is not None:
            found.append(candidate)
    if not request.grants:
        candidate = _undecided(act, request, limits)
        if candidate is not None:
            found.append(candidate)
    return found


def _granted(
    ctx: Context, act: Act, request: Request, grant: Grant, delay: int, limits: Limits
) -> Candidate | None:
    approval = grant.snapshot
    if _far(act, request, approval, limits):
        return None
    outside = difference(act, grant.bounds, standing=approval.standing)
    if outside.silent:
        return None
    decided = not_before(act.t, grant.decided, skew=limits.skew)
    late = decided is Fit.OUTSIDE
    emergency = late and _emergency(act, request, approval, limits)
    # What began as an emergency did not wait for a window.
    start = None if emergency else approval.valid_from
    begun = not_before(act.t, start, skew=limits.skew)
    kept = not_after(act.last, approval.valid_to, skew=limits.skew)
    refusal = _refusal(act, request, grant, limits, late=late)
    waiting = late and not emergency
    near = _near(act, grant, outside, limits, late=waiting, early=begun is Fit.OUTSIDE, refused=refusal)
    if near is None:
        return None
    role = duties.role_fit(ctx, grant, act.role, (*act.targets, *act.objects), skew=limits.skew)
    parties = duties.parties(ctx, approval, grant.decided)
    own = duties.own_decision(parties, act.who)

    rows: set[Row] = set()
    if refusal is not None:
        rows.add(Row(refusal.kind.upper()))
    if role is Fit.OUTSIDE:
        rows.add(Row.WRONG_APPROVER)
    if kept is Fit.OUTSIDE:
        rows.add(Row.EXPIRED)
    if outside.any:
        rows.add(Row.SCOPE_EXCEEDED)
    if begun is Fit.OUTSIDE:
        rows.add(Row.UNAPPROVED)
    if not late and _backdated(act, grant, delay, limits):
        rows.add(Row.BACKDATED_APPROVAL)
    decisive = 0
    if emergency:
        rows |= _ratified(act, grant, rows, own=own, limits=limits)
        if Row.EMERGENCY_UNRATIFIED in rows:
            decisive = act.t + limits.ratify_within
    elif late:
        rows.add(Row.LATE_APPROVAL)
    fits = [decided, begun, kept, role]
    if grant.ended is not None and grant.ended_by != "renewed":
        fits.append(not_after(act.last, grant.ended, skew=limits.skew))
    return Candidate(
        request=request.id, rows=ordered(rows), snapshot=approval, grant=grant, near=near, decisive=decisive,
        ambiguous=Fit.TOLERATED in fits or _partly(act, grant), difference=outside, own_decision=own,
        overrun=0 if kept is not Fit.OUTSIDE or approval.valid_to is None else act.last - approval.valid_to,
    )


def _far(act: Act, request: Request, approval: Approval, limits: Limits) -> bool:
    """Whether the window lies so far from the act that nothing else needs to be compared."""
    if request.id in act.cites:
        return False
    start, end = approval.valid_from, approval.valid_to
    if end is not None and act.last - end > limits.related:
        return True
    return start is not None and start - act.t > limits.announced and request.emergency_at is None


def _refusal(act: Act, request: Request, grant: Grant, limits: Limits, *, late: bool) -> Refusal | None:
    """The refusal in force at the act: of this decision, or, if it was decided later, of the request before."""
    if late:
        before = request.refused_before(act.last - limits.skew)
        return before if before is not None and before.t < grant.decided else None
    if grant.ended is None or grant.ended_by is None or grant.ended_by == "renewed":
        return None
    return Refusal(grant.ended, grant.ended_by) if act.last > grant.ended + limits.skew else None


def _near(
    act: Act, grant: Grant, outside: Difference, limits: Limits, *, late: bool, early: bool, refused: Refusal | None
) -> Near | None:
    """How surely the decision speaks of the act; None: it does not.

    A device sees many requests in a year; only one that was in force, nearly so, or cited by the act says anything of it.
    """
    approval = grant.snapshot
    if grant.request in act.cites:
        return Near.MATCHING
    start, end = approval.valid_from, approval.valid_to
    ended = end is not None and act.t > end + limits.skew and (act.earliest is None or act.earliest > end + limits.skew)
    if early:
        soon = start is not None and start - act.t <= limits.announced
        named = names_object(act, grant.bounds) or not late
        return Near.BESIDE if soon and named and not outside.foreign else None
    if ended and outside.foreign:
        return None
    if late and (outside.foreign or (start is None and grant.decided - act.t > limits.awaited)):
        return None
    if refused is not None and (outside.foreign or (end is None and act.t - refused.t > limits.related)):
        return None
    if outside.foreign:
        return Near.FOREIGN
    return Near.BESIDE if ended else Near.MATCHING


def _emergency(act: Act, request: Request, approval: Approval, limits: Limits) -> bool:
    """Whether the act is done under the request as an emergency: flagged by then and still in hand."""
    flagged, end = request.emergency_at, approval.valid_to
    if flagged is None or not_before(act.t, flagged, skew=limits.skew) is Fit.OUTSIDE:
        return False
    if request.id in act.cites:
        return True
    # Without a window of its own an emergency is the matter of one day, not of every later act.
    return act.t - flagged <= limits.ratify_within if end is None else act.t <= end + limits.skew


def _ratified(act: Act, grant: Grant, rows: set[Row], *, own: bool, limits: Limits) -> set[Row]:
    """Rows of an emergency decided after the act."""
    end = act.t + limits.ratify_within
    if not_after(grant.decided, end, skew=limits.skew) is Fit.OUTSIDE:
        return {Row.EMERGENCY_UNRATIFIED, Row.LATE_APPROVAL}
    withdrawn = grant.ended is not None and grant.ended_by in ("revoked", "rejected") and grant.ended <= end
    # A ratification must itself be a decision that counts: by another person, in the role, and not taken back.
    if own or withdrawn or Row.WRONG_APPROVER in rows:
        return {Row.EMERGENCY_UNRATIFIED}
    return set() if rows else {Row.EMERGENCY_RATIFIED}


def _backdated(act: Act, grant: Grant, delay: int, limits: Limits) -> bool:
    """Whether the decision, unknown at the act, carries a time that its own arrival makes hard to believe."""
    if grant.o <= max(act.o, act.t + limits.skew):
        return False
    if grant.still_open_at is not None and grant.still_open_at > max(grant.decided, act.t) + limits.skew:
        return True
    return grant.o - grant.decided > delay + limits.backdated_after


def _partly(act: Act, grant: Grant) -> bool:
    """Whether an act of uncertain time only partly lies in the time of the approval."""
    if act.earliest is None:
        return False
    starts = [time for time in (grant.decided, grant.snapshot.valid_from) if time is not None]
    ends = [time for time in (grant.ended, grant.snapshot.valid_to) if time is not None]
    return act.earliest < max(starts) or (bool(ends) and act.t > min(ends))


def _undecided(act: Act, request: Request, limits: Limits) -> Candidate | None:
    """A request that was never approved: an emergency waiting or refused, or a refusal before the act."""
    approval = request.at(act.t)
    outside = difference(act, bounds(approval.scope), standing=approval.standing)
    if outside.silent:
        return None
    start, end = approval.valid_from, approval.valid_to
    cited = request.id in act.cites
    if not cited:
        begun = not_before(act.t, start, skew=limits.skew) is not Fit.OUTSIDE or _emergency(act, request, approval, limits)
        if outside.foreign or not begun:
            return None
        if end is not None and act.t > end + limits.related:
            return None
    rows: set[Row] = {Row.SCOPE_EXCEEDED} if outside.any else set()
    refusal = request.refused_before(act.t - limits.skew)
    if refusal is not None and (cited or end is not None or act.t - refusal.t <= limits.related):
        rows.add(Row(refusal.kind.upper()))
    decisive = 0
    if _emergency(act, request, approval, limits):
        rows.add(Row.EMERGENCY_UNRATIFIED)
        decisive = 0 if request.refusals else act.t + limits.ratify_within
    if not rows & {Row.EMERGENCY_UNRATIFIED, Row.REVOKED, Row.REJECTED}:
        return None
    return Candidate(
        request=request.id, rows=ordered(rows), snapshot=approval, grant=None,
        near=Near.BESIDE if end is not None and act.t > end + limits.skew else Near.MATCHING,
        decisive=decisive, difference=outside,
    )
