"""``controlwatch replay DIR``: judges a folder of recorded raw logs; compares with a truth file."""

from codecs import BOM_UTF8
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import click
import msgspec
import orjson

from controlwatch import options, waivers
from controlwatch.cli import Failed, Misconfigured, action
from controlwatch.output import Output, mask_option, output_option, progress
from schemas import instant
from schemas.violation import Violation
from streams.recording import BadRecording, read_folder
from streams.replay import Verdict, judge


class Planted(msgspec.Struct):
    """What is read of a line of truth."""

    case: str
    detector: str
    subtype: str
    subject: dict[str, str | None]
    verdict: Literal["violation", "excepted", "retracted", "none"]


STATES = {"violation": "open", "excepted": "excepted", "retracted": "retracted"}


@click.command("replay")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--from", "since", type=options.Instant(), help="Events before this time do not count.")
@click.option("--to", type=options.Instant(), help="Truth time; default: the largest observed time.")
@options.detector_option
@click.option("--runner", type=click.Choice(["embedded", "kafka"]), default="embedded", show_default=True)
@click.option("--history", is_flag=True, help="Print every transition too, with detected time and degraded sources.")
@click.option("--truth", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Compare with this truth.jsonl.")
@mask_option
@output_option
def command(
    folder: Path, since: int | None, to: int | None, detectors: tuple[str, ...], runner: str, output: str,
    truth: Path | None, *, history: bool, mask: bool,
) -> None:  # fmt: skip
    """Judge a folder of recorded raw logs and print the final set in canonical form; never writes live stores."""
    if since is not None and to is not None and since > to:
        raise click.UsageError(f"--from {instant.text(since)} is later than --to {instant.text(to)}: nothing lies between them")
    ruleset = options.ruleset(detectors)
    expected = read_truth(truth, detectors) if truth is not None else []
    out = Output(output, mask=mask)
    try:
        with progress("reading"):
            recording = read_folder(folder)
    except BadRecording as error:
        raise Misconfigured(str(error)) from error
    if wrong := waivers.fault(recording.context):
        raise Misconfigured(f"{folder}: {wrong}")
    for warning in recording.warnings:
        out.warn(warning)
    if runner == "kafka":
        with progress("judging on Kafka"):
            verdict: Verdict = action("replay_on_kafka")(recording, ruleset, to, since)
    else:
        with progress("judging") as tick:
            verdict = judge(recording, ruleset, to=to, since=since, tick=tick)
    for item in verdict.final:
        out.violation(item, canonical=not history)
    if history:
        for item in verdict.history:
            out.violation(item)
    _warn(verdict, out)
    if truth is not None:
        result = compare(verdict.final, expected)
        out.line(result)
        if result["missed"] or result["extra"]:
            raise Failed(f"final set differs from {truth}: {len(result['missed'])} missed, {len(result['extra'])} extra")


def read_truth(path: Path, detectors: tuple[str, ...]) -> list[dict[str, Any]]:
    """Lines of a truth file, of the chosen detectors. Raises Misconfigured with the line."""
    rows: list[dict[str, Any]] = []
    for number, text in enumerate(path.read_bytes().removeprefix(BOM_UTF8).split(b"\n"), 1):
        if not text.strip():
            continue
        try:
            row = msgspec.json.decode(text, type=Planted)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            want = "one JSON object with case, detector, subtype, subject and verdict (docs/truth.md)"
            raise Misconfigured(f"{path}, line {number}: is no line of truth: {error}; write {want}") from error
        if not detectors or row.detector in detectors:
            rows.append(msgspec.to_builtins(row))
    return rows


def compare(final: list[Violation], truth: list[dict[str, Any]]) -> dict[str, Any]:
    """``{"expected", "found", "missed", "extra"}``: equality is on detector, subtype, subject and state."""
    want = Counter(_key(r["detector"], r["subtype"], r["subject"], STATES[r["verdict"]]) for r in truth if r["verdict"] != "none")
    have = Counter(_key(v.detector, v.subtype, v.subject, v.state.value) for v in final)
    cases = {_key(r["detector"], r["subtype"], r["subject"], STATES.get(r["verdict"], "")): r["case"] for r in truth}
    missed = [{"case": cases[key], **orjson.loads(key)} for key in sorted((want - have).elements())]
    extra = [orjson.loads(key) for key in sorted((have - want).elements())]
    return {"expected": want.total(), "found": have.total(), "missed": missed, "extra": extra}


def _key(detector: str, subtype: str, subject: dict[str, str | None], state: str) -> str:
    present = {name: value for name, value in subject.items() if value is not None}
    value = {"detector": detector, "subtype": subtype, "subject": present, "state": state}
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _warn(verdict: Verdict, out: Output) -> None:
    if verdict.dead:
        reasons = Counter(dead.reason for dead in verdict.dead)
        out.warn(f"{len(verdict.dead)} unreadable records: {dict(sorted(reasons.items()))}")
    for parked in verdict.parked:
        out.warn(f"parked: {parked.rule} could not judge event {parked.event_id}: {parked.error}")
    for gap in verdict.gaps:
        out.warn(f"not assessed: {gap.rule} {gap.key}: {gap.reason} ({gap.count} events)")
    if verdict.counters["late"]:
        out.warn(f"{verdict.counters['late']} events were later than the memory of a fold and were not judged")
