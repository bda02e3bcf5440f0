"""The workload of the fault tests: planted violations and near-misses as raw records, and the final set they must give.

``make`` is a pure function of its arguments. What is expected comes from ``tests/chaos/oracle``, never from the engine.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from random import Random
from types import ModuleType

import msgspec

from schemas.context import ContextRecord
from streams.stage import Raw
from tests.chaos import oracle
from tests.chaos.planting import files, firewalls, firm, logins, roots, silence
from tests.chaos.planting import noise as calm
from tests.chaos.planting.field import TRUTH, Field

Kind = Callable[[Field], int]

DETECTORS = (logins, firewalls, roots, files, silence)
_ONE = (logins, logins.attacked_over_connections)  # plants exactly one violation
_MOST = 3  # violations of one case
_SILENT = 120  # cases of sources that fall silent
PATIENCE = 2  # seconds


@dataclass(frozen=True)
class Workload:
    """Raw records in order of observed time, context, the sources' configuration, and the truth (µs; id -> document)."""

    raws: list[Raw]
    context: list[ContextRecord]
    sources: str
    truth_time: int
    expected: dict[str, dict]
    planted: Counter[str] = field(default_factory=Counter)


def make(seed: int, cases: int, noise: int = 0) -> Workload:
    """A workload with ``cases`` planted violations, as many near-misses, and ``noise`` further harmless raw records."""
    tell = _Clock()
    planted = Field(Random(seed))
    firm.found(planted)
    count = near = 0
    violations, near_misses = _Deck(planted.chance, "VIOLATIONS"), _Deck(planted.chance, "NEAR_MISSES")
    while count < cases:
        count += _plant(planted, violations.deal() if cases - count >= _MOST else _ONE)
        while near < count:
            _plant(planted, near_misses.deal())
            near += 1
    tell(f"planted {count} violations and {near} near-misses: {len(planted.raws)} records")
    for name, settings in planted.sources.items():
        planted.state("sources", {"source": name, **settings})
    for raw in planted.raws:
        if raw.o is not None:
            planted.world.heard.setdefault(raw.source, []).append(raw.o)
    expected = oracle.final(planted.world)
    tell(f"the oracle expects {len(expected)} violations")
    raws = [*planted.raws, *calm.records(Random(f"noise {seed}"), noise)]
    for raw in raws:
        if raw.source not in planted.sources:
            planted.sources[raw.source] = {"feed": raw.feed, "zone": "Asia/Taipei"}
            planted.state("sources", {"source": raw.source, **planted.sources[raw.source]})
    raws.sort(key=attrgetter("o"))
    _number(raws)
    tell(f"{len(raws)} records in order")
    return Workload(raws, planted.context, _toml(planted.sources), TRUTH, expected, planted.planted)


def kinds() -> Iterator[tuple[str, Kind]]:
    """Every kind of case, with the name under which it is counted."""
    for detector in DETECTORS:
        for kind in (*detector.VIOLATIONS, *detector.NEAR_MISSES):
            yield _name(detector, kind), kind


class _Clock:
    """Says how far the making has come, once it has taken two seconds."""

    def __init__(self) -> None:
        self._began = time.process_time()

    def __call__(self, text: str) -> None:
        spent = time.process_time() - self._began
        if spent > PATIENCE:
            sys.stderr.write(f"workload, {spent:.0f} s: {text}\n")


class _Deck:
    """Kinds of cases in random order, each dealt once before any comes again."""

    def __init__(self, chance: Random, which: str) -> None:
        self._chance = chance
        self._kinds = [(detector, kind) for detector in DETECTORS for kind in getattr(detector, which)]
        self._left: list[tuple[ModuleType, Kind]] = []
        self._silenced = 0

    def deal(self) -> tuple[ModuleType, Kind]:
        """The next kind; of sources that fall silent so many only, for each is a source of its own."""
        while True:
            if not self._left:
                self._left = self._chance.sample(self._kinds, len(self._kinds))
            detector, kind = self._left.pop()
            if detector is not silence:
                return detector, kind
            self._silenced += 1
            if self._silenced <= _SILENT:
                return detector, kind


def _name(detector: ModuleType, kind: Kind) -> str:
    """For example ``firewalls.unapproved``."""
    plain = kind.args[0] if isinstance(kind, partial) else kind
    return f"{detector.__name__.rpartition('.')[2]}.{plain.__name__}"


def _plant(planted: Field, dealt: tuple[ModuleType, Kind]) -> int:
    """Plant one case and count it; returns the number of its violations."""
    planted.planted[_name(*dealt)] += 1
    return dealt[1](planted)


def _number(raws: list[Raw]) -> None:
    """Give each record its place in its source's file, as a collector would tell it."""
    lines: Counter[str] = Counter()
    for place, raw in enumerate(raws):
        lines[raw.source] += 1
        raws[place] = msgspec.structs.replace(raw, line=lines[raw.source])


def _toml(sources: dict[str, dict]) -> str:
    parts = []
    for name, settings in sorted(sources.items()):
        parts.append(f'[sources."{name}"]')
        parts += [f"{key} = {_value(value)}" for key, value in settings.items()]
    return "\n".join(parts) + "\n"


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'
