"""The bitemporal context of one partition: what is known, and which keys asked for it."""

from collections.abc import Container, Hashable
from itertools import chain
from typing import NamedTuple

import msgspec

from detectors.kit.contract import Entry
from schemas import tables
from schemas.approval import Approval
from schemas.context import ContextRecord, Interval

Entity = tuple[str, str]


class Standing(NamedTuple):
    """An entry, and from which observed time on another statement of its record stands in its place (None: it still does)."""

    entry: Entry
    until: int | None


class ContextStore:
    """Statements by (table, id) and by (table, entity), and the readers to re-judge when one of them changes.

    A statement stands until a later one of the same id has been observed: who looks as of an earlier observed time still
    sees it. Kept are only those that somebody could see.
    """

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], tuple[ContextRecord, ...]] = {}
        self._entries: dict[Entity, dict[str, tuple[Standing, ...]]] = {}
        self._sorted: dict[Entity, tuple[Standing, ...]] = {}
        self._readers: dict[Entity, set[Hashable]] = {}
        self.asking: set[Hashable] = set()
        """Every reader that has asked for anything."""

    def put(self, record: ContextRecord) -> set[Hashable] | None:
        """Take ``record``; return the readers it concerns, or None if it changed nothing.

        Of two statements with one id the later (then the greater content) stands; of two copies the earlier observed.
        """
        place = (record.table, record.id)
        old = self._records.get(place, ())
        new = _standing((*old, record))
        if new == old:
            return None
        typed = [(statement, tables.model(statement)) for statement in new]
        touched = {entity for statement in old for entity in self._entities(statement)}
        for entity in touched:
            self._entries[entity].pop(record.id, None)
        self._records[place] = new
        for (statement, data), after in zip(typed, [*(later.o for later in new[1:]), None], strict=True):
            entry = Entry(statement.id, statement.t, statement.o, data, statement.source)
            for entity in self._entities(statement):
                own = self._entries.setdefault(entity, {})
                own[record.id] = (*own.get(record.id, ()), Standing(entry, after))
                touched.add(entity)
        readers: set[Hashable] = set()
        for entity in touched:
            self._sorted.pop(entity, None)
            readers |= self._readers.get(entity, set())
        return readers

    def statements(self, table: str, id_: str) -> tuple[ContextRecord, ...]:
        """What is kept of one record, the newest last; raises KeyError if there is nothing."""
        return self._records[(table, id_)]

    def read(self, table: str, entity: str, reader: Hashable) -> tuple[Standing, ...]:
        """Entries under (table, entity), ordered by (t, id); ``reader`` is remembered, also when there are none."""
        place = (table, entity)
        readers = self._readers.get(place)
        if readers is None:
            readers = self._readers[place] = set()
        readers.add(reader)
        self.asking.add(reader)
        entries = self._sorted.get(place)
        if entries is None:
            found = self._entries.get(place)
            entries = tuple(sorted(chain.from_iterable(found.values()), key=_by_time)) if found else ()
            self._sorted[place] = entries
        return entries

    def forget(self, alive: Container[Hashable]) -> None:
        """Forget which readers that are no longer ``alive`` asked, and what was asked for by none but them."""
        self.asking = {reader for reader in self.asking if reader in alive}
        for place, readers in list(self._readers.items()):
            left = {reader for reader in readers if reader in alive}
            if left:
                self._readers[place] = left
            else:
                del self._readers[place]
                self._sorted.pop(place, None)

    @staticmethod
    def _entities(record: ContextRecord) -> list[Entity]:
        return [(record.table, entity) for entity in set(tables.entities(record.table, tables.model(record)))]


def _standing(statements: tuple[ContextRecord, ...]) -> tuple[ContextRecord, ...]:
    """Those that stand at some observed time: a later statement that was observed earlier hides the others for good."""
    kept: list[ContextRecord] = []
    for statement in sorted(statements, key=_weight, reverse=True):
        if not kept or statement.o < kept[-1].o:
            kept.append(statement)
    return tuple(reversed(kept))


def _weight(record: ContextRecord) -> tuple[int, bytes, int, str]:
    return (record.t, msgspec.json.encode(record.data, order="sorted"), -record.o, record.source)


def _by_time(standing: Standing) -> tuple[int, str]:
    return (standing.entry.t, standing.entry.id)


class View:
    """Context as the fold and key in hand see it, for all of an engine: look-ups are remembered under ``reader``.

    ``until``: statements observed later do not count for the event in hand, whenever they arrive: what a fold knows of an
    event is a matter of the records' times, not of luck. None: everything counts.
    """

    __slots__ = ("_store", "reader", "until")

    def __init__(self, store: ContextStore, reader: Hashable = None) -> None:
        self._store = store
        self.reader = reader
        self.until: int | None = None

    def all(self, table: str, entity: str) -> tuple[Entry, ...]:
        """See :class:`detectors.kit.contract.Context`."""
        found = self._store.read(table, entity, self.reader)
        until = self.until
        if not found:
            return ()
        if until is None:
            return tuple([entry for entry, gone in found if gone is None])
        return tuple([entry for entry, gone in found if entry.o <= until and (gone is None or gone > until)])

    def as_of(self, table: str, entity: str, t: int) -> tuple[Entry, ...]:
        """See :class:`detectors.kit.contract.Context`. Of approvals: the snapshots stated by then."""
        found = self.all(table, entity)
        return tuple([entry for entry in found if _in_force(entry, t)]) if found else found


def _in_force(entry: Entry, t: int) -> bool:
    data = entry.data
    if isinstance(data, Interval):
        return data.holds(t)
    return isinstance(data, Approval) and data.updated <= t
