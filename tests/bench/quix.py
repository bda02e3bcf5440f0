"""Contender: Quix Streams as its documentation teaches it: a stateful function for each message, changelog, at least once.

As generous as to stock Faust: one partition and one message key, so no ``group_by`` and its further topic; only the folds'
states go into its store, not the key's earlier events.
"""

import asyncio

import msgspec
from quixstreams import Application, State
from quixstreams.models import SerializationContext, Serializer

from schemas import log
from schemas.context import Record
from schemas.violation import Violation
from streams import topics
from streams.kafka import replaying
from streams.layout import Layout
from tests.bench.inorder import InOrder
from tests.bench.material import TOPICS, digest_of_log, read_topic, ruleset
from tests.bench.records import Reader
from tests.bench.run import Run

KEY = b"all"


class _Json(Serializer):
    """A violation as it travels everywhere else."""

    def __call__(self, value: Violation, ctx: SerializationContext) -> bytes:  # noqa: ARG002 - its contract
        return value.model_dump_json().encode()


def run(run: Run) -> None:
    """Serve until every record has been through the function."""
    layout = Layout(raw=1, keyed=1, prefix=run.prefix)
    topics.create(run.bootstrap, layout)
    _serve(run, layout)
    if run.part == "normalize":
        run.log = digest_of_log(iter(asyncio.run(read_topic(run.bootstrap, layout.name("events")))))
    else:
        run.violations = asyncio.run(replaying.violations(run.bootstrap, layout))


def _serve(run: Run, layout: Layout) -> None:
    rules, facts = ruleset(), run.material.facts
    reader = Reader(rules, run.material.recording().sources)
    driver = InOrder(rules, keep_touched=True)
    encode = msgspec.msgpack.Encoder(enc_hook=Record.model_dump).encode
    total = facts.log_records if run.part == "detect" else facts.raw_records
    seen = 0

    def passed(_topic: str, _partition: int, _offset: int) -> None:
        if seen == total:
            app.stop()

    app = Application(
        broker_address=run.bootstrap, consumer_group=f"{run.prefix}quix", auto_offset_reset="earliest", loglevel=None,
        state_dir=run.material.folder / f"{run.prefix}quix", on_message_processed=passed, auto_create_topics=True,
        producer_extra_config={"message.max.bytes": 8 << 20},
    )  # fmt: skip
    source = app.topic(TOPICS.name("events" if run.part == "detect" else "raw"), value_deserializer="bytes")
    events = app.topic(layout.name("events"), value_serializer="bytes")
    violations = app.topic(layout.name("violations"), value_serializer=_Json())

    def normalize(value: bytes) -> list[bytes]:
        nonlocal seen
        run.window.open()
        seen += 1
        return [log.encode(record) for record in reader.read(value)]

    def judge(value: bytes, state: State) -> list[Violation]:
        nonlocal seen
        run.window.open()
        seen += 1
        for record in [log.decode(value)] if run.part == "detect" else reader.read(value):
            driver.apply(record)
        if seen == total:
            driver.end(facts.truth_time)
        for slot in driver.touched or ():
            state.set_bytes("\x1f".join((str(slot.place[0]), *slot.place[1])), encode(slot.state))
        driver.touched = set()
        made, driver.violations = driver.violations, []
        return made

    sdf = app.dataframe(source)
    if run.part == "normalize":
        sdf.apply(normalize, expand=True).to_topic(events)
    else:
        sdf.apply(judge, stateful=True, expand=True).to_topic(violations, key=lambda item: item.id.encode())
    app.run()
    run.window.close()
