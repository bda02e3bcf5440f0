"""Approvals as plain JSON: one snapshot of a request a line, for change systems that have no feed of their own.

Its fields are exactly those of ``schemas/approval.py``; an unknown field is an error, so that a typing mistake does not
silently approve too much. Yields the context record and the decision as an event.
"""

from streams.feeds.kit import strict, typed
from streams.feeds.kit.approvals import snapshot
from streams.feeds.kit.contract import Feed, Parsed, RawRecord, Unreadable


def parse(record: RawRecord) -> Parsed:
    """The snapshot in ``record``; raises Unreadable if it is not a valid one."""
    data = strict.mapping(record.text)
    updated = data.get("updated")
    if not isinstance(updated, str):
        raise Unreadable("missing_field", f"'updated' is the time of this state as RFC 3339 text, got {updated!r:.64}")
    for name in ("decision_time", "valid_from", "valid_to", "emergency_at", "updated"):
        if data.get(name) is not None:
            data[name] = record.time(typed.text(name, data[name]))
    yield from snapshot(record, data, exported=data["updated"], own_id="")


feed = Feed(
    title="Approvals (plain JSON)",
    kinds=("change_management",),
    parse=parse,
    reference="schemas/approval.py",
)
