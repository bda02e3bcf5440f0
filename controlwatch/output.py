"""How commands speak: JSON lines in a pipe, text for people, progress bars on stderr; personal data masked if asked."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import Progress

from schemas import masking
from schemas.violation import Violation
from sinks.deadletter import plain


class Output:
    """Where a command's results go: ``human`` text or JSON lines on stdout; with ``mask`` personal data are masked in both."""

    def __init__(self, form: str, *, mask: bool = False) -> None:
        self.human = form == "human"
        self.mask = mask

    def line(self, value: Any) -> None:
        """One JSON line on stdout, whatever the form."""
        shown = masking.masked(value) if self.mask else value
        sys.stdout.buffer.write(orjson.dumps(shown, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))

    def text(self, text: str, *, colour: str | None = None, bold: bool = False) -> None:
        """One line for people on stdout; nothing in it can move a cursor."""
        click.secho(plain(self._masked(text)), fg=colour, bold=bold)

    def tell(self, text: str, value: Mapping[str, Any]) -> None:
        """``text`` for people or ``value`` for programs, at once: a job that runs on has said it."""
        if self.human:
            self.text(text)
        else:
            self.line(value)
        sys.stdout.flush()

    def warn(self, text: str) -> None:
        """One line on stderr, for people; nothing in it can move a cursor."""
        click.echo(plain(self._masked(text)), err=True)

    def violation(self, item: Violation, *, canonical: bool = False) -> None:
        """One violation; ``canonical``: only what is the same in every complete run (see ``Violation.canonical``)."""
        if not self.human:
            self.line(item.canonical() if canonical else item.model_dump(mode="json"))
            return
        document = item.model_dump(mode="json")
        colour = {"critical": "red", "high": "yellow", "medium": "cyan", "low": "white"}[item.severity]
        self.text(f"{item.severity.upper():8} {item.detector} {item.subtype} [{item.state}]", colour=colour, bold=True)
        self.text(f"         {', '.join(f'{name} {value}' for name, value in item.subject.items() if value is not None)}")
        self.text(f"         {document['first_time']} … {document['last_time']}  {', '.join(item.controls)}  id {item.id}")
        for proof in item.evidence[:5]:
            values = ", ".join(f"{name}={value}" for name, value in proof.values.items())
            self.text(f"         {proof.source}:{proof.line}  {values}")
        if len(item.evidence) > 5:
            self.text(f"         … {len(item.evidence) - 5} more")

    def _masked(self, text: str) -> str:
        return masking.text(text) if self.mask else text


def output_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """``-o human|json``: human on a terminal, JSON lines in a pipe."""
    return click.option(
        "-o", "--output", type=click.Choice(["human", "json"]), default=lambda: "human" if sys.stdout.isatty() else "json",
        show_default="human on a terminal, json in a pipe", help="How to print.",
    )(function)  # fmt: skip


mask_option = click.option(
    "--mask", is_flag=True, help="Mask personal data: identity numbers, telephone and card numbers, e-mail addresses, names."
)
"""``--mask``, of every command that prints what records say; without it nothing is masked."""


@contextmanager
def progress(label: str, *, printing: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, on a terminal only: yields a function taking (done, total); it pulses until that is called.

    ``printing``: results are printed meanwhile; then there is no bar where they go to the terminal, too.
    """
    hidden = not sys.stderr.isatty() or (printing and sys.stdout.isatty())
    with Progress(console=Console(stderr=True), transient=True, disable=hidden) as bar:
        task = bar.add_task(label, total=None)
        yield partial(_advance, bar, task)


def _advance(bar: Progress, task: Any, done: int, total: int) -> None:
    bar.update(task, completed=done, total=total)
