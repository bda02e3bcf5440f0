"""``controlwatch deadletter list``: which records are parked."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controlwatch import settings
from controlwatch.cli import Misconfigured
from controlwatch.output import Output
from sinks.deadletter import DeadLetters, shown
from streams.embedded import file_of


@contextmanager
def opened(data: Path | None) -> Iterator[DeadLetters]:
    """The dead letters of a job's data folder (None: the configured one). Raises Misconfigured if there is no such file."""
    path = file_of(data or settings.load().data)
    if not path.exists():
        raise Misconfigured(f"{path} does not exist; name the data folder of the job with --data")
    letters = DeadLetters(path)
    try:
        yield letters
    finally:
        letters.close()


def deadletter_list(data: Path | None, out: Output, *, reason: str, source: str, limit: int) -> None:
    """Print the newest ``limit`` letters of ``reason`` and ``source`` (empty: any); for people also counts by reason."""
    with opened(data) as letters:
        for letter in letters.list(reason=reason, source=source, limit=limit):
            view = shown(letter, masked=out.mask)
            view.pop("raw", None)
            if out.human:
                out.text(f"{view['id'][:12]}  {view['reason']:18} {view['source']}:{view['offset']}  {view['detail'][:80]}")
            else:
                out.line(view)
        if out.human:
            for name, count in letters.by_reason().items():
                out.text(f"{count:8}  {name}")
