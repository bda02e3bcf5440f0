"""Where each record of the other topics goes when the numbers of partitions change, and what it says then."""

import msgspec
import pytest

from schemas import identity
from schemas.log import Incompatible, Unparked
from sinks import deadletter, redriven
from sinks.deadletter import dead_letter
from sinks.redriven import Redriven
from streams.layout import Layout
from streams.moving import Copying, normalized
from streams.stage import Kept
from tests.kit import toys

NEW = Layout(raw=3, keyed=5, prefix="v2.")


def kept(clocks, **fields):
    return msgspec.msgpack.encode(Kept({"read": 7}, {"bad_json": 1}, clocks, **fields))


def test_clocks_and_heard_minutes_stay_or_go_with_their_sources_and_counters_begin_anew():
    old = [
        {'["m"]': kept({"a": 5, "b": 6}), '["heard","a",3600]': b"5"},
        {'["m"]': kept({"a": 9}), '["heard","a",3600]': b"6", '["heard","b",0]': b"1"},
    ]
    same = normalized(old, 2)
    assert [msgspec.msgpack.decode(rows['["m"]'], type=Kept) for rows in same] == [
        Kept({}, {}, {"a": 5, "b": 6}, parts=2), Kept({}, {}, {"a": 9}, parts=2)
    ]  # fmt: skip
    moved = normalized(old, 3)
    for source, reached, name, minutes in (("a", 9, '["heard","a",3600]', b"7"), ("b", 6, '["heard","b",0]', b"1")):
        rows = moved[identity.partition("source", (source,), 3)]
        assert msgspec.msgpack.decode(rows['["m"]'], type=Kept).clocks[source] == reached
        assert rows[name] == minutes
    with pytest.raises(Incompatible, match="schema 9"):
        normalized([{'["m"]': kept({}, schema=9)}], 1)


def test_violations_and_late_events_go_where_their_owners_are():
    copying = Copying(toys.RULES, NEW)
    assert copying.moved("violations", 4, b"ab12", b"{}") == (identity.partition("violation", ("ab12",), 5), b"{}")
    late = msgspec.json.encode(toys.login(1, 1, "b"))
    assert copying.moved("late", 0, b"toy/user", late) == (identity.partition("user", ("b",), 5), late)
    assert copying.moved("late", 0, b"gone/fold", late) == (0, late)
    assert copying.moved("coverage", 0, b"k", b"row") == copying.moved("gaps", 0, b"k", b"row") == (0, b"row")


def test_a_parked_letter_names_the_new_owner_and_a_mark_the_letters_new_offset():
    copying = Copying(toys.RULES, NEW)
    parked = dead_letter(
        reason="fold_crashed", detail="", stage="detect", topic="events", partition=0, offset=0, part="p",
        raw=msgspec.json.encode(Unparked("e", "toy/user", ("b",))),
    )  # fmt: skip
    unread = deadletter.encode(
        dead_letter(reason="bad_json", detail="", stage="normalize", topic="raw", partition=1, offset=3, raw=b"?")
    )
    assert copying.moved("deadletter", 10, b"", b"no letter") == (0, b"no letter")
    assert copying.moved("deadletter", 17, b"", unread) == (0, unread), "where it stands is still so"
    letter = deadletter.decode(copying.moved("deadletter", 30, b"", deadletter.encode(parked))[1])
    assert (letter.id, letter.topic, letter.partition) == (parked.id, "v2.events", identity.partition("user", ("b",), 5))
    upto = [
        redriven.decode(copying.moved("redriven", n, b"", redriven.encode(Redriven(id="x", at=1, result="", upto=at)))[1]).upto
        for n, at in enumerate((9, 10, 29, 30))
    ]
    assert upto == [-1, 0, 1, 2]
