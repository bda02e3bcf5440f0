"""A change request as the people of the firm see it; ``writers/tickets.py`` exports its states."""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Ticket:
    """One request. It changes over time; each export writes the state of that moment.

    ``channel`` is the change system it lives in: servicenow or approval (the plain one). ``decision`` is requested,
    approved, rejected or revoked, ``decided`` when that was decided; names of people are accounts of the change system.
    """

    number: str
    channel: str
    valid_from: int
    valid_to: int
    requester: str
    implementer: str
    approvers: tuple[str, ...]
    targets: tuple[str, ...]
    objects: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    kind: str = "change"
    title: str = "Planned work"
    team: str = "network"
    on_behalf_of: str = ""
    max_uses: int | None = None
    standing: bool = False
    emergency_at: int | None = None
    decision: str = "requested"
    decided: int | None = None
