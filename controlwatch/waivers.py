"""Checks exceptions against the detectors there are: one for a detector that does not exist would except nothing, in silence."""

from collections.abc import Iterable

from detectors.kit import registry
from schemas.context import ContextRecord
from schemas.faults import nearest


def fault(context: Iterable[ContextRecord]) -> str:
    """What is wrong with the first record of table ``exceptions`` that names no detector, or no subtype of it; else empty."""
    known = registry.load()
    for record in context:
        if record.table != "exceptions":
            continue
        about, name = f"exception {record.data['exception']}", record.data["detector"]
        if name not in known:
            return f"{about}: field 'detector' is {name!r}, which is no detector; {nearest(name, known)}"
        for subtype in record.data.get("subtypes", ()):
            if subtype not in known[name].detector.subtypes:
                hint = nearest(subtype, known[name].detector.subtypes)
                return f"{about}: field 'subtypes' names {subtype!r}, which {name} does not tell; {hint}"
    return ""
