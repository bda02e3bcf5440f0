"""What pages and reports say of coverage, asked of the store: how far has been judged, and what is said of each clause."""

import threading
from collections.abc import Mapping
from typing import NamedTuple

from detectors.kit import registry
from schemas.coverage import truth
from sinks.contract import CoverageStore
from streams import clock
from streams import coverage as covered

FRESH = 30.0  # seconds for which an answer serves further pages


class Answer(NamedTuple):
    """Up to when everything has been judged (µs; 0: not known), and clause -> monitored, degraded or blind."""

    truth_time: int
    assessed: Mapping[str, str]


def covering(store: CoverageStore, month: str, zone: str) -> Answer:
    """The answer for ``month`` (``YYYY-MM``) in ``zone``.

    Raises:
        ValueError: it is no month.
        Busy: the store does not answer.
    """
    since, until = covered.month(month, zone)
    reached = truth(store.judged())
    until = min(until, max(since, reached))
    rows = store.coverage(since, until) if since < until else ()
    return Answer(reached, covered.assessed(rows, registry.load().values(), since, until))


class Recent:
    """Answers for pages, each kept for 30 s. Any thread may ask."""

    def __init__(self, store: CoverageStore, zone: str) -> None:
        self._store = store
        self._zone = zone
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, Answer]] = {}

    def assessed(self, month: str) -> Mapping[str, str]:
        """Clause -> monitored, degraded or blind in ``month``. Raises as :func:`covering`."""
        with self._lock:
            now = clock.monotonic()
            self._kept = {name: kept for name, kept in self._kept.items() if now - kept[0] < FRESH}
            if month not in self._kept:
                self._kept[month] = now, covering(self._store, month, self._zone)
            return self._kept[month][1].assessed

    def truth_time(self) -> int:
        """Up to when everything has been judged (µs; 0: not known). Raises Busy."""
        return truth(self._store.judged())
