"""Stage 2: one commit is judged by the approvals that name its pair or device, and its administrator by the posts."""

from dataclasses import replace
from typing import Any

from detectors.firewalls.pairs import ACT
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


def by_act(event: SecurityEvent) -> Key | None:
    """One commit of one pair or device: a key of its own, so that an approval re-judges only the acts near it."""
    return (event.ref,) if event.action == ACT else None


class Judged(FoldState, frozen=True):
    """Nothing is kept: one key is one act."""


def step(state: Judged, event: SecurityEvent, ctx: Context) -> Step:
    """One commit, judged."""
    told = event.extra
    act = _act(ctx, told, event.t)
    verdict = judge(ctx, act)
    finding = _finding(event, told, act, verdict)
    out = conclude(
        DETECTOR, finding, verdict, base=_severity(ctx, told, event.t), unit=told["content"], place=folded(told["group"]),
        details={"account": act.account, "host": told["device"], "objects": told["objects"]},
    )  # fmt: skip
    return Step(state, (*out, *_undesignated(ctx, finding, act)))


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


def _finding(event: SecurityEvent, told: dict[str, Any], act: Act, verdict: Verdict) -> Finding:
    values = verdict.values()
    if told["used_by"]:
        values["alters"] = ", ".join(sorted({rule for rules in told["used_by"].values() for rule in rules}))
    if told["open_to_all"]:
        values["open_to_all"] = told["open_to_all"]
    if told["rolls_back"]:
        values["rolls_back"] = told["rolls_back"]
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
        finding, subtype=UNDESIGNATED, clauses=("CC-17010.b.b",), severity=Severity.HIGH, settle_at=act.t + APPROVALS.skew,
        persons=act.who.persons, skew_ambiguous=False, awaits=(),
    )  # fmt: skip
    return (own,)


fold = Fold(
    name="act", keying=Keying("firewall_act", by_act), activities=frozenset({Activity.FACT}), facts=frozenset({ACT}),
    init=Judged(), step=step, stage=2, lookback=CONTEXT_LOOKBACK,
)  # fmt: skip
