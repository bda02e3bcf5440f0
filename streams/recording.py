"""Recorded raw logs: a folder of files, or one stream of lines, as raw records with their envelopes.

``<NAME>[@<instance>].log|.jsonl``, ``sources.toml``, ``context/*.jsonl``, ``exceptions.jsonl``. ``truth.jsonl`` is not read.
"""

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
    files = sorted(path for path in folder.iterdir() if path.suffix in (".log", ".jsonl") and path.is_file())
    for path in files:
        if path.name == "truth.jsonl":
            continue
        if path.name == "exceptions.jsonl":
            recording.context += read_context(path, "exceptions")
            continue
        known = recording.sources.get(path.stem)
        if known is None:
            known = Source(source=path.stem, feed=_feed(path.stem.partition("@")[0], recording))
        elif known.feed not in registry.load():
            known = known.model_copy(update={"feed": _feed(known.feed, recording)})
        recording.sources[path.stem] = known
        with path.open("rb") as file:
            recording.raws += read_lines(file, known)
    for path in sorted((folder / "context").glob("*.jsonl")):
        recording.context += read_context(path, path.stem)
    recording.context += [
        envelope("sources", source.model_dump(mode="json", by_alias=True, exclude_defaults=True))
        for _, source in sorted(recording.sources.items())
    ]
    return recording


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
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                yield envelope(table, orjson.loads(line))
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
