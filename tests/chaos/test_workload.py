"""The workload of the fault tests is what it says: the embedded engine finds exactly what the oracle expects."""

import ast
import random
import sys
from functools import cache
from pathlib import Path

import pytest

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from streams.recording import Recording, read_sources
from streams.replay import judge
from tests.chaos import oracle, workload
from tests.chaos.oracle import files, firewalls, logins, requests, roots, silence
from tests.chaos.planting import firm
from tests.chaos.planting.field import HOUR, SECOND, Field
from tests.chaos.world import portions

RULESET = Ruleset(registry.load().values())
CASES = 250  # enough for every kind to occur
make = cache(workload.make)


def judged(made, raws, tmp_path):
    (tmp_path / "sources.toml").write_text(made.sources)
    recording = Recording(read_sources(tmp_path / "sources.toml"), list(raws), made.context)
    verdict = judge(recording, RULESET, to=made.truth_time)
    assert (verdict.dead, verdict.parked, verdict.gaps) == ([], [], [])
    return {violation.id: violation.canonical() for violation in verdict.final}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_engine_finds_exactly_what_the_oracle_expects(seed, tmp_path):
    made = make(seed, CASES, 2_000)
    assert len(made.expected) == CASES
    assert [raw.o for raw in made.raws] == sorted(raw.o for raw in made.raws)
    assert judged(made, made.raws, tmp_path) == made.expected


def test_engine_finds_it_in_any_order(tmp_path):
    made = make(1, CASES, 2_000)
    assert judged(made, random.Random(1).sample(made.raws, len(made.raws)), tmp_path) == made.expected


def test_every_kind_of_case_occurs():
    assert {name for name, _ in workload.kinds()} - {*make(1, CASES, 2_000).planted} == set()


@pytest.mark.parametrize(("name", "kind"), workload.kinds(), ids=lambda value: value if isinstance(value, str) else "")
def test_each_kind_plants_as_many_violations_as_it_says(name, kind):
    for seed in range(3):
        field = Field(random.Random(seed))
        firm.found(field)
        count = kind(field)
        field.world.tables["sources"] += [{"source": source, **settings} for source, settings in field.sources.items()]
        for raw in field.raws:
            field.world.heard.setdefault(raw.source, []).append(raw.o)
        assert len(oracle.final(field.world)) == count


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (logins, "THIRD", 4), (logins, "CUT_WITHIN", 10 * SECOND - 1), (logins, "SPRAYED", 13), (logins, "MEMORY", 48 * HOUR),
        (requests, "SKEW", 0), (requests, "GRACE", 4 * HOUR), (requests, "RATIFY", 48 * HOUR), (requests, "BACKDATED", 48 * HOUR),
        (firewalls, "COPY", 0), (roots, "RECORDED", 30 * HOUR), (roots, "BRIEF", 0), (files, "DUTIES", ()),
        (files, "MEMORY", 48 * HOUR), (silence, "PULSE", 1), (silence, "ABSENT", 23 * HOUR),
    ],
)  # fmt: skip
def test_a_broken_oracle_would_be_seen(module, name, value, monkeypatch):
    right = make(1, CASES, 2_000).expected  # what the engine finds as well
    monkeypatch.setattr(module, name, value)
    assert workload.make(1, CASES).expected != right


def test_the_oracle_shares_no_code_with_what_it_judges():
    allowed = {"schemas.control", "tests.chaos.oracle"}
    sources = [*Path(oracle.__file__).parent.glob("*.py")]
    assert len(sources) > 5
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, path
                names = [node.module]
            for name in names:
                assert name.partition(".")[0] in sys.stdlib_module_names or name in allowed or name.startswith("tests.chaos.oracle."), (path, name)


def test_one_seed_makes_one_workload():
    assert workload.make(4, 20, 100) == workload.make(4, 20, 100)
    assert workload.make(4, 20).expected == workload.make(4, 20, 100).expected  # noise is harmless
    assert workload.make(4, 20).expected != workload.make(5, 20).expected


@pytest.mark.parametrize("count", [1, 3, 62, 400])
def test_portions_are_as_many_as_asked_for_and_the_whole_stream_in_order(count):
    made = make(1, CASES, 2_000)
    found = list(portions(made, count))
    assert len(found) == count
    assert [raw for order, _ in found for raw in order.raws] == made.raws
    reached = [until for _, until in found]
    assert reached == sorted(reached)
    assert reached[-1] == made.truth_time
    assert all(raw.o >= until for until, (order, _) in zip(reached, found[1:], strict=False) for raw in order.raws)
