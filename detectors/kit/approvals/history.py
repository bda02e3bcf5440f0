"""History of one request, read from its exported snapshots: what was decided when, and which scope that decision covered."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from detectors.kit.approvals.scope import Bounds, bounds
from detectors.kit.contract import Entry
from schemas.approval import Approval

Ending = Literal["revoked", "rejected", "renewed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One decision "approved": the snapshot that was approved, whatever was edited into the request afterwards.

    ``decided`` and ``ended`` are instants (µs UTC) by the change system, ``o`` when this decision was first observed with
    this content, ``source`` what observed it. ``still_open_at``: a state stated after ``decided`` that was not yet decided,
    which proves that the decision was entered with an earlier time.
    """

    request: str
    snapshot: Approval
    bounds: Bounds
    decided: int
    o: int
    source: str
    ended: int | None = None
    ended_by: Ending | None = None
    still_open_at: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A decision "rejected" or "revoked" at ``t``."""

    t: int
    kind: Literal["revoked", "rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request with its decisions in the order of their times. ``emergency_at``: when the emergency flag was set."""

    id: str
    snapshots: tuple[Approval, ...]
    grants: tuple[Grant, ...]
    refusals: tuple[Refusal, ...]
    emergency_at: int | None

    def at(self, t: int) -> Approval:
        """The state in force at ``t``: the last one stated by then, else the first one known."""
        stated = [snapshot for snapshot in self.snapshots if snapshot.updated <= t]
        return stated[-1] if stated else self.snapshots[0]

    def refused_before(self, t: int) -> Refusal | None:
        """The last refusal strictly before ``t``."""
        before = [refusal for refusal in self.refusals if refusal.t < t]
        return before[-1] if before else None


@dataclass(frozen=True, slots=True, eq=False)
class _Snapshots:
    """Snapshots with what tells them apart: an entry's id is a digest of its content."""

    entries: tuple[Entry, ...]
    names: tuple[tuple[str, int, str], ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Snapshots) and self.names == other.names

    def __hash__(self) -> int:
        return hash(self.names)


def read(entries: Iterable[Entry]) -> Request:
    """The history of one request from its snapshots (at least one), in whatever order they are given."""
    known = tuple(entries)
    return _read(_Snapshots(known, tuple((entry.id, entry.o, entry.source) for entry in known)))


@lru_cache(maxsize=16384)
def _read(found: _Snapshots) -> Request:
    # Every act of some weeks is judged by the same requests: reading each once is most of the work saved.
    ordered = sorted(found.entries, key=lambda entry: (entry.data.updated, entry.id))
    snapshots = tuple(entry.data for entry in ordered)
    grants, refusals = _decisions(ordered)
    return Request(
        id=snapshots[0].approval,
        snapshots=snapshots,
        grants=_closed(grants, refusals),
        refusals=tuple(sorted(refusals, key=lambda refusal: (refusal.t, refusal.kind))),
        emergency_at=_flagged(snapshots),
    )


def _decisions(ordered: list[Entry]) -> tuple[list[Grant], list[Refusal]]:
    grants: dict[int, Grant] = {}
    refusals: dict[tuple[int, str], Refusal] = {}
    latest: int | None = None  # decision time of the approval the request carries while it is read forward
    opened: list[int] = []  # states not yet decided
    for entry in ordered:
        snapshot: Approval = entry.data
        if snapshot.decision == "requested":
            opened.append(snapshot.updated)
        elif snapshot.decision == "approved":
            decided = _decided(snapshot, latest)
            latest = decided
            known = grants.get(decided)
            if known is None:
                undecided = [t for t in opened if t > decided] if not grants else []
                grants[decided] = _grant(entry, decided, max(undecided, default=None))
            elif entry.o < known.o and _content(known.snapshot) == _content(snapshot):
                grants[decided] = _grant(entry, decided, known.still_open_at, known.snapshot)
        else:
            moment = _refused(snapshot, latest)
            approved = _approved_earlier(snapshot, moment) if latest is None else None
            if approved is not None:
                # Only the end of this request was ever seen; its approvers' own times tell that it had been approved.
                grants[approved] = _grant(entry, approved, None)
            latest = None
            refusals.setdefault((moment, snapshot.decision), Refusal(moment, snapshot.decision))
    return sorted(grants.values(), key=lambda grant: grant.decided), list(refusals.values())


def _grant(entry: Entry, decided: int, still_open_at: int | None, snapshot: Approval | None = None) -> Grant:
    content = entry.data if snapshot is None else snapshot
    return Grant(
        request=content.approval, snapshot=content, bounds=bounds(content.scope), decided=decided, o=entry.o,
        source=entry.source, still_open_at=still_open_at,
    )  # fmt: skip


def _decided(snapshot: Approval, latest: int | None) -> int:
    if snapshot.decision_time is not None:
        return snapshot.decision_time
    if latest is not None:
        return latest
    own = [approver.decided for approver in snapshot.approvers if approver.decided is not None]
    return max(own, default=snapshot.updated)


def _refused(snapshot: Approval, latest: int | None) -> int:
    # A system that keeps the time of the approval in the field when it is revoked states the revocation by its update.
    stated = snapshot.decision_time
    return snapshot.updated if stated is None or (latest is not None and stated <= latest) else stated


def _approved_earlier(snapshot: Approval, refused: int) -> int | None:
    if snapshot.decision != "revoked":
        return None
    own = [approver.decided for approver in snapshot.approvers if approver.decided is not None]
    return max(own) if own and max(own) < refused else None


def _content(snapshot: Approval) -> tuple[object, ...]:
    return (
        snapshot.scope, snapshot.valid_from, snapshot.valid_to, snapshot.approvers, snapshot.max_uses, snapshot.requester,
        snapshot.on_behalf_of, snapshot.implementer,
    )


def _closed(grants: list[Grant], refusals: list[Refusal]) -> tuple[Grant, ...]:
    endings: list[tuple[int, Ending]] = [(refusal.t, refusal.kind) for refusal in refusals]
    endings += [(grant.decided, "renewed") for grant in grants]
    closed = []
    for grant in grants:
        after = [ending for ending in endings if ending[0] > grant.decided]
        ended, by = min(after, default=(None, None))
        closed.append(replace(grant, ended=ended, ended_by=by))
    return tuple(closed)


def _flagged(snapshots: tuple[Approval, ...]) -> int | None:
    """When the emergency flag was set: the stated time, unless a later state without the flag contradicts it."""
    unflagged = [snapshot.updated for snapshot in snapshots if not snapshot.emergency]
    flagged = [snapshot for snapshot in snapshots if snapshot.emergency]
    if not flagged:
        return None
    first = flagged[0]
    stated = first.updated if first.emergency_at is None else first.emergency_at
    if any(stated <= t < first.updated for t in unflagged):
        return first.updated
    return stated
