"""Coverage: of what was watched and judged, minute by minute. The stages write rows; reports read them from the store.

A row is a set of minutes within one hour. Rows of the same thing add up by union, so neither repetition nor order nor the number
of writers changes what they say; where one writer's row grows, the one with more minutes replaces the other.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum

from pydantic import Field

from schemas import identity, instant
from schemas.context import Record, Time

MINUTES = 60  # of an hour


class About(StrEnum):
    """What holds in the minutes of a row."""

    HEARD = "heard"  # the collector of source `name` was heard; a row without minutes: it is configured
    JUDGED = "judged"  # the detect partition has judged everything observed before the last of them ended
    UNJUDGED = "unjudged"  # detector `name` did not judge something of them


class Coverage(Record):
    """One row, whole; ``part`` wrote it."""

    about: About
    name: str = Field(default="", description="source or detector")
    feed: str = Field(default="", description="of a source")
    reason: str = Field(default="", description="why it was not judged")
    part: int = Field(default=0, ge=0, description="partition of the stage that wrote it")
    parts: int = Field(default=1, ge=1, description="of so many")
    hour: Time = Field(description="when the hour begins")
    minutes: int = Field(ge=0, lt=1 << MINUTES, description="bit m: minute m of the hour")

    @property
    def id(self) -> str:
        """One for all that this row becomes by growing; rows of what was not judged do not grow, each stands for itself."""
        alone = (self.reason, str(self.minutes)) if self.about is About.UNJUDGED else ()
        return identity.digest((self.about, self.name, str(self.part), str(self.hour), *alone))

    @property
    def number(self) -> int:
        """One more than it has minutes: of two rows of one id the one with more of them holds all of the other."""
        return 1 + self.minutes.bit_count()


def minute(t: int) -> tuple[int, int]:
    """Hour and bit of the minute in which ``t`` (µs) is."""
    number = t // instant.MINUTE
    return number // MINUTES * instant.HOUR, 1 << number % MINUTES


def span(since: int, until: int) -> Iterator[tuple[int, int]]:
    """Hours and bits of the minutes from that of ``since`` to that of ``until`` (µs)."""
    first, last = since // instant.MINUTE, until // instant.MINUTE
    for hour in range(first // MINUTES, last // MINUTES + 1):
        low, high = max(0, first - hour * MINUTES), min(MINUTES, last + 1 - hour * MINUTES)
        yield hour * instant.HOUR, (1 << high) - (1 << low)


def judged(observed: int, *, part: int, parts: int) -> Coverage | None:
    """The row that says that everything observed before ``observed`` (µs) has been judged; None before any minute has passed."""
    if observed < instant.MINUTE:
        return None
    hour, bit = minute(observed - instant.MINUTE)
    return Coverage(about=About.JUDGED, part=part, parts=parts, hour=hour, minutes=2 * bit - 1)


def truth(rows: Sequence[Coverage]) -> int:
    """Up to when every partition has judged (µs), of the newest row of each; 0 if one is missing.

    The row that reaches farthest tells how many there are: before a migration there may have been more.
    """
    reached = {row.part: row.hour + row.minutes.bit_count() * instant.MINUTE for row in rows}
    parts = max(((reached[row.part], row.parts) for row in rows), default=(0, 0))[1]
    own = [reached[part] for part in range(parts) if part in reached]
    return min(own) if own and len(own) == parts else 0
