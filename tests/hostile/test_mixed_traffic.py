"""Bad records among good ones, through the embedded runner and through Kafka: the good ones are judged as if alone."""

import asyncio
from collections import Counter

import msgspec
import pytest

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from schemas.context import ContextRecord
from schemas.violation import final
from sinks.deadletter import DeadLetters
from streams import topics
from streams.embedded import Embedded, file_of
from streams.kafka import replaying
from streams.kafka.host import control_topic
from streams.layout import Layout
from streams.recording import Recording, read_folder
from streams.replay import judge
from streams.simulator import simulate
from streams.stage import EVERYTHING, Heartbeat, Raw, Said
from tests.conformance import onkafka, runners
from tests.hostile import traffic
from tests.hostile.table import ANY, DEAD
from tests.hostile.traffic import BAD_LINE

RULESET = Ruleset(registry.load().values())


@pytest.fixture(scope="module")
def firm(tmp_path_factory) -> Recording:
    out = tmp_path_factory.mktemp("firm") / "logs"
    simulate(seed=7, days=1, rate=0.002, out=out)
    return read_folder(out)


@pytest.fixture(scope="module")
def truth(firm) -> list[dict]:
    found = runners.canonical(judge(firm, RULESET).final)
    assert len(found) > 100
    return found


@pytest.fixture(scope="module")
def bad(firm) -> traffic.Traffic:
    return traffic.mixed(traffic.good(firm, RULESET))


def fated(mixed: traffic.Traffic, letters: dict[tuple[str, int], str]) -> None:
    """Every bad record has the fate that the table says, every other record that was buried is none of the good ones."""
    wrong = {
        (place, bad.name, bad.fate): letters.get(place)
        for place, bad in mixed.bad.items()
        if (bad.fate == "filtered" and place in letters)
        or (bad.fate == DEAD and place not in letters)
        or (bad.fate not in (ANY, DEAD, "filtered") and letters.get(place) != bad.fate)
    }
    assert not wrong
    assert set(letters) - set(mixed.bad) <= mixed.planted


def blank(mixed: traffic.Traffic) -> int:
    return sum(bad.fate == "filtered" for bad in mixed.bad.values())


def test_embedded_judges_the_good_as_if_alone_also_through_restarts(firm, truth, bad, tmp_path):
    runner = Embedded(file_of(tmp_path), RULESET, firm.sources)
    history = runner.state(firm.context)
    items = list(bad.items())
    for number, start in enumerate(range(0, len(items), 400)):
        history += runner.take(items[start : start + 400], {}, now=None)
        if number % 9 == 0:
            runner.close()
            runner = Embedded(file_of(tmp_path), RULESET, firm.sources)
    assert runners.canonical(final(history)) == truth
    counters = runner.stage.counters
    assert counters["read"] == len(bad.raws)
    assert counters["read"] == counters["parsed"] + counters["filtered"] + counters["dead"]
    assert counters["filtered"] == blank(bad)
    runners.conserved(runner.engine.counters)
    assert dict(runner.stage.clocks()) == traffic.newest(bad)
    assert runner.engine.observed() == bad.truth
    runner.close()
    letters = DeadLetters(file_of(tmp_path)).list(limit=1_000_000)
    assert len(letters) == counters["dead"]
    raws = {(raw.source, raw.line): raw for raw in bad.raws}
    for letter in letters:
        raw = raws[(letter.source, letter.offset)]
        assert letter.raw == raw.data[: 64 << 10]
        assert (letter.length, letter.topic) == (raw.length or len(raw.data), raw.source)
    fated(bad, {(letter.source, letter.offset): letter.reason for letter in letters})


def envelopes() -> list[bytes | None]:
    """What no collector writes into the topic of raw records."""
    pack = msgspec.msgpack.encode
    record = {"table": "approvals", "id": "x", "t": 0, "o": 0}
    return [
        None, b"", b"{}", b"\xc1", b"\xff" * 100, b"\x91" * 1000, pack(["r"]), pack(["r", 1, 2, 3]), pack(["x", "linux@web", "linux"]),
        pack(["r", "linux@web", "linux", b"\xff", 2**62]), pack(["r", "linux@web", "linux", b"\xff", -1]),
        pack(["h", "linux@web", 2**62]), pack(["h", EVERYTHING, -1]), b"\x96\xa1r\xa3a\xff\xfe\xa5linux\xc4\x01x\x00\x00",
        pack(Said(ContextRecord(**record, data={"bogus": 1}))), pack(Said(ContextRecord(**record | {"table": "nope"}))),
        pack(["r", "linux@web", "linux", b"x" * (1 << 20) + b"\xc1"])[:-1],
    ]  # fmt: skip


@pytest.mark.services
def test_kafka_judges_the_good_as_if_alone_also_through_a_restart(firm, truth, bad, kafka, topic_prefix):
    layout = Layout(raw=3, keyed=4, prefix=topic_prefix)
    run = asyncio.run(through_kafka(firm, bad, kafka.bootstrap, layout))
    assert runners.canonical(final(run.violations)) == truth
    run.conserved()
    written = {place: record for place, record in run.placed.items() if not isinstance(record, Heartbeat | Said)}
    totals = Counter()
    clocks = {}
    for kept in run.normalized.values():
        totals.update(kept.counters)
        clocks |= kept.clocks
    assert totals["read"] == len(written)
    assert totals["filtered"] == blank(bad)
    assert clocks == traffic.newest(bad)
    assert {engine.observed() for engine in run.engines.values()} == {bad.truth}
    assert len(run.letters) == totals["dead"] == len({letter.id for letter in run.letters})
    letters = {}
    broken = 0
    for letter in run.letters:
        record = written[(letter.partition, letter.offset)]
        data = record.data if isinstance(record, Raw) else record or b""
        assert letter.topic == layout.name("raw")
        assert letter.raw == data[: 64 << 10]
        if isinstance(record, Raw):
            assert letter.length == (record.length or len(record.data))
            letters[(record.source, record.line)] = letter.reason
        else:
            assert letter.reason == "bad_envelope"
            broken += 1
    assert broken == len(envelopes())
    fated(bad, letters)


async def through_kafka(firm: Recording, bad: traffic.Traffic, bootstrap: str, layout: Layout) -> onkafka.Run:
    """In two halves, the second with new workers and broken envelopes in between."""
    await asyncio.to_thread(topics.create, bootstrap, layout, (control_topic(replaying.WORKER),))
    items = list(bad.items())
    middle = len(items) // 2
    context = [Said(record) for record in firm.context]
    placed = await onkafka.write([*context, *items[:middle]], bootstrap=bootstrap, layout=layout)
    await onkafka.served(RULESET, firm.sources, bootstrap=bootstrap, layout=layout)
    placed |= await onkafka.write([*envelopes(), *items[middle:]], bootstrap=bootstrap, layout=layout)
    await onkafka.served(RULESET, firm.sources, bootstrap=bootstrap, layout=layout)
    return await onkafka.read(placed, RULESET, bootstrap=bootstrap, layout=layout)


def test_bad_records_have_their_own_line_numbers(bad):
    assert min(line for _, line in bad.bad) == BAD_LINE
    assert len(bad.bad) >= len(bad.raws) // 25
