"""ServiceNow table exports, one JSON record a line: change requests become approvals, the rest readable events.

Fields are plain values or ``{"display_value", "value"}`` pairs (Table API, ``sysparm_display_value`` false, true or all).
The mapping, with the site-defined ``u_`` fields, is in ``docs/feeds/servicenow.md``.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from schemas import instant
from schemas.context import ContextRecord
from schemas.event import Activity, SecurityEvent
from streams.feeds.kit import strict, typed
from streams.feeds.kit.approvals import snapshot
from streams.feeds.kit.contract import Feed, Parsed, RawRecord, Unreadable
from streams.feeds.kit.values import arrival, filled

Fields = Mapping[str, Any]

_DATE = re.compile(
    r"(\d{1,4})([-/.])(\d{1,2})\2(\d{4}|\d{1,2})(?:[ T](\d{1,2}):(\d\d)(?::(\d\d))?(?: ?([AaPp])[Mm])?(Z?))?"
)
_TABLES = {"CHG": "change_request", "CTASK": "change_task", "INC": "incident"}
_NUMBERS = ("state", "u_max_uses")
_NUMBER = re.compile(r"[A-Z]+")
_CANCELED = ("4", "canceled", "cancelled", "revoked")  # value 4 is Canceled in the state model of change requests


def _of(name: str, field: object, first: str, second: str) -> str:
    read = typed.label if name in _NUMBERS else typed.text
    if isinstance(field, dict):
        if "value" not in field and "display_value" not in field:
            raise typed.wrong(name, "text or an object with value and display_value", field)
        return read(f"{name}.{first}", field.get(first)) or read(f"{name}.{second}", field.get(second))
    if isinstance(field, bool) and name == "u_approved_drill":
        return str(field).lower()
    if isinstance(field, list):  # no field of the Table API is one
        raise typed.wrong(name, "text or an object with value and display_value", field)
    return read(name, field)


def _value(fields: Fields, name: str) -> str:
    """The stored value: the word or number that does not depend on the reader's language."""
    return _of(name, fields.get(name), "value", "display_value")


def _name(fields: Fields, name: str) -> str:
    """The name a reference shows (its value is a ``sys_id``); a dot-walked ``user_name`` is the account itself."""
    account = _value(fields, f"{name}.user_name")
    return account or _of(name, fields.get(name), "display_value", "value")


def _list(fields: Fields, name: str) -> list[str]:
    """The entries of a comma list or JSON array, in order, each once."""
    field = fields.get(name)
    parts = typed.texts(name, field) if isinstance(field, list) else _name(fields, name).split(",")
    return list(dict.fromkeys(stripped for part in parts if (stripped := part.strip())))


class _Times:
    """Reads the date fields of one record; all of its dates have one format, that of the exporting user."""

    def __init__(self, record: RawRecord, fields: Fields) -> None:
        self.record = record
        self.fields = fields
        self.day_first: bool | None = None

    def at(self, name: str) -> int | None:
        """Instant of field ``name``, None if it is empty; raises Unreadable (bad_time) if it is no date."""
        text = _value(self.fields, name)
        if not text:
            return None
        match = _DATE.fullmatch(text)
        if match is None:
            return self.record.time(text)
        first, separator, second, third, hour, minute, seconds, half, _ = match.groups()
        zone: tzinfo = UTC
        if len(first) == 4:
            # YYYY-MM-DD is how the database stores times: in UTC. Any other format is a display value.
            year, month, day = first, second, third
        elif len(third) != 4:
            raise Unreadable("bad_time", f"{name}: expected a date with a year of four digits, got {text[:64]!r}")
        else:
            month, day = (second, first) if separator == "." or self._day_first() else (first, second)
            year, zone = third, self.record.zone
        hours = int(hour or 0)
        if half:
            hours = hours % 12 + (12 if half in "Pp" else 0)
        try:
            moment = datetime(
                int(year), int(month), int(day), hours, int(minute or 0), int(seconds or 0), tzinfo=zone
            )
        except ValueError as error:
            raise Unreadable("bad_time", f"{name}: expected a date, got {text[:64]!r}") from error
        return instant.from_datetime(moment)

    def _day_first(self) -> bool:
        """Whether 03/05 is the third of May: any date of the record with a part above 12 tells; else it is not."""
        if self.day_first is None:
            parts = [
                (int(match[1]), int(match[3]))
                for name in self.fields
                if (match := _DATE.fullmatch(_value(self.fields, name))) and len(match[1]) < 4 and match[2] != "."
            ]
            self.day_first = any(first > 12 for first, _ in parts) and not any(second > 12 for _, second in parts)
        return self.day_first


def _decision(fields: Fields, times: _Times, updated: int) -> tuple[str, int | None]:
    """The decision this snapshot carries, and when it was taken."""
    approval = _value(fields, "approval").casefold()
    approved_at = times.at("approval_set")
    states = (approval, _value(fields, "state").casefold(), _name(fields, "state").casefold())
    given = approval in ("approved", "revoked") or (approval != "rejected" and approved_at is not None)
    if given and any(state in _CANCELED for state in states):
        closed = times.at("closed_at")
        return "revoked", closed if closed is not None and closed <= updated else updated
    if approval in ("approved", "rejected"):
        return approval, updated if approved_at is None else approved_at
    return "requested", None


def _change_request(record: RawRecord, fields: Fields, times: _Times) -> Iterator[SecurityEvent | ContextRecord]:
    number = _value(fields, "number")
    updated = times.at("sys_updated_on")
    if not number or updated is None:
        missing = "sys_updated_on" if number else "number"
        raise Unreadable("missing_field", f"change_request {number or '?'} has no {missing}; export it")
    decision, decision_time = _decision(fields, times, updated)
    planned = ("start_date", "end_date")
    begin, end = planned if any(_value(fields, name) for name in planned) else ("work_start", "work_end")
    kind = _value(fields, "type").casefold()
    scope = {
        "targets": list(dict.fromkeys([*_list(fields, "cmdb_ci"), *_list(fields, "u_targets")])),
        "accounts": _list(fields, "u_accounts"),
        "persons": _list(fields, "u_persons"),
        "actions": _list(fields, "u_actions"),
        "objects": _list(fields, "u_objects"),
        "hashes": _list(fields, "u_hashes"),
    }
    uses = _value(fields, "u_max_uses")
    data = filled({
        "approval": number,
        "type": kind,
        "requester": _name(fields, "requested_by") or _name(fields, "opened_by"),
        "on_behalf_of": _name(fields, "u_on_behalf_of"),
        "implementer": _name(fields, "assigned_to"),
        "approvers": [{"account": name} for name in _list(fields, "u_approved_by")],
        "decision": decision,
        "decision_time": decision_time,
        "valid_from": times.at(begin),
        "valid_to": times.at(end),
        "scope": filled(scope),
        "max_uses": uses,
        "emergency_at": times.at("u_emergency_at"),
        "team": _name(fields, "assignment_group"),
        "ref": _value(fields, "correlation_id"),
        "updated": updated,
    }) | {"emergency": kind == "emergency", "standing": kind == "standard"}
    yield from snapshot(
        record, data, exported=updated, own_id=_own_id(fields), message=_name(fields, "short_description")
    )


def _incident(record: RawRecord, fields: Fields, times: _Times, updated: int) -> Iterator[ContextRecord]:
    """Notification and handling, where the ticket states them."""
    notified = times.at("u_notified_at")
    stamps = (times.at("u_handled_at"), times.at("resolved_at"), times.at("closed_at"))
    handled = next((stamp for stamp in stamps if stamp is not None), None)
    number = _value(fields, "number")
    if number and (notified is not None or handled is not None):
        data = filled({
            "id": number, "incident": number, "host": _name(fields, "cmdb_ci"), "path": _name(fields, "u_path"),
            "ref": _name(fields, "rfc") or _name(fields, "caused_by"), "notified": notified, "handled": handled,
            "recorded": updated,
        })
        data["approved_drill"] = _value(fields, "u_approved_drill").casefold() in ("true", "1", "yes")
        yield record.context("incidents", data, exported=updated)


def _own_id(fields: Fields) -> str:
    own = _value(fields, "sys_id") or _value(fields, "number")
    stamp = _value(fields, "sys_updated_on")
    return f"{own}@{stamp}" if own and stamp else ""


def parse(record: RawRecord) -> Parsed:
    """What one exported record says; raises Unreadable for bad JSON, dates, or a change request without number."""
    fields = strict.mapping(record.text)
    prefix = _NUMBER.match(_value(fields, "number"))
    table = _value(fields, "table_name") or _value(fields, "sys_class_name") or _TABLES.get(prefix[0] if prefix else "", "")
    table = table.casefold().replace(" ", "_")
    if not table and not _value(fields, "number"):
        names = ", ".join(list(fields)[:8])[:120]
        raise Unreadable("missing_field", f"expected number, table_name or sys_class_name of a record, got the fields {names}")
    times = _Times(record, fields)
    if table == "change_request":
        yield from _change_request(record, fields, times)
        return
    updated = times.at("sys_updated_on")
    if updated is None:
        updated = times.at("sys_created_on")
    if updated is None:
        updated = arrival(record)
    if table == "incident":
        yield from _incident(record, fields, times, updated)
    parent = _name(fields, "change_request") or _name(fields, "parent")
    yield record.event(
        t=updated, exported=updated, own_id=_own_id(fields), activity=Activity.OTHER, action=table,
        user=_name(fields, "sys_updated_by") or _name(fields, "assigned_to"), host=_name(fields, "cmdb_ci"),
        ref=parent if table == "change_task" else _value(fields, "number"),
        message=_name(fields, "short_description") or _name(fields, "display_name"),
        extra=filled({"servicenow.event.number": _value(fields, "number"), "servicenow.event.state": _name(fields, "state")}),
    )


feed = Feed(
    title="ServiceNow change requests, tasks and incidents (JSON export)",
    kinds=("change_management", "incident"),
    parse=parse,
    aliases=("servicenow.event",),
    reference="https://www.servicenow.com/docs/ (Table API; change_request table)",
)
