"""The Kafka workers, one of them killed, and the embedded runner say the same of coverage: the same recording, the same report."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from elasticsearch import Elasticsearch
from prometheus_client import CollectorRegistry

from controlwatch.commands.report import command
from controlwatch.covered import covering
from detectors.kit import registry
from detectors.kit.registry import Ruleset
from schemas import coverage, instant
from sinks.contract import Busy
from sinks.elasticsearch.store import ElasticsearchStore, Options
from sinks.sqlite import SqliteStore
from streams import clock, topics
from streams.coverage import assessed
from streams.embedded import Embedded, file_of
from streams.kafka import replaying
from streams.layout import Layout
from streams.recording import Recording, read_folder
from streams.replay import Verdict, ordered
from streams.simulator import simulate
from streams.stage import EVERYTHING, Heartbeat, Said
from tests.chaos.worker import Worker
from tests.conformance import onkafka

RULESET = Ruleset(registry.load().values())
HOURS = 12
BEAT = 30 * instant.SECOND
SILENT = "panos@panorama"
HEARD = ("linux@web-1", "servicenow", SILENT)
NEVER = "wazuh@manager-1"
START = instant.parse("2026-03-02T00:00:00+08:00")
QUIET = range(START + 3 * instant.HOUR, START + 6 * instant.HOUR)
MONTH = "2026-03"


@dataclass
class Told:
    """What a store says: every clause over the recorded hours, and the whole report of the month."""

    clauses: dict[str, str]
    report: str


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Recording:
    """Half a day of three sources that are heard, one of them silent for three hours, and one whose collector never was."""
    folder = tmp_path_factory.mktemp("firm") / "logs"
    simulate(seed=3, days=HOURS / 24, rate=0.05, out=folder)
    made = read_folder(folder)
    raws = [raw for raw in made.raws if raw.source in HEARD]
    return replace(made, sources={name: made.sources[name] for name in (*HEARD, NEVER)}, raws=raws)


@pytest.fixture(scope="module")
def stream(recording) -> list:
    """Records and heartbeats as collectors send them."""
    verdict = Verdict()
    raws = [r for r in ordered(recording, RULESET, verdict).raws if not (r.source == SILENT and r.o in QUIET)]
    items = [(raw.o, raw) for raw in raws]
    for t in range(START, START + HOURS * instant.HOUR, BEAT):
        items += [(t, Heartbeat(name, t)) for name in HEARD if name != SILENT or t not in QUIET]
        items.append((t, Heartbeat(EVERYTHING, t)))
    items.sort(key=lambda item: item[0])
    return [item for _, item in items] + [Heartbeat(EVERYTHING, START + HOURS * instant.HOUR)]


def told(store, arguments: list[str], environment: dict[str, str]) -> Told:
    reached = coverage.truth(store.judged())
    assert reached == START + HOURS * instant.HOUR
    clauses = assessed(store.coverage(START, reached), RULESET.detectors, START, reached)
    result = CliRunner().invoke(command, ["--month", MONTH, "--format", "csv", "--lang", "en", *arguments], env=environment)
    assert result.exit_code == 0, result.output
    return Told(clauses, result.output)


def in_embedded(recording, stream, folder: Path, *, size: int) -> Told:
    runner = Embedded(file_of(folder), RULESET, recording.sources)
    runner.state(recording.context)
    for first in range(0, len(stream), size):
        runner.take(stream[first : first + size], {}, now=None)
        if first // size % 5 == 4:
            runner.close()
            runner = Embedded(file_of(folder), RULESET, recording.sources)
    runner.close()
    store = SqliteStore(file_of(folder), writable=False)
    with contextlib.closing(store):
        return told(store, ["--data", str(folder)], {"CONTROLWATCH_ELASTICSEARCH": ""})


@pytest.fixture(scope="module")
def expected(recording, stream, tmp_path_factory) -> Told:
    return in_embedded(recording, stream, tmp_path_factory.mktemp("embedded"), size=700)


def test_silence_shows_in_what_is_said_of_the_clauses(expected):
    assert expected.clauses["CC-18000.3.e"] == "monitored"  # log-ins
    assert expected.clauses["CC-17010.b.b"] == "degraded"  # firewalls: their only source was silent for three hours
    assert expected.clauses["CC-17010.f.b"] == "blind"  # file integrity: its collector was never heard
    assert "CC-11000" not in expected.clauses  # no detector
    assert all(f",{words}" in expected.report for words in ("Watched in part", "Sources lost", "Not assessed"))


def test_neither_batches_nor_restarts_change_it(recording, stream, expected, tmp_path):
    assert in_embedded(recording, stream, tmp_path, size=97) == expected


@pytest.fixture
def workers(kafka, elasticsearch, topic_prefix, tmp_path, recording) -> Iterator[tuple[Layout, dict[str, str], list[Worker]]]:
    layout = Layout(raw=2, keyed=2, prefix=topic_prefix)
    (tmp_path / "sources.toml").write_text(toml(recording))
    environment = {
        "CONTROLWATCH_KAFKA": kafka.bootstrap, "CONTROLWATCH_ELASTICSEARCH": elasticsearch.url, "CONTROLWATCH_PREFIX": topic_prefix,
        "CONTROLWATCH_RAW_PARTITIONS": "2", "CONTROLWATCH_KEYED_PARTITIONS": "2", "CONTROLWATCH_DATA": str(tmp_path),
        "CONTROLWATCH_SOURCES": str(tmp_path / "sources.toml"),
    }  # fmt: skip
    topics.create(kafka.bootstrap, layout)
    made = [Worker(tmp_path / f"worker-{number}", environment, number=number) for number in (1, 2)]
    yield layout, environment, made
    for worker in made:
        if worker.running:
            worker.kill()


def toml(recording: Recording) -> str:
    lines = []
    for name, source in recording.sources.items():
        lines += [f'[sources."{name}"]', f'feed = "{source.feed}"', f'zone = "{source.zone}"', f'delay = "PT{source.delay // instant.SECOND}S"']
    return "\n".join(lines)


@pytest.mark.services
@pytest.mark.timeout(400)
def test_two_workers_one_of_them_killed_say_the_same(workers, stream, recording, expected, kafka, elasticsearch):
    layout, environment, (one, two) = workers
    context = [Said(record) for record in recording.context]
    half = len(stream) // 2
    one.start()
    two.start()
    place = {"bootstrap": kafka.bootstrap, "layout": layout}
    asyncio.run(onkafka.write([*context, *stream[:half]], **place))
    with contextlib.closing(stored(elasticsearch.url, layout.prefix)) as store:
        wait(lambda: any(row.minutes for row in store.coverage(START, START + HOURS * instant.HOUR)))
        two.kill()  # somewhere in the first half
        asyncio.run(onkafka.write(stream[half:], **place))
        two.start()
        wait(lambda: coverage.truth(store.judged()) == START + HOURS * instant.HOUR)
        asyncio.run(everything_delivered(kafka.bootstrap, layout))
        one.stop()
        two.stop()
        time.sleep(1.5)  # Elasticsearch shows new documents to searches within a second
        assert told(store, [], environment) == expected
        assert covering(store, MONTH, "Asia/Taipei").truth_time == START + HOURS * instant.HOUR


def stored(url: str, prefix: str) -> ElasticsearchStore:
    options = Options(prefix=f"{prefix}controlwatch", replicas=0)
    return ElasticsearchStore(Elasticsearch(url), now=clock.now, registry=CollectorRegistry(), options=options)


def wait(true, seconds: float = 150) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(Busy):  # an index that was made this moment
            if true():
                return
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds:.0f} s")


async def everything_delivered(bootstrap: str, layout: Layout) -> None:
    until = time.monotonic() + 120
    for topic, count in (("violations", layout.keyed), ("coverage", 1)):
        while await replaying.unread(bootstrap, {layout.name(topic): f"{layout.prefix}deliver"}, count):
            assert time.monotonic() < until, "delivery does not come to an end"
            await asyncio.sleep(0.3)
