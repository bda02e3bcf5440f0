"""Bad lines in real files, read by the collectors into the embedded runner: the good lines are judged as if alone."""

import asyncio
import dataclasses
import hashlib
from collections import Counter
from pathlib import Path

import pytest

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from schemas import instant
from schemas.violation import final
from sinks.deadletter import DeadLetters
from streams.collect.contract import Collected
from streams.collect.run import Collectors
from streams.collect.sources import Configured, Files
from streams.embedded import Embedded, file_of
from streams.recording import Recording, read_folder
from streams.simulator import simulate
from tests.conformance import runners
from tests.hostile import table, traffic

RULESET = Ruleset(registry.load().values())
HUGE = b"Mar  2 09:00:00 web sshd[1]: " + b"x" * 3_000_000


@pytest.fixture(scope="module")
def firm(tmp_path_factory) -> Recording:
    out = tmp_path_factory.mktemp("firm") / "logs"
    simulate(seed=7, days=1, rate=0.001, out=out)
    return read_folder(out)


def write(folder: Path, mixed: traffic.Traffic) -> dict[str, int]:
    """One file a source; returns how many lines each has."""
    folder.mkdir()
    lines: Counter[str] = Counter()
    for raw in mixed.raws:
        if b"\n" in raw.data:
            continue
        with (folder / f"{raw.source}.log").open("ab") as file:
            file.write((HUGE if raw.length else raw.data) + b"\n")
        lines[raw.source] += 1
    return dict(lines)


async def collect(folder: Path, lines: dict[str, int], firm: Recording, runner: Embedded, truth: int) -> list:
    """Everything that stands in the files, then the end of time."""
    base = truth + instant.DAY
    configured = [
        Configured(firm.sources[name].model_copy(update={"received_base": base}), Files(str(folder / f"{name}.log")), ())
        for name in lines
    ]
    collectors = Collectors(configured)
    outlet: asyncio.Queue = asyncio.Queue(maxsize=64)
    stopping = asyncio.Event()
    running = asyncio.create_task(collectors.run(outlet, runner.positions(), stopping))
    history = runner.state(firm.context)
    left = sum(lines.values())
    # The clock of a reader of old files, the same in every run.
    now = base
    try:
        async with asyncio.timeout(60):
            while left:
                items = [item for item in await outlet.get() if isinstance(item, Collected)]
                history += runner.take([item.raw for item in items], {item.reader: item.position for item in items}, now=now)
                left -= len(items)
    finally:
        stopping.set()
        await running
    assert outlet.empty() or not any(isinstance(item, Collected) for item in outlet.get_nowait())
    return history


def test_the_collectors_bring_bad_lines_to_the_dead_letters_and_good_ones_to_judgement(firm, tmp_path):
    good = traffic.good(firm, RULESET)
    chosen = [sorted(name for name in firm.sources if name.startswith(feed))[:2] for feed in ("linux", "suricata", "panos", "fortigate")]
    names = {name for some in chosen for name in some}
    kept = traffic.Traffic([raw for raw in good.raws if raw.source in names], {}, good.truth, good.planted)
    mixed = traffic.mixed(kept)
    # Nobody saw when the lines of an old file were written: one of 1970 may be as old as it says.
    past = {place for place, bad in mixed.bad.items() if bad.name.endswith(table.LONG_AGO)}
    mixed = dataclasses.replace(mixed, raws=[raw for raw in mixed.raws if (raw.source, raw.line) not in past])
    future = sum(bad.name.endswith(table.NEXT_YEAR) for bad in mixed.bad.values())
    assert future >= 3
    results = {}
    for name, told in (("alone", kept), ("mixed", mixed)):
        (tmp_path / name).mkdir()
        runner = Embedded(file_of(tmp_path / name), RULESET, firm.sources)
        lines = write(tmp_path / name / "logs", told)
        history = asyncio.run(collect(tmp_path / name / "logs", lines, firm, runner, good.truth))
        counters = runner.stage.counters
        assert counters["read"] == sum(lines.values())
        assert counters["read"] == counters["parsed"] + counters["filtered"] + counters["dead"]
        runners.conserved(runner.engine.counters)
        results[name] = (runners.canonical(final(history)), counters, dict(runner.stage.clocks()), runner.engine.observed())
        runner.close()
    assert len(results["alone"][0]) > 20
    assert results["mixed"][0] == results["alone"][0]
    assert results["mixed"][2:] == results["alone"][2:]
    letters = DeadLetters(file_of(tmp_path / "mixed")).list(limit=1_000_000)
    assert len(letters) == results["mixed"][1]["dead"]
    assert sum(letter.reason == "implausible_time" for letter in letters) == future
    huge = [letter for letter in letters if letter.reason == "too_large"]
    assert len(huge) == sum(raw.length > 0 for raw in mixed.raws) > 0
    for letter in huge:
        assert (letter.length, letter.raw) == (len(HUGE), HUGE[: 64 << 10])
        assert letter.sha256 == hashlib.sha256(HUGE).hexdigest()
