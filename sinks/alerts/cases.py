"""Which cases are alerted, and what is still to be told: pure bookkeeping, without a clock and without a connection.

One case is one alert: its labels are those of its first alerted violation and stay, whatever supersedes that violation.
The queue holds names of cases, not messages, so it is bounded by the number of cases and a later state replaces an earlier
one that was not told yet.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from schemas import instant
from schemas.violation import Severity, State, Violation
from sinks.alerts.wording import Wording, annotations, labels, link

_SEARCHABLE = 60 * instant.SECOND
_REMEMBERED = 100_000  # violations whose newest number is kept, so that a redelivered older one is not told again


@dataclass(frozen=True, slots=True)
class Policy:
    """What is alerted; times in microseconds.

    ``hold``: a withdrawal (an artefact of arrival order) or a fall in severity is told only if it holds that long.
    ``lease``: the alert ends by itself when it was not repeated for so long, because the monitor is gone. ``capacity``:
    cases at a time.
    """

    severities: frozenset[Severity] = frozenset({Severity.CRITICAL, Severity.HIGH})
    hold: int = 30 * instant.SECOND
    lease: int = instant.HOUR
    capacity: int = 10_000


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as it is to be told; times in microseconds. ``adopt``: an earlier run or another worker may have told it."""

    case: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    link: str
    starts: int
    ends: int
    firing: bool
    adopt: bool = False


@dataclass(frozen=True, slots=True)
class _Case:
    violation: Violation  # the open one, or the last that was
    labels: Mapping[str, str]
    starts: int
    seen: int  # when its document came last
    adopt: bool
    told: bool = False  # at least once
    told_at: int = 0
    handed_over: bool = False  # superseded: its successor, here or at another worker, goes on with the case
    resolve_at: int | None = None
    resolved_at: int | None = None


class Cases:
    """The alerted cases of one worker. Not safe for threads."""

    def __init__(self, policy: Policy, wording: Wording) -> None:
        self._policy = policy
        self._wording = wording
        self._cases: dict[str, _Case] = {}
        self._waiting: dict[str, None] = {}  # in order
        self._numbers: OrderedDict[str, int] = OrderedDict()
        self._case_of: dict[str, str] = {}  # violation that stands for a case -> case
        self.dropped = 0

    @property
    def active(self) -> int:
        """Cases that are alerted."""
        return len(self._cases)

    @property
    def waiting(self) -> int:
        """Cases whose state is still to be told."""
        return len(self._waiting)

    def observe(self, violation: Violation, now: int, *, adopt: bool = False) -> None:
        """Take the document of one violation; one that is not newer than the last changes nothing.

        ``adopt``: it is taken up from the store, and may be the last one seen before its case was dropped or left.
        """
        number = violation.transition.number
        seen = self._numbers.get(violation.id, 0)
        if number < seen or (number == seen and not (adopt and violation.case not in self._cases)):
            return
        self._numbers[violation.id] = number
        self._numbers.move_to_end(violation.id)
        if len(self._numbers) > _REMEMBERED:
            self._numbers.popitem(last=False)
        self._leave_former(violation, now)
        if violation.state is State.OPEN:
            self._open(violation, now, adopt=adopt or violation.supersedes is not None)
        elif violation.state is not State.PENDING:
            self._close(violation, now)

    def restore(self, documents: Sequence[Violation], now: int) -> None:
        """Take the store's word: these violations, all those of the chosen severities, are open.

        A case that is not among them has ended, which another worker or run saw; it is resolved when that has held. As
        many documents as there is room for may not be all, and then nothing ends.
        """
        for violation in documents:
            self.observe(violation, now, adopt=True)
        if len(documents) >= self._policy.capacity:
            return
        still = {violation.case for violation in documents}
        for name, case in self._cases.items():
            ending = case.resolve_at is not None or case.resolved_at is not None
            # What was observed just now may not be found by a search yet.
            if name not in still and not ending and case.seen + _SEARCHABLE < now:
                self._cases[name] = replace(case, resolve_at=now + self._policy.hold)

    def refresh(self, now: int) -> None:
        """Put every firing alert into the queue again, so that it is not taken for ended."""
        for name, case in list(self._cases.items()):
            if case.handed_over:
                if case.told_at + self._policy.lease < now:
                    self._forget(name)
            elif case.resolved_at is None:
                self._waiting[name] = None

    def due(self, now: int) -> None:
        """Resolve withdrawals that have held long enough."""
        for name, case in self._cases.items():
            if case.resolve_at is not None and case.resolve_at <= now and case.resolved_at is None:
                self._resolve(name, now)

    def take(self, limit: int, now: int) -> Sequence[Alert]:
        """Up to ``limit`` alerts to tell, oldest first; each leaves the queue until :meth:`put_back`."""
        names = list(self._waiting)[:limit]
        for name in names:
            del self._waiting[name]
        return [self._alert(name, self._cases[name], now) for name in names]

    def put_back(self, alerts: Iterable[Alert]) -> None:
        """These were not told: they stay in the queue, before all others, in their newest state."""
        names: list[str] = []
        for alert in alerts:
            case = self._cases.get(alert.case)
            if case is None or case.handed_over:
                continue
            if case.resolve_at is not None and not case.told:
                self._forget(alert.case)  # withdrawn before anybody heard of it
            else:
                names.append(alert.case)
        self._waiting = dict.fromkeys([*names, *self._waiting])

    def told(self, alerts: Iterable[Alert], now: int) -> None:
        """These were told."""
        for alert in alerts:
            case = self._cases.get(alert.case)
            if case is None:
                continue
            if alert.firing or case.resolved_at is None:
                self._cases[alert.case] = replace(
                    case, told=True, told_at=now, adopt=False, labels=alert.labels, starts=alert.starts
                )
            else:
                self._forget(alert.case)

    def refused(self, alert: Alert) -> None:
        """The receiver will never take this one."""
        if alert.case in self._cases:
            self._forget(alert.case)

    def _open(self, violation: Violation, now: int, *, adopt: bool) -> None:
        name = violation.case
        case = self._cases.get(name)
        if violation.severity not in self._policy.severities:
            if case is not None and case.resolved_at is None:
                self._stand(name, case, violation)
                self._end_when_held(name, now)
            return
        if case is None:
            if len(self._cases) >= self._policy.capacity:
                self.dropped += 1
                return
            starts = min(violation.detected_time, now)
            case = _Case(violation=violation, labels=labels(violation, self._wording), starts=starts, seen=now, adopt=adopt)
        self._stand(name, replace(case, seen=now, handed_over=False, resolve_at=None, resolved_at=None), violation)
        self._waiting[name] = None

    def _close(self, violation: Violation, now: int) -> None:
        name = violation.case
        case = self._cases.get(name)
        if case is None or case.resolved_at is not None:
            return
        if case.violation.id not in {violation.id, violation.supersedes} and not case.handed_over:
            return
        if violation.state is State.SUPERSEDED:
            self._waiting.pop(name, None)
            self._cases[name] = replace(case, handed_over=True, resolve_at=None)
        elif violation.state is not State.WITHDRAWN:
            self._stand(name, case, violation)
            self._resolve(name, now)
        else:
            self._end_when_held(name, now)

    def _end_when_held(self, name: str, now: int) -> None:
        """Resolve the case after the hold; if nobody has heard of it, forget it."""
        case = self._cases[name]
        if not case.told and name in self._waiting:
            self._forget(name)
        else:
            self._waiting.pop(name, None)
            self._cases[name] = replace(case, resolve_at=now + self._policy.hold)

    def _leave_former(self, violation: Violation, now: int) -> None:
        """A successor that belongs to another case ends the case of the violation it supersedes."""
        former = self._case_of.get(violation.supersedes or "")
        if former is not None and former != violation.case and self._cases[former].resolved_at is None:
            self._resolve(former, now)

    def _stand(self, name: str, case: _Case, violation: Violation) -> None:
        """Let ``violation`` stand for the case."""
        self._case_of.pop(case.violation.id, None)
        self._case_of[violation.id] = name
        self._cases[name] = replace(case, violation=violation)

    def _resolve(self, name: str, now: int) -> None:
        self._cases[name] = replace(self._cases[name], resolved_at=now, resolve_at=None, handed_over=False)
        self._waiting[name] = None

    def _forget(self, name: str) -> None:
        self._case_of.pop(self._cases.pop(name).violation.id, None)
        self._waiting.pop(name, None)

    def _alert(self, name: str, case: _Case, now: int) -> Alert:
        return Alert(
            case=name,
            labels=case.labels,
            annotations=annotations(case.violation, self._wording),
            link=link(case.violation, self._wording),
            starts=case.starts,
            ends=now + self._policy.lease if case.resolved_at is None else max(case.resolved_at, case.starts),
            firing=case.resolved_at is None,
            adopt=case.adopt,
        )
