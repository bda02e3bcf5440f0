"""``simulate`` then ``replay --truth``: exactly the planted truth, on both runners, in order and shuffled, byte for byte.

A few seeds are part of the tests; ``make truth`` runs ten (environment variable CONTROLWATCH_SEEDS, such as 1-10).
"""

import os
import random

import orjson
import pytest

from controlwatch.commands.replay import compare, read_truth
from detectors.kit import registry
from detectors.kit.registry import Ruleset
from streams.recording import Recording, read_folder
from streams.replay import judge
from streams.simulator import simulate
from tests.conformance import runners

RULESET = Ruleset(registry.load().values())
MIXED = [True, False] if "CONTROLWATCH_SEEDS" in os.environ else [True]
"""In order on Kafka: of the few seeds that are part of the tests, ``tests/conformance`` shows that."""


def seeds() -> list[int]:
    first, _, last = os.environ.get("CONTROLWATCH_SEEDS", "1-1").partition("-")
    return list(range(int(first), int(last or first) + 1))


@pytest.fixture(scope="module", params=seeds())
def firm(request, tmp_path_factory):
    out = tmp_path_factory.mktemp("firm") / "logs"
    simulate(seed=request.param, days=2, rate=0.02, out=out)
    return out


@pytest.fixture(scope="module")
def recording(firm) -> Recording:
    return read_folder(firm)


@pytest.fixture(scope="module")
def judged(recording):
    return judge(recording, RULESET)


def shuffled(folder, recording, seed) -> Recording:
    """The lines of every file in another order, as ``shuf`` would leave them."""
    mixed = folder.parent / f"shuffled-{seed}"
    if not mixed.exists():
        (mixed / "context").mkdir(parents=True)
        chance = random.Random(seed)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                lines = path.read_bytes().splitlines(keepends=True)
                if path.suffix in (".log", ".jsonl"):
                    chance.shuffle(lines)
                (mixed / path.relative_to(folder)).write_bytes(b"".join(lines))
    return read_folder(mixed)


def exact(violations, folder):
    result = compare(violations, read_truth(folder / "truth.jsonl", ()))
    assert (result["missed"], result["extra"]) == ([], [])
    assert result["expected"] > 150


def same(first, second):
    def text(violations):
        return b"\n".join(orjson.dumps(v.canonical(), option=orjson.OPT_SORT_KEYS) for v in violations)

    assert text(first) == text(second)


def test_exactly_the_truth_in_order(judged, firm):
    assert not judged.parked
    assert not judged.gaps
    exact(judged.final, firm)


def test_shuffled_lines_give_the_same_bytes(judged, firm, recording):
    same(judge(shuffled(firm, recording, 1), RULESET).final, judged.final)


def test_the_stored_runner_gives_the_same_bytes(judged, firm, recording, tmp_path):
    same(runners.embedded(shuffled(firm, recording, 1), RULESET, None, tmp_path, restart_every=9), judged.final)


@pytest.mark.services
@pytest.mark.parametrize("mixed", MIXED, ids=["shuffled", "in-order"][: len(MIXED)])
def test_kafka_gives_the_same_bytes(judged, firm, recording, kafka, topic_prefix, mixed):
    given = shuffled(firm, recording, 1) if mixed else recording
    same(runners.kafka(given, RULESET, None, kafka.bootstrap, topic_prefix), judged.final)
