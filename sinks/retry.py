"""Waiting between tries: full-jitter backoff, a deadline, and a circuit breaker shared by the callers of one server."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from sinks.contract import Busy


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try; all in seconds. ``breaker``: consecutive failures after which only a probe a ``cap`` is made."""

    deadline: float = 20.0
    base: float = 0.1
    cap: float = 10.0
    breaker: int = 5


def full_jitter(patience: Patience, tries: int, random: Random) -> float:
    """Seconds to wait after failure number ``tries``: uniform in 0 … min(cap, base * 2 ** tries)."""
    return random.uniform(0, min(patience.cap, patience.base * 2 ** min(tries, 30)))


class Breaker:
    """Counts consecutive failures of a server; when open, lets one caller through each ``cap`` seconds."""

    def __init__(self, patience: Patience, monotonic: Callable[[], float]) -> None:
        self._patience = patience
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures = 0
        self._probe_at = 0.0

    @property
    def open(self) -> bool:
        """Whether the server failed so often that only probes are made."""
        return self._failures >= self._patience.breaker

    def delay(self) -> float:
        """Seconds until the caller may try; 0 takes the turn."""
        with self._lock:
            now = self._monotonic()
            if not self.open:
                return 0.0
            if now < self._probe_at:
                return self._probe_at - now
            self._probe_at = now + self._patience.cap
            return 0.0

    def failed(self) -> None:
        """Count a failure."""
        with self._lock:
            self._failures += 1
            self._probe_at = self._monotonic() + self._patience.cap

    def succeeded(self) -> None:
        """Close the breaker."""
        with self._lock:
            self._failures = 0


class Tries:
    """The tries of one call until its deadline.

    Use: ``before()``, the request, then ``failed(why)`` or ``succeeded()``, and so on. ``wait`` sleeps and returns True if
    the program ends meanwhile (``threading.Event.wait``).
    """

    def __init__(
        self,
        patience: Patience,
        breaker: Breaker,
        *,
        monotonic: Callable[[], float],
        wait: Callable[[float], bool],
        random: Random,
    ) -> None:
        self._patience = patience
        self._breaker = breaker
        self._monotonic = monotonic
        self._wait = wait
        self._random = random
        self._until = monotonic() + patience.deadline
        self._failures = 0
        self._why = "not tried yet: the server failed before"

    def before(self) -> None:
        """Wait for the breaker.

        Raises:
            Busy: its next probe is after the deadline, or the program ends.
        """
        while delay := self._breaker.delay():
            self._pause(delay)

    def failed(self, why: str) -> None:
        """Count a failure and wait before the next try.

        Raises:
            Busy: the deadline is over, or the program ends.
        """
        self._why = why
        self._failures += 1
        self._breaker.failed()
        self._pause(full_jitter(self._patience, self._failures, self._random))

    def succeeded(self) -> None:
        """Count a success: backoff starts from the beginning, the breaker closes."""
        self._failures = 0
        self._breaker.succeeded()

    def _pause(self, delay: float) -> None:
        if self._monotonic() + delay > self._until:
            raise Busy(f"gave up after {self._patience.deadline:.0f} s: {self._why}", retry_after=max(delay, self._patience.base))
        if self._wait(delay):
            raise Busy(f"the program ends: {self._why}")
