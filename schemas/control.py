"""The control catalogue: the regulation as data, one record for each clause.

``controls/<framework>.yaml`` is written by hand; the program reads its copy in JSON, made by ``controlwatch build``, because
parsing the YAML takes 0.15 s at every start (the JSON 2 ms). Field meanings: ``controls/README.md``.
"""

from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal

import orjson
from pydantic import Field

from schemas.context import Record
from schemas.violation import Severity

CATALOGUE = "cc-2020-12-11"


class Parameter(Record):
    """A number or word that the text itself names, with its quotation."""

    type: Literal["integer", "duration", "boolean", "enum", "string_list"]
    value: Any
    unit: str = ""
    op: Literal["min", "max", "exact", ""] = ""
    quote_zh: str
    recommended: bool = False
    examples_only: bool = False


class Level(Record):
    """Proposed severity of not meeting the clause, and why."""

    level: Severity
    reason: str


class Control(Record):
    """One record of the catalogue; groups and headings carry no duty. Field meanings: ``controls/README.md``."""

    id: str
    kind: Literal["section", "subsection", "group", "composite", "clause"]
    label: str
    section: str
    parent: str | None
    source_lines: tuple[int, ...]
    heading_zh: str = ""
    text_zh: str
    title_en: str
    summary_en: str
    frequency: Literal["annual", "half_year", "monthly"] | None
    applicability: str
    own_interval: str | None = None
    own_interval_quote_zh: str = ""
    condition_en: str = ""
    depends_on_grade: bool = False
    effective_from: date | None = None
    effective_stages: Any = None
    modality: str = ""
    recommended: bool = False
    recommended_part_zh: str = ""
    parameters: dict[str, Parameter] = {}
    monitoring: tuple[Literal["stream", "state", "evidence", "attestation"], ...] = ()
    feeds: tuple[str, ...] = ()
    violation_examples_en: tuple[dict[str, Any], ...] = ()
    evidence: Any = None
    severity: Level | None = None
    notes_en: str = ""

    @property
    def duty(self) -> bool:
        """Whether the record carries a duty (a clause, or a lead-in sentence with one)."""
        return self.kind in ("clause", "composite")


class Catalogue(Record):
    """All records of one regulation, in the order of the text."""

    title_zh: str
    title_en: str
    published: str
    feeds: dict[str, str] = Field(description="vocabulary of feed kinds")
    controls: tuple[Control, ...]

    def by_id(self) -> Mapping[str, Control]:
        """Records by id."""
        return MappingProxyType({control.id: control for control in self.controls})


@cache
def catalogue() -> Catalogue:
    """The regulation this system watches, validated.

    Raises:
        pydantic.ValidationError: the file does not fit the model.
    """
    return read(orjson.loads(resources.files("schemas").joinpath("controls", f"{CATALOGUE}.json").read_bytes()))


def read(data: Mapping[str, Any]) -> Catalogue:
    """The catalogue out of its file's content. Raises pydantic.ValidationError if it does not fit the model."""
    head = data["catalogue"]
    return Catalogue(
        title_zh=head["title_zh"],
        title_en=head["title_en"],
        published=head["published"],
        feeds=data["vocabulary"]["feeds"],
        controls=tuple(Control.model_validate(record) for record in data["controls"]),
    )


@cache
def controls() -> Mapping[str, Control]:
    """Catalogue records by id."""
    return catalogue().by_id()


def parameter(clause: str, name: str) -> Any:
    """A number or word of the regulation, for example ``("CC-18000.3.e", "disconnect_at_wrong_passwords")``.

    Raises:
        KeyError: the catalogue has no such clause or parameter.
    """
    return controls()[clause].parameters[name].value
