"""What can be wrong, or nearly wrong, with the approval of an act: the rows of the table in detectors 1.2, for any detector.

An act is planted by a function of a time; each situation says how many violations it makes beside those of the act itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.oracle.said import DAY, HOUR, MINUTE
from tests.chaos.planting import firm
from tests.chaos.planting.field import SECOND, Field
from tests.chaos.planting.requests import approved, request


@dataclass(slots=True)
class Act:
    """An act to come: what approvals name of it, and when it begins and ends (µs), on whole seconds."""

    field: Field
    targets: list[str]
    t: int
    end: int
    doer: str
    scope: dict[str, Any] = field(default_factory=dict)

    def approve(self, **more: Any) -> Any:
        """A request that covers the act, but for what ``more`` says."""
        return approved(self.field, self.targets, self.t, **self.scope | {"valid_to": _whole(self.end + HOUR)} | more)

    def ask(self, **more: Any) -> Any:
        """A request that covers the act, of which nothing is exported yet."""
        return request(self.field, self.targets, begin=None, end=None, **self.scope | more)


def _whole(t: int) -> int:
    return t - t % SECOND


def unapproved(act: Act) -> int:
    """Nobody asked."""
    return 1


def asked_only(act: Act) -> int:
    """Asked for, never decided."""
    act.ask(valid_from=_whole(act.t - HOUR), valid_to=_whole(act.end + HOUR)).file("requested", act.t - 3 * HOUR)
    return 1


def decided_later(act: Act) -> int:
    """Decided half an hour and more after the act."""
    one = act.ask(valid_from=_whole(act.t - HOUR), valid_to=_whole(act.end + HOUR))
    one.file("approved", act.t + act.field.gap(1800, 6 * 3600))
    return 1


def arrived_too_late(act: Act) -> int:
    """Decided before, but observed after the grace of an hour: retracted."""
    decided = act.t - act.field.gap(150, 1800)
    one = act.ask(valid_from=_whole(act.t - HOUR), valid_to=_whole(act.end + HOUR))
    if act.field.chance.random() < 0.5:
        one.file("requested", decided - HOUR)
    one.file("approved", decided, o=act.t + act.field.chance.randrange(62 * MINUTE, 200 * MINUTE))
    return 1


def backdated(act: Act) -> int:
    """Exported with a decision time before the act, though it was still open then; or many hours after it."""
    one = act.ask(valid_from=_whole(act.t - HOUR), valid_to=_whole(act.end + HOUR))
    decided = act.t - act.field.gap(300, 1800)
    if act.field.chance.random() < 0.5:
        one.file("requested", act.t + 10 * MINUTE)
        one.file("approved", act.t + 40 * MINUTE, decided=decided)
    else:
        one.file("approved", decided, o=act.t + act.field.chance.randrange(5 * HOUR, 20 * HOUR))
    return 1


def expired(act: Act) -> int:
    """The window ended before the act, or in its course."""
    act.approve(valid_to=_whole(act.end - act.field.gap(150, 540)))
    return 1


def not_begun(act: Act) -> int:
    """The window opens some minutes after the act."""
    begin = _whole(act.t + act.field.gap(200, 3600))
    act.approve(valid_from=begin, valid_to=_whole(max(begin, act.end) + HOUR))
    return 1


def revoked(act: Act) -> int:
    """Approved and revoked before the act."""
    act.approve().file("revoked", act.t - act.field.gap(300, 3000))
    return 1


def rejected(act: Act) -> int:
    """Rejected before the act."""
    one = act.ask(valid_from=_whole(act.t - HOUR), valid_to=_whole(act.end + HOUR))
    one.file("rejected", act.t - act.field.gap(600, 3600))
    return 1


def wrong_approver(act: Act) -> int:
    """Approved by somebody without the role."""
    act.approve(approvers=["staff299"])
    return 1


def ratified(act: Act) -> int:
    """An emergency, flagged before and decided within 24 hours."""
    one = act.ask(emergency_at=_whole(act.t - act.field.gap(300, 1800)))
    one.file("requested", one.fields["emergency_at"])
    one.file("approved", max(act.t, act.end) + act.field.gap(600, 15 * 3600))
    return 1


def not_ratified(act: Act) -> int:
    """An emergency, decided never, too late, or refused."""
    one = act.ask(emergency_at=_whole(act.t - act.field.gap(300, 1800)))
    one.file("requested", one.fields["emergency_at"])
    kind = act.field.chance.randrange(3)
    if kind == 0:
        one.file("approved", act.t + DAY + act.field.gap(600, 3 * 3600))
    elif kind == 1:
        one.file("rejected", act.t + act.field.gap(600, 3600))
    return 1


def self_approved(act: Act) -> int:
    """Approved by whoever asked for it: a violation of detector 5, for the act is covered."""
    act.approve(requester=firm.CHIEF)
    return 1


def approved_by_stranger(act: Act) -> int:
    """Approved by an account that is nobody's: no role, and no other person either."""
    act.approve(approvers=[firm.STRANGER])
    return 2


def approved_below(act: Act) -> int:
    """Approved by somebody who reports to the requester: a hint."""
    act.approve(requester=firm.BOSS)
    return 1


PROMPT = frozenset({arrived_too_late, backdated})
"""Situations in which the act itself must be observed at once: its own observation bounds the grace."""

VIOLATIONS: tuple[Callable[[Act], int], ...] = (
    unapproved, asked_only, decided_later, arrived_too_late, backdated, expired, not_begun, revoked, rejected, wrong_approver,
    ratified, not_ratified, self_approved, approved_by_stranger, approved_below,
)  # fmt: skip


def in_time(act: Act) -> int:
    """Approved before, and known before."""
    act.approve()
    return 0


def arrived_in_grace(act: Act) -> int:
    """Decided before, observed within an hour after the act."""
    decided = act.t - act.field.gap(150, 1800)
    one = act.ask(valid_from=_whole(act.t - HOUR), valid_to=_whole(act.end + HOUR))
    one.file("approved", decided, o=act.t + act.field.chance.randrange(SECOND, 59 * MINUTE))
    return 0


def at_the_very_end(act: Act) -> int:
    """The window ends at exactly the end of the act."""
    act.approve(valid_to=act.end)
    return 0


def at_the_very_begin(act: Act) -> int:
    """The window opens at exactly the begin of the act."""
    act.approve(valid_from=act.t)
    return 0


def within_tolerance(act: Act) -> int:
    """The window ends up to two minutes before the end of the act: clocks differ."""
    act.approve(valid_to=max(act.end - act.field.chance.randrange(1, 120) * SECOND, act.t + SECOND))
    return 0


def revoked_after(act: Act) -> int:
    """Revoked when all was done."""
    act.approve().file("revoked", act.end + act.field.gap(300, 3600))
    return 0


NEAR_MISSES: tuple[Callable[[Act], int], ...] = (
    in_time, arrived_in_grace, at_the_very_end, at_the_very_begin, within_tolerance, revoked_after,
)  # fmt: skip
