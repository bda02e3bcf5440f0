"""What every change system's feed yields: the snapshot of a request as context, and its decision as an event."""

from collections.abc import Iterator, Mapping
from typing import Any

from schemas import instant
from schemas.context import ContextRecord
from schemas.event import Activity, SecurityEvent
from streams.feeds.kit.contract import RawRecord

DECIDED = ("approved", "rejected", "revoked")
_TYPE = {"approved": "allowed", "rejected": "denied", "revoked": "deletion"}


def snapshot(
    record: RawRecord, data: Mapping[str, Any], *, exported: int, own_id: str, message: str = ""
) -> Iterator[SecurityEvent | ContextRecord]:
    """The context record of one exported state of a request, then one event.

    ``data`` has the fields of :class:`schemas.approval.Approval`, ``exported`` is the time of this state, ``own_id``
    unique to it. The event is the decision, at its own time (at ``exported`` where the change system states none); of
    an undecided request it only says that the request was seen.

    Raises:
        Unreadable: a field of ``data`` is missing, unknown or of the wrong type.
    """
    context = record.context("approvals", data, exported=exported)
    yield context
    typed = context.data
    decision = typed.get("decision", "requested")
    decided = decision in DECIDED
    approvers = [name for who in typed.get("approvers", ()) if (name := who.get("account") or who.get("person"))]
    t = instant.parse(typed["decision_time"]) if decided and "decision_time" in typed else exported
    yield record.event(
        t=t, exported=exported, own_id=own_id,
        activity=Activity.APPROVAL_DECISION if decided else Activity.OTHER,
        category=("configuration",), type=(_TYPE[decision] if decided else "info",), action=decision,
        user=(approvers[0] if approvers else "") if decided else typed.get("requester", ""),
        ref=typed["approval"], objects=tuple(typed.get("scope", {}).get("targets", ())), message=message,
        extra={"related.user": approvers} if approvers else {},
    )
