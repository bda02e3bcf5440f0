"""The plain loop, beside which everything is measured, does the same work as the product; the suite tells what it should."""

import json
import subprocess

import pytest

from schemas import identity, log
from schemas.log import Progress
from schemas.violation import final
from streams import replay
from streams.kafka.normalizing import encode_raw
from streams.layout import Layout
from streams.replay import STEP, Verdict
from streams.stage import EVERYTHING, Heartbeat, NormalizeStage, Raw, Said
from tests.bench import gate, wide
from tests.bench import steps as measuring
from tests.bench.__main__ import EVENTS, RUNS
from tests.bench.inorder import InOrder
from tests.bench.laws import LAWS, disorder, recovery
from tests.bench.laws import run as laws
from tests.bench.laws.driving import Driver
from tests.bench.material import digest_of, in_order, ruleset, simulated_recording
from tests.bench.pipeline import PARTS, Pipeline
from tests.bench.records import Reader
from tests.bench.report import broken, summary, text
from tests.bench.steps import Kept, Step


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
        return [{"cpu_s": cpu, "wall_s": cpu, "peak_rss_mb": 1.0, "same": True}]

    class Sizes:
        raws = 1_000_000

    found = summary({"both": {"plain": run(1), "kafka": run(3), "bare": run(2), "faust": run(11)}}, Sizes())["both"]
    assert found["overhead_us"] == 2.0
    assert (found["overhead_ratio_faust"], found["whole_ratio_bare"]) == (5.0, 0.67)


def figures(**ratios):
    return {**ratios, "figures": [{"words": "exponent", "found": 0.3, "wanted": "≤ 0.35", "holds": True}]}


def test_gate_names_what_got_worse_by_more_than_a_tenth_and_nothing_else(tmp_path):
    (tmp_path / "both.json").write_text(json.dumps(figures(overhead_ratio_faust=10.0, whole_ratio_bare=0.8)), encoding="utf-8")
    now = figures(overhead_ratio_faust=8.0, whole_ratio_bare=0.75)
    now["figures"][0]["found"] = 0.34
    found = gate.worse("both", now, tmp_path)
    assert [line.partition(": ")[2].split(":")[0] for line in found] == ["both, overhead_ratio_faust", "both, exponent"]
    assert gate.worse("keys", now, tmp_path) == []


def test_a_run_that_broke_is_taken_up_but_not_under_other_conditions(tmp_path):
    done = []

    def step(name, number=0):
        def run():
            if name == "breaks":
                raise subprocess.CalledProcessError(1, "contender")
            done.append(name)
            return {"cpu_s": 1.0, "same": True}

        return Step("both", name, number, 1.0, run)

    steps, file = [step("kafka"), step("breaks"), step("bare")], tmp_path / "steps.jsonl"
    kept = Kept({"seed": 1}, resume=False, file=file)
    measuring.Progress(steps, kept).carry_out(steps)
    assert done == ["kafka", "bare"]
    assert "failed" in kept.rows["both/breaks/0"]
    again = Kept({"seed": 1}, resume=True, file=file)
    assert set(again.rows) == {"both/kafka/0", "both/bare/0"}
    measuring.Progress(steps, again).carry_out(steps)
    assert done == ["kafka", "bare"]
    assert Kept({"seed": 2}, resume=True, file=file).rows == {}


def test_a_contender_that_broke_or_is_not_right_is_told_and_never_compared():
    class Sizes:
        raws = 1000

    good, wrong = {"cpu_s": 1.0, "wall_s": 1.0, "peak_rss_mb": 1.0, "same": True}, {"cpu_s": 2.0, "wall_s": 1.0, "peak_rss_mb": 1.0, "same": False}
    results = {"both": {"plain": [good], "kafka": [good], "bare": [wrong], "quix": [{"failed": "exit 1"}], "bytewax": []}}
    found = summary(results, Sizes())["both"]
    assert "whole_ratio_bare" not in found
    table = "\n".join(text("both", found))
    assert "BROKE: exit 1" in table
    assert "| NO |" in table
    assert "not installed" in table
    assert broken({"both/quix/0": {"failed": "exit 1"}, "both/bare/0": wrong}, {}) == [
        "both/quix/0: exit 1", "both/bare/0: did not come to the judge's result",
    ]  # fmt: skip


def test_whole_plan_fits_into_forty_minutes(tmp_path):
    kept = Kept({}, resume=False, file=tmp_path / "steps.jsonl")
    steps = Pipeline(PARTS, events=EVENTS, runs=RUNS, seed=1, only=None).steps(kept)
    steps += [step for law in LAWS.values() for step in laws.steps(law, size="default", seed=1)]
    assert len({step.key for step in steps}) == len(steps)
    assert sum(step.seconds for step in steps) <= 40 * 60


@pytest.mark.parametrize("name", ["windows", "disorder", "violations", "memory", "rules", "keys"])
def test_laws_measure_and_read_their_figures(name):
    law = LAWS[name]
    rows = {case: law.measure(case[0], 0.01 if name == "memory" else min(case[1], 200), 6000, 1) for case in law.sizes["quick"].cases}
    assert all(row["value"] == row["value"] and law.columns.keys() <= row.keys() for row in rows.values())
    assert all(figure.words for figure in law.figures(rows))


def test_disorder_brings_the_same_violations():
    rows = [disorder.measure(disorder.NAME, x, 3000, 1) for x in (0, 30)]
    assert rows[0]["violations"] > 50
    assert rows[0]["digest"] == rows[1]["digest"]


def test_history_leaves_as_much_state_however_long():
    sizes = []
    for hours in (2, 3):
        driver, kept = Driver(recovery.rules()), {}
        driver.drive(driver.wire(recovery.stream(hours, 1, keys=40)), told=kept.update)
        sizes.append(sum(value is not None for value in kept.values()))
    assert sizes[1] == pytest.approx(sizes[0], rel=0.05)


def test_log_of_many_partitions_is_the_narrow_log_spread(recording, rules):
    values = [encode_raw(record) for record in records_of(recording, rules)][-6000:]
    layout, narrow = Layout(raw=2, keyed=4), NormalizeStage(rules, recording.sources)
    spread = [[], []]
    for value in values:
        item = wide.decode_raw(value)
        parts = (identity.partition("source", (item.source,), 2),) if isinstance(item, Raw) else (0, 1) if isinstance(item, Heartbeat) else (0,)
        for part in parts:
            spread[part].append(value)
    wide.feed(narrow, values)
    expected = wide.digest_of_routes([[log.encode(record) for _, record in narrow.drain().records]])
    made = wide.logged(spread, rules, recording.sources, layout)
    assert all(made)
    assert wide.digest_of_routes(made) == expected
    assert wide.digest_of_routes([made[0][:-5], *made[1:]]) != expected
