"""Following real files through rotation, truncation and restart: nothing lost, nothing twice."""

import gzip
import os
import random
import shutil

import pytest

from streams.collect import tail as module
from tests.collect.tailing import Reader, append, closed, quick  # noqa: F401 - fixtures

pytestmark = pytest.mark.usefixtures("quick")


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


def test_rotated_twice_and_nothing_in_the_newest_file_yet(tmp_path):
    path = tmp_path / "app.log"
    append(path, "one\n")
    reader = Reader(path)
    reader.read()
    append(path, "two\n")
    path.rename(tmp_path / "app.log.2")
    append(tmp_path / "app.log.1", "three\n")
    path.touch()
    assert reader.read() == ["two", "three"]


# Two contents of one path that agree in the first kilobyte (a banner), or in all that stands before the position but the beginning.
BANNER = [f"# field {number} {'=' * 80}" for number in range(20)]
LIKE = {
    "same beginning": ([*BANNER, "one"], [*BANNER, "ONE", "and more than was there before"]),
    "same end": (["first day", *BANNER], ["other day", *BANNER, "and more than was there before"]),
}


def text(lines):
    return "".join(f"{line}\n" for line in lines)


def following(path, lines):
    append(path, text(lines))
    reader = Reader(path)
    assert reader.read() == lines
    return reader


@pytest.mark.parametrize("like", LIKE)
@pytest.mark.parametrize("restarted", [False, True])
def test_a_new_file_that_resembles_the_old_one_is_read_from_its_beginning(tmp_path, like, restarted):
    path = tmp_path / "app.log"
    old, new = LIKE[like]
    reader = following(path, old)
    append(path, "rest\n")
    if restarted:
        reader.tail.close()
    path.rename(tmp_path / "app.log.1")
    append(path, text(new))
    if restarted:
        reader.restart()
    assert reader.read() == ["rest", *new]
    assert reader.tail.lost == 0


@pytest.mark.parametrize("like", LIKE)
@pytest.mark.parametrize("restarted", [False, True])
def test_another_content_under_the_same_inode_is_read_from_its_beginning(tmp_path, like, restarted):
    # As after truncation, or where the file system gives the inode of a removed file to the next one.
    path = tmp_path / "app.log"
    old, new = LIKE[like]
    reader = following(path, old)
    inode = path.stat().st_ino
    path.write_text(text(new))
    assert path.stat().st_ino == inode
    if restarted:
        reader.restart()
    assert reader.read() == new
    assert reader.tail.lost == 1


@pytest.mark.parametrize("like", LIKE)
def test_the_inode_of_the_old_file_under_the_new_name_does_not_hide_where_the_rest_is(tmp_path, like):
    # Down over a rotation that copied: the rest stands in the copy, another content under the inode that was read.
    path = tmp_path / "app.log"
    old, new = LIKE[like]
    reader = following(path, old)
    append(path, "rest\n")
    shutil.copy(path, tmp_path / "app.log.1")
    path.write_text(text(new))
    reader.restart()
    assert reader.read() == ["rest", *new]
    assert reader.tail.lost == 0


def test_identical_lines_stay_apart_over_rotation_and_restart(tmp_path):
    path = tmp_path / "app.log"
    same = "09:00:00 Failed password for root"
    reader = following(path, [same, same])
    path.rename(tmp_path / "app.log.1")
    append(path, text([same]))
    reader.restart()
    assert reader.read() == [same]
    reader.restart()
    append(path, text([same]))
    assert reader.read() == [same]
    assert [raw.ordinal for raw in reader.raws] == [0, 1, 2, 3]


def test_a_file_of_which_nothing_was_read_is_found_by_its_inode(tmp_path):
    path = tmp_path / "app.log"
    path.touch()
    reader = Reader(path)
    assert reader.read() == []
    reader.tail.close()
    append(path, "one\n")
    path.rename(tmp_path / "app.log.1")
    append(path, "two\n")
    assert reader.read() == ["one", "two"]
