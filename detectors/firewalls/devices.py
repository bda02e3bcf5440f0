"""Stage 0: the records of one device become commits, told as facts to the fold of its pair or cluster."""

from collections.abc import Iterable
from typing import Any

import msgspec

from detectors.firewalls import records
from detectors.firewalls.limits import LIMITS
from detectors.firewalls.records import Edit
from detectors.kit.approvals.uses import lines, packed_evidence
from detectors.kit.contract import CONTEXT_LOOKBACK, Context, Fact, Fold, FoldState, Keying, Step
from detectors.kit.groups import firewall_group, folded
from schemas.event import Activity, SecurityEvent
from schemas.identity import Key
from schemas.violation import Evidence

COMMIT = "firewall_commit"

_CANDIDATE = frozenset({"panos"})
"""Feeds of firewalls whose changes take effect at the next commit; all others at once."""


def by_device(event: SecurityEvent) -> Key | None:
    """The device whose configuration log it is."""
    return (folded(event.host),) if event.host else None


class Transaction(msgspec.Struct, frozen=True):
    """Records of one transaction number (FortiGate cfgtid) so far."""

    ref: str
    edits: tuple[Edit, ...]


class Device(FoldState, frozen=True):
    """What is under way on one device.

    ``pending``: candidate edits not yet committed; ``remarks``: there are such of no effect; ``committed``: time of the last
    commit; ``references``: (name, object that refers to it); ``seen``: time and hash of the last snapshot; ``told``: records
    came since then.
    """

    open: tuple[Transaction, ...] = ()
    pending: tuple[Edit, ...] = ()
    remarks: bool = False
    committed: int = 0
    references: tuple[tuple[str, str], ...] = ()
    seen: tuple[int, str] | None = None
    told: bool = False


def step(state: Device, event: SecurityEvent, ctx: Context) -> Step:
    """One record of the configuration log."""
    if event.activity == Activity.FIREWALL_SNAPSHOT:
        return _snapshot(state, event, ctx)
    if event.activity == Activity.FIREWALL_COMMIT:
        return _commit(state, event, ctx)
    edit = records.edit(event)
    state = msgspec.structs.replace(state, told=True, references=_learned(state.references, edit))
    candidate = event.feed in _CANDIDATE
    if records.harmless(event, edit):
        return Step(msgspec.structs.replace(state, remarks=state.remarks or candidate))
    if candidate:
        return Step(msgspec.structs.replace(state, pending=(*state.pending, edit)[-LIMITS.edits :]))
    if not event.ref:
        return Step(state, (_told(state, event.host, ctx, (edit,), commit=event.id[:12]),))
    return Step(_joined(state, event.ref, edit))


def overdue(state: Device, at: int, ctx: Context) -> Step:
    """Transactions of which no record came for the gap have ended."""
    ended = [item for item in state.open if item.edits[-1].t + LIMITS.commit_gap <= at]
    facts = tuple(_told(state, item.edits[0].host, ctx, item.edits, ref=item.ref, commit=item.ref) for item in ended)
    return Step(_waiting(state, tuple(item for item in state.open if item not in ended)), facts)


def _joined(state: Device, ref: str, edit: Edit) -> Device:
    earlier = next((item for item in state.open if item.ref == ref), None)
    if earlier is None:
        return _waiting(state, (*state.open, Transaction(ref, (edit,))))
    longer = Transaction(ref, (*earlier.edits, edit)[: LIMITS.edits])
    return _waiting(state, tuple(longer if item is earlier else item for item in state.open))


def _waiting(state: Device, transactions: tuple[Transaction, ...]) -> Device:
    ends = [item.edits[-1].t + LIMITS.commit_gap for item in transactions]
    return msgspec.structs.replace(state, open=transactions, deadline=min(ends, default=None))


def _commit(state: Device, event: SecurityEvent, ctx: Context) -> Step:
    own = event.user if "partial" in str(event.extra.get("panw.panos.path", "")) else ""
    mine = tuple(edit for edit in state.pending if not own or edit.user == own)
    rest = tuple(edit for edit in state.pending if own and edit.user != own)
    again = event.t - state.committed <= LIMITS.copy_window and state.committed > 0
    after = msgspec.structs.replace(state, pending=rest, remarks=False, committed=event.t, told=True)
    if not mine and (state.remarks or again or not event.user):
        # Only remarks were committed, the job reports what its order did, or the device installed what its vendor ships.
        return Step(after)
    if event.hash and event.hash == event.hash_before:
        return Step(after)
    number = str(event.seq) if event.seq else event.id[:12]
    return Step(after, (_told(state, event.host, ctx, (*mine, records.edit(event)), commit=number, at=event),))


def _snapshot(state: Device, event: SecurityEvent, ctx: Context) -> Step:
    """A configuration that differs from the last one seen, with no record in between, was changed while none came."""
    after = msgspec.structs.replace(state, seen=(event.t, event.hash), told=False)
    if state.seen is None or state.told or not event.hash or state.seen[1] == event.hash:
        return Step(after)
    told = _told(state, event.host, ctx, (records.edit(event),), commit=event.id[:12], at=event, since=state.seen[0])
    return Step(after, (told,))


def _learned(known: tuple[tuple[str, str], ...], edit: Edit) -> tuple[tuple[str, str], ...]:
    if not edit.object or not edit.names:
        return known
    new = dict.fromkeys((name, edit.object) for name in edit.names)
    return (*(pair for pair in known if pair not in new), *new)[-LIMITS.references :]


def _told(
    state: Device, host: str, ctx: Context, edits: tuple[Edit, ...], *, commit: str, ref: str = "",
    at: SecurityEvent | None = None, since: int | None = None,
) -> Fact:  # fmt: skip
    """The commit of ``edits`` as a fact; ``at``: the record that put them into effect, if not the first of them."""
    anchor = edits[0] if at is None else edits[-1]
    altered = edits if at is None else edits[:-1]
    t = anchor.t
    group = firewall_group(ctx, host, t)
    objects = tuple(dict.fromkeys(edit.object for edit in altered if edit.object))
    shown = _evidence(edits if len(edits) <= LIMITS.shown else (*edits[: LIMITS.shown - 1], edits[-1]))
    payload: dict[str, Any] = {
        "group": group, "device": host, "commit": commit, "ref": ref, "anchor": anchor.id, "o": anchor.o, "since": since,
        "last": max(edit.t for edit in edits), "user": anchor.user, "domain": anchor.domain,
        "actions": list(dict.fromkeys(edit.action for edit in altered if edit.action)),
        "objects": list(objects),
        "used_by": {item: list(rules) for item in objects if (rules := records.users(state.references, item))},
        "open_to_all": records.open_to_all(altered), "destinations": list(records.destinations(altered)),
        "cites": list(records.cited(edits)), "content": records.content(altered),
        "inverse": records.content(altered, inverse=True), "evidence": [packed_evidence(item) for item in shown],
    }  # fmt: skip
    return Fact(kind=COMMIT, key=folded(group), t=t, payload=payload, origin=lines(shown))


def _evidence(edits: Iterable[Edit]) -> list[Evidence]:
    return [
        Evidence.model_construct(
            event_id=edit.id, source=edit.source, line=edit.line, time=edit.t, original=edit.original,
            values={name: value for name in ("action", "object", "user") if (value := getattr(edit, name))},
        )
        for edit in edits
    ]  # fmt: skip


fold = Fold(
    name="device", keying=Keying("firewall_device", by_device),
    activities=frozenset({Activity.FIREWALL_CHANGE, Activity.FIREWALL_COMMIT, Activity.FIREWALL_SNAPSHOT}),
    init=Device(), step=step, overdue=overdue, lookback=CONTEXT_LOOKBACK,
)  # fmt: skip
