"""The bitemporal context of one partition: what is known, and which keys asked for it."""

from collections.abc import Hashable

from detectors.kit.contract import Entry
from schemas import tables
from schemas.approval import Approval
from schemas.context import ContextRecord, Interval

Entity = tuple[str, str]


class ContextStore:
    """Records by (table, entity), and the readers to re-judge when one of them changes."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], ContextRecord] = {}
        self._entries: dict[Entity, dict[str, Entry]] = {}
        self._sorted: dict[Entity, tuple[Entry, ...]] = {}
        self._readers: dict[Entity, set[Hashable]] = {}

    def put(self, record: ContextRecord) -> set[Hashable] | None:
        """Take ``record``; return the readers it concerns, or None if it changed nothing.

        Of two statements with one id the later (then the greater content) stands; of two copies the earlier observed.
        """
        place = (record.table, record.id)
        old = self._records.get(place)
        if old is not None:
            if old.data == record.data and old.t == record.t:
                if record.o >= old.o:
                    return None
            elif (record.t, repr(record.data)) < (old.t, repr(old.data)):
                return None
        typed = tables.model(record)
        touched: set[Entity] = set()
        if old is not None:
            for entity in self._entities(old):
                self._entries[entity].pop(record.id, None)
                touched.add(entity)
        self._records[place] = record
        entry = Entry(record.id, record.t, record.o, typed, record.source)
        for entity in self._entities(record):
            self._entries.setdefault(entity, {})[record.id] = entry
            touched.add(entity)
        readers: set[Hashable] = set()
        for entity in touched:
            self._sorted.pop(entity, None)
            readers |= self._readers.get(entity, set())
        return readers

    def record(self, table: str, id_: str) -> ContextRecord:
        """The statement that stands; raises KeyError if there is none."""
        return self._records[(table, id_)]

    def read(self, table: str, entity: str, reader: Hashable) -> tuple[Entry, ...]:
        """Entries under (table, entity), ordered by (t, id); ``reader`` is remembered, also when there are none."""
        place = (table, entity)
        readers = self._readers.get(place)
        if readers is None:
            readers = self._readers[place] = set()
        readers.add(reader)
        entries = self._sorted.get(place)
        if entries is None:
            found = self._entries.get(place)
            entries = tuple(sorted(found.values(), key=_by_time)) if found else ()
            self._sorted[place] = entries
        return entries

    @staticmethod
    def _entities(record: ContextRecord) -> list[Entity]:
        return [(record.table, entity) for entity in set(tables.entities(record.table, tables.model(record)))]


def _by_time(entry: Entry) -> tuple[int, str]:
    return (entry.t, entry.id)


class View:
    """Context as one key's folds see it: look-ups are remembered under the key.

    ``until``: statements observed later do not count for the event in hand, whenever they arrive: what a fold knows of an
    event is a matter of the records' times, not of luck. None: everything counts.
    """

    __slots__ = ("_reader", "_store", "until")

    def __init__(self, store: ContextStore, reader: Hashable) -> None:
        self._store = store
        self._reader = reader
        self.until: int | None = None

    def all(self, table: str, entity: str) -> tuple[Entry, ...]:
        """See :class:`detectors.kit.contract.Context`."""
        entries = self._store.read(table, entity, self._reader)
        until = self.until
        return entries if until is None or not entries else tuple(entry for entry in entries if entry.o <= until)

    def as_of(self, table: str, entity: str, t: int) -> tuple[Entry, ...]:
        """See :class:`detectors.kit.contract.Context`. Of approvals: the snapshots stated by then."""
        return tuple(entry for entry in self.all(table, entity) if _in_force(entry, t))


def _in_force(entry: Entry, t: int) -> bool:
    data = entry.data
    if isinstance(data, Interval):
        return data.holds(t)
    return isinstance(data, Approval) and data.updated <= t
