"""The plain loop, beside which everything is measured, does the same work as the product."""

import pytest

from schemas import log
from schemas.log import Progress
from schemas.violation import final
from streams import replay
from streams.kafka.normalizing import encode_raw
from streams.replay import STEP, Verdict
from streams.stage import EVERYTHING, Heartbeat, NormalizeStage, Said
from tests.bench.inorder import InOrder
from tests.bench.material import digest_of, in_order, ruleset, simulated_recording
from tests.bench.records import Reader
from tests.bench.report import summary


@pytest.fixture(scope="module")
def rules():
    return ruleset()


@pytest.fixture(scope="module")
def recording(tmp_path_factory, rules):
    return in_order(simulated_recording(tmp_path_factory.mktemp("bench") / "logs", events=0, seed=1), rules)


def records_of(recording, rules):
    verdict = Verdict()
    order = replay.ordered(recording, rules, verdict)
    yield from (Said(record) for record in recording.context)
    step = 0
    for raw in order.raws:
        if raw.o >= step + STEP:
            step = raw.o - raw.o % STEP
            yield Heartbeat(EVERYTHING, min(step, verdict.truth_time))
        yield raw
    yield Heartbeat(EVERYTHING, verdict.truth_time)


def test_plain_loop_makes_the_same_log_and_the_same_violations(recording, rules):
    reader, driver, stage = Reader(rules, recording.sources), InOrder(rules), NormalizeStage(rules, recording.sources)
    now = 0
    for record in records_of(recording, rules):
        if isinstance(record, Heartbeat):
            stage.beat(record)
        elif isinstance(record, Said):
            stage.state([record.record])
        else:
            stage.take(record)
        made = reader.read(encode_raw(record))
        assert [log.encode(item) for item in made] == [log.encode(item) for _, item in stage.drain().records]
        for item in made:
            driver.apply(item)
            now = item.observed if isinstance(item, Progress) else now
    driver.end(now)
    expected = replay.judge(recording, rules).final
    assert len(expected) > 50
    assert digest_of(final(driver.violations)) == digest_of(expected)


def test_recording_is_in_order_and_observed_at_once(recording, rules):
    times = [raw.o for raw in recording.raws]
    assert times == sorted(times)
    stage = NormalizeStage(rules, recording.sources)
    for raw in recording.raws[::50]:
        assert all(item.o == raw.o for item in stage.take(raw))


def test_ratios_are_theirs_by_ours_and_overhead_is_beyond_the_plain_loop():
    def run(cpu):
        return [{"cpu_s": cpu, "wall_s": cpu, "peak_rss_mb": 1.0, "same": cpu < 9}]

    class Sizes:
        raws = 1_000_000

    found = summary({"both": {"plain": run(1), "kafka": run(3), "bare": run(2), "faust": run(11)}}, Sizes())["both"]
    assert found["overhead_us"] == 2.0
    assert (found["overhead_ratio_faust"], found["whole_ratio_bare"]) == (5.0, 0.67)
    assert found["contenders"]["faust"]["same_violations"] is False
