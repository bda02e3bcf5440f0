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
    """Digest of a commit: enough to know its copy and its undoing."""

    t: int
    device: str
    ref: str
    content: str
    commit: str


class Pair(FoldState, frozen=True):
    """Commits of the last days."""

    done: tuple[Done, ...] = ()


def step(state: Pair, event: SecurityEvent, ctx: Context) -> Step:  # noqa: ARG001 - the contract of a step
    """One commit as a device told it."""
    told = event.extra
    kept = tuple(item for item in state.done if event.t - item.t <= LIMITS.roll_back)
    if any(_copies(item, told, event.t) for item in kept):
        return Step(Pair(done=kept))
    undone = next((item.commit for item in reversed(kept) if told["objects"] and item.content == told["inverse"]), "")
    done = Done(t=event.t, device=told["device"], ref=told["ref"], content=told["content"], commit=told["commit"])
    payload = {name: value for name, value in told.items() if name != "lines"} | {"rolls_back": undone}
    act = Fact(kind=ACT, key=told["anchor"], t=event.t, payload=payload, origin={"lines": told["lines"]})
    return Step(Pair(done=(*kept, done)), (act,))


def _copies(done: Done, told: dict[str, Any], t: int) -> bool:
    """Whether another member of the pair tells a commit that is known: by its number, its content, or having none."""
    if folded(done.device) == folded(told["device"]) or t - done.t > LIMITS.copy_window:
        return False
    if told["ref"] or done.ref:
        return bool(told["ref"] == done.ref)
    return not told["objects"] or bool(told["content"] == done.content)


fold = Fold(
    name="group", keying=Keying("firewall_group", by_group), activities=frozenset({Activity.FACT}), facts=frozenset({COMMIT}),
    init=Pair(), step=step, stage=1, lookback=CONTEXT_LOOKBACK,
)  # fmt: skip
