"""Faults of what workers keep on their own disks: lost, changed, cut short, set back. The changelog is what counts."""

import shutil
from pathlib import Path
from random import Random

from tests.chaos.row import row
from tests.chaos.trial import Trial

KINDS = ("deleted", "bytes flipped", "cut short", "older copy put back")
RESTING = 100  # keys and events in memory: nearly everything rests in the copy on the disk, and is read from there
PER_FLIP = 20_000  # bytes of a file for each one that is flipped


@row("T13b", "what a worker keeps on its disk deleted, flipped, cut short, or put back as it was before", faults=40)
def stores(trial: Trial) -> None:
    """It is noticed and built anew from the changelog; never believed."""
    spoiled = 0
    with trial.world(trial.workload(), settings={"CONTROLWATCH_IN_MEMORY": str(RESTING)}) as world:

        def spoil(number: int) -> None:
            nonlocal spoiled
            kind = KINDS[number % len(KINDS)]
            victims = (world.workers[:1], world.workers[1:], world.workers)[number // len(KINDS) % 3]
            for worker in victims:
                trial.kill(worker)
            for worker in victims:
                older = trial.directory / f"older-{worker.number}"
                before = trial.directory / f"before-{worker.number}"
                shutil.copytree(worker.data, before, dirs_exist_ok=True)
                spoiled += damage(worker.data, kind, trial.chance, older)
                shutil.rmtree(older, ignore_errors=True)
                before.rename(older)
                worker.launch()
            trial.say(f"{kind}: {spoiled} files so far")

        trial.under_load(world, spoil, wait=(0.2, 1.5))
    trial.tally.notes["files_spoiled"] = spoiled


def damage(folder: Path, kind: str, chance: Random, older: Path) -> int:
    """Do ``kind`` to every file in ``folder``; how many there were. ``older``: a former copy of it, if there is one."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    if kind in {"deleted", "older copy put back"}:
        shutil.rmtree(folder)
        if kind != "deleted" and older.exists():
            shutil.copytree(older, folder)
        folder.mkdir(exist_ok=True)
        return len(files)
    for path in files:
        data = bytearray(path.read_bytes())
        if kind == "cut short":
            del data[chance.randrange(len(data) + 1) :]
        elif data:
            for _ in range(1 + len(data) // PER_FLIP):
                data[chance.randrange(len(data))] ^= chance.randrange(1, 256)
        path.write_bytes(bytes(data))
    return len(files)
