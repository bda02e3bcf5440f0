"""``controlwatch run``: configuration and detectors made into a worker that runs until a signal."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from aiokafka.errors import KafkaError as ClientError
from kafka.errors import KafkaError

from controlwatch import configuration, options, serving, settings, worker
from controlwatch.cli import Unfinished
from controlwatch.output import Output
from schemas.log import Incompatible
from streams.kafka.bounds import Beyond


def run(chosen: Sequence[str], inputs: tuple[str, ...], out: Output, *, live: bool, dashboard: bool) -> None:
    """Run the ``chosen`` stages; ``live``: time passes by the clock, not only by the records.

    Raises:
        Misconfigured: settings or sources are not as documented.
        Unfinished: Kafka does not answer, a port is taken, or a part of the worker ended.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    configured = settings.load()
    what = configuration.load(configured, inputs, collecting="collect" in chosen)
    with serving.listen(configured) if dashboard else contextlib.nullcontext() as listening:
        try:
            asyncio.run(
                worker.run(
                    configured, chosen=chosen, ruleset=options.ruleset(()), sources=what.sources, intake=what.intake,
                    context=what.context, collector=what.collector, live=live, announce=out.tell, listening=listening,
                )
            )
        except (Beyond, Incompatible) as error:
            raise Unfinished(str(error)) from error
        except (KafkaError, ClientError) as error:
            raise Unfinished(f"Kafka at {configured.kafka}: {error}; is it running? set CONTROLWATCH_KAFKA") from error
