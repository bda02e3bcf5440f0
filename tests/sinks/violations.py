"""Violations for the tests of sinks: complete documents with one field or the other changed."""

from typing import Any

from schemas import instant
from schemas.violation import Violation

T0 = instant.parse("2026-03-02T09:00:00+08:00")


def violation(name: str, number: int = 1, **fields: Any) -> Violation:
    """The document of violation ``name`` after its transition ``number``; ``fields`` by attribute name replace the usual ones."""
    state = fields.get("state", "open")
    change = state if state in ("pending", "retracted", "withdrawn", "superseded") else "opened" if number == 1 else "changed"
    time = fields.get("last_time", T0)
    usual: dict[str, Any] = {
        "id": name,
        "case": name,
        "anchor": f"event-{name}",
        "anchor_time": T0,
        "detector": "repeated_failed_logins",
        "detector_version": "0" * 64,
        "subtype": "CONTROL_FAILURE",
        "controls": ("CC-18000.3.e",),
        "severity": "high",
        "state": state,
        "subject": {"host": "web-7", "user": "chen", "source_ip": None},
        "source_ip": "203.0.113.7",
        "user_name": "chen",
        "host_name": "web-7",
        "first_time": T0,
        "last_time": time,
        "count": number + 3,
        "settle_at": time,
        "detected_time": time,
        "evidence": (
            {
                "event_id": f"event-{name}",
                "source": "linux",
                "line": 12,
                "time": T0,
                "values": {"attempts": "4", "allowed": "3"},
                "original": "Mar  2 09:00:00 web-7 sshd[71]: Failed password for chen from 203.0.113.7 port 4022 ssh2",
            },
        ),
        "transition": {"number": number, "change": change, "state": state, "time": time, "cause": f"event-{name}"},
    }
    return Violation.model_validate(usual | fields)
