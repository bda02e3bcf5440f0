"""The steps of a measurement: planned with the time each should take, told as they pass, kept as soon as they end."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams import clock

FILE = Path(".cache/bench/steps.jsonl")
BAR = 24  # characters

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One measurement: ``run`` makes it, in ``seconds`` or so on a quiet machine of two cores."""

    part: str
    name: str
    number: int
    seconds: float
    run: Callable[[], Json]

    @property
    def key(self) -> str:
        """Its name among all steps."""
        return f"{self.part}/{self.name}/{self.number}"


class Kept:
    """What has been measured, line by line in a file, so that a run that broke can be taken up.

    ``conditions``: what must be equal for the figures of two runs to belong together.
    """

    def __init__(self, conditions: Json, *, resume: bool, file: Path = FILE) -> None:
        self._file = file
        self.rows: dict[str, Json] = {}
        lines = file.read_text(encoding="utf-8").splitlines() if resume and file.exists() else []
        if lines and json.loads(lines[0]) == conditions:
            self.rows = {key: row for key, row in map(json.loads, lines[1:]) if "failed" not in row}
            say(f"taking up {len(self.rows)} measurements of {file}")
            return
        if lines:
            say(f"nothing is taken up: {file} was measured with {lines[0]}, this run is {json.dumps(conditions)}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(conditions) + "\n", encoding="utf-8")

    def keep(self, key: str, row: Json) -> None:
        """One more, on disk before anything else is begun."""
        self.rows[key] = row
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps([key, row]) + "\n")


class Progress:
    """Carries steps out, and tells after each how far it has come and how long the rest should take."""

    def __init__(self, steps: Sequence[Step], kept: Kept) -> None:
        self._kept = kept
        self._all = len(steps)
        self._ended = 0
        self._left = sum(step.seconds for step in steps if step.key not in kept.rows)
        self._planned = 0.0  # of what has been measured in this run
        self._took = 0.0

    def carry_out(self, steps: Sequence[Step]) -> None:
        """Every step that is not kept yet. One that fails is told and kept as failed; the others go on."""
        for step in steps:
            self._ended += 1
            if step.key in self._kept.rows:
                continue
            begun = clock.monotonic()
            try:
                row = step.run()
            except subprocess.CalledProcessError as error:
                row = {"failed": f"exit status {error.returncode}; its words are on standard error"}
            except (subprocess.TimeoutExpired, RuntimeError, OSError) as error:
                row = {"failed": f"{type(error).__name__}: {error}"[:300]}
            took = clock.monotonic() - begun
            self._kept.keep(step.key, row | {"took_s": round(took, 1)})
            self._took += took
            self._planned += step.seconds
            self._left -= step.seconds
            say(f"{self._bar()} {step.part}, {step.name}, run {step.number + 1}: {_brief(row)} ({took:.0f} s)")

    def _bar(self) -> str:
        full = BAR * self._ended // self._all
        left = self._left * (self._took / self._planned if self._planned else 1)
        return f"[{'#' * full}{'.' * (BAR - full)}] {self._ended}/{self._all}, about {left / 60:.1f} min left;"


def plan(steps: Sequence[Step], kept: Kept) -> None:
    """Tell what is going to be measured, and how long it should take."""
    say("Plan (minutes on a quiet machine of two cores):")
    for part in dict.fromkeys(step.part for step in steps):
        mine = [step for step in steps if step.part == part]
        left = [step for step in mine if step.key not in kept.rows]
        say(f"  {part:12} {len(left):3} of {len(mine):3} measurements {sum(step.seconds for step in left) / 60:6.1f}")
    left = [step for step in steps if step.key not in kept.rows]
    say(f"  {'all':12} {len(left):3} of {len(steps):3} measurements {sum(step.seconds for step in left) / 60:6.1f}")


def _brief(row: Json) -> str:
    if "failed" in row:
        return f"BROKE: {row['failed']}"
    for key, unit in (("cpu_s", "s of CPU"), ("value", ""), ("sum_us", "µs a record"), ("p99_s", "s (p99)")):
        if key in row:
            return f"{row[key]:.4g} {unit}".rstrip() + ("" if row.get("same", True) else ", BUT NOT THE SAME RESULT")
    return "done"


def say(text: str) -> None:
    """Tell the person watching; the result itself goes to standard output."""
    width = shutil.get_terminal_size((10_000, 0)).columns if sys.stderr.isatty() else 10_000
    sys.stderr.write("".join(f"{line[:width]}\n" for line in text.split("\n")))
    sys.stderr.flush()
