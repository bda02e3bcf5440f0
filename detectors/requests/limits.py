"""Numbers of ``self_approved_change`` that are ours, not the regulation's; durations in µs."""

from schemas import instant
from schemas.context import Duration, Record


class Limits(Record):
    """``mutual``: two persons approve each other's requests; ``actors``: most of one approval remembered."""

    mutual: Duration = 7 * instant.DAY
    actors: int = 64


LIMITS = Limits()
