"""``controlwatch deadletter``: records that could not be read, judged or stored."""

from pathlib import Path

import click

from controlwatch.cli import action
from controlwatch.output import Output, mask_option, output_option


@click.group("deadletter")
def command() -> None:
    """Show parked records: what could not be read, judged or stored, and why."""


data_option = click.option("--data", type=click.Path(path_type=Path), help="Data folder; default: CONTROLWATCH_DATA.")


@command.command("list")
@data_option
@click.option("--reason", default="", help="Only this reason.")
@click.option("--source", default="", help="Only this source.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many, the newest.")
@mask_option
@output_option
def listing(data: Path | None, reason: str, source: str, limit: int, output: str, *, mask: bool) -> None:
    """Newest first, without the records themselves."""
    action("deadletter_list")(data, Output(output, mask=mask), reason=reason, source=source, limit=limit)


@command.command("show")
@click.argument("letter_id")
@data_option
@mask_option
@output_option
def show(letter_id: str, data: Path | None, output: str, *, mask: bool) -> None:
    """One record, by its id or the beginning of it. With --mask only its shape is shown: nobody could read what it holds."""
    action("deadletter_show")(letter_id, data, Output(output, mask=mask))
