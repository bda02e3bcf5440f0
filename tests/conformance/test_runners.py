"""One suite over every runner: the same recording gives the same final set, in order and shuffled, through restarts too."""

import random
from pathlib import Path

import pytest

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from streams.recording import Recording, read_folder
from streams.simulator import simulate
from tests.conformance import runners
from tests.kit import scenarios

RULESET = Ruleset(registry.load().values())
CASES = [next(c for c in scenarios.read(p) if bool(c.expect) is due) for p in sorted(scenarios.FOLDER.glob("*.yaml")) for due in (True, False)]


@pytest.fixture(scope="module")
def firm(tmp_path_factory) -> Recording:
    out: Path = tmp_path_factory.mktemp("firm") / "logs"
    simulate(seed=7, days=2, rate=0.02, out=out)
    return read_folder(out)


@pytest.fixture(scope="module")
def truth(firm) -> list[dict]:
    return runners.canonical(runners.in_process(firm, RULESET, None))


def shuffled(recording: Recording, seed: int) -> Recording:
    raws = list(recording.raws)
    random.Random(seed).shuffle(raws)
    return Recording(sources=recording.sources, raws=raws, context=recording.context)


def test_in_process_does_not_depend_on_the_order_of_lines(firm, truth):
    assert len(truth) > 100
    assert runners.canonical(runners.in_process(shuffled(firm, 1), RULESET, None)) == truth


def test_embedded_agrees(firm, truth, tmp_path):
    assert runners.canonical(runners.embedded(firm, RULESET, None, tmp_path)) == truth


def test_embedded_agrees_through_restarts(firm, truth, tmp_path):
    assert runners.canonical(runners.embedded(shuffled(firm, 2), RULESET, None, tmp_path, restart_every=7)) == truth


@pytest.mark.services
def test_kafka_agrees(firm, truth, kafka, topic_prefix):
    assert runners.canonical(runners.kafka(firm, RULESET, None, kafka.bootstrap, topic_prefix)) == truth


@pytest.mark.services
@pytest.mark.parametrize("case", CASES, ids=str)
def test_kafka_judges_the_scenarios(case, kafka, topic_prefix):
    found = runners.kafka(case.recording, RULESET, case.until, kafka.bootstrap, topic_prefix)
    assert not scenarios.differences(case, found)
