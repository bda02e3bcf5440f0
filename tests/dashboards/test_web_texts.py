"""Every text exists in both languages, with the same places to fill."""

from pathlib import Path
from string import Formatter

import pytest

from dashboards.reports.tally import Coverage, Result
from dashboards.texts import LANGUAGES, texts
from dashboards.web import health
from detectors.kit import registry
from detectors.kit.registry import Ruleset
from schemas.control import catalogue
from schemas.violation import Change, Severity, State
from streams.recording import read_folder
from streams.replay import judge
from streams.simulator import simulate


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_catalogues_have_the_same_keys() -> None:
    assert set(texts("zh-TW").entries) == set(texts("en").entries)


def test_both_catalogues_fill_the_same_places() -> None:
    chinese, english = texts("zh-TW").entries, texts("en").entries
    assert {key for key in chinese if places(chinese[key]) != places(english[key])} == set()


def test_no_text_is_empty() -> None:
    assert [(lang, key) for lang in LANGUAGES for key, text in texts(lang).entries.items() if not text.strip()] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_word_of_the_schemas_has_a_text(lang: str) -> None:
    words = texts(lang).entries
    needed = [f"severity.{word}" for word in Severity] + [f"state.{word}" for word in State]
    needed += [f"state_explain.{word}" for word in State] + [f"change.{word}" for word in Change]
    needed += [f"coverage.{word}" for word in Coverage.__args__] + [f"result.{word}" for word in Result.__args__]
    needed += [f"health.{word}" for word in health.Verdict.__args__]
    needed += [f"monitoring.{mode}" for control in catalogue().controls for mode in control.monitoring]
    needed += [f"frequency.{control.frequency}" for control in catalogue().controls if control.frequency]
    assert [key for key in needed if key not in words] == []


def test_an_unknown_detector_is_called_by_its_id() -> None:
    assert texts("en").name("detector", "a_detector_of_tomorrow") == "a_detector_of_tomorrow"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_subtype_of_every_detector_has_a_name(lang: str) -> None:
    told = {key.removeprefix("subtype.") for key in texts(lang).entries if key.startswith("subtype.")}
    known = {subtype for loaded in registry.load().values() for subtype in loaded.detector.subtypes}
    assert known - told == set()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_reason_that_a_simulated_firm_brings_about_is_explained(lang: str, tmp_path: Path) -> None:
    simulate(seed=1, days=2, rate=0, out=tmp_path / "logs")
    found = judge(read_folder(tmp_path / "logs"), Ruleset(registry.load().values())).final
    assert {reason for item in found for reason in item.reasons} - {
        key.removeprefix("reason.") for key in texts(lang).entries if key.startswith("reason.")
    } == set()
