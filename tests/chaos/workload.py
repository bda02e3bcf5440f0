"""The workload of the fault tests: planted violations and near-misses as raw records, and the final set they must give.

``make`` is a pure function of its arguments. What is expected comes from ``tests/chaos/oracle``, never from the engine.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from random import Random
from types import ModuleType

import msgspec

from schemas import tables
from schemas.context import ContextRecord
from streams.stage import Raw
from tests.chaos import oracle
from tests.chaos.planting import firewalls, firm, logins, roots
from tests.chaos.planting import noise as calm
from tests.chaos.planting.field import TRUTH, Field

_DETECTORS = (logins, firewalls, roots)
_ONE = logins.attacked_over_connections  # plants exactly one violation


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
    began = time.process_time()
    planted = Field(Random(seed))
    firm.found(planted)
    count = near = 0
    while count < cases:
        detector = planted.chance.choice(_DETECTORS)
        kind = planted.chance.choice(detector.VIOLATIONS) if cases - count >= 3 else _ONE
        planted.planted[_name(detector, kind)] += 1
        count += kind(planted)
        while near < count:
            detector = planted.chance.choice(_DETECTORS)
            kind = planted.chance.choice(detector.NEAR_MISSES)
            planted.planted[_name(detector, kind)] += 1
            kind(planted)
            near += 1
    calm_records = list(calm.records(Random(f"noise {seed}"), noise))
    planted.sources |= {raw.source: {"feed": raw.feed, "zone": "Asia/Taipei"} for raw in calm_records}
    for name, settings in planted.sources.items():
        planted.context.append(tables.envelope("sources", {"source": name, **settings}))
    expected = oracle.final(planted.world)
    raws = [*planted.raws, *calm_records]
    raws.sort(key=attrgetter("o"))
    _number(raws)
    if (spent := time.process_time() - began) > 2:
        sys.stderr.write(f"workload of {cases} cases, {len(raws)} records: made in {spent:.0f} s\n")
    return Workload(raws, planted.context, _toml(planted.sources), TRUTH, expected, planted.planted)


def _name(detector: ModuleType, kind: Callable[[Field], int]) -> str:
    """Name of a kind of case, for example ``firewalls.unapproved``."""
    plain = kind.args[0] if isinstance(kind, partial) else kind
    return f"{detector.__name__.rpartition('.')[2]}.{plain.__name__}"


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
        parts += [f'{key} = "{value}"' for key, value in settings.items()]
    return "\n".join(parts) + "\n"
