"""``controlwatch doctor``: configuration, brokers, topics, Elasticsearch, clocks, sources; what is wrong and the mend."""

import click

from controlwatch.cli import action
from controlwatch.output import Output, output_option


@click.command("doctor")
@click.option("--source", "inputs", multiple=True, metavar="FEED=PATH|URL", help="A source to look at (repeatable).")
@click.option("--kafka/--no-kafka", default=None, help="Look at Kafka and Elasticsearch; default: if they are configured.")
@output_option
def command(inputs: tuple[str, ...], output: str, *, kafka: bool | None) -> None:
    """Check configuration, services and sources; exit status 1 if anything needs mending."""
    action("doctor")(inputs, Output(output), kafka=kafka)
