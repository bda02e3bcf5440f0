"""Words of pages and reports: one catalogue file for each language, looked up by key.

``locale/<language>.toml`` holds every text; both files have the same keys (tested). Keys are dotted, as in
``[state] open = …`` → ``state.open``.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

Language = Literal["zh-TW", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
DEFAULT: Language = "zh-TW"


@dataclass(frozen=True, slots=True)
class Texts:
    """All texts in one language."""

    language: Language
    entries: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """The text of ``key`` with ``{name}`` places filled.

        Raises:
            KeyError: no such key (a mistake of ours: keys are never taken from data).
        """
        return self.entries[key].format(**values)

    def raw(self, key: str) -> str:
        """The text of ``key`` with its ``{name}`` places left open, for a script to fill."""
        return self.entries[key]

    def name(self, kind: str, word: str) -> str:
        """What ``word`` of ``kind`` (detector, subtype, subject …) is called, or the word itself if it has no entry."""
        return self.entries.get(f"{kind}.{word}", word)

    @property
    def other(self) -> "Texts":
        """The same texts in the other language, for bilingual pages."""
        return texts("en" if self.language == "zh-TW" else "zh-TW")


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    entries: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            entries |= _flat(value, f"{prefix}{key}.")
        else:
            entries[f"{prefix}{key}"] = value
    return entries


@cache
def texts(language: Language) -> Texts:
    """The catalogue of ``language``."""
    source = resources.files("dashboards").joinpath("locale", f"{language}.toml")
    return Texts(language, _flat(tomllib.loads(source.read_text(encoding="utf-8"))))
