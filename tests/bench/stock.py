"""Contender (a): Faust as its documentation teaches it: an agent for each event, a Table for the state, sends of results.

Generous to Faust: one partition, so neither ``group_by`` nor its further topic is needed; what a fold needs beyond its state
(the key's earlier events, for approvals that come late) is not put into the Table; memory store; at least once.
"""

import asyncio
from collections.abc import AsyncIterable

import faust

from tests.bench.run import Run
from tests.bench.work import Work, packed

NAME = "stock"
TABLE = "state"


def run(run: Run) -> None:
    """Serve until every record has been through the agent."""
    work = Work(run, keeps=True, extra=(f"{NAME}-{TABLE}-changelog",))
    asyncio.run(_serve(run, work))
    work.read_back()


async def _serve(run: Run, work: Work) -> None:
    app_id = f"{run.prefix}{NAME}"
    app = faust.App(
        app_id, broker=f"kafka://{run.bootstrap}", web_enabled=False, topic_disable_leader=True, topic_allow_declare=False,
        autodiscover=False, value_serializer="raw", key_serializer="raw", consumer_auto_offset_reset="earliest",
        store="memory://", datadir=run.material.folder / app_id, topic_partitions=1,
    )  # fmt: skip
    source = app.topic(work.source, value_type=bytes, value_serializer="raw")
    events = app.topic(work.events, value_type=bytes, value_serializer="raw")
    violations = app.topic(work.violations, key_type=bytes, value_type=bytes, value_serializer="raw")
    table = app.Table(TABLE, partitions=1, key_type=bytes, value_type=bytes)
    table.key_serializer = table.value_serializer = "raw"  # MessagePack instead of Faust's JSON
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def normalize(stream: AsyncIterable[bytes]) -> None:
        async for value in stream:
            for row in work.normalize(value):
                await events.send(value=row)
            if not work.left:
                done.set_result(None)

    async def judge(stream: AsyncIterable[bytes]) -> None:
        async for value in stream:
            made = work.judge(value)
            for name, state in work.states():
                table[name.encode()] = state
            for violation in made:
                key, row = packed(violation)
                await violations.send(key=key, value=row)
            if not work.left:
                done.set_result(None)

    handle = normalize if work.normalizes else judge

    async def agent(stream: AsyncIterable[bytes]) -> None:
        try:
            await handle(stream)
        except Exception as error:  # noqa: BLE001 - stock Faust would go on, the event lost
            done.set_exception(error)

    app.agent(source, name="agent")(agent)
    app.finalize()
    await app.start()
    await done
    await app.producer.flush()
    work.done()
    await app.stop()
