"""Everything by turns for hours: a random schedule of the other rows' faults."""

import resource
import time
from collections import Counter
from pathlib import Path

from tests.chaos.row import row
from tests.chaos.trial import Trial
from tests.services.server import wait_until

BOX = 2 * 3600.0  # seconds of faults in the soak


@row("T12", "the broker's disk is full: no file may grow any more", faults=10, records=200_000)
def full(trial: Trial) -> None:
    """The broker goes down with it; nothing moves its position past what was not stored; clean resume after space."""
    broker = trial.services.broker
    fell = 0
    with trial.world(trial.workload()) as world:

        def fill(number: int) -> None:
            nonlocal fell
            logs = Path(broker.directory, "data").rglob("*.log")
            largest = max(path.stat().st_size for path in logs) + trial.chance.randrange(1, 100_000)
            _, hard = resource.prlimit(broker.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (largest, hard))
            time.sleep(trial.chance.uniform(3, 12))
            if broker.running:
                trial.kill(broker)
            else:
                fell += 1
            broker.start()

        trial.under_load(world, fill, limit=300, wait=(0.0, 1.0))
    trial.tally.notes["broker_fell"] = fell


@row("T40", "soak: kills, stops, restarts, joins, store and broker away, at random for up to 2 hours", faults=360, cases=10_000, records=2_000_000)
def soak(trial: Trial) -> None:
    """The schedule follows from the seed."""
    broker, node = trial.services.broker, trial.services.elasticsearch
    done: Counter[str] = Counter()
    with trial.world(trial.workload()) as world:
        third = world.worker(3)
        world.workers.append(third)

        def anything(number: int) -> None:
            kind = trial.chance.choice(("kill", "kill both", "stop", "end", "join", "leave", "store away", "store frozen", "broker away", "broker frozen"))
            done[kind] += 1
            trial.say(kind)
            worker = world.workers[trial.chance.randrange(2)]
            seconds = trial.chance.uniform(2, 25)
            if kind.startswith("kill"):
                for victim in world.workers[:2] if kind == "kill both" else [worker]:
                    trial.kill(victim)
                    victim.launch()
            elif kind == "stop":
                worker.pause()
                trial.more(world)
                time.sleep(seconds)
                worker.resume()
            elif kind == "end":
                worker.stop()
                worker.launch()
            elif kind == "join" and not third.running:
                third.launch()
            elif kind == "leave" and third.running:
                trial.kill(third)
            elif kind.startswith(("store", "broker")):
                server = node if kind.startswith("store") else broker
                if kind.endswith("frozen"):
                    server.pause()
                    if server is node:
                        trial.more(world)
                    time.sleep(seconds)
                    server.resume()
                else:
                    trial.kill(server)
                    if server is node:
                        trial.more(world)
                        trial.tally.away.append(seconds)
                    time.sleep(seconds)
                    server.start()
                wait_until(server.ready, seconds=60)

        trial.under_load(world, anything, limit=300, within=BOX)
    trial.tally.notes["schedule"] = dict(sorted(done.items()))
