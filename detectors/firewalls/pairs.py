"""Stage 1: the commits of one pair, cluster or single device, each told on once, whichever member logged it."""

from typing import Any

import msgspec

from detectors.firewalls.devices import COMMIT
from detectors.firewalls.limits import LIMITS
from detectors.kit.contract import CONTEXT_LOOKBACK, Context, Fact, Fold, FoldState, Keying, Step
from detectors.kit.groups import folded
from schemas.event import Activity, SecurityEvent
from schemas.identity import Key

ACT = "firewall_act"


def by_group(event: SecurityEvent) -> Key | None:
    """The pair, cluster or single device a commit belongs to."""
    return (event.ref,) if event.action == COMMIT else None


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """Digest of a commit: enough to know its copies and its undoing.

    ``device``: the member that told it first, ``copies``: those that told it since; ``objects``: the first of those altered,
    none if it was not told what was done.
    """

    t: int
    device: str
    ref: str
    content: str
    commit: str
    user: str = ""
    objects: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()


class Pair(FoldState, frozen=True):
    """Commits of the last days."""

    done: tuple[Done, ...] = ()


def step(state: Pair, event: SecurityEvent, ctx: Context) -> Step:  # noqa: ARG001 - the contract of a step
    """One commit as a device told it."""
    told = event.extra
    kept = tuple(item for item in state.done if event.t - item.t <= LIMITS.roll_back)
    copied = next((item for item in kept if _copies(item, told, event.t)), None)
    if copied is not None:
        again = msgspec.structs.replace(copied, copies=(*copied.copies, folded(told["device"])))
        return Step(Pair(done=tuple(again if item is copied else item for item in kept)))
    undone = next((item.commit for item in reversed(kept) if told["objects"] and item.content == told["inverse"]), "")
    done = Done(
        t=event.t, device=told["device"], ref=told["ref"], content=told["content"], commit=told["commit"],
        user=folded(told["user"]), objects=tuple(told["objects"][: LIMITS.shown]),
    )  # fmt: skip
    payload = {name: value for name, value in told.items() if name != "lines"} | {"rolls_back": undone}
    act = Fact(kind=ACT, key=told["anchor"], t=event.t, payload=payload, origin={"lines": told["lines"]})
    return Step(Pair(done=(*kept, done)), (act,))


def _copies(done: Done, told: dict[str, Any], t: int) -> bool:
    """Whether another member of the pair tells a commit that is known, for the first time.

    By what was done and by whom: each member counts its transactions by itself. One that tells only a part of what was done is
    known by its number, if it alters one of the same objects; one that does not tell it at all, by its number alone.
    """
    device = folded(told["device"])
    if device in (folded(done.device), *done.copies) or t - done.t > LIMITS.copy_window:
        return False
    numbered = bool(told["ref"] or done.ref)
    if done.objects and told["objects"]:
        if told["content"] == done.content and folded(told["user"]) == done.user:
            return True
        return numbered and told["ref"] == done.ref and not set(done.objects).isdisjoint(told["objects"])
    return bool(told["ref"] == done.ref) if numbered else not told["objects"]


fold = Fold(
    name="group", keying=Keying("firewall_group", by_group), activities=frozenset({Activity.FACT}), facts=frozenset({COMMIT}),
    init=Pair(), step=step, stage=1, lookback=CONTEXT_LOOKBACK,
)  # fmt: skip
