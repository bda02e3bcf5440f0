"""``controlwatch simulate``: raw logs of a made-up securities firm, with the truth."""

from pathlib import Path

import click

from controlwatch.output import Output, output_option, progress
from streams import simulator


@click.command("simulate")
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same bytes.")
@click.option("--days", type=click.FloatRange(min=0.01), default=2.0, show_default=True)
@click.option("--rate", type=click.FloatRange(min=0), default=1.0, show_default=True, help="Background events per second.")
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
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise click.UsageError(f"--out {out}: is not an empty folder; nothing was written")
    with progress("writing") as tick:
        simulator.simulate(seed=seed, days=days, rate=rate, out=out, progress=lambda part: tick(round(part * 1000), 1000))
    files = sorted(path for path in out.rglob("*") if path.is_file())
    total = sum(path.stat().st_size for path in files)
    told = {"written": str(out), "files": len(files), "bytes": total}
    Output(output).tell(f"wrote {out}: {len(files)} files, {total} bytes", told)
