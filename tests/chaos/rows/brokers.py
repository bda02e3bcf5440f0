"""Faults of the brokers: killed, too few of them, their controller, a coordinator, a lost disk."""

import re
import time

from kafka.admin import KafkaAdminClient

from tests.chaos.row import row
from tests.chaos.trial import Trial
from tests.chaos.world import World
from tests.services.kafka_broker import KafkaBroker, KafkaCluster
from tests.services.server import wait_until

OFFSETS_PARTITIONS = 4  # of __consumer_offsets, as tests/services/kafka_broker.py configures it


@row("T06", "brokers killed (SIGKILL), each of three in turn; then two of three away for a minute", faults=31, records=400_000)
def kills(trial: Trial) -> None:
    """With two in sync work goes on; with one it stops and drops nothing."""
    cluster = trial.services.cluster
    with trial.world(trial.workload(), cluster=True) as world:

        def kill(number: int) -> None:
            if number == trial.size.faults - 1 and number:
                for broker in cluster.brokers[:2]:
                    trial.kill(broker)
                time.sleep(60)
                for worker in world.workers:
                    trial.tally.demand(worker.running, f"{worker.name} ended while two of three brokers were away")
            else:
                trial.kill(cluster.brokers[number % 3])
                trial.more(world)
                time.sleep(trial.chance.uniform(1, 10))
            cluster.ensure_running()

        trial.under_load(world, kill, limit=300, wait=(0.2, 3.0))


@row("T07", "the controller and the groups' and transactions' coordinators killed by their role", faults=15, records=200_000)
def roles(trial: Trial) -> None:
    """Their offices move; no consumer stops for good."""
    cluster = trial.services.cluster
    with trial.world(trial.workload(), cluster=True) as world:

        def kill(number: int) -> None:
            role = ("controller", "coordinator of detect", "leader of events 0")[number % 3]
            victim = {
                "controller": lambda: controller(cluster),
                "coordinator of detect": lambda: leader(cluster, "__consumer_offsets", office(f"{world.layout.prefix}detect")),
                "leader of events 0": lambda: leader(cluster, world.layout.name("events"), 0),
            }[role]()
            trial.say(f"{role} is broker {victim.node_id}")
            trial.kill(victim)
            trial.more(world)
            time.sleep(trial.chance.uniform(5, 15))
            cluster.ensure_running()

        trial.under_load(world, kill, limit=300, wait=(0.2, 3.0))


@row("T13", "a broker loses its disk", faults=6)
def disks(trial: Trial) -> None:
    """It comes back empty and is filled by the others; state is in the changelog, in three copies."""
    cluster = trial.services.cluster
    with trial.world(trial.workload(), cluster=True) as world:

        def lose(number: int) -> None:
            broker = cluster.brokers[number % 3]
            trial.kill(broker)
            trial.more(world)
            broker.erase()
            broker.start()
            wait_until(lambda: in_sync(world, 3), seconds=120)

        trial.under_load(world, lose, limit=300, wait=(0.2, 3.0))


def controller(cluster: KafkaCluster) -> KafkaBroker:
    """The broker that became active controller last, by the brokers' own logs."""
    claims = []
    for broker in cluster.brokers:
        epochs = re.findall(r"Becoming the active controller at (?:next write offset|epoch)?.*?epoch (\d+)|active controller at epoch (\d+)", broker.log_text())
        claims.append((max((int(a or b) for a, b in epochs), default=-1), broker.node_id))
    _, node = max(claims)
    return next(broker for broker in cluster.brokers if broker.node_id == node)


def leader(cluster: KafkaCluster, topic: str, partition: int) -> KafkaBroker:
    """The leader of one partition."""
    admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    try:
        (told,) = admin.describe_topics([topic])
    finally:
        admin.close()
    node = next(one["leader_id"] for one in told["partitions"] if one["partition_index"] == partition)
    return next((broker for broker in cluster.brokers if broker.node_id == node), cluster.brokers[0])  # there is none just now


def office(group: str) -> int:
    """The partition of ``__consumer_offsets`` that keeps ``group``: Java's hash of its name."""
    value = 0
    for letter in group:
        value = (31 * value + ord(letter)) & 0xFFFFFFFF
    value = value - (1 << 32) if value >> 31 else value
    return abs(value) % OFFSETS_PARTITIONS


def in_sync(world: World, copies: int) -> bool:
    """Whether every partition of the events has ``copies`` copies in sync."""
    admin = KafkaAdminClient(bootstrap_servers=world.bootstrap)
    try:
        (topic,) = admin.describe_topics([world.layout.name("events")])
    finally:
        admin.close()
    return all(len(partition["isr_nodes"]) == copies for partition in topic["partitions"])
