"""Every approval case gives one truth: in any order of arrival, doubled, over a restart, and over several partitions."""

import random

import pytest

from detectors.kit import changelog, registry, restoring
from detectors.kit.engine import Engine
from detectors.kit.registry import Ruleset
from schemas import identity, instant, log
from schemas.log import FactGone, Keyed, Progress
from schemas.violation import final
from streams import replay
from tests.kit import scenarios

RULESET = Ruleset(registry.load().values())
FILES = (
    "firewall_change_unapproved", "root_use_without_approval", "self_approved_change", "unannounced_web_or_program_change",
)  # fmt: skip
CASES = [case for name in FILES for case in scenarios.read(scenarios.FOLDER / f"{name}.yaml")]
PARTS = 3


def recorded(case):
    """Records of the log in order of observation, and the canonical final set that is due."""
    items = replay.ordered(case.recording, RULESET, replay.Verdict(), to=case.until).items
    records = [item.record for item in items]
    due = replay.judge(case.recording, RULESET, to=case.until).final
    return records, sorted((item.canonical() for item in due), key=lambda item: item["id"])


def canonical(history):
    return sorted((item.canonical() for item in final(history)), key=lambda item: item["id"])


def clock(observed, **stage):
    return Progress(part=stage.pop("part", 0), parts=1, observed=observed, **stage)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_any_order_doubled_and_restarted(case):
    records, due = recorded(case)
    for seed in range(6):
        rng = random.Random(seed)
        shuffled = records + rng.choices(records, k=len(records) // 2)
        rng.shuffle(shuffled)
        shuffled.insert(rng.randrange(len(shuffled) + 1), clock(case.until - rng.randrange(4 * 3_600_000_000)))
        restart = rng.randrange(len(shuffled))
        engine, stored, history = Engine(RULESET), {}, []
        for i, record in enumerate(shuffled):
            engine.apply(record)
            if i == restart or rng.random() < 0.3:
                history += engine.drain().violations
                stored.update(changelog.changes(engine))
            if i == restart:
                engine = Engine(RULESET)
                restoring.restore(engine, [(key, value) for key, value in stored.items() if value is not None])
        engine.apply(clock(case.until))
        history += engine.drain().violations
        assert canonical(history) == due, f"seed {seed}"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_over_several_partitions(case):
    records, due = recorded(case)
    rng = random.Random(case.case)
    rng.shuffle(records)
    engines = [Engine(RULESET, partitions=PARTS) for _ in range(PARTS)]
    history = []

    def send(record):
        if isinstance(record, Keyed | FactGone):
            for part, engine in enumerate(engines):
                routes = tuple(route for route in record.routes if identity.partition(*route, PARTS) == part)
                if routes:
                    own = Keyed(record.event, routes) if isinstance(record, Keyed) else FactGone(record.id, routes)
                    engine.apply(log.decode(log.encode(own)))
        else:
            for engine in engines:
                engine.apply(record)

    def settle():
        while True:
            batches = [engine.drain() for engine in engines]
            for batch in batches:
                history.extend(batch.violations)
                assert not batch.parked
                for fact in batch.facts:
                    send(Keyed(fact, tuple(RULESET.routes(fact))))
                for fact in batch.facts_gone:
                    send(FactGone(fact.id, tuple(RULESET.routes(fact))))
            if not any(batch.facts or batch.facts_gone for batch in batches):
                return

    for record in records:
        send(record)
        if rng.random() < 0.3:
            settle()
    send(clock(case.until))
    settle()
    for stage in range(3):
        for part, engine in enumerate(engines):
            send(clock(engine.observed(stage), part=part, stage=stage))
        settle()
    assert canonical(history) == due


def test_truth_time_is_that_of_the_last_record_read_even_if_no_detector_asks_for_it():
    cases = scenarios.read(scenarios.FOLDER / "firewall_change_unapproved.yaml")
    alone = Ruleset([registry.load()["unannounced_web_or_program_change"]])
    verdict = replay.judge(next(case.recording for case in cases if case.case == "unapproved"), alone)
    assert verdict.truth_time == instant.parse("2026-03-02T10:00:00+08:00")
