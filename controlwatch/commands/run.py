"""``controlwatch run``: a production worker on Kafka."""

import asyncio
import logging

import click
from kafka.errors import KafkaError

from controlwatch import configuration, options, settings, worker
from controlwatch.cli import Unfinished


@click.command("run")
@click.option("--stage", "stages", multiple=True, type=click.Choice([*worker.STAGES, "all"]), required=True)
@click.option("--source", "inputs", multiple=True, metavar="FEED=PATH|URL", help="A source to collect (repeatable).")
@click.option("--clock", type=click.Choice(["wall", "records"]), default="wall", show_default=True,
              help="records: time passes only by heartbeats in the records, as in a replay.")  # fmt: skip
@click.option("--dashboard", is_flag=True, help="Serve the dashboard over Elasticsearch, too.")
def command(stages: tuple[str, ...], inputs: tuple[str, ...], clock: str, *, dashboard: bool) -> None:
    """Run one or more stages until SIGTERM. Start as many workers as there are partitions to share."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    configured = settings.load()
    chosen = worker.STAGES if "all" in stages else stages
    what = configuration.load(configured, inputs, collecting="collect" in chosen)
    try:
        asyncio.run(
            worker.run(
                configured, chosen=chosen, ruleset=options.ruleset(()), sources=what.sources, intake=what.intake,
                context=what.context, collector=what.collector, live=clock == "wall",
                announce=_announce if dashboard else None,
            )
        )
    except KafkaError as error:
        raise Unfinished(f"Kafka at {configured.kafka}: {error}; is it running? set CONTROLWATCH_KAFKA") from error


def _announce(address: str) -> None:
    click.echo(f"dashboard: {address}")
