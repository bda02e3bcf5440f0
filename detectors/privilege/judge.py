"""Stage 1: one use of a privileged account is judged by approvals, by who held the account, and by its session record."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from detectors.kit import identity
from detectors.kit.approvals import LIMITS as APPROVALS
from detectors.kit.approvals import Act, Row, Verdict, conclude, history
from detectors.kit.approvals import judge as judge_act
from detectors.kit.contract import (
    CONTEXT_LOOKBACK,
    DEFAULT_MEMORY,
    Context,
    Entry,
    Fact,
    Finding,
    Fold,
    FoldState,
    Keying,
    Step,
)
from detectors.kit.groups import containing, folded
from detectors.kit.identity import Kind, Who
from detectors.kit.tolerance import Fit, not_after, within
from detectors.privilege.hosts import USE
from detectors.privilege.limits import LIMITS
from detectors.privilege.uses import Line, Use
from schemas import instant
from schemas.approval import Approval
from schemas.event import Activity, SecurityEvent
from schemas.identity import Key
from schemas.violation import Evidence, Severity

DETECTOR = "root_use_without_approval"
APPROVER = "root_approver"
NO_RECORD = "NO_RECORD"
_WORDS = frozenset({"root", "sudo", "su", "privileged", "privilege", "admin", "sa", "login", "session", "shell", "run-as", "*"})
_NAMED = frozenset({"accounts", "persons"})  # detectors §3: a covering approval is one whose scope has system, account and person
_EMERGENCY = frozenset({Row.EMERGENCY_RATIFIED, Row.EMERGENCY_UNRATIFIED})
_RENEWALS = 8


def by_use(event: SecurityEvent) -> Key | None:
    """Host, account and use, as the fold of the host tells it."""
    return tuple(event.ref.split("\x1f", 2)) if event.action == USE else None


class Judged(FoldState, frozen=True):
    """What is known of one use: that it has ended, or the use under way and the subtype it was found to be."""

    ended: bool = False
    use: Use | None = None
    subtype: str = ""


def step(state: Judged, event: SecurityEvent, ctx: Context) -> Step:
    """A use has ended, or is under way and no end of it is known."""
    if state.ended:
        return Step(state)
    positions = event.extra.get("lines", {})
    use = msgspec.convert(event.extra["use"], Use)
    use = msgspec.structs.replace(
        use, lines=tuple(msgspec.structs.replace(line, line=positions.get(line.id, 0)) for line in use.lines)
    )  # fmt: skip
    if use.probe and not _actor(ctx, use, containing(ctx, use.host, use.start)).persons:
        return Step(Judged(ended=use.end is not None))
    if use.end is not None:
        return Step(Judged(ended=True), (*_judge(ctx, use, use.end)[1], *_record(ctx, use, use.end)))
    return _under_way(ctx, Judged(use=use), use.start)


def overdue(state: Judged, at: int, ctx: Context) -> Step:
    """The use is still under way where an approval has ended."""
    return _under_way(ctx, state, at)


def _under_way(ctx: Context, state: Judged, at: int) -> Step:
    use = state.use
    assert use is not None  # noqa: S101 - only such a state has a deadline
    verdict, out = _judge(ctx, use, at)
    subtype = verdict.subtype or ""
    deadline = _next(ctx, use, verdict, at)
    if state.subtype and subtype != state.subtype:
        # One use has one finding: the first stands until the end is known, when all is judged anew.
        return Step(Judged(use=use, subtype=state.subtype))
    return Step(Judged(use=use, subtype=subtype, deadline=deadline), out)


def _next(ctx: Context, use: Use, verdict: Verdict, at: int) -> int | None:
    """When the verdict over a use under way may next change: its approval ends or is revoked, its overrun is no longer brief."""
    if not use.lasting or (verdict.rows and verdict.rows[0] is not Row.EXPIRED):
        return None
    times: set[int] = set()
    for number in verdict.approvals:
        for grant in history.read(ctx.all("approvals", f"approval:{number}")).grants:
            ends = [time for time in (grant.snapshot.valid_to, grant.ended) if time is not None]
            times.update(end + wait + 1 for end in ends for wait in (APPROVALS.skew, LIMITS.brief))
    return min((time for time in times if time > at), default=None)


def _judge(ctx: Context, use: Use, until: int) -> tuple[Verdict, tuple[Finding | Fact, ...]]:
    targets = containing(ctx, use.host, use.start)
    actor = _actor(ctx, use, targets)
    act = Act(
        t=use.start, o=use.o, host=use.host, targets=targets, who=actor, account=use.account, role=APPROVER, until=until,
        must_name=_NAMED,
    )  # fmt: skip
    verdict = _whole(_Privileged(ctx), act)
    if verdict.settle_at <= until + APPROVALS.skew:
        # Where no decision is waited for, what stood at the begin or at a deadline does not become uncertain again at the end.
        verdict = replace(verdict, settle_at=max(use.start + APPROVALS.skew, until))
    values = {"person": actor.person, "begin": instant.text(use.start)}
    if use.end is not None:
        values |= {"end": instant.text(use.end), "end_told": use.ended_by}
    outside = _outside_pam(ctx, use, targets, actor) and not set(verdict.rows) & _EMERGENCY
    held = ", ".join(actor.persons)
    unknown = not actor.persons or (len(actor.persons) > 1 and verdict.state != "covered")
    if unknown or outside:
        values |= {"pam_session": "none"} if outside else {"holders": held or "unresolved"}
        verdict = Verdict(
            state="open", rows=(Row.UNAPPROVED,), settle_at=use.start + APPROVALS.skew, persons=actor.persons,
        )  # fmt: skip
    person = None if unknown or outside else actor.person or None
    brief = verdict.rows[:1] == (Row.EXPIRED,) and verdict.overrun <= LIMITS.brief
    base = Severity.MEDIUM if brief else Severity.CRITICAL
    finding = _finding(use, person, until, values | verdict.values(), verdict.subtype or "")
    out = conclude(
        DETECTOR, finding, verdict, base=base, unit=use.id, place=folded(use.host),
        details={"account": use.actors[0] if use.actors else use.actor, "host": use.host, "objects": []},
    )  # fmt: skip
    return verdict, out


def _actor(ctx: Context, use: Use, targets: Sequence[str]) -> Who:
    """The first person of the chain; unresolved where several may have begun it."""
    systems = (*targets, folded(use.domain)) if use.domain else tuple(targets)
    found = [identity.who(ctx, account, use.start, systems) for account in use.actors]
    if len({who.persons for who in found}) == 1:
        return found[0]
    return Who(use.actor, Kind.UNRESOLVED)


def _whole(ctx: Context, act: Act) -> Verdict:
    """The verdict over the whole interval; what lies after an approval's end may be covered by the next."""
    verdict = judge_act(ctx, act)
    part, numbers = verdict, list(verdict.approvals)
    for _ in range(_RENEWALS):
        if part.rows != (Row.EXPIRED,) or part.valid_to is None or part.valid_to < act.t:
            return verdict
        act = replace(act, t=part.valid_to)
        part = judge_act(ctx, act)
        if part.state == "covered":
            return replace(
                verdict, state="covered", rows=(), overrun=0, approvals=tuple(dict.fromkeys((*numbers, *part.approvals))),
                skew_ambiguous=verdict.skew_ambiguous or part.skew_ambiguous,
            )  # fmt: skip
        numbers += part.approvals
    return verdict


class _Privileged:
    """Context in which only approvals that can mean the use of an account are seen: not those for rules, files or code."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def all(self, table: str, entity: str) -> tuple[Entry, ...]:
        """See :class:`detectors.kit.contract.Context`."""
        return self._seen(table, self._ctx.all(table, entity))

    def as_of(self, table: str, entity: str, t: int) -> tuple[Entry, ...]:
        """See :class:`detectors.kit.contract.Context`."""
        return self._seen(table, self._ctx.as_of(table, entity, t))

    def _seen(self, table: str, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        return tuple(entry for entry in entries if self._means_use(entry.data)) if table == "approvals" else entries

    def _means_use(self, approval: Approval) -> bool:
        snapshots = self._ctx.all("approvals", f"approval:{approval.approval}")
        return any(_means_use(entry.data) for entry in snapshots)


def _means_use(approval: Approval) -> bool:
    scope = approval.scope
    if scope.accounts or {folded(word) for word in scope.actions} & _WORDS:
        return True
    return not scope.actions and not scope.objects and not scope.hashes


def _outside_pam(ctx: Context, use: Use, targets: Sequence[str], actor: Who) -> bool:
    """Whether the account is handed out by check-outs on this host and no person of the use held one then."""
    ours = [
        entry.data for entry in ctx.all("checkouts", f"account:{folded(use.account)}")
        if entry.data.host == "*" or folded(entry.data.host) in targets
    ]  # fmt: skip
    held = (
        item for item in ours
        if item.person in actor.persons and within(use.start, item.since, item.until - 1, skew=LIMITS.pam) is not Fit.OUTSIDE
    )
    return bool(ours) and next(held, None) is None


def _record(ctx: Context, use: Use, end: int) -> tuple[Finding, ...]:
    """NO_RECORD unless a record of the session was filed in time."""
    targets = containing(ctx, use.host, use.start)
    actor = _actor(ctx, use, targets)
    due = end + LIMITS.recorded_within
    for entry in ctx.all("session_records", f"{folded(use.host)}/{folded(use.account)}"):
        record = entry.data
        filed = not_after(entry.t, due) is not Fit.OUTSIDE
        theirs = not record.person or not actor.persons or record.person in actor.persons
        if filed and theirs and within(use.start, record.since, record.until - 1) is not Fit.OUTSIDE:
            return ()
    known = len(actor.persons) == 1 and not _outside_pam(ctx, use, targets, actor)
    values = {"begin": instant.text(use.start), "end": instant.text(end), "record_due": instant.text(due)}
    finding = _finding(use, actor.person if known else None, end, values, NO_RECORD)
    return (replace(finding, settle_at=due, awaits=("pam",), severity=Severity.CRITICAL, persons=actor.persons),)


def _finding(use: Use, person: str | None, until: int, values: dict[str, str], subtype: str) -> Finding:
    return Finding(
        subtype=subtype, anchor=use.id, anchor_time=use.start,
        subject={"host": use.host, "account": use.account, "person": person, "start": instant.text(use.start)},
        first_time=use.start, last_time=max(use.start, until), evidence=tuple(_evidence(use, line, values) for line in use.lines),
        awaits=("change_management",), source_ip=use.src_ip or None, user_name=use.account, host_name=use.host,
    )  # fmt: skip


def _evidence(use: Use, line: Line, values: dict[str, str]) -> Evidence:
    own = dict(line.values) | (values if line.id == use.id else {})
    return Evidence.model_construct(
        event_id=line.id, source=line.source, line=line.line, time=line.t, original=line.original,
        values={name: value for name, value in own.items() if value},
    )  # fmt: skip


fold = Fold(
    name="use", keying=Keying("privileged_use", by_use), activities=frozenset({Activity.FACT}), facts=frozenset({USE}),
    init=Judged(), step=step, overdue=overdue, stage=1, memory=DEFAULT_MEMORY + 2 * LIMITS.timeout, lookback=CONTEXT_LOOKBACK,
    forgets_after=CONTEXT_LOOKBACK,
)  # fmt: skip
