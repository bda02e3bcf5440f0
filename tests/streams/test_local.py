"""A worker's copy of its state: who comes back reads only what came since; a copy that is not right is thrown away, and said."""

import asyncio
import shutil
from random import Random

import pytest

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from schemas import instant
from schemas.context import Source
from schemas.violation import final
from streams import clock, replay, topics
from streams.kafka import local, replaying
from streams.kafka.host import control_topic
from streams.kafka.local import LINEAGE, POSITION, LocalState
from streams.layout import Layout
from streams.recording import Recording
from streams.stage import EVERYTHING, Heartbeat, Raw
from tests.conformance import onkafka

ROWS = {f'["h","rule","key {number}"]': bytes([number]) * 200 for number in range(200)}


def written(path):
    """A copy with some records, closed in order."""
    copy = LocalState(path)
    copy.open()
    copy.put([*ROWS.items(), (POSITION, b"17"), (LINEAGE, b"abc")], 5)
    copy.close()
    return path


def opened(path):
    copy = LocalState(path)
    copy.open()
    return copy


def test_a_copy_outlasts_its_process(tmp_path):
    copy = opened(written(tmp_path / "copy.sqlite"))
    assert dict(copy.records.items()) == ROWS
    assert (copy.copy.offset, copy.copy.position, copy.copy.lineage, copy.copy.migrating) == (5, 17, "abc", False)


def test_what_was_not_flushed_is_taken_back_with_all_that_belongs_to_it(tmp_path):
    copy = opened(written(tmp_path / "copy.sqlite"))
    name = next(iter(ROWS))
    copy.records.lay([(name, 1, None)])
    copy.flush()
    copy.records.wake(name)
    copy.records.put([(name, b"other"), ('["h","rule","new"]', b"new")])
    copy.abort()
    assert dict(copy.records.items()) == ROWS
    assert copy.records.passing(1) == [name]
    assert copy.copy.offset == 5


def test_a_key_of_which_others_have_written_does_not_rest_any_more(tmp_path):
    copy = opened(written(tmp_path / "copy.sqlite"))
    one, two, three, four = list(ROWS)[:4]
    copy.records.lay([(name, 1, None) for name in (one, two, three, four)])
    copy.catch_up([(one, b"new"), (two.replace('["h"', '["b"').replace("]", ',"3"]'), b"events"),
                   (three.replace('["h"', '["v"').replace("]", ',"f00"]'), None), ('["m"]', b"clocks")], 9)  # fmt: skip
    assert copy.records.passing(1) == [four]


@pytest.mark.parametrize("seed", range(40))
def test_a_byte_that_was_changed_is_found_or_does_not_matter(tmp_path, seed, caplog):
    path = written(tmp_path / "copy.sqlite")
    data = bytearray(path.read_bytes())
    random = Random(seed)
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    path.write_bytes(data)
    copy = opened(path)
    if dict(copy.records.items()) != ROWS or copy.copy.offset != 5:
        assert (dict(copy.records.items()), copy.copy.offset, copy.copy.position) == ({}, 0, -1)
        assert "read anew from the changelog" in caplog.text


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_file_that_was_cut_is_begun_anew(tmp_path, share):
    path = written(tmp_path / "copy.sqlite")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert (dict(opened(path).records.items()), opened(path).copy.offset) == ({}, 0)


def test_a_file_that_is_none_of_ours_is_begun_anew(tmp_path):
    path = tmp_path / "copy.sqlite"
    path.write_text("something else")
    assert not dict(opened(path).records.items())


def test_a_copy_that_may_have_missed_deletions_is_begun_anew(tmp_path, monkeypatch):
    path = written(tmp_path / "copy.sqlite")
    later = clock.now() + local.OUTDATED + instant.MINUTE
    monkeypatch.setattr(clock, "now", lambda: later)
    assert opened(path).copy.offset == 0


def test_two_workers_of_one_name_do_not_share_a_file(tmp_path, caplog):
    path = written(tmp_path / "copy.sqlite")
    first, second = opened(path), opened(path)
    assert "give each worker a name of its own" in caplog.text
    second.put([('["h","rule","x"]', b"x")], 6)
    second.close()
    assert dict(first.records.items()) == ROWS


def test_copies_that_nobody_uses_are_deleted_in_time(tmp_path, monkeypatch):
    old = written(tmp_path / "old.sqlite")
    later = clock.now() + local.OUTDATED + instant.MINUTE
    monkeypatch.setattr(clock, "now", lambda: later)
    local.forget_outdated(tmp_path)
    assert not old.exists()


# ------------------------------------------------------------------------------------------------ on Kafka

NINE = instant.parse("2026-03-02T09:00:00Z")
SOURCES = {"web": Source(source="web", feed="linux")}
RULESET = Ruleset(registry.load().values())


def raws(hour):
    """Log-ins that fail, a few of each of many users from a place of their own, also from the hour before; then time passes."""
    start = NINE + hour * instant.HOUR
    lines = [
        f"{instant.text(start + n * instant.SECOND)} web sshd[{user}]: Failed password for user{user} from 10.0.{user}.9 port"
        f" 4{user:03} ssh2"
        for n, user in enumerate(user for user in range(60) for _ in range(1 + (user + hour) % 3))
    ]
    items = [Raw("web", "linux", line.encode(), start + n * instant.SECOND, 0, n + 1) for n, line in enumerate(lines)]
    return [*items, Heartbeat(EVERYTHING, start + 40 * instant.MINUTE)]


@pytest.mark.services
@pytest.mark.timeout(240)
def test_a_worker_comes_back_to_the_same_truth_whatever_happened_to_its_copies(kafka, topic_prefix, tmp_path, monkeypatch, caplog):
    """Untouched, damaged, cut, put in the place of another's, lost; with next to nothing in memory."""
    layout = Layout(raw=1, keyed=4, prefix=topic_prefix)
    topics.create(kafka.bootstrap, layout, (control_topic(replaying.WORKER),))
    read = []
    catch_up = LocalState.catch_up
    monkeypatch.setattr(LocalState, "catch_up", lambda own, rows, offset: (read.append(len(rows)), catch_up(own, rows, offset)))
    folder = tmp_path / "state"
    placed = {}

    async def hour(number):
        placed.update(await onkafka.write(raws(number), bootstrap=kafka.bootstrap, layout=layout))
        await onkafka.served(RULESET, SOURCES, bootstrap=kafka.bootstrap, layout=layout, folder=folder, most=20)

    asyncio.run(hour(0))
    read.clear()
    asyncio.run(hour(1))
    whole = sum(1 for part in range(4) for _ in opened(folder / f"{topic_prefix}state.detect-{part}.sqlite").records.items())
    assert sum(read) < whole, "what was there before was not read again"
    assert not caplog.text.count("read anew")

    copies = [folder / f"{topic_prefix}state.detect-{part}.sqlite" for part in range(4)]
    data = bytearray(copies[0].read_bytes())
    data[len(data) // 2 :: 500] = bytes(len(data[len(data) // 2 :: 500]))
    copies[0].write_bytes(data)
    copies[1].write_bytes(copies[1].read_bytes()[:9_000])
    shutil.copy(folder / f"{topic_prefix}state.normalize-0.sqlite", copies[2])
    copies[3].unlink()
    asyncio.run(hour(2))
    assert caplog.text.count("read anew") >= 3

    found = asyncio.run(onkafka.read(placed, RULESET, bootstrap=kafka.bootstrap, layout=layout))
    found.conserved()
    records = [record for number in range(3) for record in raws(number)]
    recording = Recording(sources=SOURCES, raws=[record for record in records if isinstance(record, Raw)], context=[])
    alone = replay.judge(recording, RULESET, to=records[-1].caught_up).final
    assert {item.id: item.canonical() for item in final(found.violations)} == {item.id: item.canonical() for item in alone}
    assert alone
