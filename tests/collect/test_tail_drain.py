"""A renamed file is read on while its writer still holds it: with the real time that is allowed for it, on a clock by hand."""

import pytest

from streams.collect import tail as module
from tests.collect.tailing import Reader, append, closed  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("closed")


class Clock:
    """A monotonic clock that goes on when told."""

    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module.clock, "monotonic", clock)
    return clock


@pytest.fixture
def rotated(tmp_path, clock):
    """A reader of a file that was just renamed, and the handle that its writer still holds."""
    path = tmp_path / "app.log"
    with path.open("ab", buffering=0) as held:
        held.write(b"one\n")
        reader = Reader(path)
        assert reader.read() == ["one"]
        path.rename(tmp_path / "app.log.1")
        yield reader, held


def test_lines_of_the_old_handle_come_before_those_of_the_new_file(rotated, clock):
    reader, held = rotated
    append(reader.path, "five\n")
    assert reader.read() == []
    for line in ("two", "three", "four"):  # each within the time, counted from the one before
        clock.seconds += 0.75 * module.DRAIN
        held.write(line.encode() + b"\n")
        assert reader.read() == [line]
    clock.seconds += module.DRAIN
    assert reader.read() == ["five"]
    assert reader.tail.lost == 0


def test_a_writer_gets_more_than_a_second_to_notice():
    assert module.DRAIN > 1.0


def test_nobody_leaves_the_old_file_for_an_empty_one(rotated, clock):
    reader, held = rotated
    reader.path.touch()
    clock.seconds += 600
    assert reader.read() == []
    held.write(b"two\n")
    assert reader.read() == ["two"]
    append(reader.path, "three\n")
    clock.seconds += module.DRAIN
    assert reader.read() == ["three"]


def test_while_the_new_file_waits_nothing_is_said_to_be_given_out(rotated, clock):
    reader, _ = rotated
    reader.read()
    append(reader.path, "two\n")
    before = reader.tail.clear
    assert reader.read() == []
    assert reader.tail.clear == before
    clock.seconds += module.DRAIN
    assert reader.read() == ["two"]
    assert reader.tail.clear > before


def test_lines_that_come_after_the_time_are_told(rotated, clock, caplog):
    reader, held = rotated
    append(reader.path, "three\n")
    clock.seconds += module.DRAIN
    assert reader.read() == ["three"]
    assert reader.tail.lost == 0
    held.write(b"two\n")
    append(reader.path, "four\n")
    assert reader.read() == ["four"]
    assert reader.tail.lost == 1
    assert "written to after it had been rotated" in caplog.text


def test_a_restart_right_after_the_rename_reads_the_rest_as_well(rotated, clock):
    reader, held = rotated
    append(reader.path, "three\n")
    reader.restart()
    assert reader.read() == []
    clock.seconds += 0.75 * module.DRAIN
    held.write(b"two\n")
    assert reader.read() == ["two"]
    clock.seconds += module.DRAIN
    assert reader.read() == ["three"]
