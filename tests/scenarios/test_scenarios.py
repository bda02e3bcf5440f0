"""Every scenario file through the engine: the readable cases are the detectors' documentation."""

import pytest

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from streams.replay import judge
from tests.kit import scenarios

RULESET = Ruleset(registry.load().values())


@pytest.mark.parametrize("scenario", scenarios.load(), ids=str)
def test_scenario(scenario):
    verdict = judge(scenario.recording, RULESET, to=scenario.until)
    assert not verdict.parked
    assert len(verdict.dead) == scenario.unreadable
    assert not scenarios.differences(scenario, verdict.final)


def test_every_detector_has_a_scenario_file():
    files = {path.stem for path in scenarios.FOLDER.glob("*.yaml")}
    assert files == set(registry.load())


@pytest.mark.parametrize("detector", registry.load())
def test_scenarios_show_a_violation_and_a_complying_case(detector):
    cases = scenarios.read(scenarios.FOLDER / f"{detector}.yaml")
    assert any(case.expect for case in cases)
    assert any(not case.expect for case in cases)
