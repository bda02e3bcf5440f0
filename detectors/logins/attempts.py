"""Log-in attempts as folds keep them: small proofs, copies of one attempt folded to one, episodes that end by silence."""

from collections.abc import Iterable
from itertools import pairwise

import msgspec

from detectors.kit.contract import Context
from schemas import instant
from schemas.event import Activity, Reason, SecurityEvent
from schemas.violation import Evidence

WRONG = frozenset({Reason.WRONG_PASSWORD, Reason.UNKNOWN_USER})
COPY_WINDOW = instant.SECOND  # two records of one attempt (pre-authentication and log-on, proxy and application)
KEPT = 9  # newest attempts kept in full beside the first
ORIGINAL = 2_048  # characters of a record kept in state; the whole record is in the archive under its event id
_SEEN = 64
_SOURCES = 16


def wrong(event: SecurityEvent) -> bool:
    """Whether ``event`` is a log-in that failed for a wrong password or an unknown name."""
    return event.activity == Activity.LOGIN and event.outcome == "failure" and event.reason in WRONG


def locked(event: SecurityEvent) -> bool:
    """Whether ``event`` shows that the account is locked: the lock itself, or an attempt refused because of it."""
    return event.activity == Activity.LOCK or (event.activity == Activity.LOGIN and event.reason == Reason.LOCKED)


def success(event: SecurityEvent) -> bool:
    """Whether ``event`` is a log-in that succeeded."""
    return event.activity == Activity.LOGIN and event.outcome == "success"


class Proof(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One attempt, as much of it as evidence needs. ``session`` is the feed's session id."""

    id: str
    t: int
    source: str
    line: int
    host: str
    user: str
    src: str
    reason: str
    session: str
    original: str

    def evidence(self) -> Evidence:
        """As evidence, with the values that were compared."""
        values = {"reason": self.reason or "success", "user": self.user, "source_ip": self.src, "session": self.session}
        return Evidence.model_construct(
            event_id=self.id, source=self.source, line=self.line, time=self.t,
            values={name: value for name, value in values.items() if value}, original=self.original,
        )


def proof(event: SecurityEvent) -> Proof:
    """What is kept of ``event``."""
    return Proof(
        id=event.id, t=event.t, source=event.source, line=event.line, host=event.host, user=event.user,
        src=client(event), reason=event.reason, session=event.session, original=event.original[:ORIGINAL],
    )


def evidence_of(proofs: Iterable[Proof]) -> tuple[Evidence, ...]:
    """Evidence of ``proofs``, each event once, in order of time and id."""
    unique = {item.id: item for item in proofs}
    return tuple(item.evidence() for item in sorted(unique.values(), key=lambda item: (item.t, item.id)))


def client(event: SecurityEvent) -> str:
    """Where an attempt came from: address, else host name, else terminal."""
    return event.src_ip or event.src_host.casefold() or event.tty


class Seen(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An attempt of the last second and the kinds of record that told of it."""

    t: int
    user: str
    clients: tuple[str, ...]
    kinds: tuple[str, ...]


def fold_copies(seen: tuple[Seen, ...], event: SecurityEvent) -> tuple[tuple[Seen, ...], bool]:
    """The attempts of the last second including ``event``, and whether it is a new attempt.

    Records of different kinds (feed, process, action, code) about one account and client within a second are one
    attempt; records of one kind are as many attempts as there are records.
    """
    kind = f"{event.feed}|{event.process}|{event.action}|{event.code}"
    user = event.user.casefold()
    clients = tuple(name for name in (event.src_ip, event.src_host.casefold(), event.tty) if name)
    recent = tuple(item for item in seen if event.t - item.t <= COPY_WINDOW)[-_SEEN:]
    for index, item in enumerate(recent):
        same = not item.clients or not clients or not set(clients).isdisjoint(item.clients)
        if item.user == user and kind not in item.kinds and same:
            joined = Seen(item.t, user, tuple(sorted({*item.clients, *clients})), (*item.kinds, kind))
            return (*recent[:index], joined, *recent[index + 1 :]), False
    return (*recent, Seen(event.t, user, clients, (kind,))), True


class Episode(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Attempts that follow each other without a gap as long as the window: its first, its newest, how many."""

    first: Proof
    newest: tuple[Proof, ...]
    count: int
    last: int
    sources: tuple[str, ...]
    raised: bool = False

    def grow(self, item: Proof) -> "Episode":
        """With one more attempt."""
        sources = self.sources if item.src in self.sources else (*self.sources, item.src)[:_SOURCES]
        return msgspec.structs.replace(
            self, newest=(*self.newest, item)[-KEPT:], count=self.count + 1, last=item.t, sources=sources
        )

    def proofs(self) -> tuple[Proof, ...]:
        """First and newest attempts, each once."""
        return (self.first, *(item for item in self.newest if item.id != self.first.id))


def continued(episode: Episode | None, item: Proof, gap: int) -> Episode:
    """``episode`` grown by ``item``, or a new one if none came for more than ``gap`` µs."""
    if episode is None or item.t - episode.last > gap:
        return Episode(item, (item,), 1, item.t, (item.src,))
    return episode.grow(item)


def regular(times: Iterable[int], shortest: int) -> bool:
    """Whether at least three instants follow each other at an even pace: a machine that repeats, not a person.

    Every interval lies within 5 % or two seconds of the median, and the median is at least ``shortest`` µs.
    """
    ordered = sorted(times)
    gaps = sorted(later - earlier for earlier, later in pairwise(ordered))
    if len(gaps) < 2 or (median := gaps[len(gaps) // 2]) < shortest:
        return False
    tolerance = max(median // 20, 2 * instant.SECOND)
    return all(abs(gap - median) <= tolerance for gap in gaps)


def system_of(host: str, t: int, ctx: Context) -> str:
    """The system that ``host`` is a node of at ``t`` (context ``assets``), else the host itself."""
    name = host.casefold()
    for candidate in dict.fromkeys((name, name.partition(".")[0])):
        for entry in ctx.as_of("assets", candidate, t):
            if entry.data.system:
                return f"system:{entry.data.system.casefold()}"
    return name


def tags_of(address: str, t: int, ctx: Context) -> frozenset[str]:
    """Tags of the asset that has ``address`` at ``t``."""
    return frozenset(tag for entry in ctx.as_of("assets", f"address:{address}", t) for tag in entry.data.tags)


def announced_scan(address: str, t: int, ctx: Context) -> bool:
    """Whether an announced scan runs from ``address`` at ``t``.

    Announced by a ``downtimes`` record whose source is the address or its asset's name and whose reason begins with
    ``scanner-announced``.
    """
    names = [address, *(entry.data.asset for entry in ctx.as_of("assets", f"address:{address}", t))]
    return any(
        entry.data.reason.startswith("scanner-announced") for name in names for entry in ctx.as_of("downtimes", name, t)
    )
