"""Records out of bytes, however the bytes are cut."""

import hashlib
import itertools

from hypothesis import given
from hypothesis import strategies as st

from streams.collect.framing import KEPT, LIMIT, Lines
from streams.collect.ordinal import Ordinals


def datas(lines, *chunks, final=False):
    return [item.data for chunk in chunks for item in lines.take(chunk)] + [item.data for item in lines.flush(final=final)]


def test_a_line_waits_for_its_lf():
    lines = Lines()
    assert datas(lines, b"one\ntw") == [b"one"]
    assert lines.waiting
    assert datas(lines, b"o\n") == [b"two"]
    assert not lines.waiting


def test_the_last_line_comes_without_lf_only_when_nothing_follows():
    assert datas(Lines(), b"one\ntwo") == [b"one"]
    assert datas(Lines(), b"one\ntwo", final=True) == [b"one", b"two"]


def test_cr_before_lf_is_dropped_and_other_bytes_are_kept_as_they_are():
    assert datas(Lines(), b"a\r\nb\rc\n\xff\xfe\x00\n\n") == [b"a", b"b\rc", b"\xff\xfe\x00", b""]


def test_positions_are_ends_of_records_and_lines_are_counted():
    [first, second] = Lines(offset=100, line=7).take(b"ab\r\nc\n")
    assert (first.end, first.line, second.end, second.line) == (104, 8, 106, 9)


def test_continuation_lines_belong_to_the_record_before():
    lines = Lines(lambda line: line.startswith("20"))
    assert datas(lines, b"2026 a\n  at x\n  at y\n2026 b\n") == [b"2026 a\n  at x\n  at y", b"2026 b"]
    assert datas(Lines(lambda line: line.startswith("20")), b"  stray\n2026 a\n\n") == [b"  stray", b"2026 a", b""]


def test_a_multi_line_record_knows_its_first_line_and_its_number_of_lines():
    [item] = Lines(lambda line: line == "S").take(b"S\na\nb\nS\n")
    assert (item.data, item.line, item.more, item.end) == (b"S\na\nb", 1, 2, 6)


def test_a_record_beyond_the_limit_is_cut_with_length_and_hash():
    whole = b"x" * (LIMIT + 1)
    lines = Lines()
    found = [item for start in range(0, len(whole), 100_000) for item in lines.take(whole[start : start + 100_000])]
    assert found == []
    [cut, after] = lines.take(b"\nnext\n")
    assert (len(cut.data), cut.length, cut.sha256) == (KEPT, LIMIT + 1, hashlib.sha256(whole).hexdigest())
    assert (after.data, after.length, after.line) == (b"next", 0, 2)
    assert Lines().take(b"y" * LIMIT + b"\n")[0].length == 0


def test_a_multi_line_record_cannot_grow_beyond_the_limit():
    lines = Lines(lambda line: line == "S")
    [cut] = lines.take(b"S\n" + (b"y" * 1000 + b"\n") * 2000 + b"S\n")
    assert (len(cut.data), cut.length) == (KEPT, 1 + 2000 * 1001)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200)), st.booleans())
def test_any_cutting_gives_the_same_records(data, cuts, multi):
    starts = (lambda line: line[:1] != " ") if multi else None
    whole, pieces = Lines(starts), Lines(starts)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    chunks = [data[a:b] for a, b in itertools.pairwise(places)]
    found = [item for chunk in chunks for item in pieces.take(chunk)] + pieces.flush(final=True)
    assert found == whole.take(data) + whole.flush(final=True)
    if not multi:
        assert [item.data for item in found] == [line.removesuffix(b"\r") for line in data.split(b"\n") if True][: len(found)]


def test_identical_lines_with_a_time_are_counted_and_the_window_survives_a_restart():
    line = b"Mar  2 09:00:00 web sshd[1]: Failed password"
    first = Ordinals()
    assert [first.next(line, n) for n in (1, 2, 3)] == [0, 1, 2]
    assert Ordinals(first.stored()).next(line, 4) == 3


def test_the_window_is_bounded():
    ordinals = Ordinals(size=100)
    for number in range(10_000):
        ordinals.next(b"09:00:00 %d" % number, number)
    assert len(ordinals.stored()) <= 2 * 100 * 12
    assert ordinals.next(b"09:00:00 9999", 1) == 1
    assert ordinals.next(b"09:00:00 5", 1) == 0


def test_lines_without_a_time_are_told_apart_by_their_number():
    ordinals = Ordinals(size=4)
    assert [ordinals.next(b"link down", n) for n in (5, 900, 70_000)] == [5, 900, 70_000]
