"""``controlwatch build``: writes the generated artefacts, or checks that they are current."""

from pathlib import Path

import click

from controlwatch.cli import action
from controlwatch.output import Output, output_option

CHECKOUT = Path(__file__).resolve().parents[2]


@click.command("build")
@click.option("--check", is_flag=True, help="Write nothing; name what differs and end with 1.")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), default=CHECKOUT, help="Source checkout to write to.")
@output_option
def command(root: Path, output: str, *, check: bool) -> None:
    """Write documentation pages, the catalogue in JSON and the Elasticsearch template from registries and models."""
    action("build")(root, Output(output), check=check)
