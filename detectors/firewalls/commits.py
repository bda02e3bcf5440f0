"""Stage 1: the commits of one pair, cluster or single device are judged, each once, whichever member told it."""

from dataclasses import replace
from typing import Any

import msgspec

from detectors.firewalls.devices import COMMIT
from detectors.firewalls.limits import LIMITS
from detectors.kit import identity
from detectors.kit.approvals import LIMITS as APPROVALS
from detectors.kit.approvals import Act, Verdict, conclude, judge
from detectors.kit.approvals.uses import unpacked_evidence
from detectors.kit.contract import CONTEXT_LOOKBACK, Context, Fact, Finding, Fold, FoldState, Keying, Step
from detectors.kit.groups import firewall_targets, folded
from detectors.kit.tolerance import Fit
from schemas.event import Activity, SecurityEvent
from schemas.identity import Key
from schemas.violation import Evidence, Severity

DETECTOR = "firewall_change_unapproved"
APPROVER = "firewall_approver"
ADMIN = "firewall_admin"
UNDESIGNATED = "UNDESIGNATED_ADMIN"


def by_group(event: SecurityEvent) -> Key | None:
    """The pair, cluster or single device a commit belongs to."""
    return (event.ref,) if event.action == COMMIT else None


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """Digest of a commit: enough to know its copy and its undoing."""

    t: int
    device: str
    ref: str
    content: str
    commit: str
    open: bool


class Pair(FoldState, frozen=True):
    """Commits of the last days, and how many acts each limited approval has served here."""

    done: tuple[Done, ...] = ()
    spent: tuple[tuple[str, int], ...] = ()


def step(state: Pair, event: SecurityEvent, ctx: Context) -> Step:
    """One commit as a device told it."""
    told = event.extra
    kept = tuple(item for item in state.done if event.t - item.t <= LIMITS.roll_back)
    if any(_copies(item, told, event.t) for item in kept):
        return Step(msgspec.structs.replace(state, done=kept))
    act = _act(ctx, told, event.t)
    verdict = judge(ctx, act, spent=_exhausted(ctx, state))
    undone = next((item for item in reversed(kept) if item.open and item.content == told["inverse"] and told["objects"]), None)
    finding = _finding(event, told, act, verdict, undone)
    out = conclude(
        DETECTOR, finding, verdict, base=_severity(ctx, told, event.t), unit=told["content"], place=event.ref,
        details={"account": act.account, "host": told["device"], "objects": told["objects"]},
    )  # fmt: skip
    done = Done(
        t=event.t, device=told["device"], ref=told["ref"], content=told["content"], commit=told["commit"],
        open=verdict.state == "open",
    )  # fmt: skip
    spent = dict(state.spent)
    if verdict.used and verdict.approval is not None and verdict.max_uses is not None:
        spent[verdict.approval] = spent.get(verdict.approval, 0) + 1
    after = Pair(done=(*kept, done), spent=tuple(sorted(spent.items())))
    return Step(after, (*out, *_undesignated(ctx, finding, act)))


def _copies(done: Done, told: dict[str, Any], t: int) -> bool:
    """Whether another member of the pair tells a commit that is known: by its number, its content, or having none."""
    if folded(done.device) == folded(told["device"]) or t - done.t > LIMITS.copy_window:
        return False
    if told["ref"] or done.ref:
        return bool(told["ref"] == done.ref)
    return not told["objects"] or bool(told["content"] == done.content)


def _exhausted(ctx: Context, state: Pair) -> tuple[str, ...]:
    """Approvals that acts of this pair have used up."""
    return tuple(
        number for number, count in state.spent
        if any((entry.data.max_uses or count + 1) <= count for entry in ctx.all("approvals", f"approval:{number}"))
    )  # fmt: skip


def _act(ctx: Context, told: dict[str, Any], t: int) -> Act:
    targets = firewall_targets(ctx, told["device"], t)
    return Act(
        t=t, o=told["o"], host=told["device"], targets=targets, account=told["user"],
        who=identity.who(ctx, told["user"], t, (*targets, told["domain"])), actions=tuple(told["actions"]),
        objects=tuple(told["objects"]), role=APPROVER, earliest=told["since"], cites=tuple(told["cites"]), bare_names=True,
        used_by={item: tuple(rules) for item, rules in told["used_by"].items()},
    )  # fmt: skip


def _severity(ctx: Context, told: dict[str, Any], t: int) -> Severity:
    """Critical if it opens anything to anything, or a way to a core asset."""
    if told["open_to_all"]:
        return Severity.CRITICAL
    for name in told["destinations"]:
        for entity in (folded(name), f"address:{name}"):
            if any("core" in entry.data.tags for entry in ctx.as_of("assets", entity, t)):
                return Severity.CRITICAL
    return Severity.HIGH


def _finding(event: SecurityEvent, told: dict[str, Any], act: Act, verdict: Verdict, undone: Done | None) -> Finding:
    values = verdict.values()
    if told["used_by"]:
        values["alters"] = ", ".join(sorted({rule for rules in told["used_by"].values() for rule in rules}))
    if told["open_to_all"]:
        values["open_to_all"] = told["open_to_all"]
    if undone is not None:
        values["rolls_back"] = undone.commit
    return Finding(
        subtype=verdict.subtype or "", anchor=told["anchor"], anchor_time=event.t,
        subject={"group": told["group"], "commit": told["commit"]},
        first_time=event.t if act.earliest is None else act.earliest, last_time=max(event.t, told["last"]),
        evidence=_evidence(told, values), count=max(1, len(told["objects"])), awaits=("change_management",),
        user_name=act.account or None, host_name=told["device"],
    )  # fmt: skip


def _evidence(told: dict[str, Any], values: dict[str, str]) -> tuple[Evidence, ...]:
    items = [unpacked_evidence(item, told) for item in told["evidence"]]
    return tuple(
        item.model_copy(update={"values": {**item.values, **values}}) if item.event_id == told["anchor"] else item
        for item in items
    )  # fmt: skip


def _undesignated(ctx: Context, finding: Finding, act: Act) -> tuple[Finding | Fact, ...]:
    """CC-17010.b.b: whoever changes the firewall is designated for it; not judged if nobody ever was."""
    if not act.account or not identity.role_known(ctx, ADMIN):
        return ()
    names = (act.who.person, act.account)
    fit = max(identity.holds_role(ctx, ADMIN, name, act.targets, act.t) for name in names)
    if fit is not Fit.OUTSIDE:
        return ()
    own = replace(
        finding, subtype=UNDESIGNATED, clauses=("CC-17010.b.b",), severity=Severity.MEDIUM, settle_at=act.t + APPROVALS.skew,
        persons=act.who.persons, skew_ambiguous=False, awaits=(),
    )  # fmt: skip
    return (own,)


fold = Fold(
    name="group", keying=Keying("firewall_group", by_group), activities=frozenset({Activity.FACT}), facts=frozenset({COMMIT}),
    init=Pair(), step=step, stage=1, lookback=CONTEXT_LOOKBACK,
)  # fmt: skip
