"""Tables of a ``sources.toml``, read strictly, for a running job and for a replay alike; errors name the nearest right word."""

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import ValidationError

from schemas.context import Source
from schemas.control import controls
from schemas.faults import explained

INPUT = "input"
"""Where a running job reads the source from; a replay reads its folder and does not look at it."""


class BadSource(ValueError):
    """A source is not configured as documented; the text says where, what, instead of what, and what to do."""


def tables(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """Source name -> fields of its table ``[sources."<name>"]``.

    Raises:
        BadSource: the file cannot be read, is no TOML, or holds something else than such tables.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSource(f"{path}: {error.strerror}; make it readable, or name another with CONTROLWATCH_SOURCES") from error
    except UnicodeDecodeError as error:
        raise BadSource(f"{path}: is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise BadSource(f'{path}: is no TOML: {error}; tables are written [sources."<name>"], texts "quoted"') from error
    unknown = sorted(set(data) - {"sources"})
    if unknown:
        raise BadSource(f'{path}: unknown table {unknown[0]!r}; write [sources."<name>"], there is no other')
    found = data.get("sources", {})
    if not isinstance(found, Mapping):
        raise BadSource(f'{path}: "sources" is {found!r}; write a table [sources."<name>"] for each source')
    for name, table in found.items():
        if not isinstance(table, Mapping):
            raise BadSource(f'{path}: [sources."{name}"]: expected a table of fields, got {table!r}; write [sources."{name}"]')
    return found


def checked(fields: Mapping[str, Any], where: str) -> Source:
    """The source of these fields, without ``input``; ``where`` begins the error's text.

    Raises:
        BadSource: a field is unknown or missing, or its value is not allowed; a zone or clause does not exist.
    """
    try:
        made = Source.model_validate(fields)
    except ValidationError as error:
        raise BadSource(f"{where}: {explained(error, Source, others=(INPUT,))}") from error
    if not is_zone(made.zone):
        near = get_close_matches(made.zone, available_timezones(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "write it like Asia/Taipei or UTC"
        raise BadSource(f"{where}: field 'zone' is {made.zone!r}, which is no time zone; {hint}")
    for clause in made.clauses:
        if clause not in controls():
            near = get_close_matches(clause, controls(), n=1)
            hint = f"did you mean {near[0]!r}?" if near else "clauses are written like CC-17010.b.a"
            raise BadSource(f"{where}: field 'clauses' names {clause!r}, which is no clause of the catalogue; {hint}")
    return made


def is_zone(name: str) -> bool:
    """Whether ``name`` is a time zone of the IANA database."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return False
    return True
