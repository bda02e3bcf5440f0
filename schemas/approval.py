"""Approval: one exported state ("snapshot") of a change, access or exception request.

A request is exported again whenever it changes; the set of its snapshots, ordered by ``updated``, is its history. From it
``detectors/kit/approvals.py`` reads which scope was approved, when, by whom, and whether it was revoked later.
"""

from typing import Literal

from pydantic import Field

from schemas.context import Record, Time

Decision = Literal["requested", "approved", "rejected", "revoked"]


class Scope(Record):
    """What is allowed. An empty list of ``targets`` covers nothing; any other empty list does not restrict.

    ``targets`` are hosts, systems, firewalls or groups (expanded as of the act); ``objects`` are rules, files or paths with
    shell wildcards; ``actions`` are words such as add, edit, delete, root; ``hashes`` are SHA-256 of artefacts.
    """

    targets: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()


class Approver(Record):
    """Who decided: an account of the change system, or a person where the system knows persons."""

    account: str = ""
    person: str = ""
    decided: Time | None = None


class Approval(Record):
    """One snapshot of a request. Times are UTC instants.

    ``updated`` is the change system's own time of this state, ``emergency_at`` when the emergency flag was set (absent:
    the first snapshot that carries it), ``implementer`` the account or person who is to do the work.
    """

    approval: str = Field(min_length=1, description="number of the request, for example CHG0000024")
    type: str = Field(default="change", description="change, access, release, maintenance …")
    requester: str = Field(default="", description="account or person who asked")
    on_behalf_of: str = Field(default="", description="person for whom it was asked")
    implementer: str = ""
    approvers: tuple[Approver, ...] = ()
    decision: Decision = "requested"
    decision_time: Time | None = None
    valid_from: Time | None = None
    valid_to: Time | None = None
    scope: Scope = Scope()
    max_uses: int | None = Field(default=None, ge=1)
    emergency: bool = False
    emergency_at: Time | None = None
    standing: bool = Field(default=False, description="covers many acts: vendor updates, joiner automation")
    team: str = ""
    ref: str = ""
    updated: Time
