"""Dead letters: each record once, with its bytes; what people are shown cannot harm them or leak."""

import json
from base64 import b64decode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas import instant
from sinks.deadletter import KEPT_BYTES, DeadLetters, bury, dead_letter, decode, encode, install, plain, shown
from sinks.sqlite_file import open_writer

T0 = instant.parse("2026-03-02T09:00:00+08:00")


def letter(offset=7, **fields):
    usual = {
        "reason": "bad_json",
        "detail": "expected an object, got '[1, 2]'",
        "stage": "normalize",
        "topic": "raw.linux",
        "partition": 3,
        "offset": offset,
        "raw": b"Mar  2 09:00:00 web-7 A123456789 \xff",
        "source": "web-7",
        "observed": T0,
    }
    return dead_letter(**usual | fields)


def test_a_letter_keeps_place_bytes_and_reason():
    wire = json.loads(encode(letter()))
    assert b64decode(wire["raw"]) == b"Mar  2 09:00:00 web-7 A123456789 \xff"
    assert wire["sha256"] == sha256(b64decode(wire["raw"])).hexdigest()
    assert (wire["topic"], wire["partition"], wire["offset"], wire["length"]) == ("raw.linux", 3, 7, 34)
    assert wire["observed"] == "2026-03-02T01:00:00Z"


@given(st.binary(max_size=300), st.text(st.characters(exclude_categories=[]), max_size=50))
def test_any_bytes_and_any_text_survive_the_wire(raw, text):
    one = letter(raw=raw, detail=text, source=text, topic=text, part=text, reason=text)
    assert decode(encode(one)) == one


def test_a_huge_record_keeps_its_first_64_kib_its_length_and_its_hash():
    raw = b"x" * 5_000_000 + b"end"
    one = letter(raw=raw, detail="d" * 100_000)
    assert one.raw == raw[:KEPT_BYTES]
    assert (one.length, one.sha256) == (5_000_003, sha256(raw).hexdigest())
    assert len(encode(one)) < 100_000


def test_what_is_no_letter_is_an_error():
    with pytest.raises(ValidationError):
        decode(b'{"id": "x"}')


def test_the_same_record_has_one_id_and_every_other_has_another():
    other = {
        "reason": "nul", "stage": "collect", "topic": "raw.panos", "partition": 4, "offset": 8, "part": "fold", "raw": b"y"
    }
    ids = [letter().id, *(letter(**{name: value}).id for name, value in other.items())]
    assert len(set(ids)) == len(ids)
    assert letter(detail="another text", observed=T0 + 1).id == letter().id


@pytest.fixture
def path(tmp_path):
    owner = open_writer(tmp_path / "log.db")
    install(owner)
    owner.close()
    return tmp_path / "log.db"


def test_a_batch_tried_again_buries_nothing_twice(path):
    owner = open_writer(path)
    batch = [letter(n, reason="nul" if n % 3 else "bad_json") for n in range(10)]
    for new in (10, 0):
        owner.execute("BEGIN")
        assert bury(owner, [*batch, *batch]) == new
        owner.execute("COMMIT")
    owner.execute("BEGIN")
    assert bury(owner, [letter(99)]) == 1
    owner.execute("ROLLBACK")
    graves = DeadLetters(path)
    assert graves.by_reason() == {"nul": 6, "bad_json": 4}
    assert [one.offset for one in graves.list(reason="bad_json")] == [9, 6, 3, 0]
    assert [one.offset for one in graves.list(limit=2)] == [9, 8]
    assert graves.list(source="other") == []
    assert graves.get(batch[0].id) == batch[0]
    assert graves.get(batch[0].id[:12]) == batch[0]
    assert graves.get("") is None
    assert graves.get("%") is None
    graves.close()
    owner.close()


def test_masked_output_shows_the_shape_and_no_letter_of_the_record():
    view = shown(letter(raw="身分證 A123456789 user=chen\r\n".encode(), detail="got 'A123456789', card 4111111111111111"))
    assert view["shape"] == "字字字 a999999999 aaaa=aaaa.."
    assert view["detail"] == "got …, card …"
    assert "A123456789" not in json.dumps(view)
    assert "raw" not in view


@pytest.mark.parametrize("masked", [True, False])
@given(st.text(st.characters(exclude_categories=[])), st.binary(max_size=200))
def test_nothing_shown_can_move_a_cursor_or_reverse_a_line(masked, text, raw):
    for value in shown(letter(raw=raw, detail=text, source=text, topic=text, part=text, reason=text), masked=masked).values():
        assert not set(str(value)) & {*map(chr, range(32)), "\x7f", "\x9b", "\u202e", "\u2066", "\u2028", "\ufeff"}
        str(value).encode()


@pytest.mark.parametrize(
    ("detail", "masked"),
    [
        ("expected 'a', got 'it's \"A1\"' at 7", "expected … at 7"),
        ("KeyError: 'A12", "KeyError: …"),
        ("no zone; set its zone", "no zone; set its zone"),
    ],
)
def test_what_a_detail_quotes_is_cut(detail, masked):
    assert shown(letter(detail=detail))["detail"] == masked


def test_unmasked_output_is_readable_and_escaped():
    assert shown(letter(raw=b"\x1b[31mroot\xff\r\n"), masked=False)["raw"] == r"\x1b[31mroot\xff\r\n"
    assert plain("公司 \u202e x") == "公司 \\u202e x"
