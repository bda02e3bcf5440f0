"""Approval: one exported state ("snapshot") of a change, access or exception request.

A request is exported again whenever it changes; the set of its snapshots, ordered by ``updated``, is its history. From it
``detectors/kit/approvals.py`` reads which scope was approved, when, by whom, and whether it was revoked later.
"""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from schemas import instant
from schemas.context import Record, Time

Decision = Literal["requested", "approved", "rejected", "revoked"]


class Scope(Record):
    """What is allowed. An empty list of ``targets`` covers nothing; any other empty list, or ``*``, does not restrict.

    For the use of root and other privileged accounts ``accounts`` and ``persons`` have to be named: an approval that leaves one
    of them open covers no such use.

    ``targets`` are hosts, systems, firewalls or groups (expanded as of the act); ``objects`` are rules, files or paths with
    shell wildcards; ``actions`` are words such as add, edit, delete, root; ``hashes`` are SHA-256 of artefacts.
    """

    targets: tuple[str, ...] = Field(default=(), description="hosts, systems, firewalls or groups")
    accounts: tuple[str, ...] = Field(default=(), description="accounts that may act")
    persons: tuple[str, ...] = Field(default=(), description="ids of the persons who may act")
    actions: tuple[str, ...] = Field(default=(), description="add, edit, delete, root …")
    objects: tuple[str, ...] = Field(default=(), description="rules, files or paths; shell wildcards")
    hashes: tuple[str, ...] = Field(default=(), description="SHA-256 of artefacts")


class Approver(Record):
    """Who decided: an account of the change system, or a person where the system knows persons."""

    account: str = Field(default="", description="account in the change system")
    person: str = Field(default="", description="person id")
    decided: Time | None = Field(default=None, description="when")


class Approval(Record):
    """One snapshot of a request. Times are UTC instants.

    ``updated`` is the change system's own time of this state, ``emergency_at`` when the emergency flag was set (absent:
    the first snapshot that carries it), ``implementer`` the account or person who is to do the work.
    """

    approval: str = Field(min_length=1, description="number of the request, for example CHG0000024")
    type: str = Field(default="change", description="change, access, release, maintenance …")
    requester: str = Field(default="", description="account or person who asked")
    on_behalf_of: str = Field(default="", description="person for whom it was asked")
    implementer: str = Field(default="", description="who is to do the work")
    approvers: tuple[Approver, ...] = Field(default=(), description="who decided")
    decision: Decision = Field(default="requested", description="state of the request")
    decision_time: Time | None = Field(default=None, description="when it was decided")
    valid_from: Time | None = Field(default=None, description="begin of the window; none: the decision")
    valid_to: Time | None = Field(default=None, description="end of the window; none: open")
    scope: Scope = Field(default=Scope(), description="what is allowed")
    max_uses: int | None = Field(default=None, ge=1, description="how often it may be used; none: unlimited")
    emergency: bool = Field(default=False, description="done first, to be ratified after")
    emergency_at: Time | None = Field(default=None, description="when the emergency flag was set")
    standing: bool = Field(default=False, description="covers many acts: vendor updates, joiner automation")
    team: str = Field(default="", description="team that does the work")
    ref: str = Field(default="", description="number in another system")
    updated: Time = Field(description="the change system's own time of this state")


RELATED = 3 * instant.DAY
"""The longest that a request speaks of an act after its end: over a week-end."""

AWAITED = 7 * instant.DAY
"""The longest that it speaks of an act before its decision, where it has no window."""

ANNOUNCED = instant.DAY
"""The longest that it speaks of an act before its window (``detectors/kit/approvals``)."""

ALWAYS = "always"
_LONGEST = 60 * instant.DAY
_SLACK = instant.HOUR  # more than any tolerance of clocks


def places(target: str, since: int, until: int) -> Iterator[str]:
    """Look-up names under which approvals for ``target`` that may concern an act from ``since`` to ``until`` are found.

    A firewall sees thousands of requests in a year: without days in the name each of them would re-judge each act.
    """
    name = target.strip().casefold()
    yield f"target:{name}@{ALWAYS}"
    for day in range(since // instant.DAY, until // instant.DAY + 1):
        yield f"target:{name}@{day}"


def found_at(approval: Approval) -> Iterator[str]:
    """Look-up names under which this state of a request is found by its targets: the days it may concern."""
    since, until = reach(approval)
    always = until is None or until - since > _LONGEST
    for target in approval.scope.targets:
        name = target.strip().casefold()
        if always or until is None:
            yield f"target:{name}@{ALWAYS}"
        else:
            yield from (f"target:{name}@{day}" for day in range(since // instant.DAY, until // instant.DAY + 1))


def reach(approval: Approval) -> tuple[int, int | None]:
    """From when to when an act may concern this state of a request (µs UTC); None: until further notice."""
    own = [approver.decided for approver in approval.approvers]
    stamps = [time for time in (approval.updated, approval.decision_time, approval.emergency_at, *own) if time is not None]
    starts = [min(stamps) - AWAITED if approval.valid_from is None else approval.valid_from - ANNOUNCED]
    if approval.emergency:
        starts.append(approval.updated if approval.emergency_at is None else approval.emergency_at)
    if approval.valid_to is not None:
        until: int | None = approval.valid_to + RELATED + _SLACK
    elif approval.decision == "approved":
        until = None
    else:
        until = max(stamps) + RELATED + _SLACK
    return min(starts) - _SLACK, until
