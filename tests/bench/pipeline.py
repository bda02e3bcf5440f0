"""The parts that are measured on the records of the simulator: contenders on Kafka, in-process, latency."""

import statistics
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from tests.bench import extras, report
from tests.bench.latency import latency
from tests.bench.launch import child, launch
from tests.bench.material import Facts, Material, prepare
from tests.bench.steps import Kept, Step, say

PARTS = (*report.PARTS, "inprocess", "latency")
START = 5.0  # seconds until a contender has its first record in hand, and to compare
WALL_US = {
    "plain": 80, "kafka": 130, "kafka_wide": 130, "embedded": 125, "bare": 95, "faust": 560, "quix": 180, "bytewax": 115,
    "bytewax_kept": 120,
}  # fmt: skip
SHARES = {"normalize": 0.75, "detect": 0.45, "both": 1.0}
"""What a contender takes for a raw record of the whole pipeline (wall clock), and of that in each part; for the plan."""
IN_PROCESS_US, PREPARING_US = 220, 500
LATENCY_S = 70
FACTS, PREPARED = "facts", "prepare/material/0"


class Pipeline:
    """Steps of the chosen ``parts``; the first makes their material."""

    def __init__(self, parts: Sequence[str], *, events: int, runs: int, seed: int, only: Sequence[str] | None) -> None:
        self._parts = parts
        self._events, self._seed, self._runs = events, seed, runs
        self._material: Material
        self._folder: Path
        self._bootstrap = ""
        self._rows = {
            part: [name for name in report.CONTENDERS[part] if only is None or name in {*only, "plain", "kafka"}]
            for part in report.PARTS if part in parts
        }  # fmt: skip
        self.broken = sorted({name for names in self._rows.values() for name in names if extras.missing(name) is not None})
        for name in self.broken:
            say(f"NOT MEASURED: {name}: {extras.missing(name)} is not installed; 'make bench' installs it, or: make bench-packages")

    def steps(self, kept: Kept) -> list[Step]:
        """Run after run, so that a slow minute of the machine hits all alike; latency last, for it goes by their speed."""
        found = [Step("prepare", "material", 0, self._events * PREPARING_US / 1e6, self._prepare)]
        for number in range(self._runs):
            for part, names in self._rows.items():
                for name in names:
                    if name not in self.broken:
                        seconds = START + self._events * WALL_US[name] * SHARES[part] / 1e6
                        found.append(Step(part, name, number, seconds, partial(self._launch, part, name, number)))
            if "inprocess" in self._parts:
                found.append(Step("inprocess", "product", number, START + self._events * IN_PROCESS_US / 1e6, self._in_process))
        if "latency" in self._parts:
            found.append(Step("latency", "half load", 0, LATENCY_S + self._events / 4000, partial(self._latency, kept)))
        return found

    def at(self, folder: Path, bootstrap: str, kept: Kept) -> None:
        """Where the steps work. The material that a run before had is made again, off the plan."""
        self._folder, self._bootstrap = folder, bootstrap
        if PREPARED in kept.rows:
            self._prepare()

    def summary(self, kept: Kept) -> report.Json:
        """The parts that were measured, by name."""
        facts = msgspec.convert(kept.rows[PREPARED][FACTS], Facts)
        results = {part: {name: self._measured(kept, part, name) for name in names} for part, names in self._rows.items()}
        found = report.summary(results, facts)
        if "inprocess" in self._parts:
            found["inprocess"] = report.in_process(self._measured(kept, "inprocess", "product"))
        row = kept.rows.get("latency/half load/0")
        if row is not None and "failed" not in row:
            found["latency"] = {key: value for key, value in row.items() if key != "took_s"}
            if "both" in found:
                found["both"]["latency_p99_s"] = row["p99_s"]
        return found

    def _measured(self, kept: Kept, part: str, name: str) -> list[dict[str, Any]]:
        return [row for number in range(self._runs) if (row := kept.rows.get(f"{part}/{name}/{number}")) is not None]

    def _prepare(self) -> report.Json:
        """Simulate and judge; put the records on the broker."""
        say(f"preparing about {self._events} records of seed {self._seed}")
        self._material = prepare(self._folder / "material", events=self._events, seed=self._seed, bootstrap=self._bootstrap)
        return {FACTS: msgspec.to_builtins(self._material.facts)}

    def _launch(self, part: str, name: str, number: int) -> report.Json:
        return launch(name, part, self._material, self._bootstrap, f"{part}.{name}.{number}.")

    def _in_process(self) -> report.Json:
        return child("tests.bench.inprocess", str(self._material.folder))

    def _latency(self, kept: Kept) -> report.Json:
        """At half of the raw records a second (wall clock) that the whole pipeline on Kafka has been seen to carry."""
        runs = self._measured(kept, "both", "kafka") or [launch("kafka", "both", self._material, self._bootstrap, "rate.")]
        rate = self._material.facts.raws / statistics.median(run["wall_s"] for run in runs) / 2
        say(f"latency at {rate:.0f} raw records a second")
        return latency(rate, self._material, self._bootstrap, self._folder)
