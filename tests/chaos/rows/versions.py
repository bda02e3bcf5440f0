"""Two versions of the program at once: a rolling upgrade, and an older version that meets what a newer one has written."""

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

from detectors.kit import changelog
from tests.chaos.row import row
from tests.chaos.trial import Trial
from tests.chaos.worker import ROOT, Worker
from tests.chaos.world import portions
from tests.services.server import wait_until

REFUSES = 60.0  # seconds in which the older worker has said that it cannot take the newer state
REFUSAL = "lane detect-"  # what it says: its lane ended


def previous(directory: Path) -> Path:
    """The last version before the present state schema, from the history of this repository."""
    said = ("git", "log", "--format=%H", f"-SSCHEMA = {changelog.SCHEMA}\n", "--", "detectors/kit/changelog.py")
    found = subprocess.run(said, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    if not found:
        raise RuntimeError("no commit brought in the present state schema: this row needs the whole history (git fetch --unshallow)")
    packed = subprocess.run(("git", "archive", f"{found[-1]}^"), cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(directory, filter="data")
    return directory


def become(worker: Worker, root: Path) -> None:
    """``worker`` ends in order and starts again with the program in ``root``."""
    worker.stop()
    worker.root = root
    worker.launch()


@row("T25", "workers of the previous state schema and of this one (rolling upgrade; an older one comes back)", faults=8)
def rolling(trial: Trial) -> None:
    """Upgraded one after the other under load; then older ones are started on newer state and must leave it as it is."""
    older = previous(trial.directory / "previous")
    with trial.world(trial.workload(), workers=0) as world:
        for number in (1, 2):
            worker = world.worker(number)
            worker.root = older
            world.workers.append(worker)
            worker.launch()
        parts = portions(world.workload, trial.size.faults + 3)
        world.produce(*next(parts))
        trial.say(f"both of the previous version: done after {world.drained():.1f} s")
        for worker in world.workers:
            world.produce(*next(parts))
            become(worker, ROOT)
            trial.tally.faults += 1
            trial.tally.recovery.append(world.drained())
            trial.say(f"{worker.name} is upgraded; lag is nothing again after {trial.tally.recovery[-1]:.1f} s")
        for number, (order, until) in enumerate(parts):
            worker = world.workers[number % 2]
            become(worker, older)
            world.produce(order, until)
            wait_until(lambda: REFUSAL in worker.log_text(), seconds=REFUSES)  # noqa: B023 - at once
            become(worker, ROOT)
            trial.tally.faults += 1
            trial.tally.recovery.append(world.drained())
            trial.say(f"{worker.name} refused, and was replaced; lag is nothing again after {trial.tally.recovery[-1]:.1f} s")
