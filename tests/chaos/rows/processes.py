"""Faults of the workers' processes: killed, stopped for a while, ended in order, joined and left by others."""

import time

from streams.failpoints import POINTS
from tests.chaos.row import row
from tests.chaos.trial import Trial
from tests.chaos.watch import Watch
from tests.chaos.world import portions
from tests.services.server import wait_until

WATCHDOG = 75.0  # seconds in which a worker that stands still ends: the limit, and what finding it takes
QUICK = 30.0  # seconds in which the lag must be nothing again after a kill
SESSION = 10.0  # seconds; the workers' session timeout
ORDERLY = 10.0  # seconds in which a worker ends after SIGTERM


@row("T01", "workers killed (SIGKILL) at random moments", faults=300, cases=10_000, records=3_000_000)
def kills(trial: Trial) -> None:
    """Either worker or both; each starts again at once."""
    with trial.world(trial.workload()) as world:

        def kill(number: int) -> None:
            victims = trial.chance.choice([world.workers[:1], world.workers[1:], world.workers])
            for worker in victims:
                trial.kill(worker)
            for worker in victims:
                worker.launch()

        trial.under_load(world, kill)
    trial.tally.notes["slower_than_30_s"] = sum(seconds > QUICK for seconds in trial.tally.recovery)


@row("T02", "worker kills itself at named points, 20 times at each", faults=20 * len(POINTS), cases=10_000, records=1_000_000)
def failpoints(trial: Trial) -> None:
    """One worker, so that every point is certainly on its way."""
    points = [POINTS[number % len(POINTS)] for number in range(trial.size.faults)]
    with trial.world(trial.workload(), workers=1) as world:
        (worker,) = world.workers
        for number, (order, until) in enumerate(portions(world.workload, trial.size.faults + 1)):
            point = points[number] if number < len(points) else ""
            if point:
                armed = f"{point}:{trial.chance.randint(1, 2)}"
                worker.stop()
                worker.settings["CONTROLWATCH_FAILPOINT"] = armed
                worker.launch()
            world.produce(order, until)
            if not point:
                break
            wait_until(lambda: not worker.running, seconds=120)
            trial.tally.demand(worker.ended() == -9, f"at {point} the worker ended with {worker.ended()}")
            trial.tally.crashed[point] += worker.ended() == -9
            trial.tally.faults += 1
            worker.settings["CONTROLWATCH_FAILPOINT"] = ""
            worker.launch()
            trial.tally.recovery.append(world.drained())
            trial.say(f"{armed}: lag is nothing again after {trial.tally.recovery[-1]:.1f} s")


@row("T03", "worker stopped (SIGSTOP) for longer than its session, then woken", faults=20, records=200_000)
def stops(trial: Trial) -> None:
    """Its partitions have moved when it wakes; what it still writes must be refused."""
    with trial.world(trial.workload()) as world:

        def stop(number: int) -> None:
            worker = world.workers[number % 2]
            worker.pause()
            trial.more(world)
            time.sleep(trial.chance.uniform(SESSION / 2, 2 * SESSION if trial.size.faults < 20 else 90))
            worker.resume()

        trial.under_load(world, stop, wait=(0.2, 2.0))


@row("T04", "every worker ended in order (SIGTERM) and started again, one after the other", faults=40, alone=True)
def rolling(trial: Trial) -> None:
    """In the middle of its work; it must end by itself in time."""
    slowest = 0.0
    with trial.world(trial.workload()) as world:

        def end(number: int) -> None:
            nonlocal slowest
            worker = world.workers[number % 2]
            seconds, status = worker.terminated()
            slowest = max(slowest, seconds)
            trial.tally.demand(status == 0, f"{worker.name} ended with status {status} after SIGTERM")
            trial.tally.demand(seconds <= ORDERLY, f"{worker.name} took {seconds:.1f} s to end after SIGTERM")
            worker.launch()

        trial.under_load(world, end, wait=(2.0, 5.0))
    trial.tally.notes["slowest_end_s"] = round(slowest, 1)


@row("T05", "a third worker joins and leaves every 3 s for 10 minutes", faults=100, records=400_000, alone=True)
def storm(trial: Trial) -> None:
    """It leaves by SIGTERM and by SIGKILL in turn; work never stands still for 30 s."""
    with trial.world(trial.workload()) as world:
        third = world.worker(3)
        world.workers.append(third)
        parts = list(portions(world.workload, trial.size.faults + 1))
        world.produce(*parts[0])
        world.drained()
        with Watch(world) as watch:
            for number, (order, until) in enumerate(parts[1:]):
                third.launch()
                world.produce(order, until)
                time.sleep(3)
                trial.kill(third) if number % 2 else third.stop()
                trial.tally.faults += 1
                time.sleep(3)
            trial.tally.recovery.append(world.drained())
        trial.tally.notes["longest_stall_s"] = round(watch.longest, 1)
        trial.tally.demand(watch.longest <= QUICK, f"nothing was committed for {watch.longest:.1f} s under load")


@row("T27", "a stage stands still (its handler hangs, and the event loop with it)", faults=3, alone=True)
def stalls(trial: Trial) -> None:
    """The watchdog ends the worker with a word in its log; whoever keeps it up starts it again."""
    points = ("detect:after-poll", "deliver:before-write", "normalize:after-fold")
    slowest = 0.0
    with trial.world(trial.workload(), workers=1) as world:
        (worker,) = world.workers
        for number, (order, until) in enumerate(portions(world.workload, trial.size.faults + 1)):
            if number < trial.size.faults:
                worker.stop()
                worker.settings["CONTROLWATCH_FAILPOINT"] = f"{points[number % len(points)]}:2:hang"
                worker.launch()
            world.produce(order, until)
            if number == trial.size.faults:
                break
            began = time.monotonic()
            wait_until(lambda: not worker.running, seconds=180)
            slowest = max(slowest, time.monotonic() - began)
            trial.tally.demand(worker.ended() == 3, f"after {points[number % len(points)]} the worker ended with {worker.ended()}")
            trial.tally.demand("has committed nothing for" in worker.log_text(), "the log does not tell why the worker ended")
            trial.tally.faults += 1
            worker.settings["CONTROLWATCH_FAILPOINT"] = ""
            worker.launch()
            trial.tally.recovery.append(world.drained())
    trial.tally.notes["slowest_end_s"] = round(slowest, 1)
    trial.tally.demand(slowest <= WATCHDOG, f"a worker that stood still took {slowest:.0f} s to end")
