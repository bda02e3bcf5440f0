"""Stage 0: a change that a scan of one host found happened since the scan before; told as a fact to the fold of its file."""

import msgspec

from detectors.deployments import changes
from detectors.deployments.limits import LIMITS
from detectors.kit.contract import Context, Fact, Fold, FoldState, Keying, Step
from detectors.kit.groups import folded
from schemas.event import Activity, SecurityEvent
from schemas.identity import Key


def by_host(event: SecurityEvent) -> Key | None:
    """The host whose scan ended, or on which a scan found a change."""
    if event.activity == Activity.FILE_SCAN:
        return (folded(event.host),) if event.action not in changes.BASELINES else None
    return (folded(event.host),) if event.last_scan and changes.watched(event) else None


class Host(FoldState, frozen=True):
    """Ends of the last scans: feed and time (µs UTC)."""

    ended: tuple[tuple[str, int], ...] = ()


def step(state: Host, event: SecurityEvent, ctx: Context) -> Step:  # noqa: ARG001 - the contract of a step
    """A scan ended, or found a change."""
    if event.activity == Activity.FILE_SCAN:
        return Step(msgspec.structs.replace(state, ended=(*state.ended, (event.feed, event.t))[-LIMITS.remembered :]))
    before = [t for feed, t in state.ended if feed == event.feed and t <= event.t - LIMITS.scan_settle]
    change = msgspec.structs.replace(changes.read(event), earliest=max((event.last_scan, *before[-1:])))
    fact = Fact(
        kind=changes.FOUND, key=event.path, t=event.t, payload=changes.payload(change), origin={"line": event.line}
    )  # fmt: skip
    return Step(state, (fact,))


fold = Fold(
    name="scans", keying=Keying("scanned_host", by_host), activities=frozenset({Activity.FILE_SCAN, Activity.FILE_CHANGE}),
    init=Host(), step=step,
)  # fmt: skip
