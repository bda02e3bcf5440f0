"""Stage 0: the records of one host become uses of accounts, told as facts to the fold that judges them.

A use under way is told once the clock tolerance has passed, one that has ended once more, with its end. The latter fact stands
before the former in the order, so that the judge of a use that has ended never sees it open.
"""

from typing import Any

import msgspec

from detectors.kit.contract import Context, Fact, Fold, FoldState, Keying, Step
from detectors.kit.groups import folded
from detectors.privilege import uses
from detectors.privilege.limits import LIMITS
from detectors.privilege.uses import Use
from schemas.event import Activity, SecurityEvent
from schemas.identity import Key

USE = "privileged_use"


def by_host(event: SecurityEvent) -> Key | None:
    """The host or system on which an account is used."""
    return (folded(uses.system(event)),) if uses.concerns(event) else None


class Host(FoldState, frozen=True):
    """Uses under way on one host, or just ended."""

    uses: tuple[Use, ...] = ()


def step(state: Host, event: SecurityEvent, ctx: Context) -> Step:  # noqa: ARG001 - the contract of a step
    """One record of the host."""
    if event.activity == Activity.BOOT:
        after = tuple(uses.ended(use, event.t, "boot") if use.end is None else use for use in state.uses)
    elif event.activity in (Activity.PRIVILEGE_CLOSE, Activity.SESSION_CLOSE):
        after = _closed(state.uses, event)
    else:
        after = _opened(state.uses, event)
    return Step(_waiting(after))


def overdue(state: Host, at: int, ctx: Context) -> Step:  # noqa: ARG001 - the contract of a step
    """Uses to be told: ended, or under way for long enough."""
    kept: list[Use] = []
    facts: list[Fact] = []
    for use in state.uses:
        if _due(use) > at:
            kept.append(use)
            continue
        known = use if use.told else uses.placed(use, state.uses)
        if use.end is None and not use.told:
            known = msgspec.structs.replace(known, told=True)
            kept.append(known)
        elif use.end is None:
            known = uses.ended(known, use.start + LIMITS.timeout, "timeout")
        if known.judged:
            facts.append(_fact(known))
    return Step(_waiting(tuple(kept)), tuple(facts))


def _opened(known: tuple[Use, ...], event: SecurityEvent) -> tuple[Use, ...]:
    new = uses.begin(event)
    for use in reversed(known):
        if uses.same(use, new):
            return tuple(uses.joined(use, new) if item is use else item for item in known)
    open_ = [use for use in known if use.end is None]
    if len(open_) >= LIMITS.uses:
        oldest = open_[0]
        known = tuple(uses.ended(use, event.t, "timeout") if use is oldest else use for use in known)
    return (*known, new)


def _closed(known: tuple[Use, ...], event: SecurityEvent) -> tuple[Use, ...]:
    newest = next((use for use in reversed(known) if uses.closes(use, event)), None)
    if newest is None:  # begun before the log did, or another log tells the end again
        return known
    return tuple(uses.ended(use, event.t, "closed", event) if use is newest else use for use in known)


def _due(use: Use) -> int:
    if use.end is not None:
        return max(use.end, use.start + LIMITS.join)
    return use.start + (LIMITS.timeout if use.told else LIMITS.told_after)


def _waiting(known: tuple[Use, ...]) -> Host:
    return Host(uses=known, deadline=min(map(_due, known), default=None))


def _fact(use: Use) -> Fact:
    payload: dict[str, Any] = msgspec.to_builtins(use)
    for line in payload["lines"]:
        line.pop("line", None)
    key = "\x1f".join((folded(use.host), folded(use.account), use.id))
    after = 0 if use.end is not None else 1
    return Fact(
        kind=USE, key=key, t=use.start + after, payload={"use": payload},
        origin={"lines": {line.id: line.line for line in use.lines if line.line}},
    )  # fmt: skip


fold = Fold(
    name="host", keying=Keying("privileged_host", by_host),
    activities=frozenset({
        Activity.PRIVILEGE_OPEN, Activity.PRIVILEGE_CLOSE, Activity.LOGIN, Activity.SESSION_CLOSE, Activity.BOOT,
    }),
    init=Host(), step=step, overdue=overdue,
)  # fmt: skip
