"""``python -m tests.bench [ONLY]``: prepare, run every contender in turn, compare, print a table and one line of JSON."""

import argparse
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import extras, page, report
from tests.bench.latency import latency
from tests.bench.launch import launch
from tests.bench.laws import LAWS
from tests.bench.laws.run import measured
from tests.bench.material import Material, prepare
from tests.bench.report import PARTS, Results
from tests.services.kafka_broker import KafkaBroker

EVENTS, RUNS, SEED = 100_000, 3, 1
QUICK_EVENTS = 30_000


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("only", nargs="?", choices=(*PARTS, "latency", "pipeline", "laws", *LAWS), help="one part, or a group; default all")
    parser.add_argument("--events", type=int, default=int(os.environ.get("BENCH_EVENTS", EVENTS)), help="raw records, about")
    parser.add_argument("--runs", type=int, default=int(os.environ.get("BENCH_RUNS", RUNS)), help="interleaved runs")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("BENCH_SEED", SEED)), help="of the simulator and the streams")
    parser.add_argument("--quick", action="store_true", help=f"one run of {QUICK_EVENTS} records; for development")
    parser.add_argument("--full", action="store_true", help="scaling laws over more cases and events")
    parser.add_argument("--contender", action="append", choices=report.WORDS, help="besides plain and kafka, only this one; may be repeated")
    parser.add_argument(
        "--write", type=Path, nargs="?", const=page.FILE, help="also keep the figures of the parts that were run, and write this page"
    )
    given = parser.parse_args()
    if given.quick:
        given.events, given.runs = QUICK_EVENTS, 1
    summary: report.Json = {}
    if given.only is None or given.only == "pipeline" or given.only in (*PARTS, "latency"):
        summary |= pipeline(given)
    for name, law in LAWS.items():
        if given.only in (None, "laws", name):
            summary[name] = measured(law, full=given.full, seed=given.seed, say=say)
    conditions = {"machine": report.machine(), "seed": given.seed, "runs": given.runs, "records": given.events}
    kept = {name: conditions | found for name, found in summary.items()}
    for name, found in kept.items():
        say("\n".join(page.part(name, found)))
    if given.write:
        page.write(given.write, kept)
    sys.stdout.write(json.dumps(summary) + "\n")


def pipeline(given: argparse.Namespace) -> report.Json:
    """The parts that compare contenders on Kafka, and latency."""
    parts = (given.only,) if given.only in PARTS else () if given.only == "latency" else PARTS
    with TemporaryDirectory(prefix="controlwatch-bench-") as name:
        folder = Path(name)
        with KafkaBroker(folder / "kafka", heap="768m") as broker:
            say(f"preparing about {given.events} records of seed {given.seed}")
            material = prepare(folder / "material", events=given.events, seed=given.seed, bootstrap=broker.bootstrap)
            results = measure(parts, given.runs, given.contender, material, broker.bootstrap)
            summary = report.summary(results, material.facts)
            if given.only in (None, "pipeline", "both", "latency"):
                rate = half_of(summary, material, broker.bootstrap)
                say(f"latency at {rate:.0f} raw records a second")
                summary["latency"] = latency(rate, material, broker.bootstrap, folder)
                if "both" in summary:
                    summary["both"]["latency_p99_s"] = summary["latency"]["p99_s"]
    return summary


def measure(
    parts: tuple[str, ...], runs: int, chosen: list[str] | None, material: Material, bootstrap: str
) -> Results:
    """Results of every part and contender, run after run, so that a slow minute of the machine hits all alike."""
    results: Results = {part: {name: [] for name in report.CONTENDERS[part] if chosen is None or name in (*chosen, "plain", "kafka")} for part in parts}
    for name in {name for rows in results.values() for name in rows}:
        if (package := extras.missing(name)) is not None:
            say(f"NOT MEASURED: {name}: {package} is not installed; 'make bench' installs it, or: make bench-packages")
    for number in range(runs):
        for part, rows in results.items():
            for name, row in rows.items():
                if extras.missing(name) is not None:
                    continue
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
