"""Wrong passwords in one session: was the connection cut after the third? Fold ``session`` of ``repeated_failed_logins``."""

import zlib

import msgspec
from msgspec.structs import replace

from detectors.kit.contract import DEFAULT_MEMORY, Context, Finding, Fold, FoldState, Keying, Step
from detectors.logins.attempts import (
    Episode,
    Proof,
    Seen,
    client,
    continued,
    evidence_of,
    fold_copies,
    locked,
    proof,
    success,
    system_of,
    wrong,
)  # fmt: skip
from detectors.logins.limits import ENDED, FEEDS, LIMITS, WRONG_PASSWORDS
from schemas import instant
from schemas.event import Activity, SecurityEvent
from schemas.identity import Key

_NAMES = 64
_ENDS = frozenset({Activity.DISCONNECT, Activity.SESSION_CLOSE})


def session_key(event: SecurityEvent) -> Key | None:
    """Session id; else client and one of 64 buckets of account names, so that invented names make no keys.

    A record that names neither session nor address but the client's computer (a domain controller that validates for somebody
    else) tells of no connection that could be cut.
    """
    if event.activity == Activity.FACT:
        return tuple(event.ref.split("\x1f")) if event.action == ENDED else None
    if event.session and not event.target_user:
        return ("session", event.session)
    if not event.user or event.target_user:  # a lock by somebody else: the account's fold tells its sessions
        return None
    if event.src_host and not event.src_ip:
        return None
    bucket = zlib.crc32(event.user.casefold().encode("utf-8", "surrogatepass")) % _NAMES
    return ("client", client(event), str(bucket))


class Run(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Consecutive wrong passwords of one account on one system.

    ``until``: when the session counts as over; ``due``: when a disconnect must have come (µs).
    """

    system: str
    user: str
    until: int
    attempts: Episode
    due: int | None = None


class Sessions(FoldState, frozen=True):
    """Runs under one session id, or of one client."""

    runs: tuple[Run, ...] = ()
    seen: tuple[Seen, ...] = ()


def step(state: Sessions, event: SecurityEvent, ctx: Context) -> Step:
    """Count, reset, or report the attempt that should no longer have been possible."""
    runs = tuple(run for run in state.runs if run.until >= event.t)
    if not runs and not wrong(event):
        return Step(None)
    if event.activity == Activity.FACT:
        user, host, lock = event.extra["user"], event.extra["host"], event.extra["lock"]
        if event.extra["success"] is not None:
            item = msgspec.convert(event.extra["success"], Proof)
            return _attempt(runs, state.seen, item, system_of(host, event.t, ctx), failed=False)
        return _stored(_end(runs, user, "" if lock or not host else system_of(host, event.t, ctx)), state.seen)
    user, system = event.user.casefold(), system_of(event.host, event.t, ctx)
    if locked(event):
        return _stored(_end(runs, user, ""), state.seen)
    if event.activity in _ENDS:
        return _stored(_end(runs, "" if event.session else user, system if event.host else ""), state.seen)
    if not wrong(event) and not success(event):
        return _stored(runs, state.seen)
    seen, new = fold_copies(state.seen, event)
    if not new:
        return _stored(runs, seen)
    return _attempt(runs, seen, proof(event), system, failed=wrong(event))


def _attempt(runs: tuple[Run, ...], seen: tuple[Seen, ...], item: Proof, system: str, *, failed: bool) -> Step:
    user = item.user.casefold()
    out: list[Finding] = []
    kept: list[Run] = []
    own: Run | None = None
    for run in runs:
        mine = run.system == system and run.user == user
        judged = replace(run, attempts=run.attempts.grow(item)) if mine and failed else run
        if run.attempts.count >= WRONG_PASSWORDS and run.system == system and (mine or item.session):
            judged = replace(judged, attempts=replace(judged.attempts, raised=True), due=None)
            out.append(_not_cut(judged.attempts, last=item))
        if mine:
            own = judged
        else:
            kept.append(judged)
    if not failed:
        return _stored(tuple(kept), seen, *out)
    pause = LIMITS.session_longest if item.session else LIMITS.session_pause
    run = own or Run(system, user, 0, continued(None, item, pause))
    due = item.t + LIMITS.disconnect_within if run.attempts.count == WRONG_PASSWORDS else run.due
    return _stored((*kept, replace(run, until=item.t + pause, due=due))[-LIMITS.followed :], seen, *out)


def overdue(state: Sessions, at: int, ctx: Context) -> Step:
    """No disconnect in time, or the session is over."""
    del ctx
    out: list[Finding] = []
    runs: list[Run] = []
    for run in state.runs:
        if run.due is not None and run.due <= at:
            out.append(_not_cut(run.attempts, settle_at=run.due))
            runs.append(replace(run, due=None, attempts=replace(run.attempts, raised=True)))
        elif run.until > at:
            runs.append(run)
    return _stored(tuple(runs), state.seen, *out)


def _end(runs: tuple[Run, ...], user: str, system: str) -> tuple[Run, ...]:
    """Runs that remain when ``user`` on ``system`` is cut off ("" is any)."""
    return tuple(run for run in runs if (user and run.user != user) or (system and run.system != system))


def _stored(runs: tuple[Run, ...], seen: tuple[Seen, ...], *out: Finding) -> Step:
    if not runs:
        return Step(None, out)
    deadline = min(run.until if run.due is None else run.due for run in runs)
    return Step(Sessions(runs=runs, seen=seen, deadline=deadline), out)


def _not_cut(attempts: Episode, *, last: Proof | None = None, settle_at: int = 0) -> Finding:
    first = attempts.first
    proofs = (*attempts.proofs(), last) if last is not None else attempts.proofs()
    return Finding(
        subtype="CONTROL_FAILURE", anchor=first.id, anchor_time=first.t, count=attempts.count, evidence=evidence_of(proofs),
        subject={"host": first.host or None, "user": first.user or None, "source_ip": first.src or None},
        first_time=first.t, last_time=proofs[-1].t, settle_at=settle_at, awaits=FEEDS if settle_at else (),
        clauses=("CC-18000.3.e",),
    )  # fmt: skip


fold = Fold(
    name="session", keying=Keying("login_session", session_key), init=Sessions(), stage=2, step=step, overdue=overdue,
    activities=frozenset({Activity.LOGIN, Activity.DISCONNECT, Activity.SESSION_CLOSE, Activity.LOCK, Activity.FACT}),
    lookback=DEFAULT_MEMORY, facts=frozenset({ENDED}), forgets_after=instant.DAY,
)  # fmt: skip
