"""The canonical document of a violation (engine definition A.6), field by field."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from tests.chaos.oracle import names
from tests.chaos.oracle.said import Row, Said

Values = Mapping[str, str]
Document = dict[str, Any]


def evidence(event: Said, values: Values, *, original: str | None = None) -> Document:
    """One piece of evidence; empty values are left out."""
    return {
        "event_id": event.id, "source": event.source, "time": names.text(event.t),
        "values": {name: value for name, value in values.items() if value},
        "original": event.original if original is None else original,
    }  # fmt: skip


def document(
    detector: str, subtype: str, *, kind: str, key: tuple[str, ...], anchor: str, anchor_time: int, controls: Iterable[str],
    severity: str, subject: Mapping[str, str | None], first: int, last: int, proofs: Iterable[Document], part: str = "",
    settle: int = 0, count: int = 1, state: str = "open", persons: Iterable[str] = (), approval: str | None = None,
    reasons: Iterable[str] = (), ambiguous: bool = False, client: str | None = None, user: str | None = None,
    host: str | None = None,
) -> Document:  # fmt: skip
    """The document; ``settle``: from when it is final, 0 at once. ``client``, ``user``, ``host`` default to the subject's."""
    return {
        "id": names.violation(detector, subtype, kind, key, anchor, part), "anchor": anchor,
        "anchor_time": names.text(anchor_time), "detector": detector, "subtype": subtype, "controls": list(controls),
        "severity": severity, "state": state, "subject": dict(subject), "source.ip": client or subject.get("source_ip"),
        "user.name": user or subject.get("user") or subject.get("account"), "host.name": host or subject.get("host"),
        "persons": list(persons), "first_time": names.text(first), "last_time": names.text(last), "count": count,
        "approval": approval, "exception": None, "reasons": list(reasons), "settle_at": names.text(settle or anchor_time),
        "skew_ambiguous": ambiguous, "evidence": list(proofs),
    }  # fmt: skip


def excepted(found: Document, anchor_time: int, exceptions: Iterable[Row]) -> Document:
    """``found`` as it stands under the exceptions in force at the act (detectors 1.4); a retracted one stays retracted."""
    if found["state"] != "open":
        return found
    for row in sorted(exceptions, key=lambda row: row["from"]):
        if row["detector"] != found["detector"] or not row["from"] <= anchor_time < row["to"]:
            continue
        if row.get("subtypes") and found["subtype"] not in row["subtypes"]:
            continue
        if all(fnmatchcase(str(found["subject"].get(name) or ""), pattern) for name, pattern in row["subject"].items()):
            return {**found, "state": "excepted", "exception": row["exception"]}
    return found
