"""What the user has configured: sources (``--source``, ``sources.toml``), context files; and what collects the sources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from controlwatch import waivers
from controlwatch.cli import Misconfigured
from controlwatch.settings import Settings
from schemas.context import ContextRecord, Source
from streams.collect.run import Collectors
from streams.collect.sources import Configured, Topic, from_file, from_options, host_zone
from streams.recording import BadRecording, read_context
from streams.sources_file import BadSource


@dataclass(frozen=True, slots=True)
class Configuration:
    """Sources as configured, what collects them, and context records."""

    configured: Sequence[Configured]
    collector: Collectors
    sources: Mapping[str, Source]
    context: Sequence[ContextRecord]

    @property
    def intake(self) -> Mapping[str, str]:
        """Source name -> foreign Kafka topic that carries its records."""
        return {item.source.source: item.input.name for item in self.configured if isinstance(item.input, Topic)}


def load(settings: Settings, inputs: Sequence[str], *, collecting: bool = True) -> Configuration:
    """Read everything; tells the user on stderr how sources were understood, if they are to be collected here.

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
    if wrong := waivers.fault(context):
        raise Misconfigured(f"{settings.context}: {wrong}")
    names = [item.source.source for item in configured]
    for name in names:
        if names.count(name) > 1:
            raise Misconfigured(f"source {name} is configured twice: by --source and in {settings.sources}")
    for item in configured:
        for note in item.notes if collecting else ():
            click.echo(note, err=True)
    collector = Collectors(configured)
    return Configuration(configured, collector, collector.sources, [*context, *collector.context])


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl")) if folder.is_dir() else []
