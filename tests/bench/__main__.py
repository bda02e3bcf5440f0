"""``python -m tests.bench [ONLY]``: plan, prepare, run everything in turn, compare, print tables and one line of JSON."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import gate, page, report
from tests.bench.laws import LAWS
from tests.bench.laws import run as laws
from tests.bench.pipeline import PARTS, Pipeline
from tests.bench.steps import Kept, Progress, Step, plan, say
from tests.services.kafka_broker import KafkaBroker

EVENTS, RUNS, SEED = 100_000, 3, 1
QUICK_EVENTS = 30_000
BUSY = 0.7  # of the machine's load when the measurement begins


def main() -> None:
    """Measure; exits with 1 if something broke or came to another result."""
    given = _arguments()
    size = "quick" if given.quick else "full" if given.full else "default"
    if given.quick:
        given.events, given.runs = QUICK_EVENTS, 1
    conditions = {"seed": given.seed, "runs": given.runs, "records": given.events}
    kept = Kept({**conditions, "size": size}, resume=given.resume)
    parts = _parts(given.only)
    pipeline = Pipeline(parts, events=given.events, runs=given.runs, seed=given.seed, only=given.contender) if parts else None
    piped = pipeline.steps(kept) if pipeline is not None else []
    chosen = [law for name, law in LAWS.items() if given.only in (None, "laws", name)]
    lawful = {law.name: laws.steps(law, size=size, seed=given.seed) for law in chosen}
    everything = [*piped, *(step for steps in lawful.values() for step in steps)]
    plan(everything, kept)
    if (load := os.getloadavg()[0]) > BUSY:
        say(f"NOTE: load {load:.1f}: other programs run on this machine, what is measured now says little")
    progress, summary = Progress(everything, kept), report.Json()

    def keep(found: report.Json) -> None:
        told = {name: {"machine": report.machine(), **conditions, **row} for name, row in found.items()}
        for name, row in told.items():
            say("\n".join([*page.part(name, row), *gate.worse(name, row), ""]))
        summary.update(found)
        if given.write:
            page.write(given.write, told)

    if pipeline is not None:
        _run(pipeline, piped, progress, kept)
        keep(pipeline.summary(kept))
    for law in chosen:
        progress.carry_out(lawful[law.name])
        if (found := laws.measured(law, kept, size=size)) is not None:
            keep({law.name: found})
    broken = report.broken(kept.rows, summary)
    for line in broken:
        say(f"BROKE: {line}")
    sys.stdout.write(json.dumps(summary) + "\n")
    sys.exit(1 if broken else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("only", nargs="?", choices=(*PARTS, "pipeline", "laws", *LAWS), help="one part, or a group; default all")
    parser.add_argument("--events", type=int, default=int(os.environ.get("BENCH_EVENTS", EVENTS)), help="raw records, about")
    parser.add_argument("--runs", type=int, default=int(os.environ.get("BENCH_RUNS", RUNS)), help="interleaved runs")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("BENCH_SEED", SEED)), help="of the simulator and the streams")
    parser.add_argument("--quick", action="store_true", help=f"one run of {QUICK_EVENTS} records and small laws; for development")
    parser.add_argument("--full", action="store_true", help="scaling laws over more cases and events")
    parser.add_argument("--resume", action="store_true", help="measure only what the run before, with the same sizes, did not come to")
    parser.add_argument("--contender", action="append", choices=report.WORDS, help="besides plain and kafka, only this one; may be repeated")
    parser.add_argument(
        "--write", type=Path, nargs="?", const=page.FILE, help="also keep the figures of the parts that were run, and write this page"
    )
    return parser.parse_args()


def _parts(only: str | None) -> Sequence[str]:
    """Parts on the simulator's records; the whole pipeline comes with its latency."""
    if only in (None, "pipeline"):
        return PARTS
    return ("both", "latency") if only == "both" else (only,) if only in PARTS else ()


def _run(pipeline: Pipeline, steps: Sequence[Step], progress: Progress, kept: Kept) -> None:
    """Every step on one broker, unless all are kept."""
    if all(step.key in kept.rows for step in steps):
        return
    with TemporaryDirectory(prefix="controlwatch-bench-") as name:
        folder = Path(name)
        with KafkaBroker(folder / "kafka", heap="768m") as broker:
            pipeline.at(folder, broker.bootstrap, kept)
            progress.carry_out(steps)


if __name__ == "__main__":
    main()
