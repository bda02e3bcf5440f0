"""``controlwatch up``: the configured sources, or the sample feeds, made into a job that runs until a signal."""

import asyncio
import contextlib
import fcntl
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import click

from controlwatch import configuration, job, options, serving, settings
from controlwatch.cli import Misconfigured, Unfinished
from controlwatch.configuration import Configuration
from controlwatch.job import Job
from controlwatch.output import Output
from sinks import contract
from streams.demo import Demo

DEMO_SEED = 1


def up(inputs: tuple[str, ...], data: Path | None, port: int | None, out: Output) -> None:
    """Run until SIGINT or SIGTERM; ``data`` and ``port`` replace the settings of these names.

    Raises:
        Misconfigured: settings or sources are not as documented, or the data folder or file is none.
        Unfinished: the dashboard's port or the data folder is taken, or a part of the job ended.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    configured = settings.load()
    if port is not None:
        configured = configured.model_copy(update={"port": port})
    folder = data or configured.data
    what = configuration.load(configured, inputs)
    # Before anything is touched: another job may be using this folder and port.
    with serving.listen(configured) as listening, _alone(folder):
        made = _demo(folder) if not what.configured else _real(folder, what)
        try:
            asyncio.run(job.run(made, configured, listening, announce=out.tell))
        except contract.Misconfigured as error:
            raise Misconfigured(str(error)) from error
        except contract.Busy as error:
            raise Unfinished(str(error)) from error


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the data folder, which this process alone may write.

    Raises:
        Misconfigured: it cannot be made or written.
        Unfinished: another job holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        told = f"the data folder {folder} cannot be written: {error.strerror}"
        raise Misconfigured(f"{told}; name another with --data or CONTROLWATCH_DATA") from error
    with lock as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unfinished(f"another job uses the data folder {folder}; stop it, or name another folder with --data") from None
        yield


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
