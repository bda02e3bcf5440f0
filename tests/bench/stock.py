"""Contender (a): Faust as its documentation teaches it: an agent for each event, a Table for the state, sends of results.

Generous to Faust: one partition, so neither ``group_by`` nor its further topic is needed; what a fold needs beyond its state
(the key's earlier events, for approvals that come late) is not put into the Table; memory store; at least once.
"""

import asyncio
from collections.abc import AsyncIterable

import faust
import msgspec

from schemas import log
from schemas.context import Record
from streams import topics
from streams.kafka import replaying
from streams.layout import Layout
from tests.bench.inorder import InOrder
from tests.bench.material import TOPICS, digest_of_log, read_topic, ruleset
from tests.bench.records import Reader
from tests.bench.run import Run

NAME = "stock"
TABLE = "state"


def run(run: Run) -> None:
    """Serve until every record has been through the agent."""
    layout = Layout(raw=1, keyed=1, prefix=run.prefix)
    app_id = f"{run.prefix}{NAME}"
    topics.create(run.bootstrap, layout, (f"{NAME}-{TABLE}-changelog",))
    asyncio.run(_serve(run, layout, app_id))
    if run.part == "normalize":
        run.log = digest_of_log(iter(asyncio.run(read_topic(run.bootstrap, layout.name("events")))))
    else:
        run.violations = asyncio.run(replaying.violations(run.bootstrap, layout))


async def _serve(run: Run, layout: Layout, app_id: str) -> None:
    rules, facts = ruleset(), run.material.facts
    reader = Reader(rules, run.material.recording().sources)
    driver = InOrder(rules, keep_touched=True)
    app = faust.App(
        app_id, broker=f"kafka://{run.bootstrap}", web_enabled=False, topic_disable_leader=True, topic_allow_declare=False,
        autodiscover=False, value_serializer="raw", key_serializer="raw", consumer_auto_offset_reset="earliest",
        store="memory://", datadir=run.material.folder / app_id, topic_partitions=1,
    )  # fmt: skip
    source = app.topic(TOPICS.name("events" if run.part == "detect" else "raw"), value_type=bytes, value_serializer="raw")
    events = app.topic(layout.name("events"), value_type=bytes, value_serializer="raw")
    violations = app.topic(layout.name("violations"), key_type=bytes, value_type=bytes, value_serializer="raw")
    table = app.Table(TABLE, partitions=1, key_type=bytes, value_type=bytes)
    table.key_serializer = table.value_serializer = "raw"  # MessagePack instead of Faust's JSON
    encode = msgspec.msgpack.Encoder(enc_hook=Record.model_dump).encode
    total = facts.log_records if run.part == "detect" else facts.raw_records
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    seen = 0

    async def normalize(stream: AsyncIterable[bytes]) -> None:
        nonlocal seen
        async for value in stream:
            run.window.open()
            for record in reader.read(value):
                await events.send(value=log.encode(record))
            seen += 1
            if seen == total:
                done.set_result(None)

    async def judge(stream: AsyncIterable[bytes]) -> None:
        nonlocal seen
        async for value in stream:
            run.window.open()
            for record in [log.decode(value)] if run.part == "detect" else reader.read(value):
                driver.apply(record)
            seen += 1
            if seen == total:
                driver.end(facts.truth_time)
            for slot in driver.touched or ():
                table[encode(slot.place)] = encode(slot.state)
            driver.touched = set()
            for item in driver.violations:
                await violations.send(key=item.id.encode(), value=item.model_dump_json().encode())
            driver.violations.clear()
            if seen == total:
                done.set_result(None)

    work = normalize if run.part == "normalize" else judge

    async def agent(stream: AsyncIterable[bytes]) -> None:
        try:
            await work(stream)
        except Exception as error:  # noqa: BLE001 - stock Faust would go on, the event lost
            done.set_exception(error)

    app.agent(source, name="agent")(agent)
    app.finalize()
    await app.start()
    await done
    await app.producer.flush()
    run.window.close()
    await app.stop()
