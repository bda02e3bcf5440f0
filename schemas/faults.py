"""What is wrong in a file or variable that a user has written: which field, what stands there, what may, the nearest name.

Made from pydantic's report and the model's own field descriptions, so that every file and setting is explained alike.
"""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from schemas.fields import Described, described

_SHOWN = 3
_FORMS = {
    "time": "a time like 2026-03-02T09:00:00+08:00 (RFC 3339, with its zone)",
    "duration": "a duration like PT10M or P1D (ISO 8601, days to seconds)",
}
_WIDTH = 80


def explained(error: ValidationError, model: type[BaseModel], *, others: Iterable[str] = ()) -> str:
    """The first faults of ``error``, raised by ``model``; ``others``: fields that are read elsewhere but may stand there, too."""
    found = error.errors()
    told = [_fault(fault["type"], tuple(fault["loc"]), fault["input"], fault["msg"], fault.get("ctx") or {}, model, others)
            for fault in found[:_SHOWN]]  # fmt: skip
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return "; ".join(told) + more


def nearest(name: str, known: Iterable[str]) -> str:
    """``did you mean …?`` for a word that is not in ``known``, or the list of what is."""
    words = sorted(set(known))
    near = get_close_matches(name, words, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(words)}"


def _fault(
    kind: str, place: tuple[int | str, ...], given: Any, message: str, context: dict[str, Any], model: type[BaseModel],
    others: Iterable[str],
) -> str:  # fmt: skip
    inner, field = _field(model, place)
    name = _path(place)
    if kind == "extra_forbidden":
        last = str(place[-1])
        known = [each.name for each in described(inner)] + (list(others) if len(place) == 1 else [])
        return f"field {name!r} is unknown; {nearest(last, known)}"
    if kind == "missing" and field is not None:
        return f"field {name!r} is missing; write {_FORMS.get(field.kind, field.kind)}: {field.meaning}"
    if "error" in context and (field is None or field.kind not in _FORMS):  # a check of ours: its words are for people
        return f"field {name!r}: {context['error']}" if name else str(context["error"])
    if field is None:
        return f"{name or 'the whole'} is {_shown(given)}: {message}"
    return f"field {name!r} {unfit(field, given, context)}"


def unfit(field: Described, given: Any, context: dict[str, Any]) -> str:
    """``is …; allowed is …``: what stands in ``field`` and what may; ``context``: bounds as pydantic reports them."""
    return f"is {_shown(given)}; allowed is {_FORMS.get(field.kind, field.kind)}{_bounds(context)}: {field.meaning}"


def _shown(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"


def _field(model: type[BaseModel], place: Sequence[int | str]) -> tuple[type[BaseModel], Described | None]:
    """The model in which the last name of ``place`` stands, and that field; None if there is none."""
    field: Described | None = None
    for index, part in enumerate(place):
        if isinstance(part, int):
            continue
        field = next((each for each in described(model) if part in (each.name, each.attribute)), None)
        if field is None:
            break
        below = next(_models(model.model_fields[field.attribute].annotation), None)
        if below is not None and any(isinstance(later, str) for later in place[index + 1 :]):
            model = below
    return model, field


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _path(place: Sequence[int | str]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")


def _bounds(context: dict[str, Any]) -> str:
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than", "min_length": "not empty, length at least"}
    return "".join(f" {words[name]} {limit}" for name, limit in context.items() if name in words)
