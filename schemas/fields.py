"""What a pydantic model's fields are called, hold and mean, in words: the source of the generated field tables."""

from collections.abc import Iterator
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas import instant
from schemas.context import FOREVER, Duration, Time

_WORDS = {str: "text", int: "number", bool: "true or false", float: "number", Any: "any value"}


class Described(NamedTuple):
    """One field: attribute, name on the wire, type, default and meaning, all for people."""

    attribute: str
    name: str
    kind: str
    default: str
    meaning: str


def described(model: type[BaseModel]) -> list[Described]:
    """Every field of ``model`` in the order of its declaration."""
    return [
        Described(attribute, field.alias or attribute, _kind(field), _default(field), field.description or "")
        for attribute, field in model.model_fields.items()
    ]


def models_within(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Models that are field types of ``model``, at any depth."""
    for field in model.model_fields.values():
        for inner in _models(field.annotation):
            yield inner
            yield from models_within(inner)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _is(alias: Any, metadata: list[Any]) -> bool:
    return any(item in get_args(alias) for item in metadata)


def _kind(field: FieldInfo) -> str:
    return _words(field.annotation, list(field.metadata))


def _words(annotation: Any, metadata: list[Any]) -> str:
    if _is(Time, metadata):
        return "time"
    if _is(Duration, metadata):
        return "duration"
    if choices := _choices(metadata):
        return choices
    origin, parts = get_origin(annotation), get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return _words(parts[0], list(annotation.__metadata__))
    if origin in (Union, UnionType):
        return " or ".join(_words(part, []) for part in parts if part is not NoneType)
    if origin is tuple:
        return f"list of {_words(parts[0], [])}"
    if origin is dict:
        return f"object: {_words(parts[0], [])} → {_words(parts[1], [])}"
    if origin is Literal:
        return ", ".join(f"`{part}`" for part in parts)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{member.value}`" for member in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return _WORDS.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _choices(metadata: list[Any]) -> str:
    """A pattern ``^(a|b)$`` is a choice, any other is shown as it is."""
    for item in metadata:
        pattern = getattr(item, "pattern", None)
        nested = [getattr(inner, "pattern", None) for inner in getattr(item, "metadata", ())]
        for found in (pattern, *nested):
            if isinstance(found, str):
                inside = found.removeprefix("^(").removesuffix(")$")
                plain = inside.replace("|", "").replace("_", "").isalpha()
                return ", ".join(f"`{word}`" for word in inside.split("|")) if plain else f"text like `{found}`"
    return ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value in (None, "", ()) and not isinstance(value, bool):
        return ""
    if _is(Time, list(field.metadata)):
        return {0: "always", FOREVER: "until further notice"}.get(value) or instant.text(value)
    if _is(Duration, list(field.metadata)):
        return f"`PT{value // instant.SECOND}S`"
    if isinstance(value, BaseModel):
        return "empty"
    if isinstance(value, tuple):
        return ", ".join(f"`{getattr(part, 'value', part)}`" for part in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
