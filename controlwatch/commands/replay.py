"""``controlwatch replay DIR``: judges a folder of recorded raw logs; compares with a truth file."""

import asyncio
import contextlib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import orjson
from aiokafka.errors import KafkaError

from controlwatch import options, settings
from controlwatch.cli import Failed, Misconfigured, Unfinished
from controlwatch.output import line, output_option, progress
from controlwatch.output import violation as show
from detectors.kit.registry import Ruleset
from schemas.violation import Violation
from streams import clock, topics
from streams.kafka.replaying import judge_on_kafka
from streams.recording import BadRecording, Recording, read_folder
from streams.replay import Verdict, judge

STATES = {"violation": "open", "excepted": "excepted", "retracted": "retracted"}


@click.command("replay")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--from", "since", type=options.Instant(), help="Events before this time do not count.")
@click.option("--to", type=options.Instant(), help="Truth time; default: the largest observed time.")
@options.detector_option
@click.option("--runner", type=click.Choice(["embedded", "kafka"]), default="embedded", show_default=True)
@click.option("--history", is_flag=True, help="Print every transition too, with detected time and degraded sources.")
@click.option("--truth", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Compare with this truth.jsonl.")
@output_option
def command(
    folder: Path, since: int | None, to: int | None, detectors: tuple[str, ...], runner: str, output: str,
    truth: Path | None, *, history: bool,
) -> None:  # fmt: skip
    """Judge a folder of recorded raw logs and print the final set in canonical form; never writes live stores."""
    ruleset = options.ruleset(detectors)
    human = output == "human"
    try:
        recording = read_folder(folder)
    except BadRecording as error:
        raise Misconfigured(str(error)) from error
    for warning in recording.warnings:
        click.echo(warning, err=True)
    if runner == "kafka":
        verdict = _on_kafka(recording, ruleset, to, since)
    else:
        with progress("judging") as tick:
            verdict = judge(recording, ruleset, to=to, since=since, tick=tick)
    for item in verdict.final:
        show(item, human=human, canonical=not history)
    if history:
        for item in verdict.history:
            show(item, human=human)
    _warn(verdict)
    if truth is not None:
        result = compare(verdict.final, read_truth(truth, detectors))
        line(result)
        if result["missed"] or result["extra"]:
            raise Failed(f"final set differs from {truth}: {len(result['missed'])} missed, {len(result['extra'])} extra")


def _on_kafka(recording: Recording, ruleset: Ruleset, to: int | None, since: int | None) -> Verdict:
    """Through the broker, on topics of this replay's own, which are deleted afterwards."""
    configured = settings.load()
    layout = replace(configured.layout, prefix=f"{configured.prefix}replay-{clock.now()}-")
    try:
        return asyncio.run(
            judge_on_kafka(recording, ruleset, bootstrap=configured.kafka, layout=layout, to=to, since=since)
        )
    except KafkaError as error:
        raise Unfinished(f"Kafka at {configured.kafka}: {error}; is it running? set CONTROLWATCH_KAFKA") from error
    finally:
        with contextlib.suppress(KafkaError):
            topics.delete(configured.kafka, layout)


def read_truth(path: Path, detectors: tuple[str, ...]) -> list[dict[str, Any]]:
    """Lines of a truth file, of the chosen detectors. Raises Misconfigured with the line."""
    rows: list[dict[str, Any]] = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = orjson.loads(text)
            if row["verdict"] not in (*STATES, "none"):
                raise KeyError(row["verdict"])
            if not detectors or row["detector"] in detectors:
                rows.append(row)
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            want = "case, detector, subtype, subject, verdict"
            raise Misconfigured(f"{path}, line {number}: not a line of truth ({want}): {error!r}") from error
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


def _warn(verdict: Verdict) -> None:
    if verdict.dead:
        reasons = Counter(dead.reason for dead in verdict.dead)
        click.echo(f"{len(verdict.dead)} unreadable records: {dict(sorted(reasons.items()))}", err=True)
    for parked in verdict.parked:
        click.echo(f"parked: {parked.rule} could not judge event {parked.event_id}: {parked.error}", err=True)
    for gap in verdict.gaps:
        click.echo(f"not assessed: {gap.rule} {gap.key}: {gap.reason} ({gap.count} events)", err=True)
    if verdict.counters["late"]:
        click.echo(f"{verdict.counters['late']} events were later than the memory of a fold and were not judged", err=True)
