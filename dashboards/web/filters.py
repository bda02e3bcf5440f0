"""Which violations a page shows: between its query string, which people share, and the store's query."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, Self, TypeVar
from urllib.parse import urlencode

from dashboards.paging import Place
from schemas.control import Control, controls
from schemas.violation import Severity, State, Violation
from sinks.contract import Query

SHOWN = Query().states
PAGE = 50
NAME = re.compile(r"[A-Za-z0-9_.\-]{1,80}")
_PLACE = re.compile(r"(\d{1,18})-(.{1,200})")
_Word = TypeVar("_Word", Severity, State)


class BadFilter(ValueError):
    """A query string that cannot be understood; the page says so instead of showing something else."""


class Params(Protocol):
    """The part of Starlette's QueryParams that is needed."""

    def getlist(self, key: str) -> list[str]:
        """All values of ``key``."""
        ...


def _words(params: Params, key: str, kind: type[_Word]) -> tuple[_Word, ...]:
    known = {str(word): word for word in kind}
    asked = [word for value in params.getlist(key) for word in value.split(",") if word]
    for word in asked:
        if word not in known:
            raise BadFilter(f"?{key}= takes {', '.join(known)}, not {word!r}")
    return tuple(word for text, word in known.items() if text in asked)


def _name(params: Params, key: str) -> str:
    value = next(iter(params.getlist(key)), "")
    if value and not NAME.fullmatch(value):
        raise BadFilter(f"?{key}= takes an id of letters, digits, '_', '.' and '-', not {value!r}")
    return value


def within(clause: str, catalogue: Mapping[str, Control]) -> tuple[str, ...]:
    """``clause`` and every record of the catalogue below it."""
    below = [clause]
    for control in catalogue.values():  # in file order parents stand before their children
        if control.parent in below:
            below.append(control.id)
    return tuple(below)


@dataclass(frozen=True)
class Filters:
    """Severities and states (empty: the usual ones), a clause or section, a detector, and the place of a page."""

    severities: tuple[Severity, ...] = ()
    states: tuple[State, ...] = ()
    control: str = ""
    detector: str = ""
    span: str = "day"
    before: Place | None = field(default=None)

    @classmethod
    def read(cls, params: Params) -> Self:
        """Filters of a query string. Raises BadFilter."""
        control = _name(params, "control")
        if control and control not in controls():
            raise BadFilter(f"?control= takes a clause or section of the catalogue such as CC-18000.3.e, not {control!r}")
        span = _name(params, "span") or "day"
        if span not in ("day", "month"):
            raise BadFilter(f"?span= takes day or month, not {span!r}")
        before = next(iter(params.getlist("before")), "")
        place = _PLACE.fullmatch(before)
        if before and not place:
            raise BadFilter(f"?before= takes the mark of an 'older' link, not {before!r}")
        return cls(
            severities=_words(params, "severity", Severity),
            states=_words(params, "state", State),
            control=control,
            detector=_name(params, "detector"),
            span=span,
            before=Place(int(place[1]), place[2]) if place else None,
        )

    @property
    def filtered(self) -> bool:
        """Whether anything is left out that a page without a query string would show."""
        return bool(self.severities or self.states or self.control or self.detector)

    def query(self, limit: int = PAGE) -> Query:
        """The store's question for these filters; the page's place is applied by ``paging.older``."""
        return Query(
            severities=self.severities,
            states=self.states or SHOWN,
            controls=within(self.control, controls()) if self.control else (),
            detectors=(self.detector,) if self.detector else (),
            limit=limit,
        )

    def text(self, **changes: object) -> str:
        """The query string (with ``?``) of these filters with ``changes``; "" for none. The place is kept only on demand."""
        changed = replace(self, **({"before": None} | changes))  # type: ignore[arg-type]
        pairs: list[tuple[str, str]] = [("severity", str(word)) for word in changed.severities]
        pairs += [("state", str(word)) for word in changed.states]
        pairs += [
            (key, value) for key, value in (("control", changed.control), ("detector", changed.detector)) if value
        ]
        if changed.span != "day":
            pairs.append(("span", changed.span))
        if changed.before:
            pairs.append(("before", f"{changed.before.last_time}-{changed.before.id}"))
        return "?" + urlencode(pairs) if pairs else ""


def matches(violation: Violation, query: Query) -> bool:
    """Whether the store's ``search`` would return ``violation`` for ``query``; decides rows of the live stream."""

    def asked(words: Sequence[str], word: str) -> bool:
        return not words or word in words

    return (
        asked(query.severities, violation.severity)
        and asked(query.states, violation.state)
        and asked(query.detectors, violation.detector)
        and (not query.controls or not set(query.controls).isdisjoint(violation.controls))
        and (query.since is None or violation.last_time >= query.since)
        and (query.until is None or violation.last_time < query.until)
    )
