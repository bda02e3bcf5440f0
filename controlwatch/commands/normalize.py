"""``controlwatch normalize``: raw records on stdin, one ECS document or null each."""

import sys

import click

from controlwatch import options, output
from detectors.kit.registry import Ruleset
from schemas import instant
from schemas.context import ContextRecord
from schemas.event import SecurityEvent, ecs_document
from sinks.deadletter import plain
from streams.feeds.kit import registry
from streams.feeds.kit.contract import Unreadable
from streams.normalize import normalize
from streams.recording import unwrap
from streams.stage import NormalizeStage, Raw


@click.command("normalize")
@options.source_options
@click.option("--errors", is_flag=True, help="Tell on stderr why a record became null.")
def command(name: str, zone: str, received_base: int | None, *, errors: bool) -> None:
    """Raw records on stdin -> one line of JSON (ECS document, or null) for each, in order."""
    source = options.source(name, zone, received_base)
    stage = NormalizeStage(Ruleset([]), {source.source: source})
    feed = registry.load()[source.feed]
    for number, data in enumerate(sys.stdin.buffer, 1):
        body, o = unwrap(data.rstrip(b"\n").removesuffix(b"\r"))
        try:
            items = normalize(feed, stage.record(Raw(source.source, source.feed, body, o, 0, number), source))
        except Unreadable as error:
            items = []
            if errors:
                click.echo(f"line {number}: {plain(str(error))}", err=True)
        output.line(document(items))


def document(items: list[SecurityEvent | ContextRecord]) -> dict[str, object] | None:
    """The document of one record: its first event, else its first context record, else nothing."""
    if not items:
        return None
    events = [item for item in items if isinstance(item, SecurityEvent)]
    statements = [item for item in items if isinstance(item, ContextRecord)]
    result: dict[str, object] = ecs_document(events[0]) if events else {
        "@timestamp": instant.text(statements[0].t), "event.created": instant.text(statements[0].o), "event.kind": "asset",
    }  # fmt: skip
    if len(events) > 1:
        result["controlwatch.events"] = len(events)
    if statements:
        result["controlwatch.context"] = [{"table": item.table, **item.data} for item in statements]
    return result
