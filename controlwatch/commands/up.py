"""``controlwatch up``: the main job on the embedded runner, with the dashboard."""

import asyncio
import logging
import shutil
from pathlib import Path

import click

from controlwatch import configuration, job, options, settings
from controlwatch.cli import Misconfigured
from controlwatch.configuration import Configuration
from controlwatch.job import Job
from streams.demo import Demo

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
    what = configuration.load(configured, inputs)
    made = _demo(folder) if not what.configured else _real(folder, what)
    asyncio.run(job.run(made, configured, announce=_announce))


def _announce(address: str) -> None:
    click.echo(f"dashboard: {address}")


def _real(folder: Path, what: Configuration) -> Job:
    for name in what.intake:
        raise Misconfigured(f"source {name} is a Kafka topic; read it with 'controlwatch run --stage collect'")
    return Job(
        ruleset=options.ruleset(()), sources=what.sources, context=what.context, collector=what.collector, folder=folder,
    )  # fmt: skip


def _demo(folder: Path) -> Job:
    """Sample feeds, in a folder of their own that is made anew each time."""
    place = folder / "demo"
    shutil.rmtree(place, ignore_errors=True)
    click.echo("no source is configured: playing sample feeds of a made-up firm (DEMO)", err=True)
    ruleset = options.ruleset(())
    demo = Demo(DEMO_SEED, ruleset)
    return Job(ruleset=ruleset, sources=demo.sources, context=demo.context, collector=demo, folder=place, demo=True)
