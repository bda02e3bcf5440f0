"""Section 1.2 by its text: what the exported states of one request say of an act, and the verdict over it.

Read so narrowly that one request at most concerns an act, and each is approved once at most: more is an error of the author.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from tests.chaos.oracle import names
from tests.chaos.oracle.firm import SKEW, Firm, inside
from tests.chaos.oracle.said import DAY, HOUR, SECOND, Filed, Row

GRACE = 1 * HOUR
RATIFY = 24 * HOUR
BACKDATED = 4 * HOUR
RELATED = 3 * DAY  # how long after its end or refusal a request still speaks of an act
ANNOUNCED = 1 * DAY  # how long before its window
AWAITED = 7 * DAY  # how long before its decision, if it has no window
ROWS = (
    "EMERGENCY_UNRATIFIED", "REVOKED", "REJECTED", "WRONG_APPROVER", "EXPIRED", "SCOPE_EXCEEDED", "REUSED",
    "BACKDATED_APPROVAL", "LATE_APPROVAL", "UNAPPROVED", "EMERGENCY_RATIFIED",
)  # fmt: skip
_LOWER = {"critical": "high", "high": "medium", "medium": "low"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What was done. ``since``: the change happened between it and ``t``; ``until``: a use lasted from ``t`` to it.

    ``named``: parts that the scope of an approval has to name for it.
    """

    t: int
    o: int
    host: str
    targets: tuple[str, ...]
    account: str = ""
    persons: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    role: str = ""
    since: int | None = None
    until: int | None = None
    named: tuple[str, ...] = ()
    rules: bool = False  # objects are rules, which a scope may name by their last part

    @property
    def last(self) -> int:
        return self.until if self.until is not None else self.t if self.since is None else self.since


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the requests say of an act; no rows: it is covered."""

    rows: tuple[str, ...] = ()
    retracted: bool = False
    approval: str | None = None
    settle: int
    ambiguous: bool = False
    values: dict[str, str] = field(default_factory=dict)
    granted: bool = False
    max_uses: int | None = None
    observed: int = 0
    overrun: int = 0

    @property
    def state(self) -> str:
        return "retracted" if self.retracted else "open"

    @property
    def used(self) -> bool:
        """Whether the act was done under the approval."""
        return self.granted and not {"SCOPE_EXCEEDED", "REJECTED", "UNAPPROVED"} & {*self.rows}

    def severity(self, base: str) -> str:
        first = self.rows[0] if self.rows else ""
        special = {"EMERGENCY_UNRATIFIED": "critical", "EMERGENCY_RATIFIED": "medium", "LATE_APPROVAL": _LOWER[base]}
        return special.get(first, base)


@dataclass(frozen=True, slots=True)
class Grant:
    """The one approval of a request, as it was approved; ``o``: when it was first seen; ``ended``: revoked or rejected."""

    row: Row
    t: int
    o: int
    ended: int | None
    open_after: bool


def ordered(rows: Iterable[str]) -> tuple[str, ...]:
    """Rows in their order of precedence."""
    return tuple(sorted(set(rows), key=ROWS.index))


def verdict(firm: Firm, act: Act, filed: list[list[Filed]]) -> Verdict:
    """The verdict by the states of each request that names a target of the act."""
    full = _verdict(firm, act, filed)
    cutoff = max(act.o, act.t + GRACE)
    if full.rows or full.observed <= cutoff:
        return full
    early = _verdict(firm, act, [[state for state in states if state.o <= cutoff] for states in filed])
    if not early.rows:
        return full
    kept = {name: value for name, value in full.values.items() if name not in ("outside_scope", "overrun_s")}
    more = {name: value for name, value in early.values.items() if name in ("outside_scope", "overrun_s")}
    return replace(full, rows=early.rows, retracted=True, values=kept | more, overrun=early.overrun)


def _verdict(firm: Firm, act: Act, filed: list[list[Filed]]) -> Verdict:
    found = [one for states in filed if states and (one := _weigh(firm, act, states)) is not None]
    if len(found) > 1:
        raise ValueError(f"{len(found)} requests concern the act at {act.t} on {act.host}; the oracle judges by one")
    return found[0] if found else Verdict(rows=("UNAPPROVED",), settle=act.t + SKEW)


def grant_of(states: Iterable[Filed]) -> Grant | None:
    """The approval among the states of a request."""
    states = sorted(states, key=lambda state: (state.request["updated"], state.id))
    approved = [state for state in states if state.request["decision"] == "approved"]
    if not approved:
        return None
    first = approved[0].request
    if len({state.request["decision_time"] for state in approved}) > 1:
        raise ValueError(f"{first['approval']} is approved twice; the oracle reads one approval of a request")
    t = first["decision_time"]
    same = [state.o for state in approved if {**state.request, "updated": 0} == {**first, "updated": 0}]
    ends = [state.request["decision_time"] for state in states if state.request["decision"] in ("revoked", "rejected")]
    opened = [
        state.request["updated"] for state in states
        if state.request["decision"] == "requested" and t < state.request["updated"] < first["updated"]
    ]  # fmt: skip
    return Grant(first, t, min(same), min((end for end in ends if end > t), default=None), bool(opened))


def _weigh(firm: Firm, act: Act, states: list[Filed]) -> Verdict | None:
    grant = grant_of(states)
    if grant is None:
        return _undecided(act, states)
    row = grant.row
    if _open(act, row):
        return None
    start, end, t = row.get("valid_from"), row.get("valid_to"), act.t
    outside, foreign = _outside(act, row)
    late = t < grant.t - SKEW
    emergency = late and _emergency(act, row)
    begun = inside(t, None if emergency else start, None)
    kept = inside(act.last, None, end)
    refusal = _refusal(act, states, grant, late=late)
    other = foreign and ((late and not emergency) or refusal is not None or not kept or not begun)
    if other or not _near(act, grant, late=late, emergency=emergency):
        return None
    approvers = [firm.person(name, grant.t) for name in row["approvers"]]
    role = min(
        (firm.holds(act.role, who, (*act.targets, *act.objects), grant.t) if who else 0 for who in approvers), default=0
    )
    parties = {firm.person(row["requester"], grant.t), firm.person(row["implementer"], grant.t), *act.persons} - {""}
    believed = late or grant.o <= max(act.o, t + SKEW) or not (grant.open_after or grant.o - grant.t > BACKDATED)
    said = {
        "WRONG_APPROVER": not role, "EXPIRED": not kept, "SCOPE_EXCEEDED": outside, "UNAPPROVED": not begun,
        "BACKDATED_APPROVAL": not believed, "LATE_APPROVAL": late and not emergency,
    }  # fmt: skip
    rows = {name for name, so in said.items() if so} | ({refusal} if refusal else set())
    waits = 0
    if emergency:
        rows |= _ratified(act, grant, rows, own=bool(parties & {*approvers}))
        waits = t + RATIFY if "EMERGENCY_UNRATIFIED" in rows else 0
    fits = [inside(t, grant.t, None), begun, kept, role, inside(act.last, None, grant.ended)]
    if act.since is not None:
        starts = [moment for moment in (grant.t, start) if moment is not None]
        ends = [moment for moment in (grant.ended, end) if moment is not None]
        fits.append(1 if act.since < max(starts) or any(t > moment for moment in ends) else 2)
    overrun = act.last - end if not kept and end is not None else 0
    return _found(act, row, rows, outside, waits, grant=grant, ambiguous=1 in fits, overrun=overrun)


def _ratified(act: Act, grant: Grant, rows: set[str], *, own: bool) -> set[str]:
    """Rows of an emergency that was decided after the act."""
    if grant.t > act.t + RATIFY + SKEW:
        return {"EMERGENCY_UNRATIFIED", "LATE_APPROVAL"}
    taken_back = grant.ended is not None and grant.ended <= act.t + RATIFY
    if own or taken_back or "WRONG_APPROVER" in rows:
        return {"EMERGENCY_UNRATIFIED"}
    return set() if rows else {"EMERGENCY_RATIFIED"}


def _near(act: Act, grant: Grant, *, late: bool, emergency: bool) -> bool:
    """Whether the approval is near enough in time to speak of the act."""
    start, end = grant.row.get("valid_from"), grant.row.get("valid_to")
    if end is not None and act.last - end > RELATED:
        return False
    if start is None:
        return not late or emergency or grant.t - act.t <= AWAITED
    if emergency or act.t >= start - SKEW:
        return True
    return start - act.t <= ANNOUNCED and (not late or _names(act, grant.row))


def _found(
    act: Act, row: Row, rows: set[str], outside: str, waits: int, *, grant: Grant | None = None, ambiguous: bool = False,
    overrun: int = 0,
) -> Verdict:  # fmt: skip
    last = act.t if act.until is None else act.until
    times = {
        "approval.decided": grant.t if grant else None, "approval.observed": grant.o if grant else None,
        "approval.valid_from": row.get("valid_from"), "approval.valid_to": row.get("valid_to"),
    }  # fmt: skip
    values = {name: names.text(moment) for name, moment in times.items() if moment is not None}
    values |= {"approval": row["approval"], "outside_scope": outside, "overrun_s": str(overrun // SECOND) if overrun else ""}
    return Verdict(
        rows=ordered(rows), approval=row["approval"], settle=max(last, waits) + SKEW, ambiguous=ambiguous, values=values,
        granted=grant is not None, max_uses=row.get("max_uses"), observed=grant.o if grant else 0, overrun=overrun,
    )  # fmt: skip


def _undecided(act: Act, states: list[Filed]) -> Verdict | None:
    """Never approved: says something only if it was refused by then, or is an emergency."""
    stated = sorted((state.request for state in states), key=lambda row: row["updated"])
    row = ([one for one in stated if one["updated"] <= act.t] or stated[:1])[-1]
    if _open(act, row):
        return None
    outside, foreign = _outside(act, row)
    start, end = row.get("valid_from"), row.get("valid_to")
    emergency = _emergency(act, row)
    if foreign or not (inside(act.t, start, None) or emergency) or (end is not None and act.t > end + RELATED):
        return None
    refused = [one for one in stated if one["decision"] in ("rejected", "revoked")]
    before = [one for one in refused if one["decision_time"] < act.t - SKEW]
    rows = {"SCOPE_EXCEEDED"} if outside else set()
    if before and (end is not None or act.t - before[-1]["decision_time"] <= RELATED):
        rows.add(before[-1]["decision"].upper())
    if emergency:
        rows.add("EMERGENCY_UNRATIFIED")
    if not rows - {"SCOPE_EXCEEDED"}:
        return None
    return _found(act, row, rows, outside, act.t + RATIFY if emergency and not refused else 0)


def _refusal(act: Act, states: list[Filed], grant: Grant, *, late: bool) -> str | None:
    if not late:
        ended = grant.ended is not None and act.last > grant.ended + SKEW
        by = {state.request.get("decision_time"): state.request["decision"] for state in states}
        return by[grant.ended].upper() if ended and grant.ended is not None else None
    before = [
        state.request for state in states
        if state.request["decision"] in ("rejected", "revoked") and state.request["decision_time"] < min(act.last - SKEW, grant.t)
    ]  # fmt: skip
    return max(before, key=lambda row: row["decision_time"])["decision"].upper() if before else None


def _emergency(act: Act, row: Row) -> bool:
    flagged, end = row.get("emergency_at"), row.get("valid_to")
    if flagged is None or act.t < flagged - SKEW:
        return False
    return act.t - flagged <= RATIFY if end is None else act.t <= end + SKEW


def _names(act: Act, row: Row) -> bool:
    return any(_matches(item, row.get("objects", ()), act) for item in act.objects)


def _matches(item: str, patterns: Iterable[str], act: Act) -> bool:
    spellings = (item, item.rpartition("/")[2]) if act.rules else (item,)
    return any(fnmatchcase(spelling, pattern) for pattern in patterns for spelling in spellings)


def _open(act: Act, row: Row) -> bool:
    """Whether the request leaves open what an approval of the act has to name; nothing else of it is wrong then."""
    return any(not row.get(part) or "*" in row[part] for part in act.named)


def _outside(act: Act, row: Row) -> tuple[str, bool]:
    """What of the act lies outside the scope, as text; and whether the request is about something else altogether."""
    parts: dict[str, list[str]] = {}
    if not {*act.targets} & {*row["targets"]}:
        parts["targets"] = [act.host]
    if row.get("accounts") and act.account not in row["accounts"]:
        parts["accounts"] = [act.account]
    if row.get("persons") and act.persons and not {*act.persons} <= {*row["persons"]}:
        parts["persons"] = [who for who in act.persons if who not in row["persons"]]
    if row.get("actions"):
        parts["actions"] = [action for action in act.actions if action not in row["actions"]]
    if row.get("objects"):
        parts["objects"] = [item for item in act.objects if not _matches(item, row["objects"], act)]
    if row.get("hashes"):
        parts["hashes"] = [item for item in act.hashes if item not in row["hashes"]]
    parts = {name: items for name, items in parts.items() if items}
    foreign = bool(
        {"accounts", "persons"} & {*parts}
        or (act.objects and parts.get("objects") == [*act.objects])
        or (act.hashes and parts.get("hashes") == [*act.hashes])
    )
    return "; ".join(f"{name}: {', '.join(items)}" for name, items in parts.items()), foreign
