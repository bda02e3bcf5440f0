"""Options that several commands share, and what they mean."""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from pydantic import ValidationError

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from schemas import instant
from schemas.context import Source
from schemas.faults import explained
from streams import clock
from streams.feeds.kit import registry as feeds


class Instant(click.ParamType):
    """An RFC 3339 time with zone; a bare date is midnight UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Microseconds since 1970 UTC."""
        if isinstance(value, int):
            return value
        try:
            return instant.parse(value if "T" in value else f"{value}T00:00:00Z")
        except ValueError:
            self.fail(f"{value!r} is no time; write it like 2026-03-02T09:00:00+08:00", param, ctx)


def source_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--source``, ``--zone`` and ``--received-base``."""
    for option in (
        click.option("--received-base", type=Instant(), help="Observed time that tells the year where records have none."),
        click.option("--zone", default="UTC", show_default=True, help="Zone of time stamps without one, e.g. Asia/Taipei."),
        click.option("--source", "name", required=True, help="Feed id or alias, e.g. linux, panos, system.auth."),
    ):
        function = option(function)
    return function


detector_option = click.option(
    "--detector", "detectors", multiple=True, metavar="ID", help="Only this detector (repeatable)."
)


def source(name: str, zone: str, received_base: int | None) -> Source:
    """The source that ``--source NAME`` means; an unknown name is read generically, with a warning."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise click.UsageError(f"--zone {zone!r}: no such time zone; write it like Asia/Taipei or UTC") from None
    feed = feeds.names().get(name) or feeds.names().get(name.partition("@")[0])
    if feed is None:
        click.echo(f"source {name!r} is unknown; reading it generically (syslog, CEF, LEEF, key=value, JSON)", err=True)
        feed = "generic"
    base = clock.now() if received_base is None else received_base
    try:
        return Source(source=name, feed=feed, zone=zone, received_base=base)
    except ValidationError as error:
        raise click.UsageError(f"--source {name!r}: {explained(error, Source)}") from error


def ruleset(chosen: tuple[str, ...]) -> Ruleset:
    """The detectors named, or all. An unknown name is a usage error that lists the known ones."""
    loaded = registry.load()
    for name in chosen:
        if name not in loaded:
            raise click.UsageError(f"--detector {name!r}: no such detector; there are {', '.join(loaded)}")
    return Ruleset([loaded[name] for name in loaded if not chosen or name in chosen])
