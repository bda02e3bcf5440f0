"""Ordinals over a restart: repetitions stay apart, what comes again keeps its number."""

import random

import pytest

from streams.collect.ordinal import Ordinals


def line(name):
    return b"09:00:00 " + name.encode()


def counted(ordinals, names):
    return [ordinals.next(line(name), 0) for name in names]


def restarted(ordinals, size):
    return Ordinals(ordinals.stored(), size=size)


def test_a_repetition_after_a_restart_goes_on_from_the_newest_count():
    # "a" stands in the older half with one, in the younger with two.
    before = Ordinals(size=2)
    assert counted(before, "abca") == [0, 0, 0, 1]
    assert counted(restarted(before, 2), "a") == [2]


def test_both_halves_of_the_window_survive_a_restart():
    before = Ordinals(size=2)
    assert counted(before, "abc") == [0, 0, 0]
    assert counted(restarted(before, 2), "ab") == [1, 1]
    assert counted(restarted(before, 2), "c") == [1]


def test_lines_that_come_again_after_a_crash_keep_their_ordinals():
    # After "abc" the older half is {a, b}; "de" pushes it out, so that the "a" behind them counts from nought: also when that
    # stretch is read a second time, from what was stored before it.
    before = Ordinals(size=2)
    counted(before, "abc")
    stored = before.stored()
    first = counted(before, "deabbe")
    assert counted(Ordinals(stored, size=2), "deabbe") == first


@pytest.mark.parametrize("seed", range(20))
def test_restarts_anywhere_change_no_ordinal(seed):
    dice = random.Random(seed)
    names = dice.choices("abcdefghijkl", k=300)
    whole = counted(Ordinals(size=4), names)
    ordinals, found = Ordinals(size=4), []
    for name in names:
        if dice.random() < 0.2:
            ordinals = restarted(ordinals, 4)
        found += counted(ordinals, name)
    assert found == whole
