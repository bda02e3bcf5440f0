"""Recorded raw logs: a folder of files, or one stream of lines, as raw records with their envelopes.

``<NAME>[@<instance>].log|.jsonl`` (also rotated or packed), ``sources.toml``, ``context/*.jsonl``, ``exceptions.jsonl``.
``truth.jsonl`` is not read.
"""

from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from pydantic import ValidationError

from schemas import instant
from schemas.context import ContextRecord, Source
from schemas.faults import explained, nearest
from schemas.tables import TABLES, envelope
from streams import recorded_files
from streams.collect import names
from streams.feeds.kit import registry
from streams.feeds.kit.contract import Feed
from streams.sources_file import INPUT, BadSource, checked, tables
from streams.stage import Raw

_WRAPPED = b'{"received"'


class BadRecording(ValueError):
    """A file of the folder is not what it should be; the text says where, what, instead of what and what to do."""


@dataclass(slots=True)
class Recording:
    """Raw records by source, the sources' configuration, and context."""

    sources: dict[str, Source] = field(default_factory=dict)
    raws: list[Raw] = field(default_factory=list)
    context: list[ContextRecord] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read_folder(folder: Path) -> Recording:
    """Read a replay folder.

    Raises:
        BadRecording: the folder, ``sources.toml`` or a context file cannot be read as documented.
    """
    if not folder.is_dir():
        raise BadRecording(f"{folder}: no such folder; give a folder of <NAME>[@<instance>].log or .jsonl files")
    recording = Recording(sources=read_sources(folder / "sources.toml"))
    try:
        files = recorded_files.find(folder, recording.warnings)
        for name, paths in files.items():
            source = _source(name, paths[-1], recording)
            recording.sources[name] = source
            recording.raws += read_lines(recorded_files.lines(paths), source)
        for path in _context_files(folder, recording.warnings):
            recording.context += read_context(path, path.stem)
    except OSError as error:
        raise BadRecording(f"{names.shown(error.filename or folder)}: {error.strerror}") from error
    if not files:
        told = "".join(f"\n{warning}" for warning in recording.warnings)
        raise BadRecording(f"{folder}: no records to judge; give a folder of <NAME>[@<instance>].log or .jsonl files{told}")
    recording.context += [
        envelope("sources", source.model_dump(mode="json", by_alias=True, exclude_defaults=True))
        for _, source in sorted(recording.sources.items())
    ]
    return recording


def _source(name: str, path: Path, recording: Recording) -> Source:
    """What is configured of the source, else what its name tells."""
    known = recording.sources.get(name)
    if known is None:
        try:
            return checked({"source": name, "feed": _feed(name.partition("@")[0], recording)}, names.shown(path))
        except BadSource as error:
            raise BadRecording(str(error)) from error
    return known if known.feed in registry.load() else known.model_copy(update={"feed": _feed(known.feed, recording)})


def _context_files(folder: Path, skipped: list[str]) -> Iterator[Path]:
    """``exceptions.jsonl`` and ``context/*.jsonl``; ``skipped`` is told what else lies there. Raises OSError."""
    below = folder / "context"
    given = [folder / "exceptions.jsonl", *(sorted(below.iterdir()) if below.is_dir() else [below])]
    for path in given:
        why = recorded_files.unread(path) or ("" if path.suffix == ".jsonl" else "context stands in <table>.jsonl")
        if not why:
            yield path
        elif path.is_symlink() or path.exists():
            skipped.append(f"{names.shown(path)}: skipped: {why}")


def read_sources(path: Path) -> dict[str, Source]:
    """Tables ``[sources."<name>"]`` of a ``sources.toml``; empty if there is no such file. Raises BadRecording."""
    if not path.exists():
        return {}
    try:
        # A live job's file may serve: where it reads from does not matter here.
        return {
            name: checked(
                {"source": name, "feed": name.partition("@")[0]} | {key: value for key, value in table.items() if key != INPUT},
                f'{path}: [sources."{name}"]',
            )
            for name, table in tables(path).items()
        }
    except BadSource as error:
        raise BadRecording(str(error)) from error


def read_context(path: Path, table: str) -> Iterator[ContextRecord]:
    """Records of one context file. Raises BadRecording with file and line."""
    if table not in TABLES:
        raise BadRecording(f"{path}: no context table is called {table!r}; {nearest(table, TABLES)}; rename or remove the file")
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadRecording(f"{path}: {error.strerror}; make it readable, or remove it") from error
    with file:
        for number, line in enumerate(file, 1):
            text = line.removeprefix(BOM_UTF8) if number == 1 else line
            if not text.strip():
                continue
            try:
                yield envelope(table, orjson.loads(text))
            except ValidationError as error:
                raise BadRecording(f"{path}, line {number}: {explained(error, TABLES[table])}; see docs/context.md") from error
            except orjson.JSONDecodeError as error:
                raise BadRecording(f"{path}, line {number}: is no JSON ({error}); write one object a line") from error


def read_lines(lines: Iterable[bytes], source: Source) -> list[Raw]:
    """Records of one source: framed, unwrapped, and numbered among identical ones (in order of observed time)."""
    feed = registry.load()[source.feed]
    found: list[tuple[int, bytes, int | None]] = []
    for number, line in enumerate(lines, 1):
        data = line.rstrip(b"\n").removesuffix(b"\r")
        data, o = unwrap(data)
        if o is None and found and found[-1][2] is None and _continues(feed, data):
            first, before, _ = found[-1]
            found[-1] = (first, before + b"\n" + data, None)
        else:
            found.append((number, data, o))
    found.sort(key=lambda item: item[2] or 0)
    seen: Counter[bytes] = Counter()
    raws: list[Raw] = []
    for number, data, o in found:
        ordinal = seen[data]
        seen[data] += 1
        raws.append(Raw(source.source, source.feed, data, o, ordinal, number))
    return raws


def _continues(feed: Feed, data: bytes) -> bool:
    return feed.starts is not None and bool(data.strip()) and not feed.starts(data.decode("utf-8", "replace"))


def unwrap(data: bytes) -> tuple[bytes, int | None]:
    """The record of one line, and its observed time if the line tells one.

    ``{"received": …, "raw": …}`` wraps both; a JSON string is a record of several lines; anything else stays what it is.
    """
    if data[:1] == b'"':
        return _string(data), None
    if not data.startswith(_WRAPPED):
        return data, None
    try:
        value = orjson.loads(data)
        if set(value) != {"received", "raw"} or not isinstance(value["raw"], str):
            return data, None
        return value["raw"].encode("utf-8"), instant.parse(value["received"])
    except (ValueError, TypeError, UnicodeEncodeError):
        return data, None


def _string(data: bytes) -> bytes:
    """A multi-line record written as one JSON string."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return data
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else data


def _feed(name: str, recording: Recording) -> str:
    known = registry.names().get(name)
    if known is not None:
        return known
    recording.warnings.append(f"source format {name!r} is unknown; its records are read generically (syslog, CEF, JSON …)")
    return "generic"
