"""``controlwatch explain``: for each record on stdin: parsed as, routed to, state before and after, why it fired or not."""

import sys
from typing import Any

import click
import orjson

from controlwatch import options
from controlwatch.commands.normalize import document, summary
from controlwatch.explaining import Explainer
from controlwatch.output import Output, mask_option, output_option
from controlwatch.standard_input import lines
from schemas.context import ContextRecord
from schemas.event import SecurityEvent
from schemas.violation import Violation
from streams.recording import read_lines
from streams.stage import NormalizeStage

_STATE_WIDTH = 200


@click.command("explain")
@options.source_options
@options.detector_option
@mask_option
@output_option
def command(
    name: str, zone: str, received_base: int | None, detectors: tuple[str, ...], output: str, *, mask: bool
) -> None:
    """Raw records on stdin -> what each was read as, where it went, what that changed, and why it fired or not."""
    out = Output(output, mask=mask)
    source = options.source(name, zone, received_base)
    ruleset = options.ruleset(detectors)
    stage = NormalizeStage(ruleset, {source.source: source}, whole=True)
    explainer = Explainer(ruleset)
    for raw in read_lines(lines(sys.stdin.buffer, "reading"), source):
        items = stage.take(raw)
        drained = stage.drain()
        result: dict[str, Any] = {"line": raw.line, "parsed": document(items)}
        if drained.dead:
            result["fate"] = {"dead_letter": drained.dead[0].reason, "detail": drained.dead[0].detail}
        elif not items:
            result["fate"] = "filtered: the record is blank"
        else:
            result["fate"] = "parsed"
            records = [record for _, record in drained.records]
            result["folds"], batch = explainer.take(records, max(item.o for item in items))
            result["passed_over"] = [
                row for item in items if isinstance(item, SecurityEvent) for row in explainer.passed_over(item)
            ]
            result["context"] = [item.table for item in items if isinstance(item, ContextRecord)]
            result["violations"] = [told(violation) for violation in batch.violations]
        if out.human:
            tell(out, result, summary(items))
        else:
            out.line(result)


def tell(out: Output, result: dict[str, Any], read_as: str) -> None:
    """Print the explanation of one record for people."""
    fate = result["fate"]
    if fate != "parsed":
        why = fate if isinstance(fate, str) else f"dead letter {fate['dead_letter']}: {fate['detail']}"
        out.text(f"line {result['line']}: {why}")
        return
    out.text(f"line {result['line']}: {read_as}", bold=True)
    for row in result["folds"]:
        out.text(f"    {row['fold']} {'/'.join(row['key'])} ({row['event']}):")
        for reason in row["why"].split("; "):
            out.text(f"        {reason}")
        for when in ("before", "after"):
            text = orjson.dumps(row[when]).decode()
            out.text(f"        {when:6} {text[:_STATE_WIDTH]}{'… (all of it: -o json)' if len(text) > _STATE_WIDTH else ''}")
    for row in result["passed_over"]:
        out.text(f"    not taken{' by ' if row['fold'] else ''}{row['fold']}: {row['why']}")
    for table in result["context"]:
        out.text(f"    stated to every fold, as context of table {table}")
    for violation in result["violations"]:
        what = f"{violation['detector']} {violation['subtype']}  id {violation['id']}"
        out.text(f"    {violation['change']}: {what}", colour="yellow")


def told(violation: Violation) -> dict[str, Any]:
    """One transition, short."""
    return {
        "id": violation.id, "detector": violation.detector, "subtype": violation.subtype, "state": violation.state.value,
        "change": violation.transition.change.value, "subject": violation.subject, "reasons": list(violation.reasons),
    }  # fmt: skip
