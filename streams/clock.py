"""The only place where a clock is read. Everything else gets its time from records."""

import time


def now() -> int:
    """Wall-clock time, microseconds since 1970 UTC."""
    return time.time_ns() // 1_000


def monotonic() -> float:
    """Seconds on a clock that never goes back, for waiting and measuring."""
    return time.monotonic()
