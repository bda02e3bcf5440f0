"""``controlwatch deadletter list``: which records are parked."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from aiokafka.errors import KafkaError

from controlwatch import settings
from controlwatch.cli import Misconfigured, Unfinished
from controlwatch.output import Output
from controlwatch.settings import Settings
from schemas import instant
from sinks import contract, redriven
from sinks.deadletter import DeadLetter, DeadLetters, shown
from sinks.redriven import Redriven
from streams.embedded import file_of
from streams.kafka.redriving import Letters


class Shelf(Protocol):
    """Where letters are kept."""

    def list(self, *, reason: str = "", source: str = "", limit: int = 100) -> Sequence[DeadLetter]:
        """Letters, newest first; ``reason`` and ``source`` restrict where not empty."""
        ...

    def get(self, letter_id: str) -> DeadLetter | None:
        """One letter, by its id or a beginning of it that only one letter has; None if there is not exactly one."""
        ...

    def by_reason(self) -> Mapping[str, int]:
        """How many letters there are of each reason, the most frequent first."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...


def on_kafka(configured: Settings, data: Path | None, kafka: bool | None) -> bool:  # noqa: FBT001 - the command's option
    """Whether the letters on Kafka are meant; ``kafka`` None: if Elasticsearch is configured and no data folder is named."""
    return bool(configured.elasticsearch and data is None) if kafka is None else kafka


def data_file(configured: Settings, data: Path | None) -> Path:
    """The job's data file. Raises Misconfigured if there is none."""
    path = file_of(data or configured.data)
    if not path.exists():
        raise Misconfigured(f"{path} does not exist; name the data folder of the job with --data, or Kafka with --kafka")
    return path


@contextmanager
def opened(data: Path | None, *, kafka: bool | None) -> Iterator[tuple[Shelf, Mapping[str, Redriven]]]:
    """The dead letters and what became of those that were sent again. Raises Misconfigured, Unfinished if they cannot be read."""
    configured = settings.load()
    if on_kafka(configured, data, kafka):
        shelf = Letters(configured.kafka, configured.layout)
        with answering(configured):
            yield shelf, shelf.marks()
        return
    path = data_file(configured, data)
    letters = DeadLetters(path)
    try:
        yield letters, redriven.marks(path)
    except contract.Misconfigured as error:
        raise Misconfigured(str(error)) from error
    except contract.Busy as error:
        raise Unfinished(str(error)) from error
    finally:
        letters.close()


@contextmanager
def answering(configured: Settings) -> Iterator[None]:
    """Turn errors of Kafka into Unfinished."""
    try:
        yield
    except KafkaError as error:
        raise Unfinished(
            f"Kafka at {configured.kafka}: {error!r}; is it running, and are the topics made ('controlwatch topics create')?"
        ) from error


def view(letter: DeadLetter, mark: Redriven | None, *, masked: bool) -> dict[str, Any]:
    """``letter`` for people or programs, with what became of it."""
    found = shown(letter, masked=masked)
    if mark is not None:
        found["redriven"] = instant.text(mark.at)
        found["result"] = mark.result if not masked else mark.result.partition(":")[0]
        found["result"] = found["result"] or "waits for the job"
    return found


def deadletter_list(data: Path | None, out: Output, *, reason: str, source: str, limit: int, kafka: bool | None) -> None:
    """Print the newest ``limit`` letters of ``reason`` and ``source`` (empty: any); for people also counts by reason."""
    with opened(data, kafka=kafka) as (letters, marks):
        for letter in letters.list(reason=reason, source=source, limit=limit):
            seen = view(letter, marks.get(letter.id), masked=out.mask)
            seen.pop("raw", None)
            if out.human:
                done = f"  [{seen['result'][:40]}]" if "result" in seen else ""
                out.text(f"{seen['id'][:12]}  {seen['reason']:18} {seen['source']}:{seen['offset']}  {seen['detail'][:80]}{done}")
            else:
                out.line(seen)
        if out.human:
            for name, count in letters.by_reason().items():
                out.text(f"{count:8}  {name}")
