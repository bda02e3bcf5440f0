"""``controlwatch run``: a production worker on Kafka."""

import click

from controlwatch.cli import action
from controlwatch.output import Output, output_option

STAGES = ("collect", "normalize", "detect", "deliver")


@click.command("run")
@click.option("--stage", "stages", multiple=True, type=click.Choice([*STAGES, "all"]), required=True)
@click.option("--source", "inputs", multiple=True, metavar="FEED=PATH|URL", help="A source to collect (repeatable).")
@click.option("--clock", type=click.Choice(["wall", "records"]), default="wall", show_default=True,
              help="records: time passes only by heartbeats in the records, as in a replay.")  # fmt: skip
@click.option("--dashboard", is_flag=True, help="Serve the dashboard over Elasticsearch, too.")
@output_option
def command(stages: tuple[str, ...], inputs: tuple[str, ...], clock: str, output: str, *, dashboard: bool) -> None:
    """Run one or more stages until SIGTERM. Start as many workers as there are partitions to share."""
    action("run")(STAGES if "all" in stages else stages, inputs, Output(output), live=clock == "wall", dashboard=dashboard)
