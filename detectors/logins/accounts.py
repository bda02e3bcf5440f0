"""Guessing at one account, on whatever host, and its success. Fold ``account`` of ``repeated_failed_logins``."""

import msgspec
from msgspec.structs import replace

from detectors.kit.contract import DEFAULT_MEMORY, Context, Fact, Finding, Fold, FoldState, Keying, Step
from detectors.logins.attempts import (
    KEPT,
    Episode,
    Proof,
    Seen,
    announced_scan,
    client,
    continued,
    fold_copies,
    locked,
    proof,
    regular,
    success,
    wrong,
)  # fmt: skip
from detectors.logins.findings import Digest, attack, guessed
from detectors.logins.limits import ENDED, LIMITS, SPRAYED
from detectors.logins.sessions import session_key
from schemas import instant
from schemas.event import Activity, Reason, SecurityEvent
from schemas.identity import Key

_CLIENTS = 8

Paced = list[tuple[int, str]]  # time and client of attempts


def account_key(event: SecurityEvent) -> Key | None:
    """Account over all hosts; names unknown to the system go to a bucket of their client."""
    if event.activity == Activity.FACT:
        return (event.ref,) if event.action == SPRAYED else None
    if event.activity == Activity.LOCK and event.target_user:
        return (event.target_user.casefold(),)
    if not event.user or (event.activity == Activity.LOGIN and not (success(event) or wrong(event) or locked(event))):
        return None
    if event.reason == Reason.UNKNOWN_USER:
        return ("", client(event))
    return (event.user.casefold(),)


class Failure(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A failure of the last 15 minutes, and the key of its session, where an end of it is to be told."""

    t: int
    src: str
    key: Key


class Use(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A client that logged in with the account, first and last."""

    src: str
    first: int
    last: int


class Account(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of one account.

    ``calm``: ``slow`` as it was before the burst began. ``guessed``: host and client of successes reported, and when last.
    ``copies``: failures told by a second record.
    """

    user: str
    recent: tuple[Failure, ...] = ()
    copies: tuple[Failure, ...] = ()
    digests: tuple[Digest, ...] = ()
    burst: Episode | None = None
    slow: Episode | None = None
    calm: Episode | None = None
    uses: tuple[Use, ...] = ()
    guessed: tuple[tuple[str, int], ...] = ()

    @property
    def until(self) -> int:
        """When nothing of it matters any more (µs); 0: nothing does."""
        ends = [use.last + LIMITS.client_known for use in self.uses]
        ends += [episode.last + LIMITS.slow_window for episode in (self.burst, self.slow) if episode is not None]
        ends += [t + LIMITS.guessed_within for _, t in self.guessed]
        return max(ends, default=0)


class Accounts(FoldState, frozen=True):
    """One account; under a client's bucket of unknown names, several."""

    accounts: tuple[Account, ...] = ()
    seen: tuple[Seen, ...] = ()


def step(state: Accounts, event: SecurityEvent, ctx: Context) -> Step:
    """Count a failure, judge a success, tell sessions of a disconnect or lock."""
    user = _named(event)
    account = next((known for known in state.accounts if known.user == user), Account(user=user))
    out: tuple[Finding | Fact, ...] = ()
    seen = state.seen
    if event.activity == Activity.FACT:
        item, *before = (msgspec.convert(part, Proof) for part in event.extra["proofs"])
        account, out = _guess(account, item, tuple(before))
    elif wrong(event):
        if announced_scan(client(event), event.t, ctx):
            return Step(state)
        seen, new = fold_copies(seen, event)
        if new:
            account, out = _failed(account, event, ctx)
        else:
            copies = _recent(account.copies, event.t)
            copy = Failure(event.t, client(event), session_key(event) or ())
            account = replace(account, copies=(*copies, copy)[-LIMITS.followed :])
    elif success(event):
        if _as_ever(account, event):
            return Step(state)
        account, out = _succeeded(account, event)
    else:
        out = _ended(account, event)
    others = tuple(other for other in state.accounts if other.user != user)
    return _stored((*others, account)[-LIMITS.followed :] if account.until else others, seen, *out)


def _named(event: SecurityEvent) -> str:
    """The account that ``event`` is about."""
    if event.activity == Activity.FACT:
        return event.ref
    return (event.target_user if event.activity == Activity.LOCK and event.target_user else event.user).casefold()


def overdue(state: Accounts, at: int, ctx: Context) -> Step:
    """Forget accounts of which nothing matters any more."""
    del ctx
    return _stored(tuple(account for account in state.accounts if account.until > at), state.seen)


def _stored(accounts: tuple[Account, ...], seen: tuple[Seen, ...], *out: Finding | Fact) -> Step:
    if not accounts:
        return Step(None, out)
    return Step(Accounts(accounts=accounts, seen=seen, deadline=max(account.until for account in accounts)), out)


def _failed(account: Account, event: SecurityEvent, ctx: Context) -> tuple[Account, tuple[Finding, ...]]:
    t, src = event.t, client(event)
    item = proof(event)
    recent = (*_recent(account.recent, t), Failure(t, src, session_key(event) or ()))[-LIMITS.followed :]
    digests = (*(old for old in account.digests if t - old.t <= LIMITS.slow_window),
               Digest(t, event.id, src, event.source, event.line))[-LIMITS.followed :]  # fmt: skip
    burst = continued(account.burst, item, LIMITS.account_window)
    calm = account.slow if burst.count == 1 else account.calm
    many = len(recent) >= LIMITS.account_failures
    if burst.raised or (many and not _stale_password(account, [(old.t, old.src) for old in recent], event, ctx)):
        # What is reported as a burst is not reported once more as slow guessing.
        slow = account.slow if burst.raised else calm
        burst = replace(burst, raised=True)
        digests = tuple(old for old in digests if old.t < burst.first.t)
        after = replace(account, recent=recent, digests=digests, burst=burst, slow=slow, calm=calm)
        return after, (attack("account", burst, low=_even([(old.t, old.src) for old in burst.newest])),)
    slow = continued(account.slow, item, LIMITS.slow_window)
    pace = [(old.t, old.src) for old in digests]
    if len(digests) >= LIMITS.slow_failures and not slow.raised and not _stale_password(account, pace, event, ctx):
        slow = replace(slow, raised=True)
    after = replace(account, recent=recent, digests=digests, burst=burst, slow=slow, calm=calm)
    return after, (attack("slow", slow, low=_even(pace), digests=digests[-LIMITS.slow_failures :]),) if slow.raised else ()


def _as_ever(account: Account, event: SecurityEvent) -> bool:
    """Whether a success says nothing new: no failure to judge it by, and its client is known to the hour."""
    if account.recent or account.copies or account.burst is not None or account.slow is not None:
        return False
    src = client(event)
    return any(use.src == src and event.t - use.last < LIMITS.known_to for use in account.uses)


def _succeeded(account: Account, event: SecurityEvent) -> tuple[Account, tuple[Finding | Fact, ...]]:
    t, src = event.t, client(event)
    told = _tell_success(account, event)
    used = next((use for use in account.uses if use.src == src and t - use.last <= LIMITS.client_known), Use(src, t, t))
    out: tuple[Finding, ...] = ()
    for episode in (account.burst, account.slow):
        if episode is None or not episode.raised or t - episode.last > LIMITS.guessed_within or out:
            continue
        if used.first >= episode.first.t or src in episode.sources:
            account, out = _guess(account, proof(event), episode.proofs())
    uses = (*(use for use in account.uses if use.src != src), Use(src, used.first, t))[-_CLIENTS:]
    mine = [old.t for old in account.digests if old.src == src]
    return replace(
        account, uses=uses, burst=_without(account.burst, src, mine), slow=_without(account.slow, src, mine),
        calm=_without(account.calm, src, mine), recent=tuple(old for old in account.recent if old.src != src),
        copies=tuple(old for old in account.copies if old.src != src),
        digests=tuple(old for old in account.digests if old.src != src),
    ), (*out, *told)  # fmt: skip


def _tell_success(account: Account, event: SecurityEvent) -> tuple[Fact, ...]:
    """Failures without session id are counted by client; a success that has an id (Windows 4624) is an attempt there too."""
    if not event.session:
        return ()
    src = client(event)
    keys = {old.key for old in _recent((*account.recent, *account.copies), event.t) if old.src == src and old.key[0] == "client"}
    said = msgspec.to_builtins(proof(event))
    payload = {"user": account.user, "host": event.host, "lock": False, "success": said}
    return tuple(Fact(kind=ENDED, key="\x1f".join(key), t=event.t, payload=payload) for key in sorted(keys))


def _without(episode: Episode | None, src: str, times: list[int]) -> Episode | None:
    """``episode`` without the failures (at ``times``) of a client that logged in after all; a raised one stays."""
    if episode is None or episode.raised or src not in episode.sources:
        return episode
    rest = tuple(item for item in episode.proofs() if item.src != src)
    if not rest:
        return None
    count = episode.count - sum(episode.first.t <= t <= episode.last for t in times)
    sources = tuple(source for source in episode.sources if source != src)
    return replace(episode, first=rest[0], newest=rest[-KEPT:], count=max(count, len(rest)), last=rest[-1].t, sources=sources)


def _guess(account: Account, item: Proof, before: tuple[Proof, ...]) -> tuple[Account, tuple[Finding, ...]]:
    """Report a success after guessing, once for a host and client until they pause."""
    place = f"{item.host} {item.src}"
    fresh = tuple(old for old in account.guessed if item.t - old[1] <= LIMITS.guessed_within)
    known = any(old[0] == place for old in fresh)
    after = replace(account, guessed=(*(old for old in fresh if old[0] != place), (place, item.t))[-_CLIENTS:])
    return after, () if known else (guessed(item, before),)


def _ended(account: Account, event: SecurityEvent) -> tuple[Fact, ...]:
    """Tell the account's other sessions: a lock ends them all, a disconnect those of its client that have no id."""
    lock, src = locked(event), client(event)
    keys = {
        failure.key
        for failure in _recent((*account.recent, *account.copies), event.t)
        if lock or (event.session and failure.src == src and failure.key[0] == "client")
    }
    payload = {"user": account.user, "host": event.host, "lock": lock, "success": None}
    return tuple(Fact(kind=ENDED, key="\x1f".join(key), t=event.t, payload=payload) for key in sorted(keys))


def _recent(failures: tuple[Failure, ...], t: int) -> tuple[Failure, ...]:
    return tuple(failure for failure in failures if t - failure.t <= LIMITS.account_window)


def _even(pace: Paced) -> bool:
    """Whether the newest attempts came from one client at an even pace, often enough to show a machine."""
    newest = pace[-LIMITS.even_attempts :]
    return (
        len(newest) == LIMITS.even_attempts
        and len({src for _, src in newest}) == 1
        and regular((t for t, _ in newest), LIMITS.even_pace)
    )


def _stale_password(account: Account, pace: Paced, event: SecurityEvent, ctx: Context) -> bool:
    """Whether this is a known client or a declared service that repeats an old password."""
    src = client(event)
    if any(other != src for _, other in pace) or not regular((t for t, _ in pace), LIMITS.even_pace):
        return False
    if any(use.src == src and event.t - use.last <= LIMITS.client_known for use in account.uses):
        return True
    return any(entry.data.kind == "service" for entry in ctx.as_of("accounts", f"account:{account.user}", event.t))


fold = Fold(
    name="account", keying=Keying("login_account", account_key), init=Accounts(), stage=1, step=step, overdue=overdue,
    activities=frozenset({Activity.LOGIN, Activity.DISCONNECT, Activity.SESSION_CLOSE, Activity.LOCK, Activity.FACT}),
    lookback=DEFAULT_MEMORY, facts=frozenset({SPRAYED}), forgets_after=LIMITS.client_known + instant.DAY,
)  # fmt: skip
