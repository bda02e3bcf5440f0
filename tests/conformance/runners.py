"""Every way to run the pipeline, behind one function: recording in, final set and counters out."""

import asyncio
from collections import Counter
from pathlib import Path

from detectors.kit.registry import Ruleset
from schemas.log import Progress
from schemas.violation import Violation, final
from streams import replay
from streams.embedded import Embedded, file_of
from streams.kafka.replaying import judge_on_kafka
from streams.layout import Layout
from streams.recording import Recording
from streams.replay import Verdict, ordered
from streams.stage import EVERYTHING, Heartbeat
from streams.stored import MOST

LAYOUT = Layout(raw=3, keyed=4)
FEW = 40
"""Keys and events in memory."""


def in_process(recording: Recording, ruleset: Ruleset, until: int | None) -> list[Violation]:
    return replay.judge(recording, ruleset, to=until).final


def embedded(recording: Recording, ruleset: Ruleset, until: int | None, folder: Path, *, restart_every: int = 0) -> list[Violation]:
    """Batches of 500 through the SQLite runner.

    ``restart_every``: close and open it anew after so many batches, and keep so little in memory that most keys rest.
    """
    most = FEW if restart_every else MOST
    verdict = Verdict()
    raws = ordered(recording, ruleset, verdict, to=until).raws
    truth = verdict.truth_time
    runner = Embedded(file_of(folder), ruleset, recording.sources, most=most)
    history = runner.state(recording.context)
    batch: list = []
    step = batches = 0
    for raw in raws:
        if raw.o >= step + replay.STEP:
            step = raw.o - raw.o % replay.STEP
            batch.append(Heartbeat(EVERYTHING, min(step, truth)))
        batch.append(raw)
        if len(batch) >= 500:
            history += runner.take(batch, {"reader": str(batches).encode()}, now=None)
            batch, batches = [], batches + 1
            if restart_every and batches % restart_every == 0:
                runner.close()
                runner = Embedded(file_of(folder), ruleset, recording.sources, most=most)
                assert runner.positions() == {"reader": str(batches - 1).encode()}
    history += runner.take([*batch, Heartbeat(EVERYTHING, truth)], {}, now=None)
    counters = runner.stage.counters
    assert counters["read"] == counters["parsed"] + counters["filtered"] + counters["dead"]
    conserved(runner.engine.counters)
    assert isinstance(next(iter(runner.engine.progress.values())), Progress)
    runner.close()
    return final(history)


def kafka(recording: Recording, ruleset: Ruleset, until: int | None, bootstrap: str, prefix: str) -> list[Violation]:
    layout = Layout(raw=LAYOUT.raw, keyed=LAYOUT.keyed, prefix=prefix)
    verdict = asyncio.run(judge_on_kafka(recording, ruleset, bootstrap=bootstrap, layout=layout, to=until))
    return verdict.final


def conserved(counters: Counter[str]) -> None:
    """Per event and fold: routed = judged + late + duplicate + parked."""
    fates = ("judged", "late", "duplicate", "parked")
    assert counters["routed"] == sum(counters[fate] for fate in fates)


def canonical(violations: list[Violation]) -> list[dict]:
    return [violation.canonical() for violation in violations]
