"""Contender: a Bytewax dataflow, as its documentation teaches it: Kafka source, steps, keyed state, Kafka sink.

Generous to it: one worker; parse and detectors are one step, so that nothing is exchanged between steps but what comes out.
The folds' states go into its own keyed state step; with ``kept`` that state goes into its recovery store as well.
"""

from collections.abc import Iterator

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import run_main

from tests.bench.run import Run
from tests.bench.work import PRODUCER_LIMIT, Work, packed

SINK = {"message.max.bytes": str(PRODUCER_LIMIT), "linger.ms": "5"}


def bare(run: Run) -> None:
    """Nothing survives the process."""
    work = Work(run, keeps=True)
    run_main(_flow(run, work))
    work.done()
    work.read_back()


def kept(run: Run) -> None:
    """State and position go into its recovery store every ten seconds, its default."""
    work = Work(run, keeps=True)
    folder = run.material.folder / f"{run.prefix}bytewax"
    folder.mkdir()
    init_db_dir(folder, 1)
    run_main(_flow(run, work), recovery_config=RecoveryConfig(folder))
    work.done()
    work.read_back()


def _flow(run: Run, work: Work) -> Dataflow:
    flow = Dataflow(run.part)
    source = op.input("in", flow, KafkaSource([run.bootstrap], [work.source], tail=False))
    if work.normalizes:

        def normalize(message: KafkaSourceMessage[bytes, bytes]) -> list[KafkaSinkMessage[None, bytes]]:
            return [KafkaSinkMessage(None, row) for row in work.normalize(message.value)]

        op.output("out", op.flat_map("normalize", source, normalize), KafkaSink([run.bootstrap], work.events, SINK))
        return flow

    def judge(message: KafkaSourceMessage[bytes, bytes]) -> Iterator[KafkaSinkMessage[bytes, bytes] | tuple[str, bytes]]:
        made = work.judge(message.value)
        yield from work.states()
        for violation in made:
            yield KafkaSinkMessage(*packed(violation))

    made = op.branch("kind", op.flat_map("judge", source, judge), lambda item: isinstance(item, KafkaSinkMessage))
    op.stateful_flat_map("state", made.falses, lambda _, new: (new, ()))
    op.output("out", made.trues, KafkaSink([run.bootstrap], work.violations, SINK))
    return flow
