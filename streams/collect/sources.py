"""What is to be collected: ``--source FEED=PATH|URL`` and ``sources.toml``, read strictly; errors name the nearest right word."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from schemas.context import Source
from streams.feeds.kit import registry
from streams.sources_file import INPUT, BadSource, checked, is_zone, tables

GENERIC = "generic"
LOOPBACK = "127.0.0.1"
SYSLOG_PORT = 514
_LOCALTIME = Path("/etc/localtime")
_SCHEMES = ("syslog+udp", "syslog+tcp", "kafka", "watch")


@dataclass(frozen=True, slots=True)
class Files:
    """A path or shell pattern."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Standard:
    """Standard input."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Syslog on a socket. ``transport``: udp or tcp."""

    transport: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Topic:
    """A Kafka topic that a foreign producer fills."""

    name: str


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder whose files are watched for changes."""

    path: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another worker collects it; this one only needs to know its zone, expectations and clauses."""


Input = Files | Standard | Listen | Topic | Folder | Elsewhere


@dataclass(frozen=True, slots=True)
class Configured:
    """One source and where its records come from; ``notes``: what the user should know about how it was read."""

    source: Source
    input: Input
    notes: tuple[str, ...] = ()


def from_options(options: Iterable[str], *, host_zone: str) -> list[Configured]:
    """Sources of ``--source NAME=PATH|URL``; NAME is a feed, an alias, or either with ``@instance``.

    Raises:
        BadSource: an option is not of that form, or a name stands twice.
    """
    found: dict[str, Configured] = {}
    for option in options:
        name, equals, where = option.partition("=")
        if not equals or not name or not where:
            raise BadSource(f"--source {option!r}: expected FEED=PATH or FEED=URL, such as linux=/var/log/auth.log")
        if name in found:
            raise BadSource(f"--source {name}= stands twice; name the second {name}@<instance>=…, for example {name}@branch=…")
        found[name] = _configured(name, {INPUT: where}, f"--source {option}", host_zone)
    return list(found.values())


def from_file(path: Path, *, host_zone: str) -> list[Configured]:
    """Sources of the tables ``[sources."<name>"]`` of a TOML file.

    Raises:
        BadSource: the file cannot be read, or a table, field or value is not one we know.
    """
    return [_configured(name, table, f'{path}: [sources."{name}"]', host_zone) for name, table in tables(path).items()]


def host_zone(environment: Mapping[str, str] = os.environ, localtime: Path = _LOCALTIME) -> str:
    """The host's own time zone by its IANA name; UTC if it cannot be told."""
    name = environment.get("TZ", "").removeprefix(":")
    if not name and localtime.is_symlink():
        name = str(localtime.resolve()).partition("zoneinfo/")[2]
    return name if name and is_zone(name) else "UTC"


def _configured(name: str, table: Mapping[str, Any], where: str, zone: str) -> Configured:
    fields = {"source": name, "feed": name.partition("@")[0], **table}
    given = fields.pop(INPUT, None)
    if given is not None and (not isinstance(given, str) or not given):
        raise BadSource(f'{where}: field "input" is {given!r}; write a path, "-", or a URL such as syslog+udp://127.0.0.1:5514')
    parsed = Elsewhere() if given is None else _input(given, where)
    notes: list[str] = []
    fields["feed"] = _feed(str(fields["feed"]), where, notes)
    if "zone" not in table:
        fields["zone"] = zone if isinstance(parsed, Files) else "UTC"
        if isinstance(parsed, Files):
            notes.append(f"{where}: no zone declared; times without a zone are read in this host's, {zone}")
    if given is None:
        notes.append(f'{where}: no "input": another worker is to collect it')
    return Configured(checked(fields, where), parsed, tuple(notes))


def _feed(name: str, where: str, notes: list[str]) -> str:
    known = registry.names()
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1)
    hint = f", did you mean {near[0]!r}?" if near else "."
    notes.append(f"{where}: feed {name!r} is unknown{hint} Its records are read generically (syslog, CEF, LEEF, key=value, JSON)")
    return GENERIC


def _input(given: str, where: str) -> Input:
    if given == "-":
        return Standard()
    scheme, separator, rest = given.partition("://")
    if not separator:
        return Folder(given) if Path(given).is_dir() else Files(given)
    if scheme == "watch" and rest:
        return Folder(rest)
    if scheme == "file":
        return Files(rest)
    if scheme == "kafka" and rest:
        return Topic(rest)
    if scheme not in _SCHEMES or not rest:
        near = get_close_matches(scheme, _SCHEMES, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]}://?" if near and scheme not in _SCHEMES else ""
        raise BadSource(f"{where}: {given!r} is no input we know: a file, a folder to watch, -, syslog+udp://, syslog+tcp:// or kafka://<topic>{hint}")
    try:
        parts = urlsplit(given)
        port = parts.port
    except ValueError as error:
        raise BadSource(f"{where}: {given!r}: {error}") from error
    if parts.path not in ("", "/") or parts.query:
        raise BadSource(f"{where}: {given!r}: expected {scheme}://HOST:PORT and nothing after it")
    return Listen(scheme.removeprefix("syslog+"), parts.hostname or LOOPBACK, SYSLOG_PORT if port is None else port)
