"""Faults of the store: Elasticsearch away, refusing, losing answers, slow; a worker killed between its writes."""

import threading
import time
from pathlib import Path

from tests.chaos import front
from tests.chaos.front import Front, Request
from tests.chaos.row import row
from tests.chaos.trial import Trial
from tests.chaos.worker import Worker
from tests.chaos.world import portions

GROWTH = 100  # MB by which a worker may grow while the store is away
SIXTH = 16  # one id in so many is of a document that the store cannot take


def resident(worker: Worker) -> float:
    """MB of memory that a worker holds."""
    status = Path(f"/proc/{worker.pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


@row("T09", "Elasticsearch away for 1 minute and for 10, a worker restarted meanwhile", faults=2, cases=2_000, records=300_000)
def away(trial: Trial) -> None:
    """Detection goes on; what waits is in Kafka, not in memory."""
    share = min(1.0, trial.size.records / 300_000)
    node = trial.services.elasticsearch
    notes: dict[str, list[float]] = {"grown_mb": [], "slowest_detection_s": []}
    with trial.world(trial.workload()) as world:
        parts = list(portions(world.workload, 14))
        world.produce(*parts[0])
        world.drained()
        for seconds, coming in ((max(15.0, 60 * share), parts[1:4]), (max(60.0, 600 * share), parts[4:-1])):
            before = {worker.name: resident(worker) for worker in world.workers}
            trial.kill(node)
            began = time.monotonic()
            detecting = 0.0
            for number, part in enumerate(coming):
                world.produce(*part)
                if number == 1:
                    trial.tally.demand(world.workers[1].terminated()[1] == 0, "a worker does not end while the store is away")
                    world.workers[1].launch()
                detecting = max(detecting, world.drained(stages=("normalize", "detect")))
            time.sleep(max(0.0, seconds - (time.monotonic() - began)))
            for worker in world.workers:
                trial.tally.demand(worker.running, f"{worker.name} ended while the store was away")
            grown = resident(world.workers[0]) - before[world.workers[0].name]
            trial.tally.demand(grown <= GROWTH, f"a worker grew by {grown:.0f} MB while the store was away")
            trial.tally.away.append(time.monotonic() - began)
            node.start()
            trial.tally.faults += 1
            trial.tally.recovery.append(world.drained())
            notes["grown_mb"].append(round(grown))
            notes["slowest_detection_s"].append(round(detecting, 1))
            trial.say(f"away for {trial.tally.away[-1]:.0f} s; lag is nothing again after {trial.tally.recovery[-1]:.1f} s")
        world.produce(*parts[-1])
        trial.tally.notes.update(notes)


@row("T10", "Elasticsearch refuses, refuses in part, answers too late or never, and cannot take some documents", faults=400, cases=5_000)
def refusing(trial: Trial) -> None:
    """By turns and at random, half of all bulk requests; documents that no mapping takes become dead letters."""
    lock = threading.Lock()
    kinds = ("429", "503", "lost", "late", "some 429", "some 503", "flood", "red")

    def poison(id_: str) -> bool:
        return int(id_.partition(":")[0], 16) % SIXTH == 0

    def policy(request: Request) -> None:
        if not request.bulk:
            return
        with lock:
            kind = trial.chance.choice(kinds) if trial.chance.random() < 0.5 and trial.tally.faults < trial.size.faults else ""
            unlucky = trial.chance.randrange(2, 5)
            served.seen[kind or "served"] += 1
            trial.tally.faults += bool(kind)

        def poisonous(index: str, id_: str) -> tuple[int, dict[str, str]] | None:
            return (400, front.MAPPING) if "-violations" in index and poison(id_) else None

        if kind in ("429", "503"):
            request.refuse(int(kind))
        elif kind in {"lost", "late"}:
            request.refuse_items(poisonous)
            time.sleep(11 if kind == "late" else 0)
            raise front.Lost
        else:
            error = {"some 429": (429, front.REJECTED), "some 503": (503, front.RED), "flood": (429, front.FLOOD), "red": (503, front.RED)}.get(kind)
            every = 1 if kind in {"flood", "red"} else unlucky
            request.refuse_items(lambda index, id_: error if error and hash(id_) % every == 0 else poisonous(index, id_))

    load = trial.workload()
    refused = {id_ for id_ in load.expected if poison(id_)}
    with Front(trial.services.elasticsearch.url, policy) as served, trial.world(load, elasticsearch=served.url, refused=poison) as world:
        for part in portions(load, max(4, trial.size.faults // 20)):
            world.produce(*part)
            trial.tally.recovery.append(world.drained(limit=600))
        trial.tally.notes.update(answers=dict(served.seen), dead_lettered=len(refused))


@row("T11", "slow Elasticsearch: answers after up to 9 s", faults=200, cases=5_000, alone=True)
def slow(trial: Trial) -> None:
    """Delivery falls back, detection does not; nobody loses its partitions for it."""

    def policy(request: Request) -> None:
        if request.bulk:
            trial.tally.faults += 1
            time.sleep(trial.chance.choice((0.1, 0.5, 1.0, 3.0, 9.0)))

    with Front(trial.services.elasticsearch.url, policy) as served, trial.world(trial.workload(), elasticsearch=served.url) as world:
        for part in portions(world.workload, max(4, trial.size.faults // 20)):
            world.produce(*part)
            detecting = world.drained(stages=("normalize", "detect"))
            trial.tally.demand(detecting <= 60, f"detection waited {detecting:.0f} s for the store")
        trial.tally.recovery.append(world.drained(limit=1_200))
        trial.tally.demand("partitions moved" not in world.told(), "a slow store made a worker lose partitions")
        trial.tally.notes["largest_mb"] = round(max(resident(worker) for worker in world.workers))


@row("T02b", "worker killed between the parts of one write to the store", faults=40, cases=5_000)
def between(trial: Trial) -> None:
    """Before a bulk request is carried out, after it and before its answer, and between current documents and history."""
    victims: list[Worker] = []

    def policy(request: Request) -> None:
        if request.bulk and victims:
            if trial.chance.random() < 0.7:
                request.forward()
            trial.kill(victims[0])
            victims.clear()  # only now: it is started again as soon as nobody is to be killed
            raise front.Lost

    with Front(trial.services.elasticsearch.url, policy) as served, trial.world(
        trial.workload(), elasticsearch=served.url, workers=1
    ) as world:

        def kill(number: int) -> None:
            victims.extend(world.workers)
            until = time.monotonic() + 20
            while victims and time.monotonic() < until:
                time.sleep(0.05)
            victims.clear()
            if not world.workers[0].running:
                world.workers[0].launch()

        trial.under_load(world, kill, wait=(0.0, 0.5))
