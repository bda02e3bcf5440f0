"""``controlwatch detect``: raw records on stdin, final violations out."""

import sys

import click

from controlwatch import options
from controlwatch.output import output_option
from controlwatch.output import violation as show
from sinks.deadletter import plain
from streams.recording import Recording, read_lines
from streams.replay import judge


@click.command("detect")
@options.source_options
@options.detector_option
@click.option("--to", type=options.Instant(), help="Truth time; default: the largest observed time.")
@output_option
def command(
    name: str, zone: str, received_base: int | None, detectors: tuple[str, ...], to: int | None, output: str
) -> None:
    """Raw records on stdin -> final violations, one JSON line each."""
    source = options.source(name, zone, received_base)
    recording = Recording(sources={source.source: source}, raws=read_lines(sys.stdin.buffer, source))
    verdict = judge(recording, options.ruleset(detectors), to=to)
    for item in verdict.final:
        show(item, human=output == "human")
    for dead in verdict.dead[:20]:
        click.echo(f"line {dead.raw.line}: unreadable: {plain(dead.detail)} ({dead.reason})", err=True)
    if len(verdict.dead) > 20:
        click.echo(f"… {len(verdict.dead)} unreadable records in all", err=True)
