"""What a fold put out, under its id: a finding under that of its violation, a fact as the event that other folds read."""

import msgspec

from detectors.kit.contract import Fact, Finding
from detectors.kit.registry import Rule
from schemas import identity
from schemas.event import Activity, SecurityEvent
from schemas.identity import Key

Out = tuple[str, Finding | SecurityEvent]  # violation id or fact id, and what it is


ADMITTED = "admitted"
"""``code`` of a fact whose cause came too late and was let in by a correction: its readers take it however late it is."""


def admitted(event: SecurityEvent) -> bool:
    """Whether ``event`` is such a fact; what senders write into their codes does not count."""
    return event.code == ADMITTED and event.activity == Activity.FACT


def named(rule: Rule, key: Key, item: Finding | Fact, o: int, *, code: str = "") -> Out:
    """``item`` of fold ``rule`` over ``key`` with its id; ``o``: observed time (µs) of its cause, which a fact inherits.

    ``code``: that of a fact.
    """
    if isinstance(item, Finding):
        kind = rule.fold.keying.kind
        return identity.violation_id(rule.detector.id, item.subtype, kind, key, item.anchor, item.part), item
    payload = dict(item.payload)
    body = msgspec.json.encode(payload, order="sorted").decode()
    own = identity.digest((rule.id, item.kind, item.key, str(item.t), *key, body))
    return own, SecurityEvent(
        id=own, t=item.t, o=max(o, item.t), feed="fact", source=rule.detector.id, activity=Activity.FACT,
        action=item.kind, code=code, ref=item.key, extra=payload | dict(item.origin),
    )  # fmt: skip
