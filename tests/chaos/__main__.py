"""``python -m tests.chaos``: run rows of the protocol; ends with one line of JSON.

Rows, scale and seed come as options or as ROWS, SCALE and SEED of the environment. Each row's result is kept in
``var/chaos/<seed>/<scale>/<row>.json``; a row that has one is not run again unless ``--again`` says so. With ``--write``
results are kept beside the page, too, and a row that held there at this scale or a larger one is not run again.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.chaos import report, results, rows
from tests.chaos.row import ROWS, Row
from tests.chaos.services import Services
from tests.chaos.trial import Trial
from tests.services.server import guardian

assert rows  # its import has registered every row


def main() -> int:
    """Run; 0 if every row that was asked for held all promises."""
    given = options()
    kept = given.write.with_suffix("") if given.write else None
    folder = given.results / str(given.seed) / f"{given.scale:g}"
    folder.mkdir(parents=True, exist_ok=True)
    missing: list[str] = []
    found: dict[str, results.Json] = {}

    def done(id_: str) -> None:
        found[id_] = json.loads((folder / f"{id_}.json").read_text())
        if given.write and kept is not None:
            results.keep(kept, found[id_], anyway=given.replace)
            report.write(given.write, results.read(kept))

    for id_ in given.rows:
        if not given.again and (folder / f"{id_}.json").exists():
            done(id_)
        elif not given.again and kept and results.done(kept, id_, scale=given.scale, seed=given.seed):
            found[id_] = json.loads(results.place(kept, id_, given.seed).read_text())
        else:
            missing.append(id_)
    if given.jobs == 1:
        with tempfile.TemporaryDirectory(prefix="controlwatch-chaos-") as name, Services(Path(name)) as services:
            for id_ in missing:
                run(ROWS[id_], given.scale, given.seed, services, folder)
                done(id_)
    else:
        together = [id_ for id_ in missing if not ROWS[id_].alone]
        for ids, jobs in ((together, given.jobs), ([id_ for id_ in missing if ROWS[id_].alone], 1)):
            with ThreadPoolExecutor(jobs) as pool:
                for id_ in pool.map(lambda one: apart(one, given), ids):
                    done(id_)
    in_order = {id_: found[id_] for id_ in given.rows}
    sys.stderr.write(report.table(in_order.values()))
    sys.stdout.write(json.dumps({id_: result["summary"] for id_, result in in_order.items()}) + "\n")
    return 0 if all(result["passed"] for result in in_order.values()) else 1


def options() -> argparse.Namespace:
    """What the command line and the environment ask for."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("rows", nargs="*", default=os.environ.get("ROWS", "").split(), help="for example T01 T09; default all")
    parser.add_argument("--scale", type=float, default=float(os.environ.get("SCALE") or 1), help="1: the full size")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED") or 1), help="of workload and chance")
    parser.add_argument("--again", action="store_true", help="run rows again that have a result")
    parser.add_argument("--jobs", type=int, default=1, help="rows at a time, each with its own servers; some rows run alone")
    parser.add_argument("--results", type=Path, default=Path("var/chaos"), help="folder of results")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="keep results beside this page and write its table from all of them")
    parser.add_argument("--replace", action="store_true", help="with --write: also in the place of larger runs")
    given = parser.parse_args()
    unknown = [name for name in given.rows if name not in ROWS]
    if unknown:
        parser.error(f"no row {', '.join(unknown)}; there are {', '.join(sorted(ROWS))}")
    given.rows = sorted(given.rows or ROWS)
    return given


def apart(id_: str, given: argparse.Namespace) -> str:
    """Run one row in a process of its own, which ends with this one."""
    asked: Sequence[str] = (id_, "--again", f"--scale={given.scale}", f"--seed={given.seed}", f"--results={given.results}")
    with subprocess.Popen((sys.executable, "-m", "tests.chaos", *asked), stdout=subprocess.DEVNULL) as process:
        guardian().guard(process.pid)
        process.wait()
        guardian().release(process.pid)
    return id_


def run(row: Row, scale: float, seed: int, services: Services, folder: Path) -> None:
    """Run one row and keep its result; an error is a result, too. The workers' logs stay if it failed."""
    directory = folder / row.id
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    where = results.circumstances(scale=scale, seed=seed)
    trial = Trial(row, row.size.scaled(scale), seed=seed, services=services, directory=directory.absolute())
    trial.say(f"{row.fault} ({trial.size.faults} faults)")
    try:
        row.run(trial)
    except Exception as error:  # noqa: BLE001 - the other rows are to be run
        if not any(str(error)[:200] in told for told in trial.tally.failed):
            trial.tally.failed.append(f"{type(error).__name__}: {error}"[:4000])
    if (now := results.program()) != where["program"]:
        where["program"] += f"..{now}"  # somebody committed while the row ran
    for told in trial.tally.failed:
        trial.say(f"FAILED: {told}")
    difference = {name: sorted(getattr(trial.tally.difference, name))[:20] for name in ("lost", "duplicate", "phantom", "changed")}
    result = {
        "row": row.id, "fault": row.fault, **where, "passed": trial.tally.passed,
        "seconds": round(time.monotonic() - trial.began, 1),
        "summary": trial.tally.summary(), "examples": difference, "laws": trial.tally.difference.laws,
    }  # fmt: skip
    (folder / f"{row.id}.json").write_text(json.dumps(result, indent=1) + "\n")
    if trial.tally.passed:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
