"""CPU time, wall time and peak memory of one contender's own process."""

import os
import resource
from dataclasses import dataclass
from pathlib import Path

from streams import clock


@dataclass(slots=True)
class Window:
    """The measured part of a run: from the first record in hand to everything done. Start-up is not in it."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_rss_mb: float = 0.0
    _cpu: float = 0.0
    _wall: float = 0.0

    def open(self) -> None:
        """Begin, unless it has begun."""
        if not self._wall:
            self._cpu, self._wall = cpu(), clock.monotonic()

    def close(self) -> None:
        """End."""
        self.cpu_s, self.wall_s = cpu() - self._cpu, clock.monotonic() - self._wall
        self.peak_rss_mb = peak_mb()


def cpu() -> float:
    """CPU seconds of this process and of children that have ended, user and system."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def peak_mb() -> float:
    """Peak resident memory of this process, MB. Not ``ru_maxrss``, which a new program takes over from its parent."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1_000_000
    raise RuntimeError("/proc/self/status has no VmHWM; the benchmark runs on Linux")


def resident_mb() -> float:
    """Resident memory of this process now, MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_000_000
