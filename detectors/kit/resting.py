"""Keys that rest: in the stored records only, not in memory, until an event, a deadline or a trim asks for one of them.

A key may rest if nothing has to be told of it and nothing that comes for other keys can change it: no findings, facts or
crashed events, and no context looked up. Most keys of a long memory are such: a count, a few buffered events.
"""

from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import msgspec

from detectors.kit.corrections import MARGIN
from detectors.kit.keyed import KeyedFold
from detectors.kit.registry import Ruleset
from schemas import instant
from schemas.identity import Key


class Records(Protocol):
    """The stored state of one partition: records by name, as last written."""

    def get(self, name: str) -> bytes | None:
        """The record; None: there is none."""
        ...

    def kind(self, kind: str) -> Iterable[tuple[str, bytes]]:
        """All records of a kind, which is the first part of their name."""
        ...


class Resting(Records, Protocol):
    """Records beside which it is kept which keys rest, by the names of their heads."""

    def lay(self, rows: Iterable[tuple[str, int | None, int | None]]) -> None:
        """Note names that rest, each with the hour in which a trim and the instant (µs) at which a deadline asks for it."""
        ...

    def wake(self, name: str) -> bool:
        """Forget that it rests; whether it did."""
        ...

    def awake(self) -> Iterable[tuple[str, bytes, bytes | None]]:
        """Heads whose key does not rest: name, head, and segment 0, which most keys have alone."""
        ...

    def wake_all(self) -> None:
        """Forget of all that they rest."""
        ...

    def passing(self, hour: int) -> list[str]:
        """What rests and is asked for by trims up to ``hour``."""
        ...

    def due(self, until: int) -> list[str]:
        """What rests and is asked for by deadlines up to ``until`` (µs)."""
        ...

    def resting(self) -> int:
        """How many rest."""
        ...


class Rests:
    """The resting keys of one engine. ``read``: makes a key of its records, given the name of its head."""

    def __init__(self, records: Resting, ruleset: Ruleset, read: Callable[[str], KeyedFold]) -> None:
        self._records = records
        self._ids = [rule.id for rule in ruleset.rules]
        self._index = {rule.id: rule.index for rule in ruleset.rules}
        self._read = read
        self.count = records.resting()

    def lay(self, keys: Iterable[KeyedFold]) -> None:
        """Let ``keys`` rest; what they hold has been written."""
        self.leave([(named("h", keyed.rule.id, *keyed.key), _hour(passing(keyed)), keyed.tail.deadline) for keyed in keys])

    def leave(self, rows: Sequence[tuple[str, int | None, int | None]]) -> None:
        """Let keys rest that have not been read; see :meth:`Resting.lay`."""
        self._records.lay(rows)
        self.count += len(rows)

    def wake(self, place: tuple[int, Key]) -> KeyedFold | None:
        """The key at ``place``, not yet folded; None: none rests there."""
        name = named("h", self._ids[place[0]], *place[1])
        if not self._records.wake(name):
            return None
        self.count -= 1
        return self._read(name)

    def passing(self, hour: int) -> Iterator[tuple[int, Key]]:
        """Places that a trim in ``hour`` should look at."""
        return (self._place(name) for name in self._records.passing(hour))

    def due(self, until: int) -> Iterator[tuple[int, Key]]:
        """Places whose deadline has come by ``until`` (µs)."""
        return (self._place(name) for name in self._records.due(until))

    def _place(self, name: str) -> tuple[int, Key]:
        _, rule, *key = msgspec.json.decode(name)
        return self._index[rule], tuple(key)


class Pulse(msgspec.Struct, array_like=True, frozen=True):
    """What is stored of a key so that it can rest after a restart without being folded.

    ``quiet``: it may; ``passes``: when a trim may find something to do (µs; None: never); ``deadline``: its next (µs). The two
    may be too early, since they are not written anew when they have passed: then it is woken in vain.
    """

    quiet: bool = False
    passes: int | None = None
    deadline: int | None = None

    def with_(self, other: "Pulse") -> "Pulse":
        """Of two records of one key, whichever was written last."""
        return Pulse(self.quiet and other.quiet, _first(self.passes, other.passes), _first(self.deadline, other.deadline))

    def row(self, name: str) -> tuple[str, int | None, int | None]:
        """As :meth:`Resting.lay` takes it."""
        return name, _hour(self.passes), self.deadline


def pulse(keyed: KeyedFold, asking: Container[Hashable]) -> Pulse:
    """Of ``keyed`` now."""
    return Pulse(quiet(keyed, asking), passing(keyed), keyed.tail.deadline)


def quiet(keyed: KeyedFold, asking: Container[Hashable]) -> bool:
    """Whether ``keyed`` may rest; ``asking``: places of keys that have looked up context."""
    return not keyed.used and not keyed.parked and keyed.place not in asking


def passing(keyed: KeyedFold) -> int | None:
    """From when on (observed time, µs) a trim changes ``keyed`` if no event comes; None: never. Of a key without results."""
    fold, base = keyed.rule.fold, keyed.base
    if keyed.orders:
        since = keyed.orders[0][0]
    elif base == fold.init or keyed.base_order is None:
        return 0
    elif base.deadline is not None:
        since = base.deadline
    elif fold.forgets_after is not None:
        since = keyed.base_order[0] + fold.forgets_after
    else:
        return None
    return since + fold.retention + MARGIN


def size(keys: Iterable[KeyedFold]) -> int:
    """Keys and their buffered events."""
    return sum(1 + len(keyed.orders) for keyed in keys)


def longest_silent(keys: Iterable[KeyedFold], room: int) -> list[KeyedFold]:
    """So many of ``keys``, whose last events are the oldest, that their size is ``room`` if it can be."""
    chosen: list[KeyedFold] = []
    for keyed in sorted(keys, key=lambda keyed: keyed.orders[-1][0] if keyed.orders else 0):
        if room <= 0:
            break
        room -= 1 + len(keyed.orders)
        chosen.append(keyed)
    return chosen


def named(*parts: Any) -> str:
    """The name of a stored record."""
    return msgspec.json.encode(parts).decode()


def _hour(at: int | None) -> int | None:
    return None if at is None else at // instant.HOUR


def _first(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else min(one, other)
