"""``controlwatch detect``: raw records on stdin, final violations out."""

import sys

import click

from controlwatch import options
from controlwatch.output import Output, mask_option, output_option, progress
from controlwatch.standard_input import lines
from streams.recording import Recording, read_lines
from streams.replay import judge


@click.command("detect")
@options.source_options
@options.detector_option
@click.option("--to", type=options.Instant(), help="Truth time; default: the largest observed time.")
@mask_option
@output_option
def command(
    name: str, zone: str, received_base: int | None, detectors: tuple[str, ...], to: int | None, output: str, *, mask: bool
) -> None:
    """Raw records on stdin -> final violations, one JSON line each."""
    out = Output(output, mask=mask)
    source = options.source(name, zone, received_base)
    ruleset = options.ruleset(detectors)
    recording = Recording(sources={source.source: source}, raws=read_lines(lines(sys.stdin.buffer, "reading"), source))
    with progress("judging") as tick:
        verdict = judge(recording, ruleset, to=to, tick=tick)
    for item in verdict.final:
        out.violation(item)
    for dead in verdict.dead[:20]:
        out.warn(f"line {dead.raw.line}: unreadable: {dead.detail} ({dead.reason})")
    if len(verdict.dead) > 20:
        out.warn(f"… {len(verdict.dead)} unreadable records in all")
