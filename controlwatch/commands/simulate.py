"""``controlwatch simulate``: raw logs of a made-up securities firm, with the truth."""

import math
from pathlib import Path
from typing import Any

import click

from controlwatch.cli import Unfinished
from controlwatch.output import Output, output_option, progress
from streams import simulator
from streams.collect import names
from streams.simulator.run import MAX_DAYS

MAX_RATE = 1_000_000.0
"""More events per second than any machine writes; such a run would not end."""


class Finite(click.FloatRange):
    """A range in which ``nan``, which is neither above nor below anything, does not lie."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is no number", param, ctx)
        return number


@click.command("simulate")
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same bytes.")
@click.option("--days", type=Finite(min=0.01, max=MAX_DAYS), default=2.0, show_default=True)
@click.option("--rate", type=Finite(min=0, max=MAX_RATE), default=1.0, show_default=True, help="Background events per second.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write (must be empty or absent).")
@click.option("--list", "listing", is_flag=True, help="Print every planted case id and how often a two-day run holds it.")
@output_option
def command(seed: int, days: float, rate: float, out: Path | None, output: str, *, listing: bool) -> None:
    """Write raw logs in the vendors' own formats, context, and truth.jsonl."""
    if listing:
        for case in simulator.cases():
            told = {"case": case.id, "detector": case.detector, "count": case.count}
            Output(output).tell(f"{case.count:4}  {case.id:40} {case.detector}", told)
        return
    if out is None:
        raise click.UsageError("--out DIR is missing: say where to write, or --list to see what is planted")
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise click.UsageError(f"--out {out}: is not an empty folder; nothing was written")
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"--out {out}: {error.strerror}; name a folder that can be made and written to") from error
    try:
        with progress("writing") as tick:
            simulator.simulate(seed=seed, days=days, rate=rate, out=out, progress=lambda part: tick(round(part * 1000), 1000))
    except OSError as error:
        raise Unfinished(f"--out {out}: {error.strerror}; what was written is not whole: remove it") from error
    files = sorted(path for path in out.rglob("*") if path.is_file())
    total = sum(path.stat().st_size for path in files)
    told = {"written": names.shown(out), "files": len(files), "bytes": total}
    Output(output).tell(f"wrote {names.shown(out)}: {len(files)} files, {total} bytes", told)
