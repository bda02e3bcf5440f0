"""Faults of the embedded job, which keeps everything in one SQLite file: killed, its log rotated, its disk full."""

import resource
import time
from collections.abc import Callable

from tests.chaos.row import row
from tests.chaos.single import Single
from tests.chaos.trial import Trial
from tests.chaos.world import portions


@row("T01b", "the embedded job (SQLite) killed at random moments while it follows a file that is rotated", faults=100, cases=5_000, records=500_000)
def kills(trial: Trial) -> None:
    """Positions, state and findings are of one transaction: whatever was not stored is read again, and nothing else."""

    def kill(job: Single) -> None:
        if trial.chance.random() < 0.5:
            time.sleep(trial.chance.uniform(0.2, 5.0))
        else:
            _grown(job, trial.chance.uniform(0.05, 2.0))
        trial.kill(job)
        job.launch()

    _under_load(trial, kill)


@row("T12b", "the embedded job's disk is full: no file may grow any more", faults=20, cases=2_000, records=100_000)
def full(trial: Trial) -> None:
    """What cannot be stored has not been read; once there is room, or the job starts again, it goes on from there."""

    def fill(job: Single) -> None:
        wal = job.file.with_name(f"{job.file.name}-wal")
        largest = max(path.stat().st_size for path in (job.file, wal) if path.exists())
        soft, hard = resource.prlimit(job.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(job.pid, resource.RLIMIT_FSIZE, (largest + trial.chance.randrange(1, 50_000), hard))
        time.sleep(trial.chance.uniform(2, 6))
        if job.running:
            resource.prlimit(job.pid, resource.RLIMIT_FSIZE, (soft, hard))
            time.sleep(1)
            trial.tally.notes["went_on"] = trial.tally.notes.get("went_on", 0) + 1
        if not job.running:
            trial.tally.notes["ended"] = trial.tally.notes.get("ended", 0) + 1
            job.launch()

    _under_load(trial, fill)


def _grown(job: Single, seconds: float) -> None:
    """Wait until the job has begun to store, then for ``seconds``."""
    position = job.position()
    until = time.monotonic() + 20
    while job.position() == position and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(seconds)


def _under_load(trial: Trial, fault: Callable[[Single], None]) -> None:
    load = trial.workload()
    with Single(trial.directory / "job", load) as job:
        first, *parts = portions(load, trial.size.faults + 2)
        job.write(*first)
        trial.say(f"the job is up: first portion done after {job.drained():.1f} s")
        for order, until in parts[:-1]:
            job.write(order, until)
            fault(job)
            trial.tally.faults += 1
            trial.tally.recovery.append(job.drained())
            trial.say(f"fault {trial.tally.faults} of {trial.size.faults}: read to the end after {trial.tally.recovery[-1]:.1f} s")
            if trial.chance.random() < 0.3:
                job.rotate()
        job.write(*parts[-1])
        job.drained()
        job.stop()
        trial.tally.records += job.sent
        trial.tally.expected += len(load.expected)
        trial.tally.difference = job.compared(load.expected)
