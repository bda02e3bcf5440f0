"""What people did about a change: notified in time, handled in time, or had it made themselves to test the monitor."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

from detectors.deployments.limits import LIMITS
from detectors.kit.approvals import Act
from detectors.kit.contract import SKEW, Context, Entry, Finding
from detectors.kit.groups import folded
from schemas import instant
from schemas.context import FOREVER
from schemas.violation import Severity

NOT_NOTIFIED, NOT_HANDLED = "NOT_NOTIFIED", "NOT_HANDLED"

_DUTIES = ((NOT_NOTIFIED, "notified", LIMITS.notify_within), (NOT_HANDLED, "handled", LIMITS.handle_within))


def incidents(ctx: Context, act: Act) -> list[Entry]:
    """Incidents that name the host (or a group or system it is in) and the path, or no path."""
    path = folded(act.objects[0]) if act.objects else ""
    return [
        entry for name in act.targets for entry in ctx.all("incidents", f"host:{name}")
        if not entry.data.path or fnmatchcase(path, folded(entry.data.path)) or path == folded(entry.data.path)
    ]  # fmt: skip


def drill(found: Iterable[Entry], act: Act) -> str:
    """The approved test of the monitor that the change was, empty if none."""
    since = act.t if act.earliest is None else act.earliest
    for entry in found:
        incident = entry.data
        until = incident.since + LIMITS.drill if incident.until >= FOREVER else incident.until
        if incident.approved_drill and incident.since - SKEW <= act.t and since <= until + SKEW:
            return str(incident.incident)
    return ""


def duties(found: Iterable[Entry], act: Act, change: Finding) -> Iterator[Finding]:
    """Findings that nobody was notified of ``change``, or that nobody handled it, in time after its detection."""
    told = [entry for entry in found if not entry.data.approved_drill]
    since = act.t if act.earliest is None else act.earliest
    for subtype, field, within in _DUTIES:
        limit = change.anchor_time + within
        first = min((at for entry in told if (at := getattr(entry.data, field)) is not None and at >= since - SKEW), default=None)
        if first is not None and first <= limit + SKEW:
            continue
        values = {"due": instant.text(limit)} | ({} if first is None else {field: instant.text(first)})
        evidence = tuple(item.model_copy(update={"values": {**item.values, **values}}) for item in change.evidence)
        yield replace(
            change, subtype=subtype, settle_at=limit + SKEW, clauses=("CC-17010.f.b",), severity=Severity.HIGH,
            reasons=(subtype, change.subtype), evidence=evidence, awaits=(*change.awaits, "incident"), skew_ambiguous=False,
        )  # fmt: skip
