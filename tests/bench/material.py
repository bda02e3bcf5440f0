"""What every contender of the benchmark is given: one recording, its records as they travel, and the judged truth.

The recording is the simulator's two days with every planted case, with the background of an ordering day on top of it. It
is put in the order of event time and observed at that time, so that programs that cannot cope with disorder can be right too.
"""

import asyncio
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random

import msgspec
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from schemas import instant, log
from schemas.event import SecurityEvent
from schemas.log import Keyed
from schemas.violation import Violation
from streams import replay, topics
from streams.kafka import replaying
from streams.kafka.lane import send
from streams.layout import RECORD_LIMIT, Layout
from streams.recording import Recording, read_folder
from streams.replay import Verdict
from streams.simulator import clock as simulated
from streams.simulator.background import Background
from streams.simulator.firm import Firm
from streams.simulator.run import simulate
from streams.simulator.sources import SOURCES
from streams.stage import NormalizeStage, Raw
from tests.bench import wide
from tests.bench.records import decode_raw

CHUNK = 4000
DAYS = 2
BACKGROUND_RATE = 100.0  # events a second; at a trickle, the ten-second summaries of sources would outnumber their records
BACKGROUND_BEGINS = 10 * instant.HOUR
TOPICS = Layout(raw=1, keyed=1, prefix="bench.")
WIDE = Layout(prefix="wide.")


class Facts(msgspec.Struct):
    """Sizes and expected results of the material, read by every contender."""

    raws: int
    keyed: int
    raw_records: int
    log_records: int
    violations: int
    truth_time: int
    final: str
    log: str
    routes: str


@dataclass(frozen=True, slots=True)
class Material:
    """The folder that holds it all: ``recording``, ``raw`` and ``log`` (chunks of encoded records), ``facts.json``."""

    folder: Path

    @property
    def facts(self) -> Facts:
        """Sizes and expected results."""
        return msgspec.json.decode((self.folder / "facts.json").read_bytes(), type=Facts)

    def recording(self) -> Recording:
        """The recording itself."""
        with (self.folder / "recording").open("rb") as file:
            found = pickle.load(file)  # noqa: S301 - written by ourselves a moment ago
        assert isinstance(found, Recording)
        return found

    def chunks(self, name: str) -> Iterator[list[bytes]]:
        """Encoded records of ``raw`` or ``log``, some thousand at a time."""
        with (self.folder / name).open("rb") as file:
            while file.peek(1):
                yield pickle.load(file)  # noqa: S301 - written by ourselves a moment ago


def ruleset() -> Ruleset:
    """Every detector there is."""
    return Ruleset(registry.load().values())


def digest_of(violations: Sequence[Violation]) -> str:
    """One hash of a final set in canonical form."""
    documents = [item.canonical() for item in violations]
    return sha256(orjson.dumps(documents, option=orjson.OPT_SORT_KEYS)).hexdigest()


def digest_of_log(values: Iterator[bytes]) -> str:
    """One hash of the records of the keyed log, in order."""
    state = sha256()
    for value in values:
        state.update(len(value).to_bytes(4, "big") + value)
    return state.hexdigest()


def prepare(folder: Path, *, events: int, seed: int, bootstrap: str) -> Material:
    """Simulate, order, judge, and put the records on the broker and into ``folder``."""
    rules = ruleset()
    recording = in_order(simulated_recording(folder / "logs", events=events, seed=seed), rules)
    with (folder / "recording").open("wb") as file:
        pickle.dump(recording, file)
    verdict = Verdict()
    order = replay.ordered(recording, rules, verdict)
    truth = replay.judge(recording, rules).final
    asyncio.run(_produce_raw(order, verdict.truth_time, bootstrap))
    raw = asyncio.run(read_topic(bootstrap, TOPICS.name("raw")))
    logged = list(_normalized(raw, recording, rules))
    asyncio.run(produce_log([logged], TOPICS, bootstrap))
    spread = [asyncio.run(read_topic(bootstrap, WIDE.name("raw"), part)) for part in range(WIDE.raw)]
    asyncio.run(produce_log(wide.logged(spread, rules, recording.sources, WIDE), WIDE, bootstrap))
    for name, values in (("raw", raw), ("log", logged)):
        with (folder / name).open("wb") as file:
            for start in range(0, len(values), CHUNK):
                pickle.dump(values[start : start + CHUNK], file)
    facts = Facts(
        raws=sum(isinstance(decode_raw(value), Raw) for value in raw),
        keyed=sum(isinstance(log.decode(value), Keyed) for value in logged),
        raw_records=len(raw), log_records=len(logged), violations=len(truth), truth_time=verdict.truth_time,
        final=digest_of(truth), log=digest_of_log(iter(logged)), routes=wide.digest_of_routes([logged]),
    )  # fmt: skip
    (folder / "facts.json").write_bytes(msgspec.json.encode(facts))
    return Material(folder)


def simulated_recording(folder: Path, *, events: int, seed: int) -> Recording:
    """Two simulated days with every case, and background until there are about ``events`` records."""
    simulate(seed, DAYS, 0.0, folder)
    files = {source.name: folder / source.file for source in SOURCES}
    planted = len(read_folder(folder).raws)
    missing = max(0, events - planted)
    since = simulated.START + BACKGROUND_BEGINS
    # Some kinds of background are several lines; what is too much is not written.
    lines = Background(Random(f"{seed}:bench"), Firm(Random(f"{seed}:firm")).staff, BACKGROUND_RATE).lines(
        since, since + instant.DAY
    )
    found: dict[str, list[str]] = {}
    for _, (_, _, source, line) in zip(range(missing), lines, strict=False):
        found.setdefault(source, []).append(line)
    for source, texts in found.items():
        with files[source].open("a", encoding="utf-8") as file:
            file.writelines(f"{text}\n" for text in texts)
    return read_folder(folder)


def in_order(recording: Recording, rules: Ruleset) -> Recording:
    """``recording`` in the total order of its events, each record observed the moment it happened."""
    stage = NormalizeStage(rules, recording.sources)
    placed: list[tuple[tuple[int, int, int, str], Raw]] = []
    for raw in replay.ordered(recording, rules, Verdict()).raws:
        taken = stage.take(raw)
        t = max((item.t for item in taken), default=raw.o or 0)
        orders = [item.order for item in taken if isinstance(item, SecurityEvent)]
        placed.append((min(orders, default=(t, 0, 0, "")), msgspec.structs.replace(raw, o=t)))
    placed.sort(key=lambda item: (item[1].o or 0, item[0]))
    return Recording(sources=recording.sources, raws=[raw for _, raw in placed], context=recording.context)


def _normalized(values: Sequence[bytes], recording: Recording, rules: Ruleset) -> Iterator[bytes]:
    stage = NormalizeStage(rules, recording.sources)
    for value in values:
        wide.feed(stage, [value])
        for _, record in stage.drain().records:
            yield log.encode(record)


async def _produce_raw(order: replay.Order, truth_time: int, bootstrap: str) -> None:
    for layout in (TOPICS, WIDE):
        await asyncio.to_thread(topics.create, bootstrap, layout)
        await replaying.produce(order, truth_time, bootstrap=bootstrap, layout=layout)


async def produce_log(partitions: Sequence[Sequence[bytes]], layout: Layout, bootstrap: str) -> None:
    """Write encoded records of the keyed log into its topic."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=256 << 10, max_request_size=RECORD_LIMIT)
    await producer.start()
    try:
        for part, values in enumerate(partitions):
            await asyncio.gather(*await send(producer, layout.name("events"), part, [(None, value) for value in values]))
    finally:
        await producer.stop()


async def read_topic(bootstrap: str, topic: str, partition: int = 0) -> list[bytes]:
    """Every committed record of a partition."""
    reader = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level="read_committed")
    await reader.start()
    try:
        tp = TopicPartition(topic, partition)
        reader.assign([tp])
        await reader.seek_to_beginning(tp)
        end = (await reader.end_offsets([tp]))[tp]
        found: list[bytes] = []
        while await reader.position(tp) < end:
            for records in (await reader.getmany(tp, timeout_ms=200)).values():
                found += [record.value for record in records]
    finally:
        await reader.stop()
    return found
