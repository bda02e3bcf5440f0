"""Requests: each state of one is exported as plain JSON or by ServiceNow, at its own time, observed then or much later."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.oracle import names
from tests.chaos.oracle.said import Filed
from tests.chaos.planting.field import MINUTE, SECOND, Field
from tests.chaos.planting.firm import CHIEF, staff

_SNOW = ("targets", "accounts", "persons", "actions", "objects", "hashes")
_STATES = {"requested": ("requested", "-4"), "approved": ("approved", "-2"), "rejected": ("rejected", "4")}


@dataclass(slots=True)
class Request:
    """One request; ``fields`` are those of a snapshot, with lists for the scope and µs for times."""

    field: Field
    number: str
    fields: dict[str, Any] = field(default_factory=dict)

    def file(self, decision: str, t: int, *, decided: int | None = None, o: int | None = None) -> None:
        """Export its state at ``t``, taken at ``decided`` (default then too); observed at ``o``, default soon after."""
        t -= t % SECOND
        decided = t if decided is None else decided - decided % SECOND
        row = {
            **self.fields, "approval": self.number, "decision": decision, "updated": t,
            **({} if decision == "requested" else {"decision_time": decided}),
        }  # fmt: skip
        o = t + self.field.chance.randrange(50_000, 90 * SECOND) if o is None else o
        snow = int(self.number[3:]) % 2 == 0 and decision in ("requested", "approved")
        own = f"{self.number}@{_stamp(t)}" if snow else ""
        source = f"{'servicenow' if snow else 'approval'}@desk-{int(self.number[3:]) % 3}"
        line = _servicenow(row) if snow else _plain(row)
        told = self.field.write(source, source.partition("@")[0], line, o, own=own)
        self.field.say(Filed(**told, t=t if decision == "requested" else decided, request=row))


def request(fld: Field, targets: list[str], *, begin: int | None, end: int | None, **more: Any) -> Request:
    """A request of somebody for ``targets`` from ``begin`` to ``end``, to be decided by the chief."""
    number = f"CHG{fld.number():07d}"
    asked, doing = staff(fld), staff(fld)
    fields: dict[str, Any] = {"requester": asked, "implementer": doing, "approvers": [CHIEF], "targets": targets}
    for name, moment in (("valid_from", begin), ("valid_to", end)):
        if moment is not None:
            fields[name] = moment - moment % SECOND
    return Request(fld, number, fields | more)


def approved(fld: Field, targets: list[str], t: int, **more: Any) -> Request:
    """A request approved long enough before ``t`` for everybody to know, whose window lies around it."""
    one = request(fld, targets, begin=t - fld.gap(600, 3600), end=t + fld.gap(600, 7200), **more)
    decided = t - fld.gap(2 * 3600, 6 * 3600)
    if fld.chance.random() < 0.5:
        one.file("requested", decided - fld.gap(600, 3600))
    one.file("approved", decided, o=decided + fld.chance.randrange(SECOND, 50 * MINUTE))
    return one


def _plain(row: dict[str, Any]) -> str:
    scope = {name: row[name] for name in _SNOW if name in row}
    data = {name: row[name] for name in ("approval", "requester", "implementer", "decision", "max_uses") if name in row}
    data |= {"scope": scope, "approvers": [{"account": name} for name in row["approvers"]]}
    if "emergency_at" in row:
        data["emergency"] = True
    times = ("decision_time", "valid_from", "valid_to", "emergency_at", "updated")
    return json.dumps(data | {name: names.text(row[name]) for name in times if name in row})


def _servicenow(row: dict[str, Any]) -> str:
    approval, state = _STATES[row["decision"]]
    data = {
        "number": row["approval"], "sys_class_name": "change_request", "sys_updated_on": _stamp(row["updated"]),
        "requested_by": row["requester"], "assigned_to": row["implementer"], "approval": approval, "state": state,
        "type": "emergency" if "emergency_at" in row else "normal",
    } | {f"u_{name}": ",".join(row[name]) for name in _SNOW if name in row}  # fmt: skip
    data["u_approved_by"] = ",".join(row["approvers"])
    times = {"approval_set": "decision_time", "start_date": "valid_from", "end_date": "valid_to", "u_emergency_at": "emergency_at"}
    data |= {name: _stamp(row[own]) for name, own in times.items() if own in row}
    if "max_uses" in row:
        data["u_max_uses"] = str(row["max_uses"])
    return json.dumps(data)


def _stamp(t: int) -> str:
    """As ServiceNow's database writes times: in UTC, without zone."""
    return names.text(t)[:19].replace("T", " ")
