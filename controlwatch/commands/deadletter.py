"""``controlwatch deadletter``: records that could not be read, judged or stored."""

from pathlib import Path

import click

from controlwatch import settings
from controlwatch.cli import Misconfigured
from controlwatch.output import line, output_option
from sinks.deadletter import DeadLetters, shown
from streams.embedded import file_of


@click.group("deadletter")
def command() -> None:
    """Show parked records: what could not be read, judged or stored, and why."""


data_option = click.option("--data", type=click.Path(path_type=Path), help="Data folder; default: CONTROLWATCH_DATA.")


def _open(data: Path | None) -> DeadLetters:
    path = file_of(data or settings.load().data)
    if not path.exists():
        raise Misconfigured(f"{path} does not exist; name the data folder of the job with --data")
    return DeadLetters(path)


@command.command("list")
@data_option
@click.option("--reason", default="", help="Only this reason.")
@click.option("--source", default="", help="Only this source.")
@click.option("--limit", default=100, show_default=True)
@output_option
def listing(data: Path | None, reason: str, source: str, limit: int, output: str) -> None:
    """Newest first; what the record says is masked."""
    letters = _open(data)
    for letter in letters.list(reason=reason, source=source, limit=limit):
        view = shown(letter)
        if output == "human":
            click.echo(f"{view['id'][:12]}  {view['reason']:18} {view['source']}:{view['offset']}  {view['detail'][:80]}")
        else:
            line(view)
    if output == "human":
        for name, count in letters.by_reason().items():
            click.echo(f"{count:8}  {name}")
    letters.close()


@command.command("show")
@click.argument("letter_id")
@data_option
@click.option("--unmask", is_flag=True, help="Show the record's own text.")
def show(letter_id: str, data: Path | None, *, unmask: bool) -> None:
    """One record, by its id or the beginning of it."""
    letters = _open(data)
    letter = letters.get(letter_id)
    letters.close()
    if letter is None:
        raise Misconfigured(f"no dead letter, or more than one, has an id that begins with {letter_id!r}; see 'deadletter list'")
    line(shown(letter, masked=not unmask))
