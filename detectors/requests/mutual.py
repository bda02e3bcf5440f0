"""Stages 0 and 1: two persons who approve each other's requests for the same object; the one fold tells, the other compares."""

from collections.abc import Mapping
from typing import Any

import msgspec

from detectors.kit.approvals import BY_APPROVAL, history
from detectors.kit.approvals.duties import Parties, parties
from detectors.kit.approvals.history import Grant
from detectors.kit.approvals.uses import packed_evidence, unpacked_evidence
from detectors.kit.contract import CONTEXT_LOOKBACK, Context, Fact, Finding, Fold, FoldState, Keying, Step, evidence, merged
from detectors.kit.groups import folded
from detectors.requests.limits import LIMITS
from schemas.event import Activity, SecurityEvent
from schemas.identity import Key
from schemas.violation import Evidence, Severity

BETWEEN = "approval_between"
"""Kind of the facts in which an approval travels to the fold of the two persons."""
HINT = "COLLUSION_HINT"


class Told(FoldState, frozen=True):
    """The first record of each decision of one request, by the time of the decision: packed evidence and line."""

    records: dict[int, tuple[dict[str, Any], int]] = {}


def tell(state: Told, event: SecurityEvent, ctx: Context) -> Step:
    """A decision was recorded: tell whose request it was to the fold that looks for the other way round."""
    entries = ctx.all("approvals", f"approval:{event.ref}")
    # The context holds later decisions of the request as well; each is told with the record that states it.
    grants = [
        grant for grant in (history.read(entries).grants if entries else ())
        if grant.decided <= event.t or grant.snapshot.updated <= event.t
    ]  # fmt: skip
    own = evidence(event, decision=event.action, approver=event.user, approval=event.ref)
    records = {grant.decided: state.records.get(grant.decided, (packed_evidence(own), own.line)) for grant in grants}
    facts = [
        fact for grant in grants
        for fact in _between(grant, parties(ctx, grant.snapshot, grant.decided), *records[grant.decided])
    ]  # fmt: skip
    return Step(Told(records=records), tuple(facts))


def _between(grant: Grant, found: Parties, record: Mapping[str, Any], line: int) -> list[Fact]:
    """That one person approved another's request, told under the two of them with the record of the decision."""
    asked = found.requester.person
    scope = grant.snapshot.scope
    return [
        Fact(kind=BETWEEN, key="|".join(sorted((asked, approver.person))), t=grant.decided, payload={
            "approval": grant.request, "requester": asked, "approver": approver.person, "record": dict(record),
            "targets": [folded(target) for target in scope.targets], "objects": [folded(item) for item in scope.objects],
        }, origin={"lines": {record["event_id"]: line}} if line else {})
        for approver in found.approvers if asked and approver.person and asked != approver.person
    ]  # fmt: skip


def by_two(event: SecurityEvent) -> Key | None:
    """The two persons of whom one approved the other's request."""
    return (event.ref,) if event.action == BETWEEN else None


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """One approval between the two; ``record`` and ``line``: the record of its decision, packed, and its place."""

    t: int
    record: dict[str, Any]
    line: int
    approval: str
    requester: str
    targets: tuple[str, ...]
    objects: tuple[str, ...]


class Two(FoldState, frozen=True):
    """Approvals between two persons within the window."""

    given: tuple[Given, ...] = ()


def pair(state: Two, event: SecurityEvent, ctx: Context) -> Step:  # noqa: ARG001 - the contract of a step
    """An approval between two persons: a hint if the other way round happened for the same object shortly before."""
    told = event.extra
    record = told.get("record") or packed_evidence(evidence(event))  # facts in the log may be older than this field
    new = Given(
        t=event.t, approval=told["approval"], requester=told["requester"], targets=tuple(told["targets"]),
        objects=tuple(told["objects"]), record=record, line=told.get("lines", {}).get(record["event_id"], 0),
    )  # fmt: skip
    kept = tuple(item for item in state.given if event.t - item.t <= LIMITS.mutual)
    back = [item for item in kept if item.requester == told["approver"] and _same_object(item, new)]
    after = Two(given=(*kept, new))
    if not back:
        return Step(after)
    proofs = (_proof(back[-1], new.requester), _proof(new, told["approver"]))
    hint = Finding(
        subtype=HINT, anchor=new.approval, anchor_time=event.t, subject={"approval": new.approval}, part="mutual",
        first_time=back[-1].t, last_time=event.t, evidence=merged(proofs), severity=Severity.MEDIUM, reasons=("MUTUAL_APPROVAL",),
        persons=tuple(sorted((told["requester"], told["approver"]))), approval=new.approval,
    )  # fmt: skip
    return Step(after, (hint,))


def _proof(given: Given, approver: str) -> Evidence:
    """The record of the decision, with the persons that were compared."""
    item = unpacked_evidence(given.record, {"lines": {given.record["event_id"]: given.line}})
    values = {"approval": given.approval, "requester": given.requester, "approver": approver}
    return item.model_copy(update={"values": {**item.values, **values}})


def _same_object(one: Given, other: Given) -> bool:
    if not set(one.targets) & set(other.targets):
        return False
    return not one.objects or not other.objects or bool(set(one.objects) & set(other.objects))


decision = Fold(
    name="decision", keying=BY_APPROVAL, activities=frozenset({Activity.APPROVAL_DECISION}), init=Told(), step=tell,
    memory=CONTEXT_LOOKBACK, lookback=CONTEXT_LOOKBACK,
)  # fmt: skip
fold = Fold(
    name="mutual", keying=Keying("two_persons", by_two), activities=frozenset({Activity.FACT}),
    facts=frozenset({BETWEEN}), init=Two(), step=pair, stage=1, memory=CONTEXT_LOOKBACK, lookback=CONTEXT_LOOKBACK,
)  # fmt: skip
