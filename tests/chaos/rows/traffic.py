"""Faults of the records: poison, huge ones, copies, disorder, wrong clocks, silence before a deadline, floods; replays of all."""

import asyncio
import hashlib
import json

from aiokafka import AIOKafkaProducer

from schemas import identity
from schemas.violation import Violation, final
from sinks import deadletter
from sinks.deadletter import DeadLetter
from streams.kafka import replaying
from streams.kafka.normalizing import encode_raw
from streams.layout import RECORD_LIMIT
from streams.replay import Order
from streams.stage import Raw
from tests.chaos import compare, wrapping
from tests.chaos.row import row
from tests.chaos.rows.store import resident
from tests.chaos.trial import Trial
from tests.chaos.world import World, portions
from tests.hostile import table

_ENVELOPES = [None, b"", b"{}", b"\xc1", b"\xff" * 100, b"\x91" * 1000, b"\x95\xa1r\xa1a\xa5linux\xc4\x01x\xcf" + b"\xff" * 8]


async def write(world: World, partition: int, values: list[bytes | None]) -> None:
    """Put ``values`` into one partition of topic ``raw``, as no collector would."""
    producer = AIOKafkaProducer(bootstrap_servers=world.bootstrap, max_request_size=RECORD_LIMIT, enable_idempotence=True)
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(world.layout.name("raw"), value, key=b"key", partition=partition)
    finally:
        await producer.stop()


async def letters(world: World) -> list[DeadLetter]:
    """Every dead letter."""
    topic = world.layout.name("deadletter")
    return [deadletter.decode(value) async for value in compare.records(world.bootstrap, topic, 0)]


@row("T15", "poison: a bad record after every twentieth, and envelopes that no collector writes", faults=5_000)
def poison(trial: Trial) -> None:
    """Each exactly once in the dead letters, with its bytes, its reason and its place."""
    load, bad = wrapping.poisoned(trial.workload())
    with trial.world(load) as world:
        for number, part in enumerate(portions(load, 5)):
            world.produce(*part)
            asyncio.run(write(world, number % world.layout.raw, _ENVELOPES))
            if number == 2:
                trial.kill(world.workers[0])
                world.workers[0].launch()
            trial.tally.recovery.append(world.drained())
        buried = asyncio.run(letters(world))
        raws = {(raw.source, raw.line): raw for raw in load.raws if (raw.source, raw.line) in bad}
        places = asyncio.run(_places(world))
        told: dict[tuple[str, int], list[DeadLetter]] = {}
        broken = 0
        for letter in buried:
            raw = places.get((letter.partition, letter.offset))
            if raw is None:
                broken += 1
                trial.tally.demand(letter.reason == "bad_envelope", f"a broken envelope was buried for {letter.reason}")
                continue
            told.setdefault((raw.source, raw.line), []).append(letter)
            trial.tally.demand(letter.raw == raw.data[: 64 << 10], f"a letter has not its record's bytes: {letter.id}")
        trial.tally.demand(broken == 5 * len(_ENVELOPES), f"{broken} letters for {5 * len(_ENVELOPES)} broken envelopes")
        for name, item in bad.items():
            reasons = [letter.reason for letter in told.get(name, [])]
            fits = {
                "filtered": reasons == [], table.ANY: len(reasons) <= 1, table.DEAD: len(reasons) == 1,
            }.get(item.fate, reasons == [item.fate])  # fmt: skip
            trial.tally.demand(fits, f"{item.name} in {name}: buried for {reasons}, not {item.fate}")
        trial.tally.demand(told.keys() <= raws.keys(), f"good records were buried: {sorted(told.keys() - raws.keys())[:5]}")
        trial.tally.faults = len(bad) + broken
        trial.tally.notes["dead_letters"] = len(buried)


async def _places(world: World) -> dict[tuple[int, int], Raw]:
    """(partition, offset) -> raw record, of all whose envelope can be read."""
    found: dict[tuple[int, int], Raw] = {}
    for partition in range(world.layout.raw):
        async for offset, record in compare.raws(world.bootstrap, world.layout, partition):
            found[(partition, offset)] = record
    return found


@row("T16", "records of a megabyte, 100,000 levels deep, with 100,000 keys", faults=300)
def huge(trial: Trial) -> None:
    """The worker neither falls over nor keeps what it took."""
    load = trial.workload()
    big = [bad for bad in table.of_feed("suricata") if len(bad.data) > 90_000]
    with trial.world(load) as world:
        parts = list(portions(load, 5))
        world.produce(*parts[0])
        world.drained()
        before = resident(world.workers[0])
        most = before
        for order, until in parts[1:]:
            o = order.raws[0].o or 0
            for number in range(max(1, trial.size.faults // 4)):
                bad = big[number % len(big)]
                order.raws.insert(trial.chance.randrange(len(order.raws)), Raw("suricata@huge", "suricata", bad.data, o, trial.tally.faults))
                trial.tally.faults += 1
            order.raws.sort(key=lambda raw: raw.o or 0)
            world.produce(order, until)
            trial.tally.recovery.append(world.drained())
            most = max(most, *(resident(worker) for worker in world.workers))
        trial.tally.notes["grown_mb"] = round(most - before)
        trial.tally.demand(most - before < 300, f"a worker grew by {most - before:.0f} MB")


@row("T18", "a fifth of all records one to five times more, also in another partition", faults=60_000)
def copies(trial: Trial) -> None:
    """No finding doubles, no threshold counts a copy."""
    whole = trial.workload()
    load = wrapping.doubled(whole, trial.chance)
    with trial.world(load) as world:
        for order, until in portions(load, 5):
            world.produce(order, until)
            elsewhere: list[list[bytes | None]] = [[] for _ in range(world.layout.raw)]
            for raw in trial.chance.sample(order.raws, len(order.raws) // 50):
                own = identity.partition("source", (raw.source,), world.layout.raw)
                elsewhere[(own + 1) % world.layout.raw].append(encode_raw(raw))
                trial.tally.faults += 1
            for partition, values in enumerate(elsewhere):
                asyncio.run(write(world, partition, values))
            trial.tally.recovery.append(world.drained())
        trial.tally.faults += len(load.raws) - len(whole.raws)


@row("T19", "every record up to 3,000 places from its own; some later than any memory", faults=500)
def disorder(trial: Trial) -> None:
    """Disorder changes nothing; what is too late is in topic ``late``, as often as it was counted."""
    load, late = wrapping.belated(trial.workload(), trial.chance, trial.size.faults)
    load = wrapping.shuffled(load, trial.chance)
    with trial.world(load) as world:
        for part in portions(load, 5):
            world.produce(*part)
            trial.tally.recovery.append(world.drained())
        told = sum(asyncio.run(_count(world, "late", partition)) for partition in range(world.layout.keyed))
        counted = asyncio.run(compare.judged(world.bootstrap, world.layout))["late"]
        trial.tally.faults = late
        trial.tally.notes["late_judgements"] = told
        trial.tally.demand(told == counted, f"{told} records in topic late, {counted} counted")
        trial.tally.demand(told >= late, f"{late} records were too late, topic late holds {told}")


async def _count(world: World, topic: str, partition: int) -> int:
    return sum([1 async for _ in compare.records(world.bootstrap, world.layout.name(topic), partition)])


@row("T20", "senders whose clocks are minutes to decades wrong, or stand", faults=1_000)
def clocks(trial: Trial) -> None:
    """They poison neither the time of others nor any finding of others."""
    load = wrapping.skewed(trial.workload(), trial.chance, trial.size.faults)
    with trial.world(load) as world:
        for part in portions(load, 5):
            world.produce(*part)
            trial.tally.recovery.append(world.drained())
        trial.tally.faults = trial.size.faults
        trial.tally.notes["dead_letters"] = len(asyncio.run(letters(world)))


@row("T21", "workers under other time zones (TZ)", faults=3)
def zones(trial: Trial) -> None:
    """The zone of the process is nowhere in a result."""
    load = trial.workload()
    for zone in ("UTC", "Asia/Taipei", "America/New_York"):
        with trial.world(load, settings={"TZ": zone}) as world:
            for part in portions(load, 2):
                world.produce(*part)
            trial.tally.recovery.append(world.drained())
        trial.tally.faults += 1


@row("T22", "no record comes after a deadline; the worker restarts before time passes", faults=3)
def silence(trial: Trial) -> None:
    """Timers fire by progress alone, also in a worker that never saw the event; each finding once."""
    load = trial.workload()
    with trial.world(load) as world:
        parts = list(portions(load, 3))
        for order, _ in parts:
            world.produce(order, min((raw.o or 0 for raw in order.raws), default=0))
        world.drained()
        for worker in world.workers:
            trial.kill(worker)
            worker.launch()
        step = load.raws[0].o or 0
        while step < load.truth_time:
            step = min(load.truth_time, step + (load.truth_time - (load.raws[0].o or 0)) // 4 + 1)
            world.produce(Order([], []), step)
            trial.tally.recovery.append(world.drained())
            trial.kill(world.workers[trial.tally.faults % 2])
            world.workers[trial.tally.faults % 2].launch()
            trial.tally.faults += 1


@row("T24", "the whole history judged again: other partitions, other workers, all at once", faults=2)
def again(trial: Trial) -> None:
    """The sorted final sets are equal to the bit."""
    load = trial.workload()
    hashes = set()
    for raw, keyed, workers, count in ((2, 4, 2, 6), (1, 1, 1, 1), (3, 8, 3, 3)):
        with trial.world(load, raw=raw, keyed=keyed, workers=workers) as world:
            for part in portions(load, count):
                world.produce(*part)
            trial.tally.recovery.append(world.drained(600))
            found = asyncio.run(replaying.violations(world.bootstrap, world.layout))
            hashes.add(digest(found))
        trial.tally.faults += 1
    trial.tally.notes["sets"] = sorted(hashes)
    trial.tally.demand(len(hashes) == 1, f"three runs gave {len(hashes)} different final sets")


def digest(published: list[Violation]) -> str:
    """Hash of the final set, sorted by id."""
    return hashlib.sha256(json.dumps([v.canonical() for v in final(published)], sort_keys=True).encode()).hexdigest()[:16]


@row("T26", "everything at once: ten times what the workers can do", faults=1, records=1_000_000)
def flood(trial: Trial) -> None:
    """The lag grows and drains; memory does not grow with it."""
    load = trial.workload()
    with trial.world(load) as world:
        ((order, until),) = portions(load, 1)
        world.produce(order, until)
        trial.tally.faults = 1
        trial.tally.recovery.append(world.drained(limit=3_600))
        trial.tally.notes["largest_mb"] = round(max(resident(worker) for worker in world.workers))
        trial.tally.notes["records_per_second"] = round(world.sent / trial.tally.recovery[-1])
