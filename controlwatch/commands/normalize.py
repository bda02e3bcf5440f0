"""``controlwatch normalize``: raw records on stdin, one ECS document or null each."""

import sys

import click

from controlwatch import options
from controlwatch.output import Output, mask_option, output_option
from controlwatch.standard_input import lines
from detectors.kit.registry import Ruleset
from schemas import instant
from schemas.context import ContextRecord
from schemas.event import SecurityEvent, ecs_document
from streams.feeds.kit import registry
from streams.feeds.kit.contract import Unreadable
from streams.normalize import normalize
from streams.recording import unwrap
from streams.stage import NormalizeStage, Raw

_SHOWN = ("host.name", "user.name", "source.ip", "event.reason", "message")


@click.command("normalize")
@options.source_options
@click.option("--errors", is_flag=True, help="Tell on stderr why a record became null.")
@mask_option
@output_option
def command(name: str, zone: str, received_base: int | None, output: str, *, errors: bool, mask: bool) -> None:
    """Raw records on stdin -> one line of JSON (ECS document, or null) for each, in order."""
    out = Output(output, mask=mask)
    source = options.source(name, zone, received_base)
    stage = NormalizeStage(Ruleset([]), {source.source: source}, whole=True)
    feed = registry.load()[source.feed]
    for number, data in enumerate(lines(sys.stdin.buffer, "normalizing"), 1):
        body, o = unwrap(data.rstrip(b"\n").removesuffix(b"\r"))
        why = "not an event"
        try:
            items = normalize(feed, stage.record(Raw(source.source, source.feed, body, o, 0, number), source))
        except Unreadable as error:
            items, why = [], f"unreadable: {error}"
            if errors:
                out.warn(f"line {number}: {error}")
        if out.human:
            out.text(f"{number:6}  {summary(items) or why}")
        else:
            out.line(document(items))


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


def summary(items: list[SecurityEvent | ContextRecord]) -> str:
    """What a record was read as, in one line for people: time, feed, activity, outcome, who and where; empty for none."""
    parts: list[str] = []
    for item in items:
        if isinstance(item, SecurityEvent):
            fields = ecs_document(item)
            head = (instant.text(item.t), item.feed, item.activity, item.outcome)
            told = (f"{name}={fields[name]}" for name in _SHOWN if name in fields)
            parts.append("  ".join((" ".join(part for part in head if part), ", ".join(told))))
        else:
            parts.append(f"{instant.text(item.t)} context {item.table}  {', '.join(f'{k}={v}' for k, v in item.data.items())}")
    return "; ".join(parts)
