"""Following real files: nothing lost, nothing twice, through rotation, truncation and restart at any place."""

import gzip
import os
import random
import shutil

import pytest

from streams.collect import tail as module
from streams.collect.tail import Tail

_open = []


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(module, "DRAIN", 0.0)
    monkeypatch.setattr(module, "IDLE", 0.0)
    yield
    while _open:
        _open.pop().close()


class Reader:
    """A tail, its consumer and the position it stored."""

    def __init__(self, path, *, starts=None, backlog=True):
        self.path, self.starts, self.backlog = path, starts, backlog
        self.raws, self.stored = [], None
        self.tail = None
        self.restart()

    def restart(self):
        """As after SIGKILL: only what was stored is known."""
        if self.tail is not None:
            self.tail.close()
        self.tail = Tail("web", "linux", self.path, starts=self.starts, stored=self.stored, backlog=self.backlog)
        _open.append(self.tail)

    def read(self, polls=8):
        """Poll until quiet; return the data of what came."""
        before = len(self.raws)
        for _ in range(polls):
            try:
                raws, _, position = self.tail.poll()
            except FileNotFoundError:
                continue
            if raws:
                self.raws += raws
                self.stored = position
        return [raw.data.decode("utf-8", "replace") for raw in self.raws[before:]]


def append(path, text):
    with path.open("ab") as file:
        file.write(text.encode() if isinstance(text, str) else text)


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


def test_rotation_by_rename_while_the_writer_goes_on_for_a_moment(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "DRAIN", 3600.0)
    path = tmp_path / "app.log"
    append(path, "one\n")
    reader = Reader(path)
    reader.read()
    path.rename(tmp_path / "app.log.1")
    append(tmp_path / "app.log.1", "two\n")
    append(path, "four\n")
    assert reader.read() == ["two"]
    append(tmp_path / "app.log.1", "three")
    assert reader.read() == []
    monkeypatch.setattr(module, "DRAIN", 0.0)
    assert reader.read() == ["three", "four"]
    assert reader.tail.lost == 0


def test_rotation_twice_between_two_looks(tmp_path):
    path = tmp_path / "app.log"
    append(path, "one\n")
    reader = Reader(path)
    reader.read()
    append(path, "two\n")
    path.rename(tmp_path / "app.log.2")
    append(tmp_path / "app.log.1", "three\n")
    append(path, "four\n")
    assert reader.read() == ["two", "three", "four"]


@pytest.mark.parametrize("packed", [False, True])
def test_rotations_while_we_were_down(tmp_path, packed):
    path = tmp_path / "app.log"
    append(path, "one\ntwo\n")
    reader = Reader(path)
    reader.read()
    append(path, "three\n")
    reader.tail.close()
    path.rename(tmp_path / "app.log.2")
    append(tmp_path / "app.log.1", "four\n")
    append(path, "five\n")
    if packed:
        old = tmp_path / "app.log.2"
        with gzip.open(f"{old}.gz", "wb") as file:
            file.write(old.read_bytes())
        shutil.copystat(old, f"{old}.gz")
        old.unlink()
    reader.restart()
    assert reader.read() == ["three", "four", "five"]
    assert reader.tail.lost == 0


def test_dated_names_are_rotations_and_others_are_not(tmp_path):
    path = tmp_path / "app.log"
    append(path, "one\n")
    reader = Reader(path)
    reader.read()
    append(path, "two\n")
    path.rename(tmp_path / "app-20260302.log")
    append(tmp_path / "app.log.bak", "no\n")
    append(tmp_path / "app-errors.log", "no\n")
    append(tmp_path / "app.log.offset", "no\n")
    append(path, "three\n")
    reader.restart()
    assert reader.read() == ["two", "three"]


def test_copytruncate_with_everything_read(tmp_path):
    path = tmp_path / "app.log"
    append(path, "one\n")
    reader = Reader(path)
    reader.read()
    shutil.copy(path, tmp_path / "app.log.1")
    os.truncate(path, 0)
    append(path, "two\n")
    assert reader.read() == ["two"]


def test_copytruncate_with_unread_records_finds_them_in_the_copy(tmp_path):
    path = tmp_path / "app.log"
    append(path, "one\n")
    reader = Reader(path)
    reader.read()
    append(path, "two\n")
    shutil.copy(path, tmp_path / "app.log.1")
    os.truncate(path, 0)
    append(path, "three and more than was there before\n")
    assert reader.read() == ["two", "three and more than was there before"]
    assert reader.tail.lost == 0


def test_copytruncate_while_we_were_down(tmp_path):
    path = tmp_path / "app.log"
    append(path, "one\n")
    reader = Reader(path)
    reader.read()
    append(path, "two\n")
    shutil.copy(path, tmp_path / "app.log.1")
    os.truncate(path, 0)
    append(path, "ONE\nthree\n")
    reader.restart()
    assert reader.read() == ["two", "ONE", "three"]


def test_truncation_without_a_copy_is_told(tmp_path, caplog):
    path = tmp_path / "app.log"
    append(path, "one\ntwo\n")
    reader = Reader(path)
    reader.read()
    path.write_text("three\n")
    assert reader.read() == ["three"]
    assert reader.tail.lost == 1
    assert "may be lost" in caplog.text


def test_a_new_file_that_took_the_old_inode_is_read_from_its_beginning(tmp_path):
    path = tmp_path / "app.log"
    append(path, "one\ntwo\n")
    reader = Reader(path)
    reader.read()
    path.write_text("completely other content, longer than what was read\n")
    reader.restart()
    assert reader.read() == ["completely other content, longer than what was read"]


def test_the_same_content_under_a_new_inode_is_not_read_again(tmp_path):
    path = tmp_path / "app.log"
    append(path, "one\ntwo\n")
    reader = Reader(path)
    reader.read()
    shutil.copy(path, tmp_path / "moved")
    (tmp_path / "moved").replace(path)
    append(path, "three\n")
    reader.restart()
    assert reader.read() == ["three"]


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


@pytest.mark.parametrize("seed", range(12))
def test_a_random_life_loses_and_doubles_nothing(tmp_path, seed):
    """Appends in pieces, rotations by rename, restarts and stored positions, in any order."""
    dice = random.Random(seed)
    path = tmp_path / "app.log"
    append(path, "begin\n")
    reader = Reader(path)
    reader.read()
    written, text, generation = ["begin\n"], "", 0
    for number in range(400):
        match dice.choices("wrkp", (6, 1, 1, 3))[0]:
            case "w":
                text += f"09:00:{number % 60:02} line {number} {'x' * dice.randrange(200)}\n"
                cut = dice.randrange(len(text) + 1)
                append(path, text[:cut])
                written.append(text[:cut])
                text = text[cut:]
            case "r":
                if text:
                    append(path, text)
                    written.append(text)
                    text = ""
                generation += 1
                for old in range(generation, 1, -1):
                    before = tmp_path / f"app.log.{old - 1}"
                    if before.exists():
                        before.rename(tmp_path / f"app.log.{old}")
                path.rename(tmp_path / "app.log.1")
                path.touch()
            case "k":
                reader.restart()
            case "p":
                reader.read(polls=dice.randrange(1, 4))
    append(path, text + "end\n")
    written.append(text + "end\n")
    reader.read(polls=200)
    assert [raw.data.decode() for raw in reader.raws] == "".join(written).splitlines()
