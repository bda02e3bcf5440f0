"""Contender: Quix Streams as its documentation teaches it: a stateful function for each message, changelog, at least once.

As generous as to stock Faust: one partition and one message key, so no ``group_by`` and its further topic; only the folds'
states go into its store, not the key's earlier events.
"""

from quixstreams import Application, State
from quixstreams.models import SerializationContext, Serializer

from schemas.violation import Violation
from tests.bench.run import Run
from tests.bench.work import PRODUCER_LIMIT, Work, packed


class _Json(Serializer):
    """A violation as it travels everywhere else."""

    def __call__(self, value: Violation, ctx: SerializationContext) -> bytes:  # noqa: ARG002 - its contract
        return packed(value)[1]


def run(run: Run) -> None:
    """Serve until every record has been through the function."""
    work = Work(run, keeps=True)

    def passed(_topic: str, _partition: int, _offset: int) -> None:
        if not work.left:
            app.stop()

    app = Application(
        broker_address=run.bootstrap, consumer_group=f"{run.prefix}quix", auto_offset_reset="earliest", loglevel=None,
        state_dir=run.material.folder / f"{run.prefix}quix", on_message_processed=passed, auto_create_topics=True,
        producer_extra_config={"message.max.bytes": PRODUCER_LIMIT},
    )  # fmt: skip
    source = app.topic(work.source, value_deserializer="bytes")
    events = app.topic(work.events, value_serializer="bytes")
    violations = app.topic(work.violations, value_serializer=_Json())

    def judge(value: bytes, state: State) -> list[Violation]:
        made = work.judge(value)
        for name, new in work.states():
            state.set_bytes(name, new)
        return made

    sdf = app.dataframe(source)
    if work.normalizes:
        sdf.apply(work.normalize, expand=True).to_topic(events)
    else:
        sdf.apply(judge, stateful=True, expand=True).to_topic(violations, key=lambda item: item.id.encode())
    app.run()
    work.done()
    work.read_back()
