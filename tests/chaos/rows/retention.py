"""Records that retention took before they were read: never silent."""

import asyncio
import json

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from tests.chaos import compare
from tests.chaos.row import row
from tests.chaos.trial import Trial
from tests.chaos.world import World, portions


@row("T14", "retention shorter than an outage of all workers", faults=4, cases=1_000)
def retention(trial: Trial) -> None:
    """Each partition's gap stands in topic ``gaps`` with its first and last offset; the rest is judged."""
    with trial.world(trial.workload(), comparing=False) as world:
        first, *parts = portions(world.workload, trial.size.faults + 2)
        world.produce(*first)
        world.drained()
        wanted = []
        for part in parts[:-1]:
            read = {partition: end(world, partition) for partition in range(world.layout.raw)}
            for worker in world.workers:
                worker.stop()
            world.produce(*part)
            taken = {partition: (read[partition] + end(world, partition)) // 2 for partition in read}
            delete(world, taken)
            wanted += [("normalize", partition, read[partition], upto) for partition, upto in taken.items() if upto > read[partition]]
            trial.tally.faults += 1
            for worker in world.workers:
                worker.launch()
            trial.tally.recovery.append(world.drained())
        world.produce(*parts[-1])
        world.drained()
        gaps = asyncio.run(told(world))
        trial.tally.demand(gaps == sorted(wanted), f"gaps {wanted} were made, {gaps} are recorded in topic gaps")
        trial.tally.notes["gaps"] = len(gaps)
        logs = "".join(worker.log.read_text() for worker in world.workers)
        trial.tally.demand(logs.count("a gap is recorded") >= len(wanted), "the logs do not tell of every gap")


async def told(world: World) -> list[tuple[str, int, int, int]]:
    """The gaps that topic ``gaps`` tells: stage, partition, from, to."""
    topic = world.layout.name("gaps")
    found = [json.loads(value) async for value in compare.records(world.bootstrap, topic, 0)]
    return sorted((gap["stage"], gap["partition"], gap["from"], gap["to"]) for gap in found if gap.get("type") == "unread")


def end(world: World, partition: int) -> int:
    """The end of one raw partition."""
    return asyncio.run(compare.end(world.bootstrap, world.layout.name("raw"), partition))


def delete(world: World, upto: dict[int, int]) -> None:
    """Delete what stands before these offsets of the raw partitions, as retention does."""
    admin = KafkaAdminClient(bootstrap_servers=world.bootstrap)
    try:
        admin.delete_records({TopicPartition(world.layout.name("raw"), partition): offset for partition, offset in upto.items()})
    finally:
        admin.close()
