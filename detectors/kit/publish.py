"""From findings to violations: states, numbered transitions, cases. At most one transition per violation and batch."""

from collections.abc import Callable
from fnmatch import fnmatchcase

from detectors.kit.contract import Entry, Finding
from detectors.kit.keyed import KeyedFold
from schemas.violation import GONE, Change, Evidence, State, Transition, Violation

LINES = 256 << 10  # characters of all lines shown with one violation; each may take six bytes when it is sent
_CHANGE = {
    State.PENDING: Change.PENDING,
    State.OPEN: Change.OPENED,
    State.EXCEPTED: Change.CHANGED,
    State.RETRACTED: Change.RETRACTED,
}

Settled = Callable[[KeyedFold, Finding], tuple[bool, tuple[str, ...]]]


def publish(keyed: KeyedFold, settled: Settled, at: int, cause: str) -> list[Violation]:
    """Transitions that bring what is published of ``keyed`` in line with its findings.

    ``at``: observed time of the cause (µs); ``cause``: id of the record that caused it. ``settled`` tells whether a finding
    is final and which feeds were behind. Updates ``keyed.published``.
    """
    published = keyed.published
    vanished = sorted(
        (old for id_, old in published.items()
         if id_ not in keyed.findings and id_ not in keyed.sealed and old.state not in GONE),
        key=lambda old: old.id,
    )  # fmt: skip
    result: list[Violation] = []
    for id_ in sorted(keyed.findings):
        finding = keyed.findings[id_]
        old = published.get(id_)
        if old is not None and old.state in GONE:
            before: Violation | None = None  # it came back: number on, same case
        else:
            before = old
        predecessor = None if old is not None else _predecessor(finding, vanished)
        final, behind = settled(keyed, finding)
        waiver = _waiver(keyed, finding)
        if not final:
            state = State.PENDING
        elif finding.state is State.RETRACTED:
            state = State.RETRACTED
        else:
            state = State.EXCEPTED if waiver is not None else finding.state
        exception = waiver.data.exception if waiver is not None and state is not State.RETRACTED else None
        shown = (finding, state, exception)
        if keyed.shown.get(id_) == shown:
            continue
        keyed.shown[id_] = shown
        new = _violation(keyed, id_, finding, state, exception, old, predecessor, behind, at, cause)
        if before is not None and new.canonical() == before.canonical():
            continue
        published[id_] = new
        result.append(new)
        if predecessor is not None:
            vanished.remove(predecessor)
            result.append(_gone(keyed, predecessor, State.SUPERSEDED, at, cause, id_))
    result.extend(_gone(keyed, old, State.WITHDRAWN, at, cause, None) for old in vanished)
    if result:
        keyed.log.violations |= {item.id for item in result}
    return result


def _predecessor(finding: Finding, vanished: list[Violation]) -> Violation | None:
    """The vanished violation that shares evidence with ``finding``: its anchor moved or its subtype changed."""
    events = {item.event_id for item in finding.evidence} | {finding.anchor}
    for old in vanished:
        if old.anchor in events or any(item.event_id in events for item in old.evidence):
            return old
    return None


def _waiver(keyed: KeyedFold, finding: Finding) -> Entry | None:
    # As for everything that judges: what is observed when the event may be forgotten already does not count.
    view = keyed.sees(finding.last_time + keyed.rule.fold.retention)
    for entry in view.as_of("exceptions", keyed.rule.detector.id, finding.anchor_time):
        waiver = entry.data
        if waiver.subtypes and finding.subtype not in waiver.subtypes:
            continue
        if all(fnmatchcase(str(finding.subject.get(name) or ""), pattern) for name, pattern in waiver.subject.items()):
            return entry
    return None


def _violation(
    keyed: KeyedFold, id_: str, finding: Finding, state: State, exception: str | None, old: Violation | None,
    predecessor: Violation | None, behind: tuple[str, ...], at: int, cause: str,
) -> Violation:  # fmt: skip
    loaded = keyed.rule.detector
    number = old.transition.number + 1 if old is not None else 1
    case = old.case if old is not None else predecessor.case if predecessor is not None else id_
    changed = old is not None and old.state is state
    subject = finding.subject
    return Violation(
        id=id_,
        case=case,
        anchor=finding.anchor,
        anchor_time=finding.anchor_time,
        detector=loaded.id,
        detector_version=loaded.version,
        subtype=finding.subtype,
        controls=finding.clauses or loaded.detector.clauses,
        severity=finding.severity or loaded.detector.severity,
        state=state,
        subject=dict(subject),
        source_ip=finding.source_ip or subject.get("source_ip"),
        user_name=finding.user_name or subject.get("user") or subject.get("account"),
        host_name=finding.host_name or subject.get("host"),
        persons=finding.persons,
        first_time=finding.first_time,
        last_time=finding.last_time,
        count=finding.count,
        approval=finding.approval,
        exception=exception,
        reasons=finding.reasons,
        settle_at=finding.settle_at or finding.anchor_time,
        skew_ambiguous=finding.skew_ambiguous,
        degraded_sources=behind,
        detected_time=old.detected_time if old is not None else at,
        supersedes=predecessor.id if predecessor is not None else old.supersedes if old is not None else None,
        evidence=_bounded(finding.evidence),
        transition=Transition(
            number=number, change=Change.CHANGED if changed else _CHANGE[state], state=state, time=at, cause=cause
        ),
    )


def _bounded(evidence: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """``evidence`` with its lines cut evenly where they would make one record too large to be sent."""
    if sum(len(item.original) for item in evidence) <= LINES:
        return evidence
    room = LINES // len(evidence)
    return tuple(item.model_copy(update={"original": item.original[:room]}) for item in evidence)


def _gone(
    keyed: KeyedFold, old: Violation, state: State, at: int, cause: str, successor: str | None
) -> Violation:
    change = Change.SUPERSEDED if state is State.SUPERSEDED else Change.WITHDRAWN
    step = Transition(number=old.transition.number + 1, change=change, state=state, time=at, cause=cause)
    new = old.model_copy(update={"state": state, "superseded_by": successor, "transition": step})
    keyed.published[old.id] = new
    keyed.shown.pop(old.id, None)
    return new
