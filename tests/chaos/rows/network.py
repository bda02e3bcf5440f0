"""Faults of the network between the workers and Kafka, and between the workers and Elasticsearch."""

import time

from tests.chaos.proxy import Proxy
from tests.chaos.row import row
from tests.chaos.trial import Trial
from tests.services.kafka_broker import KafkaBroker
from tests.services.ports import free_port


@row("T08", "network: 500 ms latency, 1 % resets, half-open, blackhole; to Kafka and to Elasticsearch", faults=40, records=400_000)
def network(trial: Trial) -> None:
    """Every fault lasts for a while and ends; a blackhole for up to 5 minutes at full size."""
    inner = free_port()
    broker = KafkaBroker(trial.services.directory / "kafka-behind-proxy", heap="384m")
    with (
        Proxy(inner, chance=trial.chance) as kafka,
        Proxy(trial.services.elasticsearch.port, chance=trial.chance) as store,
    ):
        # The workers' listener is advertised at the proxy's port; the harness has its own way in.
        broker._settings |= {
            "listeners": f"{broker._properties()['listeners']},PROXIED://127.0.0.1:{inner}",
            "advertised.listeners": f"PLAINTEXT://{broker.bootstrap},PROXIED://127.0.0.1:{kafka.port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
        }
        longest = 300.0 if trial.size.faults >= 40 else 25.0
        with broker, trial.world(
            trial.workload(), brokers=broker, bootstrap=f"127.0.0.1:{kafka.port}", elasticsearch=f"http://127.0.0.1:{store.port}"
        ) as world:

            def disturb(number: int) -> None:
                proxy = (kafka, store)[number % 2]
                kind = ("latency", "resets", "half-open up", "half-open down", "blackhole")[number // 2 % 5]
                trial.say(f"{kind} to {'Kafka' if proxy is kafka else 'Elasticsearch'}")
                if kind == "latency":
                    proxy.latency = 0.5
                elif kind == "resets":
                    proxy.resets = 0.01
                else:
                    proxy.swallow = {"half-open up": frozenset({"up"}), "half-open down": frozenset({"down"})}.get(kind, frozenset({"up", "down"}))
                trial.more(world)
                time.sleep(longest if kind == "blackhole" else trial.chance.uniform(5, 25))
                proxy.well()
                for worker in world.workers:
                    trial.tally.demand(worker.running, f"{worker.name} ended during {kind}")

            trial.under_load(world, disturb, limit=300, wait=(0.2, 2.0))
        trial.tally.notes["resets"] = kafka.broken + store.broken
