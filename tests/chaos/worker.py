"""One worker (``controlwatch run``) as a guarded process that rows kill, pause, restart and arm with fail-points."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.services.server import Server

ROOT = Path(__file__).parent.parent.parent
STAGES = ("normalize", "detect", "deliver")


class Worker(Server):
    """A process of its own with its own folder. ``environment``: settings, read at each start; change it between two."""

    stop_timeout = 60.0

    def __init__(
        self, directory: Path, environment: Mapping[str, str], *, number: int, clock: str = "records",
        stages: Sequence[str] = STAGES,
    ) -> None:  # fmt: skip
        super().__init__(directory)
        self.name = f"worker {number}"
        self.number = number
        self.data = directory / "data"
        """What it keeps on its disk."""
        self.data.mkdir(exist_ok=True)
        self.settings = {
            "CONTROLWATCH_WORKER": str(number), "CONTROLWATCH_METRICS_PORT": "0", "CONTROLWATCH_DATA": str(self.data),
            **environment,
        }  # fmt: skip
        self._clock = clock
        self._stages = stages
        self._ended = True
        self.root = ROOT
        """The checkout whose program it runs; change it between two starts."""

    def command(self) -> list[str | Path]:
        stages = [f"--stage={name}" for name in self._stages]
        return [sys.executable, "-m", "controlwatch", "run", *stages, "--clock", self._clock]

    def environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("CONTROLWATCH_")}
        return {**own, "PYTHONPATH": str(self.root), **self.settings}

    def ready(self) -> bool:
        return self.running

    def launch(self) -> None:
        super().launch()
        self._ended = False

    def stop(self) -> None:
        self._ended = True
        super().stop()

    def kill(self) -> None:
        self._ended = True
        super().kill()

    @property
    def fell(self) -> bool:
        """Whether it ended though nobody ended it."""
        return not self._ended and not self.running

    def ended(self) -> int | None:
        """Exit status (negative: signal number); None while it runs."""
        return None if self._process is None else self._process.poll()

    def terminated(self) -> tuple[float, int]:
        """Ends it in order (SIGTERM); seconds that took, exit status."""
        began = time.monotonic()
        self.stop()
        return time.monotonic() - began, self._process.returncode if self._process is not None else 0
