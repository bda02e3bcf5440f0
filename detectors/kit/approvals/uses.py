"""Uses of an approval, counted over all keys: facts of kind ``approval_use`` to a fold keyed by approval.

An act under an approval with ``max_uses`` leaves its finding to this fold, so that one act gives one finding with the rows
in their order. Every other act tells its use as well, for ``self_approved_change``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from detectors.kit.approvals.table import Row, ordered
from detectors.kit.approvals.verdict import Verdict
from detectors.kit.contract import CONTEXT_LOOKBACK, DEFAULT_MEMORY, Context, Fact, Finding, Fold, FoldState, Keying, Step
from schemas.event import Activity, SecurityEvent
from schemas.identity import Key
from schemas.violation import Evidence, Severity, State

USE = "approval_use"

_ONE_USE = frozenset({Row.BACKDATED_APPROVAL, Row.LATE_APPROVAL, Row.EMERGENCY_RATIFIED})
"""Rows with which an act still consumes a use; one that was not allowed at all consumes none."""


def by_approval(event: SecurityEvent) -> Key | None:
    """Number of the request that a decision or a use names."""
    if event.activity == Activity.FACT and event.action != USE:
        return None
    return (event.ref,) if event.ref else None


BY_APPROVAL = Keying("approval", by_approval)


def conclude(
    detector: str, finding: Finding, verdict: Verdict, *, base: Severity, unit: str, place: str, details: Mapping[str, Any]
) -> tuple[Finding | Fact, ...]:
    """What an act gives: its finding (or, where uses are limited, the fact from which it is made), and its uses.

    ``finding`` holds all but what the verdict says; ``base``: severity before the table changes it. ``unit``: what counts as
    one use; the same unit in another ``place`` is the same use (one push to many devices). ``details``: further payload of
    the fact (account, host, objects).
    """
    told = replace(
        finding, subtype=verdict.subtype or "", state=verdict.finding_state, settle_at=verdict.settle_at,
        severity=verdict.severity(base), approval=verdict.approval, reasons=tuple(map(str, verdict.rows)),
        skew_ambiguous=verdict.skew_ambiguous, persons=verdict.persons,
    )  # fmt: skip
    limited = verdict.used and verdict.max_uses is not None
    out: list[Finding | Fact] = []
    if verdict.rows and not limited:
        out.append(told)
    for number in verdict.approvals if verdict.used else ():
        payload = {
            "detector": detector, "subject": dict(finding.subject), "persons": list(verdict.persons), "unit": unit,
            "place": place, "event": finding.anchor, "act": _act(finding), **details,
        }  # fmt: skip
        if limited and number == verdict.approval:
            payload |= {"max_uses": verdict.max_uses, "base": str(base), "finding": _packed(told)}
        out.append(Fact(kind=USE, key=number, t=finding.anchor_time, payload=payload, origin=lines(finding.evidence)))
    return tuple(out)


def _act(finding: Finding) -> dict[str, Any]:
    """Where and when the act was told; its own finding, if any, has the record itself."""
    own = next((item for item in finding.evidence if item.event_id == finding.anchor), None)
    return {"source": own.source if own is not None else "", "time": finding.anchor_time}


class Uses(FoldState, frozen=True):
    """Uses of one approval so far: (unit, place, number of the use)."""

    seen: tuple[tuple[str, str, int], ...] = ()


def uses_fold(detector: str, *, stage: int) -> Fold:
    """The fold that counts the uses ``detector`` told and makes the findings left to it; ``stage`` above theirs."""

    def step(state: Uses, event: SecurityEvent, ctx: Context) -> Step:  # noqa: ARG001 - the contract of a step
        told = event.extra
        if told["detector"] != detector or "finding" not in told:
            return Step(state)
        finding = _unpacked(told["finding"], told)
        rows = {Row(reason) for reason in finding.reasons}
        if rows <= _ONE_USE:
            number = _number(state, told["unit"], told["place"])
            state = Uses(seen=(*state.seen, (told["unit"], told["place"], number)))
            if number > told["max_uses"]:
                rows = (rows | {Row.REUSED}) - {Row.EMERGENCY_RATIFIED}
                names = ordered(rows)
                finding = replace(
                    finding, subtype=str(names[0]), reasons=tuple(map(str, names)), state=State.OPEN,
                    severity=Severity(told["base"]),
                )  # fmt: skip
        return Step(state, (finding,) if rows else ())

    return Fold(
        name="uses", keying=BY_APPROVAL, activities=frozenset({Activity.FACT}), facts=frozenset({USE}), init=Uses(), step=step,
        # Longer than any act is kept that tells its use: what is told late, or taken back late, still counts here.
        stage=stage, memory=2 * DEFAULT_MEMORY, lookback=CONTEXT_LOOKBACK, forgets_after=2 * CONTEXT_LOOKBACK,
    )  # fmt: skip


def _number(state: Uses, unit: str, place: str) -> int:
    """Number of the use that ``unit`` at ``place`` is: the nth time there belongs to the nth use of that unit."""
    before = sum(1 for seen in state.seen if seen[:2] == (unit, place))
    known = sorted({seen[2] for seen in state.seen if seen[0] == unit})
    return known[before] if before < len(known) else max((seen[2] for seen in state.seen), default=0) + 1


def _packed(finding: Finding) -> dict[str, Any]:
    return {
        "subtype": finding.subtype, "anchor": finding.anchor, "anchor_time": finding.anchor_time,
        "subject": dict(finding.subject), "first_time": finding.first_time, "last_time": finding.last_time,
        "count": finding.count, "part": finding.part,
        "severity": str(finding.severity), "state": str(finding.state), "settle_at": finding.settle_at,
        "awaits": list(finding.awaits), "clauses": list(finding.clauses), "persons": list(finding.persons),
        "approval": finding.approval, "reasons": list(finding.reasons), "skew_ambiguous": finding.skew_ambiguous,
        "source_ip": finding.source_ip, "user_name": finding.user_name, "host_name": finding.host_name,
        "evidence": [packed_evidence(item) for item in finding.evidence],
    }  # fmt: skip


def _unpacked(data: Mapping[str, Any], fact: Mapping[str, Any]) -> Finding:
    tuples = {name: tuple(data[name]) for name in ("awaits", "clauses", "persons", "reasons")}
    evidence = tuple(unpacked_evidence(item, fact) for item in data["evidence"])
    own = {"severity": Severity(data["severity"]), "state": State(data["state"]), "evidence": evidence}
    return Finding(**{**data, **tuples, **own})


def packed_evidence(item: Evidence) -> dict[str, Any]:
    """Evidence as it travels in the payload of a fact: times stay integers, positions go by :func:`lines`."""
    return {
        "event_id": item.event_id, "source": item.source, "time": item.time, "values": dict(item.values),
        "original": item.original,
    }  # fmt: skip


def lines(items: Iterable[Evidence]) -> dict[str, Any]:
    """Positions of ``items`` in their files: told with a fact, but no part of what it is."""
    return {"lines": {item.event_id: item.line for item in items if item.line}}


def unpacked_evidence(data: Mapping[str, Any], fact: Mapping[str, Any]) -> Evidence:
    """Evidence from the payload of ``fact``."""
    return Evidence.model_construct(**data, line=fact.get("lines", {}).get(data["event_id"], 0))
