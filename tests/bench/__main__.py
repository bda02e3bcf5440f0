"""``python -m tests.bench [ONLY]``: prepare, run every contender in turn, compare, print a table and one line of JSON."""

import argparse
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import report
from tests.bench.latency import latency
from tests.bench.launch import launch
from tests.bench.material import Material, prepare
from tests.bench.report import PARTS, Results
from tests.services.kafka_broker import KafkaBroker

EVENTS, RUNS, SEED = 100_000, 3, 1
QUICK_EVENTS = 30_000


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("only", nargs="?", choices=(*PARTS, "latency"), help="one part; default all")
    parser.add_argument("--events", type=int, default=int(os.environ.get("BENCH_EVENTS", EVENTS)), help="raw records, about")
    parser.add_argument("--runs", type=int, default=int(os.environ.get("BENCH_RUNS", RUNS)), help="interleaved runs")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("BENCH_SEED", SEED)), help="of the simulator")
    parser.add_argument("--quick", action="store_true", help=f"one run of {QUICK_EVENTS} records; for development")
    parser.add_argument("--contender", action="append", choices=report.WORDS, help="besides plain and kafka, only this one; may be repeated")
    parser.add_argument("--write", type=Path, help="also write the tables, with date and machine, to this file")
    given = parser.parse_args()
    if given.quick:
        given.events, given.runs = QUICK_EVENTS, 1
    parts = (given.only,) if given.only in PARTS else PARTS if given.only is None else ()
    with TemporaryDirectory(prefix="controlwatch-bench-") as name:
        folder = Path(name)
        with KafkaBroker(folder / "kafka", heap="768m") as broker:
            say(f"preparing about {given.events} records of seed {given.seed}")
            material = prepare(folder / "material", events=given.events, seed=given.seed, bootstrap=broker.bootstrap)
            results = measure(parts, given.runs, given.contender, material, broker.bootstrap)
            summary = report.summary(results, material.facts)
            if given.only in (None, "both", "latency"):
                rate = half_of(summary, material, broker.bootstrap)
                say(f"latency at {rate:.0f} raw records a second")
                summary["latency"] = latency(rate, material, broker.bootstrap, folder)
                if "both" in summary:
                    summary["both"]["latency_p99_s"] = summary["latency"]["p99_s"]
    text = report.table(summary, given.events, given.runs, given.seed)
    say(text)
    if given.write:
        given.write.write_text(report.document(text), encoding="utf-8")
    sys.stdout.write(json.dumps(summary) + "\n")


def measure(
    parts: tuple[str, ...], runs: int, chosen: list[str] | None, material: Material, bootstrap: str
) -> Results:
    """Results of every part and contender, run after run, so that a slow minute of the machine hits all alike."""
    results: Results = {part: {name: [] for name in report.CONTENDERS[part] if chosen is None or name in (*chosen, "plain", "kafka")} for part in parts}
    for number in range(runs):
        for part, rows in results.items():
            for name, row in rows.items():
                row.append(launch(name, part, material, bootstrap, f"{part}.{name}.{number}."))
                say(f"run {number + 1} of {runs}: {part}, {name}: {row[-1]}")
    return results


def half_of(summary: report.Json, material: Material, bootstrap: str) -> float:
    """Half of the raw records a second (wall clock) that the whole pipeline on Kafka has been seen to carry."""
    if "both" in summary:
        return float(summary["both"]["events_per_second"]) / 2
    return material.facts.raws / launch("kafka", "both", material, bootstrap, "rate.")["wall_s"] / 2


def say(text: str) -> None:
    """Tell the person watching; the result itself goes to standard output."""
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
