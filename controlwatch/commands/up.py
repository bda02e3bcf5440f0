"""``controlwatch up``: the main job on the embedded runner, with the dashboard."""

from pathlib import Path

import click

from controlwatch.cli import action
from controlwatch.output import Output, output_option


@click.command("up")
@click.option("--source", "inputs", multiple=True, metavar="FEED=PATH|URL", help="A source to watch (repeatable).")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder; default: CONTROLWATCH_DATA.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the dashboard; 0 chooses a free one.")
@output_option
def command(inputs: tuple[str, ...], data: Path | None, port: int | None, output: str) -> None:
    """Collect, normalize, detect, deliver, and show the dashboard on 127.0.0.1.

    Sources are those of --source and of sources.toml. With none at all it plays sample feeds, labelled DEMO.
    """
    action("up")(inputs, data, port, Output(output))
