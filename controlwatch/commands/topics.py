"""``controlwatch topics``: creates the Kafka topics, compares them with what is configured, re-partitions them."""

import re

import click

from controlwatch.cli import action
from controlwatch.output import Output, output_option


def _generation(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if not re.fullmatch("[a-z0-9-]{1,20}", value):
        raise click.BadParameter(f"{value!r}: small letters, digits and '-', at most 20, for example v2", ctx, param)
    return value


@click.group("topics")
def command() -> None:
    """Create, compare or re-partition the Kafka topics."""


@command.command("create")
@output_option
def create(output: str) -> None:
    """Create every topic that is missing; existing ones are left as they are."""
    action("topics")(Output(output), create=True)


@command.command("check")
@output_option
def check(output: str) -> None:
    """Compare the topics on the cluster with the configuration."""
    action("topics")(Output(output), create=False)


@command.command("migrate")
@click.option("--keyed", type=click.IntRange(1, 1000), metavar="N", help="Partitions of the keyed topics; default: as now.")
@click.option("--raw", type=click.IntRange(1, 1000), metavar="N", help="Partitions of topic raw; default: as now.")
@click.option("--generation", required=True, metavar="NAME", callback=_generation, help="Of the new topics, for example v2.")
@output_option
def migrate(keyed: int | None, raw: int | None, generation: str, output: str) -> None:
    """Copy state and topics into a new generation with other numbers of partitions.

    Every worker must be stopped and everything read. The configured topics are not changed. A migration that was broken off is
    run again with the same command. At the end it prints the settings to change.
    """
    action("topics_migrate")(Output(output), keyed=keyed, raw=raw, generation=generation)
