"""Every text exists in both languages, with the same places to fill."""

from string import Formatter

import pytest

from dashboards.reports.tally import Coverage, Result
from dashboards.texts import LANGUAGES, texts
from dashboards.web import health
from schemas.control import catalogue
from schemas.violation import Change, Severity, State


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
