"""``controlwatch topics``: creates the Kafka topics, or compares them with what is configured."""

import click
from kafka.errors import KafkaError

from controlwatch import settings
from controlwatch.cli import Failed, Unfinished
from streams import topics


@click.group("topics")
def command() -> None:
    """Create or compare the Kafka topics."""


@command.command("create")
def create() -> None:
    """Create every topic that is missing; existing ones are left as they are."""
    configured = settings.load()
    try:
        created = topics.create(configured.kafka, configured.layout)
    except KafkaError as error:
        raise Unfinished(f"Kafka at {configured.kafka}: {error}; is it running? set CONTROLWATCH_KAFKA") from error
    for name in created:
        click.echo(f"created {name}")
    click.echo(f"{len(topics.TOPICS) - len(created)} topics were there already")


@command.command("check")
def check() -> None:
    """Compare the topics on the cluster with the configuration."""
    configured = settings.load()
    try:
        found = topics.differences(configured.kafka, configured.layout)
    except KafkaError as error:
        raise Unfinished(f"Kafka at {configured.kafka}: {error}; is it running? set CONTROLWATCH_KAFKA") from error
    for line in found:
        click.echo(line)
    if found:
        raise Failed(f"{len(found)} topics differ")
    click.echo("all topics are as configured")
