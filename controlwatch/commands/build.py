"""``controlwatch build``: writes the generated artefacts, or checks that they are current."""

from pathlib import Path

import click

from controlwatch import artefacts
from controlwatch.cli import Failed, Misconfigured

CHECKOUT = Path(__file__).resolve().parents[2]


@click.command("build")
@click.option("--check", is_flag=True, help="Write nothing; name what differs and end with 1.")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), default=CHECKOUT, help="Source checkout to write to.")
def command(root: Path, *, check: bool) -> None:
    """Write documentation pages, the catalogue in JSON and the Elasticsearch template from registries and models."""
    if not (root / "pyproject.toml").is_file():
        raise Misconfigured(f"{root} is no source checkout (it has no pyproject.toml); name one with --root")
    if not check:
        for path in artefacts.write(root):
            click.echo(f"wrote {path}")
        return
    differing = artefacts.differences(root)
    for path in differing:
        click.echo(f"{path} is not as generated", err=True)
    if differing:
        raise Failed(f"{len(differing)} generated files differ; run 'controlwatch build' and commit them")
    click.echo("all generated files are current")
