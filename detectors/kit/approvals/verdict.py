"""The verdict over an act: every request that names its targets, the best one for the firm, and what follows from it.

A pure function of the act and of all snapshots known, also those stated later: a record that arrives later refolds the key
and the act is judged again, so nothing here waits.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from detectors.kit import groups
from detectors.kit.approvals import history
from detectors.kit.approvals.act import Act
from detectors.kit.approvals.limits import LIMITS, Limits
from detectors.kit.approvals.scope import Difference, bounds, names_actor, names_object
from detectors.kit.approvals.table import PRECEDENCE, Candidate, Near, Row, ordered, weigh
from detectors.kit.contract import Context, Entry
from schemas import instant
from schemas.approval import places
from schemas.violation import Severity, State

_LOWER = {Severity.CRITICAL: Severity.HIGH, Severity.HIGH: Severity.MEDIUM, Severity.MEDIUM: Severity.LOW}
_KINDEST = {
    row: place
    for place, row in enumerate((Row.EMERGENCY_RATIFIED, *(row for row in reversed(Row) if row is not Row.EMERGENCY_RATIFIED)))
} | {Row.UNAPPROVED: len(Row)}
"""Order in which a request with rows is preferred: the least severe first; a window not yet open says least of all."""

_NOT_ITS_OWN = frozenset({Row.SCOPE_EXCEEDED, Row.REJECTED, Row.UNAPPROVED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the approvals say of an act.

    ``state`` covered: no violation. open: ``subtype`` is the first of ``rows``. retracted: ``approval`` was in force but
    observed later than max(act observed, act + grace_max); ``rows`` are those that stood until then. ``approval``: the
    request judged by, None if none names the act; ``approvals``: all that together cover it. ``settle_at``: from when it
    is final (µs UTC). ``persons``: of the act. ``overrun``: µs beyond the end. ``max_uses`` of
    all approvals that cover it, if each is limited.
    """

    state: Literal["covered", "open", "retracted"]
    rows: tuple[Row, ...] = ()
    approval: str | None = None
    approvals: tuple[str, ...] = ()
    settle_at: int = 0
    skew_ambiguous: bool = False
    difference: str = ""
    overrun: int = 0
    max_uses: int | None = None
    own_decision: bool = False
    persons: tuple[str, ...] = ()
    decided: int | None = None
    observed: int | None = None
    valid_from: int | None = None
    valid_to: int | None = None

    @property
    def subtype(self) -> str | None:
        """The row that names the violation; None if covered."""
        return str(self.rows[0]) if self.rows else None

    @property
    def used(self) -> bool:
        """Whether the act was done under ``approval``, rather than merely found beside it."""
        return self.approval is not None and self.decided is not None and not set(self.rows) & _NOT_ITS_OWN

    @property
    def finding_state(self) -> State:
        """State of the finding to emit."""
        return State.RETRACTED if self.state == "retracted" else State.OPEN

    def severity(self, base: Severity) -> Severity:
        """``base`` as the table changes it: a later approval lowers, never hides; an emergency stands for itself."""
        if not self.rows:
            return base
        first = self.rows[0]
        if first is Row.EMERGENCY_UNRATIFIED:
            return Severity.CRITICAL
        if first is Row.EMERGENCY_RATIFIED:
            return Severity.MEDIUM
        return _LOWER.get(base, base) if first is Row.LATE_APPROVAL else base

    def values(self) -> dict[str, str]:
        """The values compared, for evidence."""
        times = {
            "approval.decided": self.decided, "approval.observed": self.observed, "approval.valid_from": self.valid_from,
            "approval.valid_to": self.valid_to,
        }
        values = {name: instant.text(time) for name, time in times.items() if time is not None}
        if self.approvals:
            values["approval"] = ", ".join(self.approvals)
        if self.difference:
            values["outside_scope"] = self.difference
        if self.overrun:
            values["overrun_s"] = str(self.overrun // instant.SECOND)
        return values

    def with_row(self, row: Row) -> "Verdict":
        """This verdict with a further row (REUSED, found where uses are counted); the state becomes open."""
        rows = {*self.rows, row} - {Row.EMERGENCY_RATIFIED}
        return replace(self, state="open", rows=ordered(rows))


def judge(ctx: Context, act: Act, *, limits: Limits = LIMITS) -> Verdict:
    """Judge ``act`` by every approval that names its targets."""
    entries = _known(ctx, act)
    full = _judge(ctx, act, entries, limits)
    if full.state == "covered" and full.observed is not None and full.observed > _cutoff(act, limits):
        cutoff = _cutoff(act, limits)
        seen = {name: tuple(e for e in found if e.o <= cutoff) for name, found in entries.items()}
        early = _judge(ctx, act, {name: found for name, found in seen.items() if found}, limits)
        if early.state != "covered":
            return replace(full, state="retracted", rows=early.rows, difference=early.difference, overrun=early.overrun)
    return full


def _cutoff(act: Act, limits: Limits) -> int:
    return max(act.o, act.t + limits.grace_max)


def _named(ctx: Context, act: Act, targets: Iterable[str]) -> set[str]:
    """Numbers of the requests that name one of ``targets`` and may concern the time of the act."""
    first = act.t if act.earliest is None else act.earliest
    last = act.t if act.until is None else act.until
    names = (place for target in targets for place in places(target, first, last))
    return {entry.data.approval for name in names for entry in ctx.all("approvals", name)}


def _known(ctx: Context, act: Act) -> dict[str, tuple[Entry, ...]]:
    """All snapshots of each request that ever named a target of the act, or that the act cites."""
    numbers = _named(ctx, act, (*act.targets, "*")) | set(act.cites)
    # A snapshot whose targets were edited away is found by its number only.
    found = {number: ctx.all("approvals", f"approval:{number}") for number in sorted(numbers)}
    return {number: entries for number, entries in found.items() if entries}


def _judge(
    ctx: Context, act: Act, entries: dict[str, tuple[Entry, ...]], limits: Limits
) -> Verdict:
    candidates = _candidates(ctx, act, entries, limits)
    best = _best(candidates, _cutoff(act, limits))
    if best is None or best.rows:
        # Only those that miss nothing but some of the objects can help each other out.
        parts = {item.request for item in candidates if item.rows == (Row.SCOPE_EXCEEDED,)}
        together = _together(ctx, act, {name: entries[name] for name in sorted(parts)}, limits)
        if together is not None:
            return together
    if best is None:
        best = _beside(ctx, act, limits)
    if best is None:
        return Verdict(
            state="open", rows=(Row.UNAPPROVED,), settle_at=act.t + limits.skew, persons=act.who.persons,
        )
    limited = {item.request: item.snapshot.max_uses for item in candidates if not item.rows and item.snapshot.max_uses}
    waiting = max((item.decisive for item in candidates if item.near is Near.MATCHING), default=0) if best.rows else 0
    verdict = _verdict(act, best, waiting, limits)
    # Several that cover, each for some uses, are one stock: which of them an act used up nobody can say.
    return replace(verdict, max_uses=sum(limited.values())) if not best.rows and best.request in limited else verdict


def _verdict(act: Act, best: Candidate, waiting: int, limits: Limits) -> Verdict:
    last = act.t if act.until is None else act.until
    settled_by_decision = best.rows and best.rows[0] is Row.EMERGENCY_RATIFIED
    return Verdict(
        state="open" if best.rows else "covered",
        rows=best.rows,
        approval=best.request,
        approvals=(best.request,),
        settle_at=max(last, 0 if settled_by_decision else waiting) + limits.skew,
        skew_ambiguous=best.ambiguous,
        difference=best.difference.text,
        overrun=best.overrun,
        max_uses=best.snapshot.max_uses,
        own_decision=best.own_decision,
        persons=act.who.persons,
        decided=None if best.grant is None else best.grant.decided,
        observed=None if best.grant is None else best.grant.o,
        valid_from=best.snapshot.valid_from,
        valid_to=best.snapshot.valid_to,
    )


def _candidates(
    ctx: Context, act: Act, entries: dict[str, tuple[Entry, ...]], limits: Limits
) -> list[Candidate]:
    found: list[Candidate] = []
    for known in entries.values():
        request = history.read(known)
        delays = {entry.source: _delay(ctx, entry.source, entry.t) for entry in known if entry.source}
        found += weigh(ctx, act, request, delays, limits)
    return found


def _delay(ctx: Context, source: str, t: int) -> int:
    return max((entry.data.delay for entry in ctx.as_of("sources", f"source:{source}", t)), default=0)


def _best(candidates: list[Candidate], cutoff: int) -> Candidate | None:
    def rank(item: Candidate) -> tuple[object, ...]:
        decided = 0 if item.grant is None else item.grant.decided
        if not item.rows:
            late = item.grant is not None and item.grant.o > cutoff
            return (0, late, item.snapshot.max_uses is not None, item.request, decided)
        return (1, item.near, _KINDEST[item.rows[0]], len(item.rows), item.request, decided)

    return min(candidates, key=rank, default=None)


def _together(
    ctx: Context, act: Act, entries: dict[str, tuple[Entry, ...]], limits: Limits
) -> Verdict | None:
    """Several approvals that together cover an act of several objects, each object by one; None if they do not."""
    if len(act.objects) < 2 or len(entries) < 2:
        return None
    cutoff = _cutoff(act, limits)
    chosen: dict[str, Candidate] = {}
    for item in act.objects:
        best = _best(_candidates(ctx, replace(act, objects=(item,)), entries, limits), cutoff)
        if best is None or best.rows:
            return None
        chosen[best.request] = best
    # One whose uses are limited comes first: its uses are counted elsewhere.
    numbers = sorted(chosen, key=lambda number: (chosen[number].snapshot.max_uses is None, number))
    verdicts = [_verdict(act, chosen[number], 0, limits) for number in numbers]
    observed = max((verdict.observed or 0 for verdict in verdicts), default=0)
    return replace(
        verdicts[0], approvals=tuple(numbers), observed=observed,
        skew_ambiguous=any(verdict.skew_ambiguous for verdict in verdicts),
        own_decision=any(verdict.own_decision for verdict in verdicts),
    )


def _beside(ctx: Context, act: Act, limits: Limits) -> Candidate | None:
    """An approval in force for a neighbour in the same group that speaks of this actor or object: one host too many."""
    numbers = _named(ctx, act, groups.siblings(ctx, act.host, act.t))
    candidates: list[Candidate] = []
    for number in sorted(numbers):
        request = history.read(ctx.all("approvals", f"approval:{number}"))
        for item in weigh(ctx, act, request, {}, limits):
            allowed = bounds(item.snapshot.scope)
            only_target = item.difference == Difference(targets=(act.host,))
            named = names_actor(act, allowed) or names_object(act, allowed)
            if item.rows == (Row.SCOPE_EXCEEDED,) and only_target and named:
                candidates.append(item)
    return min(candidates, key=lambda item: (PRECEDENCE[item.rows[0]], item.request), default=None)
