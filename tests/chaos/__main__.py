"""``python -m tests.chaos``: run rows of the protocol one after the other; ends with one line of JSON.

Rows, scale and seed come as options or as ROWS, SCALE and SEED of the environment. Each row's result is kept in
``var/chaos/<seed>/<scale>/<row>.json``; a row that has one is not run again unless ``--again`` says so.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos import report, rows
from tests.chaos.row import ROWS, Row
from tests.chaos.services import Services
from tests.chaos.trial import Trial

assert rows  # its import has registered every row


def main() -> int:
    """Run; 0 if every row that ran held all promises."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("rows", nargs="*", default=os.environ.get("ROWS", "").split(), help="for example T01 T09; default all")
    parser.add_argument("--scale", type=float, default=float(os.environ.get("SCALE") or 1), help="1: the full size")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED") or 1), help="of workload and chance")
    parser.add_argument("--again", action="store_true", help="run rows again that have a result")
    parser.add_argument("--results", type=Path, default=Path("var/chaos"), help="folder of results")
    parser.add_argument("--write", type=Path, help="also write the table, with date and machine, into this file")
    given = parser.parse_args()
    unknown = [name for name in given.rows if name not in ROWS]
    if unknown:
        parser.error(f"no row {', '.join(unknown)}; there are {', '.join(sorted(ROWS))}")
    results = given.results / str(given.seed) / f"{given.scale:g}"
    results.mkdir(parents=True, exist_ok=True)
    chosen = sorted(given.rows or ROWS)
    with tempfile.TemporaryDirectory(prefix="controlwatch-chaos-") as name, Services(Path(name)) as services:
        for id_ in chosen:
            if given.again or not (results / f"{id_}.json").exists():
                run(ROWS[id_], given.scale, given.seed, services, results)
    found = {id_: json.loads((results / f"{id_}.json").read_text()) for id_ in chosen}
    sys.stderr.write(report.table(found))
    if given.write:
        everything = {path.stem: json.loads(path.read_text()) for path in sorted(results.glob("*.json"))}
        report.write(given.write, everything, scale=given.scale, seed=given.seed)
    sys.stdout.write(json.dumps({id_: result["summary"] for id_, result in found.items()}) + "\n")
    return 0 if all(result["passed"] for result in found.values()) else 1


def run(row: Row, scale: float, seed: int, services: Services, results: Path) -> None:
    """Run one row and keep its result; an error is a result, too. The workers' logs stay if it failed."""
    directory = results / row.id
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    trial = Trial(row, row.size.scaled(scale), seed=seed, services=services, directory=directory.absolute())
    trial.say(f"{row.fault} ({trial.size.faults} faults)")
    try:
        row.run(trial)
    except Exception as error:  # noqa: BLE001 - the other rows are to be run
        if not any(str(error)[:200] in told for told in trial.tally.failed):
            trial.tally.failed.append(f"{type(error).__name__}: {error}"[:4000])
    for told in trial.tally.failed:
        trial.say(f"FAILED: {told}")
    difference = {name: sorted(getattr(trial.tally.difference, name))[:20] for name in ("lost", "duplicate", "phantom", "changed")}
    result = {
        "fault": row.fault, "passed": trial.tally.passed, "seconds": round(time.monotonic() - trial.began, 1),
        "summary": trial.tally.summary(), "examples": difference, "laws": trial.tally.difference.laws,
    }  # fmt: skip
    (results / f"{row.id}.json").write_text(json.dumps(result, indent=1) + "\n")
    if trial.tally.passed:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
