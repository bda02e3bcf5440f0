"""Whether an instant lies in an interval, with clock tolerance in the firm's favour (shared by identity and approvals)."""

from enum import IntEnum

from detectors.kit.contract import SKEW


class Fit(IntEnum):
    """How well something fits; the lesser of two is the fit of both together."""

    OUTSIDE = 0
    TOLERATED = 1
    INSIDE = 2


def within(t: int, since: int | None, until: int | None, *, skew: int = SKEW) -> Fit:
    """Fit of ``t`` (µs UTC) into ``since`` to ``until``, both inclusive, None = unbounded; ``skew`` widens both ends."""
    return min(not_before(t, since, skew=skew), not_after(t, until, skew=skew))


def not_before(t: int, since: int | None, *, skew: int = SKEW) -> Fit:
    """Fit of ``t`` at or after ``since``."""
    if since is None or t >= since:
        return Fit.INSIDE
    return Fit.TOLERATED if t >= since - skew else Fit.OUTSIDE


def not_after(t: int, until: int | None, *, skew: int = SKEW) -> Fit:
    """Fit of ``t`` at or before ``until``."""
    if until is None or t <= until:
        return Fit.INSIDE
    return Fit.TOLERATED if t <= until + skew else Fit.OUTSIDE
