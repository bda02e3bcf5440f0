"""``controlwatch topics``: creates the Kafka topics, or compares them with what is configured."""

import click

from controlwatch.cli import action
from controlwatch.output import Output, output_option


@click.group("topics")
def command() -> None:
    """Create or compare the Kafka topics."""


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
