"""Many accounts tried from one address. Fold ``source`` of ``repeated_failed_logins``."""

import msgspec
from msgspec.structs import replace

from detectors.kit.contract import DEFAULT_MEMORY, Context, Fact, Finding, Fold, FoldState, Keying, Step
from detectors.logins.attempts import (
    Episode,
    Seen,
    announced_scan,
    continued,
    evidence_of,
    fold_copies,
    proof,
    success,
    tags_of,
    wrong,
)  # fmt: skip
from detectors.logins.limits import LIMITS, SPRAYED
from schemas import instant
from schemas.event import Activity, SecurityEvent
from schemas.identity import Key
from schemas.violation import Severity

_SHARED = frozenset({"nat", "branch"})  # tags of addresses behind which many people sit


def source_key(event: SecurityEvent) -> Key | None:
    """Client address."""
    return (event.src_ip,) if event.src_ip and event.user and (wrong(event) or success(event)) else None


class Spray(FoldState, frozen=True):
    """Accounts tried from one address: name and time of the last failure, oldest first."""

    accounts: tuple[tuple[str, int], ...] = ()
    episode: Episode | None = None
    seen: tuple[Seen, ...] = ()


def step(state: Spray, event: SecurityEvent, ctx: Context) -> Step:
    """Count distinct accounts; hand a success after a spray to its account's fold."""
    episode = state.episode
    if success(event):
        if episode is None or not episode.raised or event.t - episode.last > LIMITS.guessed_within:
            return Step(state)
        proofs = [msgspec.to_builtins(item) for item in (proof(event), *episode.proofs()[:3])]
        return Step(state, (Fact(kind=SPRAYED, key=event.user.casefold(), t=event.t, payload={"proofs": proofs}),))
    if _SHARED & tags_of(event.src_ip, event.t, ctx) or announced_scan(event.src_ip, event.t, ctx):
        return Step(state)
    seen, new = fold_copies(state.seen, event)
    if not new:
        return Step(replace(state, seen=seen))
    user = event.user.casefold()
    accounts = tuple(old for old in state.accounts if old[0] != user and event.t - old[1] <= LIMITS.spray_window)
    accounts = (*accounts, (user, event.t))[-LIMITS.followed :]
    episode = continued(episode, proof(event), LIMITS.spray_window)
    if len(accounts) >= LIMITS.spray_accounts:
        episode = replace(episode, raised=True)
    after = Spray(accounts=accounts, episode=episode, seen=seen, deadline=event.t + LIMITS.guessed_within)
    return Step(after, (_spray(episode),) if episode.raised else ())


def overdue(state: Spray, at: int, ctx: Context) -> Step:
    """Nothing failed for so long that no success can follow from it: forget."""
    del state, at, ctx
    return Step(None)


def _spray(episode: Episode) -> Finding:
    first = episode.first
    return Finding(
        subtype="ATTACK_SUSPECTED", part="spray", anchor=first.id, anchor_time=first.t, count=episode.count,
        subject={"host": None, "user": None, "source_ip": first.src}, first_time=first.t, last_time=episode.last,
        severity=Severity.MEDIUM, evidence=evidence_of(episode.proofs()), clauses=("CC-17010.i.c",),
    )  # fmt: skip


fold = Fold(
    name="source", keying=Keying("login_source", source_key), activities=frozenset({Activity.LOGIN}), init=Spray(),
    step=step, overdue=overdue, lookback=DEFAULT_MEMORY, forgets_after=instant.DAY,
)  # fmt: skip
