"""What the user has configured: sources (``--source``, ``sources.toml``), context files; and what collects the sources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from controlwatch.cli import Misconfigured
from controlwatch.settings import Settings
from schemas import tables
from schemas.context import ContextRecord, Source
from streams.collect.contract import Queue
from streams.collect.run import collect
from streams.collect.sources import BadSource, Configured, Topic, from_file, from_options, host_zone
from streams.recording import BadRecording, read_context


@dataclass(frozen=True, slots=True)
class Configuration:
    """Sources as configured, and context records."""

    configured: Sequence[Configured]
    context: Sequence[ContextRecord]

    @property
    def sources(self) -> Mapping[str, Source]:
        """Configuration by source name."""
        return {item.source.source: item.source for item in self.configured}

    @property
    def intake(self) -> Mapping[str, str]:
        """Source name -> foreign Kafka topic that carries its records."""
        return {item.source.source: item.input.name for item in self.configured if isinstance(item.input, Topic)}

    async def collect(self, queue: Queue, stored: Mapping[str, bytes]) -> None:
        """Read every file and socket into ``queue`` until cancelled; ``stored``: positions as kept."""
        await collect(self.configured, stored, queue)


def load(settings: Settings, inputs: Sequence[str]) -> Configuration:
    """Read everything; tells the user on stderr how sources were understood.

    Raises:
        Misconfigured: a source or context file is not as documented.
    """
    zone = host_zone()
    try:
        configured = from_options(inputs, host_zone=zone)
        if settings.sources.exists():
            configured += from_file(settings.sources, host_zone=zone)
        context = [record for path in _files(settings.context) for record in read_context(path, path.stem)]
    except (BadSource, BadRecording) as error:
        raise Misconfigured(str(error)) from error
    names = [item.source.source for item in configured]
    for name in names:
        if names.count(name) > 1:
            raise Misconfigured(f"source {name} is configured twice: by --source and in {settings.sources}")
    for item in configured:
        for note in item.notes:
            click.echo(note, err=True)
    plain = [item.source.model_dump(mode="json", by_alias=True, exclude_defaults=True) for item in configured]
    context += [tables.envelope("sources", data) for data in plain]
    return Configuration(configured, context)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl")) if folder.is_dir() else []
