"""``controlwatch report``: the monthly compliance summary."""

from pathlib import Path

import click

from controlwatch.cli import action
from controlwatch.output import Output, output_option


@click.command("report")
@click.option("--month", required=True, metavar="YYYY-MM", help="Month in the firm's zone.")
@click.option("--format", "form", type=click.Choice(["html", "csv"]), default="html", show_default=True)
@click.option("--lang", type=click.Choice(["zh-TW", "en"]), default="zh-TW", show_default=True, help="Main language.")
@click.option("--out", "path", type=click.Path(path_type=Path, dir_okay=False), help="File to write; default: stdout.")
@click.option("--data", type=click.Path(path_type=Path), help="Data folder; default: CONTROLWATCH_DATA.")
@output_option
def command(month: str, form: str, lang: str, path: Path | None, data: Path | None, output: str) -> None:
    """Bilingual summary per section and clause; the same data give the same bytes.

    With --out it tells what was written: path, month and counts. Without, the report itself goes to stdout.
    """
    action("report")(month, form, lang, path, data, Output(output))
