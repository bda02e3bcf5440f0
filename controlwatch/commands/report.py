"""``controlwatch report``: the monthly compliance summary."""

import sys
from pathlib import Path

import click

from controlwatch import settings, wiring
from controlwatch.cli import Misconfigured
from dashboards.reports.monthly import report


@click.command("report")
@click.option("--month", required=True, metavar="YYYY-MM", help="Month in the firm's zone.")
@click.option("--format", "form", type=click.Choice(["html", "csv"]), default="html", show_default=True)
@click.option("--lang", type=click.Choice(["zh-TW", "en"]), default="zh-TW", show_default=True, help="Main language.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write; default: stdout.")
@click.option("--data", type=click.Path(path_type=Path), help="Data folder; default: CONTROLWATCH_DATA.")
def command(month: str, form: str, lang: str, out: Path | None, data: Path | None) -> None:
    """Bilingual summary per section and clause; the same data give the same bytes."""
    configured = settings.load()
    folder = data or configured.data
    reader = wiring.reader(configured, folder)
    try:
        truth_time, assessed = wiring.coverage(folder, month, configured.zone)
        content = report(reader, month, lang, form, assessed, truth_time, zone=configured.zone)  # type: ignore[arg-type] # Choice
    except ValueError as error:
        raise Misconfigured(str(error)) from error
    finally:
        reader.close()
    if out is None:
        sys.stdout.buffer.write(content)
    else:
        out.write_bytes(content)
        click.echo(f"wrote {out} ({len(content)} bytes)", err=True)
