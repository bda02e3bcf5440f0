"""Stage 0: the baseline that a host's integrity monitor compares with was made anew; that needs an approval for the host."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from detectors.deployments import changes, handling
from detectors.deployments.announcements import APPROVER, approved
from detectors.deployments.limits import LIMITS
from detectors.kit import identity
from detectors.kit.approvals import Act, Row, Verdict, conclude
from detectors.kit.approvals.uses import packed_evidence, unpacked_evidence
from detectors.kit.contract import CONTEXT_LOOKBACK, Context, Fact, Finding, Fold, FoldState, Keying, Step, evidence
from detectors.kit.groups import containing, folded
from schemas.event import Activity, SecurityEvent
from schemas.identity import Key
from schemas.violation import Severity

DETECTOR = "unannounced_web_or_program_change"
BASELINE_RESET = "BASELINE_RESET"


def by_host(event: SecurityEvent) -> Key | None:
    """The host of a scan that makes a baseline, or of a monitor's database that was replaced or removed."""
    if event.activity == Activity.FILE_SCAN:
        return (folded(event.host),) if event.action in changes.BASELINES else None
    database, anew = changes.baseline(event.path)
    return (folded(event.host),) if database and (anew or "deletion" in event.type) else None


class Reset(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One baseline made anew: its first telling (since ``earliest``, if a scan found it) and the time of the last."""

    id: str
    t: int
    o: int
    last: int
    host: str
    account: str = ""
    earliest: int | None = None
    proofs: tuple[tuple[dict[str, Any], int], ...] = ()


class Host(FoldState, frozen=True):
    """The last reset, and directories with the time of their first scan."""

    reset: Reset | None = None
    directories: dict[str, int] = {}


def step(state: Host, event: SecurityEvent, ctx: Context) -> Step:
    """One telling: a command, a database written or removed, a directory scanned as for the first time."""
    if event.action == changes.FIRST_SCAN and event.activity == Activity.FILE_SCAN:
        before = state.directories.get(event.path)
        state = msgspec.structs.replace(state, directories=_remembered(state.directories, event))
        if before is None or event.t - before <= LIMITS.reset:
            return Step(state)
    known = state.reset
    values = {"action": event.action, "command": event.command, "path": event.path, "user": event.user}
    proof = (packed_evidence(evidence(event, **values)), event.line)
    if known is None or event.t - known.last > LIMITS.reset:
        reset = Reset(
            id=event.id, t=event.t, o=event.o, last=event.t, host=event.host, account=event.user,
            earliest=event.last_scan or None, proofs=(proof,),
        )  # fmt: skip
    else:
        reset = msgspec.structs.replace(
            known, last=event.t, account=known.account or event.user, proofs=(*known.proofs, proof)[: LIMITS.shown]
        )
    return Step(msgspec.structs.replace(state, reset=reset), _judged(reset, ctx))


def _remembered(directories: Mapping[str, int], event: SecurityEvent) -> dict[str, int]:
    """``directories`` with that of ``event``; of too many those near the root stay, which every scan begins with."""
    found = {**directories, event.path: event.t}
    return dict(sorted(found.items(), key=lambda item: (item[0].count("/"), item[0]))[: LIMITS.directories])


def _judged(reset: Reset, ctx: Context) -> tuple[Finding | Fact, ...]:
    targets = containing(ctx, reset.host, reset.t)
    act = Act(
        t=reset.t, o=reset.o, earliest=reset.earliest, until=reset.last if reset.last > reset.t else None,
        host=reset.host or "unknown host", targets=targets, account=reset.account,
        who=identity.who(ctx, reset.account, reset.t, targets), role=APPROVER,
    )  # fmt: skip
    if handling.drill(handling.incidents(ctx, act), act):
        return ()
    # A reset uses nothing up: it goes with the deployment, or is maintenance of the monitor.
    verdict = replace(approved(ctx, act), max_uses=None)
    proofs = [unpacked_evidence(item, {"lines": {item["event_id"]: line}}) for item, line in reset.proofs]
    proofs[0] = proofs[0].model_copy(update={"values": {**proofs[0].values, **verdict.values()}})
    finding = Finding(
        subtype="", anchor=reset.id, anchor_time=reset.t, subject={"host": reset.host or None, "path": None},
        first_time=reset.t if reset.earliest is None else reset.earliest, last_time=reset.last, count=len(proofs),
        evidence=tuple(proofs), awaits=("change_management",), user_name=reset.account or None, host_name=reset.host or None,
    )  # fmt: skip
    told = conclude(
        DETECTOR, finding, verdict, base=Severity.HIGH, unit="baseline", place=folded(reset.host),
        details={"account": reset.account, "host": reset.host, "objects": []},
    )  # fmt: skip
    return tuple(_named(item, verdict) for item in told)


def _named(item: Finding | Fact, verdict: Verdict) -> Finding | Fact:
    """One subtype, whatever row of the table it is; the rows are the further reasons."""
    if isinstance(item, Fact):
        return item
    return replace(
        item, subtype=BASELINE_RESET, reasons=(BASELINE_RESET, *(str(row) for row in verdict.rows if row is not Row.UNAPPROVED))
    )


fold = Fold(
    name="baseline", keying=Keying("baseline_host", by_host), activities=frozenset({Activity.FILE_SCAN, Activity.FILE_CHANGE}),
    init=Host(), step=step, lookback=CONTEXT_LOOKBACK,
)  # fmt: skip
