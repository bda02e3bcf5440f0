"""The list of everything that can be planted; the files ``cases_*.py`` fill it when they are imported."""

from collections.abc import Callable
from dataclasses import dataclass

from streams.simulator.clock import H, M
from streams.simulator.scene import Scene

LEAD = 3 * H  # what a case may need before its act: requests, approvals, earlier attempts
TAIL = 2 * H  # what it needs after: grace, late arrivals, the session's end
LONG = 27 * H  # tail of a case with a 24 hour timer


Plant = Callable[[Scene], None]


@dataclass(frozen=True, slots=True)
class Case:
    """A case, planted once in every two days: at least ``lead`` after their start and ``tail`` before their end.

    ``at``: always at this moment after their start; ``once``: in the first two days only.
    """

    id: str
    detector: str
    about: str
    plant: Plant
    lead: int
    tail: int
    at: int | None = None
    once: bool = False


CASES: list[Case] = []


def case(
    id_: str, detector: str, *, lead: int = LEAD, tail: int = TAIL, at: int | None = None, once: bool = False
) -> Callable[[Plant], Plant]:
    """Register a planting function; the first line of its docstring is what the documentation says of it."""

    def register(plant: Plant) -> Plant:
        add(id_, detector, plant.__doc__ or "", plant, lead=lead, tail=tail, at=at, once=once)
        return plant

    return register


def add(
    id_: str, detector: str, about: str, plant: Plant, *,
    lead: int = LEAD, tail: int = TAIL, at: int | None = None, once: bool = False,
) -> None:
    """Register ``plant`` under ``id_`` for ``detector``.

    Raises:
        ValueError: the pair is taken, or nothing says what it is about.
    """
    if any(known.id == id_ and known.detector == detector for known in CASES):
        raise ValueError(f"case {id_} of {detector} is registered twice; choose another id")
    if not about.strip():
        raise ValueError(f"case {id_} of {detector} has no docstring; say what is planted")
    CASES.append(Case(id_, detector, about.strip().splitlines()[0], plant, lead, tail + 30 * M, at, once))
