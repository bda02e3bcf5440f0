"""The workload of the fault tests is what it says: the embedded engine finds exactly what the oracle expects."""

import random

import pytest

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from schemas.context import Source
from streams.recording import Recording, read_sources
from streams.replay import judge
from tests.chaos.workload import Workload, make

RULESET = Ruleset(registry.load().values())


def judged(workload: Workload, raws, tmp_path) -> dict[str, dict]:
    (tmp_path / "sources.toml").write_text(workload.sources)
    sources: dict[str, Source] = read_sources(tmp_path / "sources.toml")
    verdict = judge(Recording(sources, list(raws), workload.context), RULESET, to=workload.truth_time)
    assert not verdict.dead
    assert not verdict.parked
    assert not verdict.gaps
    return {violation.id: violation.canonical() for violation in verdict.final}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_engine_finds_exactly_what_the_oracle_expects(seed, tmp_path):
    workload = make(seed, 200, noise=2_000)
    assert len(workload.expected) == 200
    assert judged(workload, workload.raws, tmp_path) == workload.expected
    shuffled = random.Random(seed).sample(workload.raws, len(workload.raws))
    assert judged(workload, shuffled, tmp_path) == workload.expected
