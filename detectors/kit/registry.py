"""Finds the detectors: every module of ``detectors`` that holds ``detector``; its name is the id. Checks them at load."""

import hashlib
import importlib
import inspect
import pkgutil
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType, ModuleType
from typing import Generic, TypeVar

import detectors
from detectors.kit.contract import Detector, Fold, Keying
from schemas import control, identity
from schemas.event import Activity, SecurityEvent
from schemas.identity import Key

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A detector with its id, documentation and version (SHA-256 of its source and catalogue records)."""

    id: str
    detector: Detector
    title: str
    doc: str
    version: str


def _version(module: ModuleType, detector: Detector) -> str:
    state = hashlib.sha256()
    # Folds may live in a package of their own beside the detector: all of it counts.
    packages = {fold.step.__module__.rpartition(".")[0] for fold in detector.folds} - {"detectors"}
    parts = (info.name for name in packages for info in pkgutil.iter_modules(importlib.import_module(name).__path__, f"{name}."))
    for name in (module.__name__, *sorted(parts)):
        state.update(inspect.getsource(importlib.import_module(name)).replace("\r\n", "\n").encode())
    for clause in detector.clauses:
        state.update(control.controls()[clause].model_dump_json().encode())
    return state.hexdigest()


def _check(name: str, detector: Detector) -> None:
    known = control.controls()
    for clause in detector.clauses:
        if clause not in known or not known[clause].duty:
            near = get_close_matches(clause, known, n=1)
            raise ValueError(f"detectors/{name}.py: {clause!r} is no clause of the catalogue; nearest: {near}")
    kinds = control.catalogue().feeds
    for kind in (*detector.feeds, *detector.requires):
        if kind not in kinds:
            raise ValueError(f"detectors/{name}.py: {kind!r} is no feed kind; nearest: {get_close_matches(kind, kinds, n=1)}")
    names = [fold.name for fold in detector.folds]
    if len(set(names)) != len(names):
        raise ValueError(f"detectors/{name}.py: fold names must differ: {names}")
    for fold in detector.folds:
        if unknown := fold.activities - set(Activity):
            raise ValueError(f"detectors/{name}.py: fold {fold.name}: unknown activities {sorted(unknown)}")
        if fold.where is not None and fold.where[0] not in SecurityEvent.__struct_fields__:
            raise ValueError(f"detectors/{name}.py: fold {fold.name} asks for attribute {fold.where[0]!r}, which no event has")
        if Activity.FACT in fold.activities and fold.stage == 0:
            raise ValueError(f"detectors/{name}.py: fold {fold.name} reads facts, so its stage must be at least 1")


@cache
def load() -> Mapping[str, Loaded]:
    """All detectors by id.

    Raises:
        TypeError: a module in ``detectors`` has no ``detector = Detector(...)``.
        ValueError: a clause, feed kind or activity does not exist, or folds contradict each other.
    """
    loaded: dict[str, Loaded] = {}
    for info in pkgutil.iter_modules(detectors.__path__):
        if info.ispkg:
            continue
        module = importlib.import_module(f"detectors.{info.name}")
        detector = getattr(module, "detector", None)
        if not isinstance(detector, Detector):
            raise TypeError(f"detectors/{info.name}.py has no 'detector = Detector(...)'; a detector module holds exactly one")
        _check(info.name, detector)
        doc = inspect.getdoc(module) or ""
        loaded[info.name] = Loaded(
            id=info.name, detector=detector, title=doc.partition("\n")[0], doc=doc, version=_version(module, detector)
        )
    return MappingProxyType(loaded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One fold of one detector, ready to route to."""

    detector: Loaded
    fold: Fold
    index: int
    id: str = field(init=False)
    """``<detector>/<fold>``."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", f"{self.detector.id}/{self.fold.name}")


class Ruleset:
    """The folds in force, indexed by activity and by kind of key."""

    def __init__(self, chosen: Iterable[Loaded]) -> None:
        self.detectors = tuple(chosen)
        told = "".join(f"{loaded.id} {loaded.version}\n" for loaded in self.detectors)
        self.version = hashlib.sha256(told.encode()).hexdigest()
        """The detectors and their versions, in one word."""
        self.rules = tuple(
            Rule(detector=loaded, fold=fold, index=index)
            for index, (loaded, fold) in enumerate((d, f) for d in self.detectors for f in d.detector.folds)
        )
        keyings: dict[str, Keying] = {}
        for rule in self.rules:
            keying = keyings.setdefault(rule.fold.keying.kind, rule.fold.keying)
            if keying.of is not rule.fold.keying.of:
                raise ValueError(f"key kind {keying.kind!r} is declared with two different functions (second: {rule.id})")
        kinds: dict[str, _Candidates[Keying]] = {}
        routes: dict[tuple[str, str], _Candidates[Rule]] = {}
        for rule in self.rules:
            keying = keyings[rule.fold.keying.kind]
            for activity in rule.fold.activities:
                where = ("action", rule.fold.facts) if activity == Activity.FACT else rule.fold.where
                kinds.setdefault(activity, _Candidates()).add(keying, where)
                routes.setdefault((keying.kind, activity), _Candidates()).add(rule, where)
        for by_activity in kinds.values():
            by_activity.index()
        for by_route in routes.values():
            by_route.index()
        self._keyings, self._rules = kinds, routes

    @property
    def activities(self) -> Container[str]:
        """Activities that a fold asks for."""
        return self._keyings

    def routes(self, event: SecurityEvent) -> list[tuple[str, Key]]:
        """(kind, key) pairs under which ``event`` is judged; empty if no fold wants it."""
        candidates = self._keyings.get(event.activity)
        if candidates is None:
            return []
        return [(keying.kind, key) for keying in candidates.of(event) if (key := keying.of(event)) is not None]

    def places(self, event: SecurityEvent, partitions: int) -> dict[int, list[tuple[str, Key]]]:
        """Partition -> the (kind, key) pairs under which it judges ``event``; empty if no fold wants it."""
        routes = self.routes(event)
        if partitions == 1 and routes:
            return {0: routes}
        places: dict[int, list[tuple[str, Key]]] = {}
        for kind, key in routes:
            places.setdefault(identity.partition(kind, key, partitions), []).append((kind, key))
        return places

    def interested(self, kind: str, event: SecurityEvent) -> tuple[Rule, ...]:
        """Folds keyed by ``kind`` that want ``event``."""
        candidates = self._rules.get((kind, event.activity))
        return () if candidates is None else candidates.of(event)


class _Candidates(Generic[T]):
    """What an event may concern: what wants every one, and what is found by a value that it must have."""

    def __init__(self) -> None:
        self._items: list[T] = []
        self._always: frozenset[int] = frozenset()
        self._by_value: dict[str, dict[str, frozenset[int]]] = {}
        self._found: dict[str, dict[str, tuple[T, ...]]] = {}  # the same with what wants every one, in order
        self._else: tuple[T, ...] = ()

    def add(self, item: T, where: tuple[str, frozenset[str]] | None) -> None:
        """``item`` wants every event, or those whose attribute has one of the values."""
        place = next((place for place, known in enumerate(self._items) if known is item), len(self._items))
        self._items[place:] = self._items[place:] or [item]
        if where is None:
            self._always |= {place}
        else:
            values = self._by_value.setdefault(where[0], {})
            for value in where[1]:
                values[value] = values.get(value, frozenset()) | {place}

    def index(self) -> None:
        """Everything has been added."""
        self._else = self._ordered(self._always)
        self._found = {
            attribute: {value: self._ordered(self._always | places) for value, places in values.items()}
            for attribute, values in self._by_value.items()
        }

    def of(self, event: SecurityEvent) -> tuple[T, ...]:
        """Each that wants ``event``, once, in the order in which they were added."""
        if len(self._found) == 1:
            ((attribute, values),) = self._found.items()
            return values.get(getattr(event, attribute), self._else)
        hits: list[tuple[str, str]] = []
        found = self._else
        for attribute, values in self._found.items():
            value = getattr(event, attribute)
            hit = values.get(value)
            if hit is not None:
                found = hit
                hits.append((attribute, value))
        if len(hits) < 2:
            return found
        return self._ordered(self._always.union(*(self._by_value[attribute][value] for attribute, value in hits)))

    def _ordered(self, places: frozenset[int]) -> tuple[T, ...]:
        return tuple(self._items[place] for place in sorted(places))
