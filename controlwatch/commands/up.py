"""``controlwatch up``: the main job on the embedded runner, with the dashboard."""

import asyncio
import logging
import shutil
from pathlib import Path

import click

from controlwatch import job, options, settings
from controlwatch.cli import Misconfigured
from controlwatch.job import Job
from streams.demo import Demo
from streams.recording import BadRecording, read_context

DEMO_SEED = 1


@click.command("up")
@click.option("--source", "inputs", multiple=True, metavar="FEED=PATH|URL", help="A source to watch (repeatable).")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder; default: CONTROLWATCH_DATA.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the dashboard; 0 chooses a free one.")
def command(inputs: tuple[str, ...], data: Path | None, port: int | None) -> None:
    """Collect, normalize, detect, deliver, and show the dashboard on 127.0.0.1.

    Sources are those of --source and of sources.toml. With none at all it plays sample feeds, labelled DEMO.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    configured = settings.load()
    if port is not None:
        configured = configured.model_copy(update={"port": port})
    folder = data or configured.data
    ruleset = options.ruleset(())
    made = _demo(folder) if not inputs and not configured.sources.exists() else None
    click.echo("controlwatch: starting", err=True)
    asyncio.run(job.run(made, configured, announce=_announce))


def _announce(address: str) -> None:
    click.echo(f"dashboard: {address}")


def _demo(folder: Path) -> Job:
    """Sample feeds, in a folder of their own that is made anew each time."""
    place = folder / "demo"
    shutil.rmtree(place, ignore_errors=True)
    ruleset = options.ruleset(())
    demo = Demo(DEMO_SEED, ruleset)
    click.echo("no source is configured: playing sample feeds of a made-up firm (DEMO)", err=True)
    return Job(ruleset=ruleset, sources=demo.sources, context=demo.context, collectors=[demo], folder=place, demo=True)
