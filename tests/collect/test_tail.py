"""Following a real file: whole records, restart at any place, positions."""

import pytest

from streams.collect import tail as module
from tests.collect.tailing import Reader, append, closed, quick  # noqa: F401 - fixtures

pytestmark = pytest.mark.usefixtures("quick")


def test_reads_what_is_appended(tmp_path):
    path = tmp_path / "app.log"
    append(path, "one\ntwo\n")
    reader = Reader(path)
    assert reader.read() == ["one", "two"]
    append(path, "thr")
    assert reader.read() == []
    append(path, "ee\n")
    assert reader.read() == ["three"]
    assert [raw.line for raw in reader.raws] == [1, 2, 3]


def test_a_backlog_has_no_observed_time_and_what_is_written_later_has(tmp_path):
    path = tmp_path / "app.log"
    append(path, "old\n")
    reader = Reader(path)
    reader.read()
    append(path, "new\n")
    reader.read()
    assert [raw.o is None for raw in reader.raws] == [True, False]


def test_a_file_that_appears_later_is_no_backlog(tmp_path):
    reader = Reader(tmp_path / "app.log", backlog=False)
    with pytest.raises(FileNotFoundError):
        reader.tail.poll()
    append(tmp_path / "app.log", "new\n")
    reader.read()
    assert reader.raws[0].o is not None


def test_restart_goes_on_after_the_last_stored_record(tmp_path):
    path = tmp_path / "app.log"
    append(path, "one\ntwo\npart")
    reader = Reader(path)
    assert reader.read() == ["one", "two"]
    reader.restart()
    assert reader.read() == []
    append(path, "ial\n")
    assert reader.read() == ["partial"]
    assert reader.raws[-1].line == 3


def test_a_batch_that_was_not_stored_comes_again_with_the_same_numbers(tmp_path):
    path = tmp_path / "app.log"
    append(path, "09:00:00 x\n09:00:00 x\nno time\n")
    reader = Reader(path)
    first, *_ = reader.tail.poll()
    reader.restart()
    second, *_ = reader.tail.poll()
    assert first == second
    assert [raw.ordinal for raw in first] == [0, 1, 3]


def test_ordinals_go_on_over_a_restart(tmp_path):
    path = tmp_path / "app.log"
    append(path, "09:00:00 x\n")
    reader = Reader(path)
    reader.read()
    reader.restart()
    append(path, "09:00:00 x\n")
    reader.read()
    assert [raw.ordinal for raw in reader.raws] == [0, 1]


def test_multi_line_records_are_whole_after_a_restart_in_their_middle(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "IDLE", 3600.0)
    path = tmp_path / "app.log"
    append(path, "2026 a\n  x\n2026 b\n  y\n")
    reader = Reader(path, starts=lambda line: line.startswith("2026"))
    assert reader.read() == ["2026 a\n  x"]
    reader.restart()
    append(path, "  z\n2026 c\n")
    assert reader.read() == ["2026 b\n  y\n  z"]
    monkeypatch.setattr(module, "IDLE", 0.0)
    assert reader.read() == ["2026 c"]
    assert [raw.line for raw in reader.raws] == [1, 3, 6]


def test_a_record_over_the_limit_is_cut_also_after_a_restart(tmp_path):
    path = tmp_path / "app.log"
    append(path, "one\n" + "x" * 3_000_000)
    reader = Reader(path)
    assert reader.read() == ["one"]
    reader.restart()
    append(path, "\ntwo\n")
    assert [len(data) for data in reader.read()] == [65_536, 3]
    assert reader.raws[1].length == 3_000_000


def test_invalid_utf8_and_nul_pass_through_as_bytes(tmp_path):
    path = tmp_path / "app.log"
    append(path, b"\xff\xfe broken \x00\n")
    reader = Reader(path)
    reader.read()
    assert reader.raws[0].data == b"\xff\xfe broken \x00"


def test_caught_up_only_when_nothing_waits(tmp_path):
    path = tmp_path / "app.log"
    append(path, "one\n")
    reader = Reader(path)
    assert reader.tail.clear == 0
    reader.read()
    clear = reader.tail.clear
    assert clear > 0
    append(path, "half")
    reader.read()
    assert reader.tail.clear == clear
    append(path, " done\n")
    reader.read()
    assert reader.tail.clear > clear
