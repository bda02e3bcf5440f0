"""key=value fields: quotes, escapes, separators, and what must not be read as a field."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.feeds.kit.keyvalue import pairs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a=1 b="two words" c=', {"a": "1", "b": "two words", "c": ""}),
        ('a=1,b="two, words",c=3', {"a": "1", "b": "two, words", "c": "3"}),
        (r'a="say \"x\"",b=\d,c=3', {"a": 'say "x"', "b": r"\d", "c": "3"}),
        ("host: words a=1", {"a": "1"}),
        ('msg="user=evil srcip=6.6.6.6" srcip=10.0.0.1', {"msg": "user=evil srcip=6.6.6.6", "srcip": "10.0.0.1"}),
        (r'msg="said \"hi\" user=evil" user=real', {"msg": 'said "hi" user=evil', "user": "real"}),
        (r'path="C:\" user=real', {"path": "C:\\", "user": "real"}),
        (r'path="a\\b" user=real', {"path": r"a\b", "user": "real"}),
        ("a=1 a=2", {"a": "1"}),
        ('a="cut off', {"a": "cut off"}),
        (r'a="cut \"off', {"a": "cut \\"}),
        ('url="/x?y=" z=1', {"url": "/x?y=", "z": "1"}),
        ("ui=https(10.0.0.1) n=1", {"ui": "https(10.0.0.1)", "n": "1"}),
        ("", {}),
    ],
)
def test_fields(text, expected):
    assert pairs(text) == expected


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(st.characters(exclude_characters='"\\', codec="utf-8"))))
def test_quoted_fields_come_back_as_they_were_written(fields):
    assert pairs(" ".join(f'{key}="{value}"' for key, value in fields.items())) == fields


@pytest.mark.parametrize("unit", ['a="\\"', "a" * 99, ' a="x"y', '\\"', '="', " a=", 'a="\\\\', ',a="b'])
def test_time_grows_with_the_length_only(unit):
    def spent(size: int) -> float:
        text = unit * (size // len(unit))
        begin = time.perf_counter()
        pairs(text)
        return time.perf_counter() - begin

    spent(1000)
    assert spent(400_000) < 2.0
