"""Names and templates of the indices, generated from the models; nothing outside the models can be stored.

``<prefix>-violations-YYYY.MM`` holds current documents, ``<prefix>-violations-history-YYYY.MM`` every transition with its
whole document; the month is that of ``anchor_time`` in UTC, which is fixed by the id, so an id never changes its index.
Read through the aliases ``<prefix>-violations`` and ``<prefix>-violations-history``. ``<prefix>-coverage-YYYY.MM``, read through
``<prefix>-coverage``, holds rows of coverage.
"""

from enum import Enum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas import instant
from schemas.context import Time
from schemas.coverage import Coverage
from schemas.violation import Transition, Violation

# Lucene refuses a term above 32,766 bytes; a longer value is stored but not searched. A UTF-16 unit takes 3 bytes at most.
_KEYWORD = {"type": "keyword", "ignore_above": 8191}
_DATE = {"type": "date", "format": "strict_date_optional_time"}
_LONG = {"type": "long"}
_SEARCHED_TEXT = frozenset({"original"})

Json = dict[str, Any]


def current_alias(prefix: str) -> str:
    """The alias over all current documents."""
    return f"{prefix}-violations"


def history_alias(prefix: str) -> str:
    """The alias over all transitions."""
    return f"{prefix}-violations-history"


def coverage_alias(prefix: str) -> str:
    """The alias over all rows of coverage."""
    return f"{prefix}-coverage"


def month(violation: Violation) -> str:
    """``YYYY.MM`` of the violation's anchor, in UTC."""
    return instant.to_datetime(violation.anchor_time).strftime("%Y.%m")


def templates(prefix: str, *, shards: int = 1, replicas: int = 1) -> dict[str, Json]:
    """Composable index templates by name. The history's pattern is part of the other one, hence its higher priority."""
    settings = {
        "number_of_shards": shards,
        "number_of_replicas": replicas,
        "refresh_interval": "1s",  # set, or an index that is not searched for 30 s is not refreshed at all
    }

    def template(alias: str, priority: int, properties: Json) -> Json:
        return {
            "index_patterns": [f"{alias}-*"],
            "priority": priority,
            "template": {
                "settings": settings,
                "aliases": {alias: {}},
                "mappings": {"dynamic": "strict", "properties": properties},
            },
        }

    current, history, coverage = current_alias(prefix), history_alias(prefix), coverage_alias(prefix)
    return {
        current: template(current, 500, current_properties()),
        history: template(history, 501, history_properties()),
        coverage: template(coverage, 500, coverage_properties()),
    }


def current_properties() -> Json:
    """Mapping of a current document: the model's fields, and what the store adds below ``controlwatch``."""
    # last_time again as a number: dates are cut to milliseconds, bounds and order need the microsecond.
    own = _own(number=_LONG, digest=_KEYWORD, ingested=_LONG, last_time=_LONG)
    return properties(Violation) | own | {"@timestamp": {"type": "alias", "path": "last_time"}}


def history_properties() -> Json:
    """Mapping of a transition; the document of that time is kept but not searched."""
    own = _own(number=_LONG, digest=_KEYWORD, ingested=_LONG)
    return {"id": _KEYWORD} | properties(Transition) | own | {"document": {"type": "object", "enabled": False}}


def coverage_properties() -> Json:
    """Mapping of a row of coverage."""
    return {"id": _KEYWORD} | properties(Coverage) | _own(ingested=_LONG)


def _own(**fields: Json) -> Json:
    return {"controlwatch": {"dynamic": "strict", "properties": fields}}


def properties(model: type[BaseModel]) -> Json:
    """Strict Elasticsearch properties of ``model``; a dotted name becomes an object.

    Raises:
        TypeError: a field has a type for which no mapping is decided.
    """
    result: Json = {}
    for attribute, field in model.model_fields.items():
        *parents, leaf = (field.alias or attribute).split(".")
        place = result
        for parent in parents:
            place = place.setdefault(parent, {"dynamic": "strict", "properties": {}})["properties"]
        place[leaf] = _field(leaf, field)
    return result


def _field(name: str, field: FieldInfo) -> Json:
    if any(item in get_args(Time) for item in field.metadata):
        return _DATE
    return _type(name, field.annotation)


def _type(name: str, annotation: Any) -> Json:
    if isinstance(annotation, UnionType):
        (inner,) = (member for member in get_args(annotation) if member is not NoneType)
        return _type(name, inner)
    if get_origin(annotation) is tuple:
        return _type(name, get_args(annotation)[0])  # Elasticsearch does not tell one value from a list
    if get_origin(annotation) is dict:
        return {"type": "flattened", "ignore_above": 8191}
    if isinstance(annotation, type):
        if issubclass(annotation, BaseModel):
            return {"dynamic": "strict", "properties": properties(annotation)}
        if issubclass(annotation, bool):
            return {"type": "boolean"}
        if issubclass(annotation, int):
            return _LONG
        if issubclass(annotation, (str, Enum)):
            if name == "ip":
                # A source may write anything where an address belongs; the violation counts all the same.
                return {"type": "ip", "ignore_malformed": True}
            if name in _SEARCHED_TEXT:
                return {"type": "text", "norms": False}
            return _KEYWORD
    raise TypeError(f"no Elasticsearch type is decided for field {name} of type {annotation}; add it to {__name__}")
