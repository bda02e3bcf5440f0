"""``controlwatch explain``: for each record on stdin: parsed as, routed to, state before and after, why it fired or not."""

import sys
from typing import Any

import click
import msgspec
import orjson
from pydantic import BaseModel

from controlwatch import options
from controlwatch.commands.normalize import document, summary
from controlwatch.output import Output, mask_option, output_option
from controlwatch.standard_input import lines
from detectors.kit.engine import Engine
from detectors.kit.registry import Ruleset
from schemas.log import Keyed, LogRecord, Progress
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
    engine = Engine(ruleset)
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
            result["folds"] = [row for _, record in drained.records for row in judged(engine, ruleset, record)]
            result["context"] = [item.table for item in items if hasattr(item, "table")]
            observed = max(item.o for item in items)
            engine.apply(Progress(part=0, parts=1, observed=observed))
            result["violations"] = [told(violation) for violation in engine.drain().violations]
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
        out.text(f"    {row['fold']} {'/'.join(row['key'])}: {row['why']}")
        for when in ("before", "after"):
            text = orjson.dumps(row[when]).decode()
            out.text(f"        {when:6} {text[:_STATE_WIDTH]}{'… (all of it: -o json)' if len(text) > _STATE_WIDTH else ''}")
    if not result["folds"] and not result["context"]:
        out.text("    routed to no fold: no detector wants this kind of event")
    for violation in result["violations"]:
        what = f"{violation['detector']} {violation['subtype']}  id {violation['id']}"
        out.text(f"    {violation['change']}: {what}", colour="yellow")


def judged(engine: Engine, ruleset: Ruleset, record: LogRecord) -> list[dict[str, Any]]:
    """Apply ``record``; say for each fold that it was routed to what its state was and became."""
    if not isinstance(record, Keyed):
        engine.apply(record)
        return []
    event = record.event
    places = [(rule, tuple(key)) for kind, key in record.routes for rule in ruleset.interested(kind, event)]
    before = {(rule.id, key): state(engine, rule.index, key) for rule, key in places}
    engine.apply(record)
    rows: list[dict[str, Any]] = []
    for rule, key in places:
        keyed = engine.keys.get((rule.index, key))
        found = [] if keyed is None else [finding.subtype for finding in keyed.findings.values()]
        late = event.o - event.t > rule.fold.memory
        why = (
            "not judged: observed later than the fold's memory" if late
            else f"findings of this key now: {', '.join(found)}" if found
            else "no finding: the conditions documented for this detector are not met"
        )  # fmt: skip
        rows.append({
            "fold": rule.id, "event": event.activity, "key": list(key), "before": before[(rule.id, key)],
            "after": state(engine, rule.index, key), "why": why,
        })  # fmt: skip
    return rows


def state(engine: Engine, index: int, key: tuple[str, ...]) -> Any:
    """The fold's state for ``key`` as plain data; None if it has none."""
    keyed = engine.keys.get((index, key))
    return None if keyed is None else msgspec.to_builtins(keyed.tail, enc_hook=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise NotImplementedError(f"a state holds a {type(value).__name__}, which has no plain form")


def told(violation: Violation) -> dict[str, Any]:
    """One transition, short."""
    return {
        "id": violation.id, "detector": violation.detector, "subtype": violation.subtype, "state": violation.state.value,
        "change": violation.transition.change.value, "subject": violation.subject, "reasons": list(violation.reasons),
    }  # fmt: skip
