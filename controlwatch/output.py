"""How commands speak: JSON lines in a pipe, tables for people, progress bars on a terminal's stderr."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import Progress

from schemas.violation import Violation
from sinks.deadletter import plain


def output_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """``-o human|json``: human on a terminal, JSON lines in a pipe."""
    return click.option(
        "-o", "--output", type=click.Choice(["human", "json"]), default=lambda: "human" if sys.stdout.isatty() else "json",
        show_default="human on a terminal, json in a pipe", help="How to print.",
    )(function)  # fmt: skip


def line(value: Any) -> None:
    """One JSON line on stdout."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))


def violation(item: Violation, *, human: bool, canonical: bool = False) -> None:
    """Print one violation."""
    if not human:
        line(item.canonical() if canonical else item.model_dump(mode="json"))
        return
    document = item.model_dump(mode="json")
    subject = ", ".join(f"{name} {plain(str(value))}" for name, value in item.subject.items() if value is not None)
    colour = {"critical": "red", "high": "yellow", "medium": "cyan", "low": "white"}[item.severity]
    click.secho(f"{item.severity.upper():8} {item.detector} {item.subtype} [{item.state}]", fg=colour, bold=True)
    click.echo(f"         {subject}")
    click.echo(f"         {document['first_time']} … {document['last_time']}  {', '.join(item.controls)}  id {item.id}")
    for proof in item.evidence[:5]:
        values = ", ".join(f"{name}={plain(value)}" for name, value in proof.values.items())
        click.echo(f"         {plain(proof.source)}:{proof.line}  {values}")
    if len(item.evidence) > 5:
        click.echo(f"         … {len(item.evidence) - 5} more")


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, on a terminal only: yields a function taking (done, total)."""
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(label, total=None)
        yield partial(_advance, bar, task)


def _advance(bar: Progress, task: Any, done: int, total: int) -> None:
    bar.update(task, completed=done, total=total)
