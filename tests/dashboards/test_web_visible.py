"""Hidden characters are shown, whatever they are; visible text stays as it is."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.visible import marked, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text 繁體中文　全形 é", "plain text 繁體中文　全形 é"),
        ("a\x00b\x1b[2Jc\x7f", "a‹NUL›b‹ESC›[2Jc‹DEL›"),
        ("one\r\ntwo\tthree", "one‹CR›‹LF›two‹TAB›three"),
        ("user\u202egpj.exe", "user‹U+202E›gpj.exe"),
        ("a\u2066b\u2069\u200b\ufeff\u00ad", "a‹U+2066›b‹U+2069›‹U+200B›‹U+FEFF›‹U+00AD›"),
        ("\u3164\u2800\u00a0\ufe0f\U000e0041", "‹U+3164›‹U+2800›‹U+00A0›‹U+FE0F›‹U+E0041›"),
    ],
)
def test_hidden_characters_are_named(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text())
def test_no_hidden_character_is_left(text: str) -> None:
    shown = plain(text)
    assert all(unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in shown)


@given(st.text())
def test_html_holds_no_markup_of_the_text(text: str) -> None:
    html = str(marked(text))
    assert set(re.findall(r"<[^>]*>", html)) <= set(re.findall(r'<span class="ctl" title="[^"<>&]*">|</span>', html))


def test_html_tells_a_real_character_from_its_name() -> None:
    assert str(marked("‹ESC›")) == "‹ESC›"
    assert str(marked("\x1b")) == '<span class="ctl" title="U+001B Control Character">‹ESC›</span>'


def test_long_text_is_cut() -> None:
    assert plain("abcdef", 3) == "abc…"
    assert plain("abc", 3) == "abc"
