"""Stage 1: the changes of one file on one host are judged, each once, however many monitors and audit logs tell it."""

from dataclasses import replace
from typing import Any

import msgspec

from detectors.deployments import changes, handling
from detectors.deployments.announcements import Announced, announced
from detectors.deployments.changes import EMPTY, Change
from detectors.deployments.limits import LIMITS
from detectors.kit.approvals import Act, Row, conclude
from detectors.kit.contract import CONTEXT_LOOKBACK, Context, Fact, Finding, Fold, FoldState, Keying, Step
from detectors.kit.groups import folded
from schemas import instant
from schemas.event import Activity, SecurityEvent
from schemas.violation import Severity, State

DETECTOR = "unannounced_web_or_program_change"
UNANNOUNCED, WRONG_HASH = "UNANNOUNCED", "WRONG_HASH"


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The last change: ``t``: when it began, ``last``: when it was told last, ``exact``: not by a scan."""

    t: int
    last: int
    exact: bool
    account: str


class File(FoldState, frozen=True):
    """What is known of one file.

    ``content``: hash now (or ``deleted``), as far as known. ``earlier``: contents before, with the time they were left.
    ``held``: a change whose content is not told yet, ``written``: when it was told last. ``untold``: the content of the last
    change was never told.
    """

    content: str = ""
    earlier: tuple[tuple[str, int], ...] = ()
    held: Change | None = None
    written: int = 0
    last: Done | None = None
    untold: bool = False


def step(state: File, event: SecurityEvent, ctx: Context) -> Step:
    """One telling of a change."""
    change = changes.unpacked(event.extra) if event.activity == Activity.FACT else changes.read(event)
    if change.content in ("", EMPTY) and change.earliest is None:
        return _written(state, change)
    if change.content and change.content == state.content:
        # What is known already, told by another monitor; or written without being changed.
        return Step(msgspec.structs.replace(state, held=None, deadline=None))
    if state.held is not None:
        return _judged(state, state.held, ctx, content=change)
    last, since = state.last, change.earliest
    if last is not None and since is not None:
        if state.untold and since <= last.last:
            return _content(state, last, change, ctx)
        change = msgspec.structs.replace(change, earliest=max(since, last.last))
    return _judged(state, change, ctx, content=change)


def overdue(state: File, at: int, ctx: Context) -> Step:  # noqa: ARG001 - the contract of a deadline
    """No monitor told the content of the change in hand: it is judged without, or the file was emptied."""
    held = state.held
    if held is None:
        return Step(msgspec.structs.replace(state, deadline=None))
    return _judged(state, held, ctx, content=held if held.content else None)


def _written(state: File, change: Change) -> Step:
    """The file was written, not yet told to what: a monitor may tell it soon, or has just told it."""
    if state.held is not None:
        return Step(msgspec.structs.replace(state, written=change.t))
    last = state.last
    if not change.content and last is not None and last.exact and change.t - last.last <= LIMITS.burst:
        return Step(msgspec.structs.replace(state, last=msgspec.structs.replace(last, last=change.t)))
    return Step(msgspec.structs.replace(state, held=change, written=change.t, deadline=change.t + LIMITS.burst))


def _content(state: File, last: Done, change: Change, ctx: Context) -> Step:
    """A scan found the content of a change that the audit log had told: was it announced, the content may not have been."""
    after = msgspec.structs.replace(_known(state, change), untold=False)
    if not change.hash:
        return Step(after)
    act, told = _announced(state, msgspec.structs.replace(change, t=last.t, account=last.account, earliest=None), ctx)
    if not told.wrong_hash:
        return Step(after)
    return Step(after, _out(state, change, change, act, told, ctx))


def _judged(state: File, change: Change, ctx: Context, *, content: Change | None) -> Step:
    """``change`` is complete; ``content``: the telling of its content (itself, if it has one)."""
    whole = change if content is None else _merged(change, content)
    act, told = _announced(state, whole, ctx)
    out = _out(state, whole, content or change, act, told, ctx)
    latest = max(whole.t if content is None else content.t, state.written if state.held is not None else 0)
    done = Done(t=whole.t, last=latest, exact=change.earliest is None, account=whole.account)
    after = msgspec.structs.replace(
        _known(state, whole), held=None, deadline=None, last=done, untold=not whole.content
    )
    return Step(after, out)


def _merged(change: Change, content: Change) -> Change:
    """A change told by the audit log (when, by whom) and by a monitor (to what)."""
    if change is content:
        return change
    return msgspec.structs.replace(
        change, content=content.content, before=content.before, account=change.account or content.account,
        signers=content.signers,
    )


def _known(state: File, change: Change) -> File:
    """The content is now that of ``change``; unknown, if it does not tell."""
    left = state.content or change.before
    earlier = state.earlier
    if left:
        earlier = (*(item for item in earlier if item[0] != left), (left, change.t))[-LIMITS.remembered :]
    return msgspec.structs.replace(state, content=change.content, earlier=earlier)


def _announced(state: File, change: Change, ctx: Context) -> tuple[Act, Announced]:
    # An older release is signed as well: content that was here before is a roll-back, to be announced by its hash.
    again = any(content == change.content for content, _ in state.earlier)
    return announced(
        ctx, t=change.t, o=change.o, earliest=change.earliest, host=change.host, path=change.path, new_hash=change.hash,
        account=change.account, signers=() if again else change.signers,
    )  # fmt: skip


def _out(
    state: File, change: Change, content: Change, act: Act, told: Announced, ctx: Context
) -> tuple[Finding | Fact, ...]:
    """What the change gives: findings and uses of approvals."""
    incidents = handling.incidents(ctx, act)
    if handling.drill(incidents, act):
        return ()
    finding = _finding(state, change, content, act, told)
    if told.wrong_hash:
        first: tuple[Finding | Fact, ...] = (_wrong(finding, act, told, ctx),)
    else:
        unannounced = told.verdict.subtype == Row.UNAPPROVED
        first = tuple(_named(item) for item in conclude(
            DETECTOR, finding, told.verdict, base=_severity(ctx, act) if unannounced else Severity.HIGH, unit="deployment",
            place=f"{folded(change.host)}:{change.path}",
            details={"account": act.account, "host": change.host, "objects": [change.path]},
        ))  # fmt: skip
    out = list(first)
    for item in first:
        if isinstance(item, Finding) and item.state is State.OPEN and item.subtype in (UNANNOUNCED, WRONG_HASH):
            out += handling.duties(incidents, act, item)
    return tuple(out)


def _finding(state: File, change: Change, content: Change, act: Act, told: Announced) -> Finding:
    values = (told.apart if told.wrong_hash else told.verdict).values()
    compared: dict[str, Any] = {
        "hash_before": content.before or state.content, "hash_after": change.content, "release": ", ".join(told.releases),
        "released_hash": ", ".join(told.hashes[:4]), "signed_by": ", ".join(change.signers),
    }  # fmt: skip
    if act.earliest is not None:
        compared["scan_before"] = instant.text(act.earliest)
    if change.content and (left := dict(state.earlier).get(change.content)):
        compared["rolls_back"] = instant.text(left)
    values |= {name: value for name, value in compared.items() if value}
    proofs = [change.proof(values)] if change.id == content.id else [change.proof(values), content.proof({})]
    return Finding(
        subtype="", anchor=change.id, anchor_time=change.t, subject={"host": change.host or None, "path": change.path},
        first_time=change.t if act.earliest is None else act.earliest, last_time=max(change.t, content.t),
        evidence=tuple(proofs), awaits=("change_management", "cicd"), user_name=act.account or None,
        host_name=change.host or None,
    )  # fmt: skip


def _wrong(finding: Finding, act: Act, told: Announced, ctx: Context) -> Finding:
    return replace(
        finding, subtype=WRONG_HASH, reasons=(WRONG_HASH, *map(str, told.apart.rows)), severity=_severity(ctx, act),
        state=told.verdict.finding_state, settle_at=max(told.verdict.settle_at, told.apart.settle_at),
        approval=told.apart.approval, skew_ambiguous=told.apart.skew_ambiguous, persons=told.apart.persons,
    )  # fmt: skip


def _named(item: Finding | Fact) -> Finding | Fact:
    """The row UNAPPROVED by its name for deployments."""
    if isinstance(item, Fact):
        return item
    names = {str(Row.UNAPPROVED): UNANNOUNCED}
    reasons = tuple(names.get(reason, reason) for reason in item.reasons)
    return replace(item, subtype=names.get(item.subtype, item.subtype), reasons=reasons)


def _severity(ctx: Context, act: Act) -> Severity:
    """Critical on the ordering system, else high."""
    tagged = any("ordering" in entry.data.tags for name in act.targets for entry in ctx.as_of("assets", name, act.t))
    return Severity.CRITICAL if tagged else Severity.HIGH


fold = Fold(
    name="file", keying=Keying("watched_file", changes.by_file), activities=frozenset({Activity.FILE_CHANGE, Activity.FACT}),
    facts=frozenset({changes.FOUND}), init=File(), step=step, overdue=overdue, stage=1, lookback=CONTEXT_LOOKBACK,
)  # fmt: skip
