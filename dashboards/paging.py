"""Walking through a violation store in the order of its answers (``last_time``, newest first)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from schemas.violation import Violation
from sinks.contract import Query, ViolationStore

STEP = 500


class Place(NamedTuple):
    """A violation's place in the order of answers."""

    last_time: int
    id: str


def older(store: ViolationStore, query: Query, place: Place | None) -> list[Violation]:
    """At most ``query.limit`` violations that match and come after ``place`` (None: from the newest).

    The boundary instant is asked for again and what stands at or before ``place`` left out, because times may be equal.
    """
    if place is None:
        return list(store.search(query))
    bound = place.last_time + 1 if query.until is None else min(query.until, place.last_time + 1)
    limit = query.limit + 1
    while True:
        found = store.search(replace(query, until=bound, limit=limit))
        rest = [violation for violation in found if (violation.last_time, violation.id) < place]
        if len(rest) >= query.limit or len(found) < limit:
            return rest[: query.limit]
        limit *= 2


def every(store: ViolationStore, query: Query) -> Iterator[Violation]:
    """All violations that match, each once, whatever ``query.limit`` says."""
    place: Place | None = None
    while page := older(store, replace(query, limit=STEP), place):
        yield from page
        place = Place(page[-1].last_time, page[-1].id)
