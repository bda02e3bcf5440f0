"""Contender: a Bytewax dataflow, as its documentation teaches it: Kafka source, steps, keyed state, Kafka sink.

Generous to it: one worker; parse and detectors are one step, so that nothing is exchanged between steps but what comes out.
The folds' states go into its own keyed state step; with ``kept`` that state goes into its recovery store as well.
"""

import asyncio
from collections.abc import Iterator

import bytewax.operators as op
import msgspec
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import run_main

from schemas import log
from schemas.context import Record
from streams import topics
from streams.kafka import replaying
from streams.layout import Layout
from tests.bench.inorder import InOrder
from tests.bench.material import TOPICS, digest_of_log, read_topic, ruleset
from tests.bench.records import Reader
from tests.bench.run import Run

SINK = {"message.max.bytes": str(8 << 20), "linger.ms": "5"}


def bare(run: Run) -> None:
    """Nothing survives the process."""
    _run(run, kept=False)


def kept(run: Run) -> None:
    """State and position go into its recovery store every ten seconds, its default."""
    _run(run, kept=True)


def _run(run: Run, *, kept: bool) -> None:
    layout = Layout(raw=1, keyed=1, prefix=run.prefix)
    topics.create(run.bootstrap, layout)
    flow = _normalizing(run, layout) if run.part == "normalize" else _judging(run, layout)
    recovery = None
    if kept:
        folder = run.material.folder / f"{run.prefix}bytewax"
        folder.mkdir()
        init_db_dir(folder, 1)
        recovery = RecoveryConfig(folder)
    run_main(flow, recovery_config=recovery)
    run.window.close()
    if run.part == "normalize":
        run.log = digest_of_log(iter(asyncio.run(read_topic(run.bootstrap, layout.name("events")))))
    else:
        run.violations = asyncio.run(replaying.violations(run.bootstrap, layout))


def _normalizing(run: Run, layout: Layout) -> Dataflow:
    reader = Reader(ruleset(), run.material.recording().sources)

    def normalize(message: KafkaSourceMessage[bytes, bytes]) -> list[KafkaSinkMessage[None, bytes]]:
        run.window.open()
        return [KafkaSinkMessage(None, log.encode(record)) for record in reader.read(message.value)]

    flow = Dataflow("normalize")
    source = op.input("in", flow, KafkaSource([run.bootstrap], [TOPICS.name("raw")], tail=False))
    op.output("out", op.flat_map("normalize", source, normalize), KafkaSink([run.bootstrap], layout.name("events"), SINK))
    return flow


def _judging(run: Run, layout: Layout) -> Dataflow:
    rules, facts = ruleset(), run.material.facts
    reader = Reader(rules, run.material.recording().sources)
    driver = InOrder(rules, keep_touched=True)
    encode = msgspec.msgpack.Encoder(enc_hook=Record.model_dump).encode
    total = facts.log_records if run.part == "detect" else facts.raw_records
    seen = 0

    def judge(message: KafkaSourceMessage[bytes, bytes]) -> Iterator[KafkaSinkMessage[bytes, bytes] | tuple[str, bytes]]:
        nonlocal seen
        run.window.open()
        seen += 1
        for record in [log.decode(message.value)] if run.part == "detect" else reader.read(message.value):
            driver.apply(record)
        if seen == total:
            driver.end(facts.truth_time)
        for slot in driver.touched or ():
            yield "\x1f".join((str(slot.place[0]), *slot.place[1])), encode(slot.state)
        driver.touched = set()
        for item in driver.violations:
            yield KafkaSinkMessage(item.id.encode(), item.model_dump_json().encode())
        driver.violations.clear()

    flow = Dataflow("judge")
    name = TOPICS.name("events" if run.part == "detect" else "raw")
    source = op.input("in", flow, KafkaSource([run.bootstrap], [name], tail=False))
    made = op.branch("kind", op.flat_map("judge", source, judge), lambda item: isinstance(item, KafkaSinkMessage))
    op.stateful_flat_map("state", made.falses, lambda _, new: (new, ()))
    op.output("out", made.trues, KafkaSink([run.bootstrap], layout.name("violations"), SINK))
    return flow
