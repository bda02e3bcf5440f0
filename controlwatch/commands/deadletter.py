"""``controlwatch deadletter``: records that could not be read, judged or stored."""

from pathlib import Path

import click

from controlwatch.cli import action
from controlwatch.output import Output, mask_option, output_option


@click.group("deadletter")
def command() -> None:
    """Show parked records: what could not be read, judged or stored, and why; send them again when that is mended."""


data_option = click.option("--data", type=click.Path(path_type=Path), help="Data folder; default: CONTROLWATCH_DATA.")
kafka_option = click.option(
    "--kafka/--no-kafka", default=None,
    help="The letters on Kafka, or in the data folder; default: on Kafka if Elasticsearch is configured and --data not given.",
)  # fmt: skip


@command.command("list")
@data_option
@kafka_option
@click.option("--reason", default="", help="Only this reason.")
@click.option("--source", default="", help="Only this source.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many, the newest.")
@mask_option
@output_option
def listing(
    data: Path | None, reason: str, source: str, limit: int, output: str, *, mask: bool, kafka: bool | None
) -> None:
    """Newest first, without the records themselves."""
    action("deadletter_list")(data, Output(output, mask=mask), reason=reason, source=source, limit=limit, kafka=kafka)


@command.command("show")
@click.argument("letter_id")
@data_option
@kafka_option
@mask_option
@output_option
def show(letter_id: str, data: Path | None, output: str, *, mask: bool, kafka: bool | None) -> None:
    """One record, by its id or the beginning of it. With --mask only its shape is shown: nobody could read what it holds."""
    action("deadletter_show")(letter_id, data, Output(output, mask=mask), kafka=kafka)


@command.command("redrive")
@click.argument("letter_ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="All that have not been sent again.")
@click.option("--reason", default="", help="All of this reason that have not been sent again.")
@data_option
@kafka_option
@output_option
def redrive(
    letter_ids: tuple[str, ...], reason: str, data: Path | None, output: str, *, everything: bool, kafka: bool | None
) -> None:
    """Send dead letters again, once what was wrong is mended and the job or the workers run with the mended version.

    Unreadable records are read again, under the ids their events would have had; parked events are judged; what the store
    refused is written again. Doing it twice changes nothing. A letter stays and is marked with time and result.
    """
    if sum((bool(letter_ids), everything, bool(reason))) != 1:
        raise click.UsageError("name letters by their ids, or --all, or --reason; 'controlwatch deadletter list' shows them")
    action("deadletter_redrive")(letter_ids, data, Output(output), reason=reason, kafka=kafka)
