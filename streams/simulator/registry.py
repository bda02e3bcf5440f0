"""The list of everything that can be planted; the files ``cases_*.py`` fill it when they are imported."""

from collections.abc import Callable
from dataclasses import dataclass

from streams.simulator.clock import H, M
from streams.simulator.scene import Scene

LEAD = 3 * H  # what a case may need before its act: requests, approvals, earlier attempts
TAIL = 2 * H  # what it needs after: grace, late arrivals, the session's end
LONG = 27 * H  # tail of a case with a 24 hour timer


@dataclass(frozen=True, slots=True)
class Case:
    """A case that is planted once in every two days, at a moment at least ``lead`` after their start and ``tail`` before their end."""

    id: str
    detector: str
    about: str
    plant: Callable[[Scene], None]
    lead: int
    tail: int


CASES: list[Case] = []


def case(id_: str, detector: str, *, lead: int = LEAD, tail: int = TAIL) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    """Register a planting function; the first line of its docstring is what the documentation says of it."""

    def register(plant: Callable[[Scene], None]) -> Callable[[Scene], None]:
        add(id_, detector, plant.__doc__ or "", plant, lead=lead, tail=tail)
        return plant

    return register


def add(id_: str, detector: str, about: str, plant: Callable[[Scene], None], *, lead: int = LEAD, tail: int = TAIL) -> None:
    """Register ``plant`` under ``id_`` for ``detector``.

    Raises:
        ValueError: the pair is taken.
    """
    if any(known.id == id_ and known.detector == detector for known in CASES):
        raise ValueError(f"case {id_} of {detector} is registered twice; choose another id")
    CASES.append(Case(id_, detector, about.strip().splitlines()[0] if about.strip() else "", plant, lead, tail + 30 * M))
