"""Snapshots of change requests: ServiceNow's table export and plain approval JSON (``schemas/approval.py``)."""

import json
from collections.abc import Sequence
from typing import Any

from schemas import instant
from streams.simulator import clock
from streams.simulator.ticket import Ticket

_STATES = {
    "requested": ("Authorize", "-3"), "approved": ("Implement", "-1"), "rejected": ("Closed", "3"), "revoked": ("Canceled", "4"),
}


def _pair(text: str, shown: str | None = None) -> dict[str, str]:
    return {"display_value": text if shown is None else shown, "value": text}


def _date(t: int | None) -> dict[str, str]:
    if t is None:
        return _pair("")
    here = clock.local(t)
    return _pair(clock.utc(t).replace("T", " "), f"{here[5:7]}/{here[8:10]}/{here[:4]} {here[11:]}")


def _list(values: Sequence[str]) -> dict[str, str]:
    return _pair(",".join(values))


def servicenow(ticket: Ticket, updated: int) -> str:
    """The state of ``ticket`` as the Table API exports it; stored dates are UTC, shown ones the user's."""
    shown, state = _STATES[ticket.decision]
    approval = "approved" if ticket.decision == "revoked" else ticket.decision
    return json.dumps({
        "table_name": "change_request",
        "sys_id": _pair(f"{int(ticket.number[3:]):032x}"),
        "number": _pair(ticket.number),
        "sys_updated_on": _date(updated),
        "type": _pair("emergency" if ticket.emergency_at is not None else "standard" if ticket.standing else "normal"),
        "short_description": _pair(ticket.title),
        "requested_by": _pair(ticket.requester),
        "u_on_behalf_of": _pair(ticket.on_behalf_of),
        "assigned_to": _pair(ticket.implementer),
        "assignment_group": _pair(ticket.team),
        "approval": _pair(approval),
        "approval_set": _date(ticket.decided),
        "u_approved_by": _list(ticket.approvers if ticket.decided is not None else ()),
        "start_date": _date(ticket.valid_from),
        "end_date": _date(ticket.valid_to),
        "cmdb_ci": _pair(ticket.targets[0] if ticket.targets else ""),
        "u_targets": _list(ticket.targets[1:]),
        "u_accounts": _list(ticket.accounts),
        "u_persons": _list(ticket.persons),
        "u_actions": _list(ticket.actions),
        "u_objects": _list(ticket.objects),
        "u_hashes": _list(ticket.hashes),
        "u_max_uses": _pair("" if ticket.max_uses is None else str(ticket.max_uses)),
        "u_emergency_at": _date(ticket.emergency_at),
        "state": _pair(state, shown),
    }, separators=(",", ":"))


def approval(ticket: Ticket, updated: int) -> str:
    """The state of ``ticket`` in the fields of ``schemas/approval.py``."""
    scope = {
        name: list(values)
        for name in ("targets", "accounts", "persons", "actions", "objects", "hashes")
        if (values := getattr(ticket, name))
    }
    decided = ticket.decided if ticket.decision != "revoked" else updated
    document: dict[str, Any] = {
        "approval": ticket.number, "type": ticket.kind, "requester": ticket.requester, "on_behalf_of": ticket.on_behalf_of,
        "implementer": ticket.implementer, "decision": ticket.decision, "scope": scope, "team": ticket.team,
        "updated": instant.text(updated),
        "valid_from": instant.text(ticket.valid_from), "valid_to": instant.text(ticket.valid_to),
    }
    if decided is not None:
        document["decision_time"] = instant.text(decided)
        document["approvers"] = [{"account": name} for name in ticket.approvers]
    if ticket.max_uses is not None:
        document["max_uses"] = ticket.max_uses
    if ticket.emergency_at is not None:
        document |= {"emergency": True, "emergency_at": instant.text(ticket.emergency_at)}
    if ticket.standing:
        document["standing"] = True
    return json.dumps(document, separators=(",", ":"))
