"""Personal data made unreadable in text and in documents: what ``--mask`` does to everything a command prints.

Masked are, each only where its form and its check digit agree, so that hashes, times and counters stay what they are:

* identity numbers of Taiwan: national identification numbers, resident certificate numbers (UI no.) of the form in force
  since 2021-01-02 (second sign 8 or 9) and of the older one (second sign A-D), by the weights 1 9 8 7 6 5 4 3 2 1 1 of the
  Ministry of the Interior (國民身分證統一編號, 外來人口統一證號);
* payment card numbers: 13 to 19 digits (ISO/IEC 7812-1), an issuer range that is in use, and a Luhn check digit; the last
  four digits stay (PCI DSS 4.0.1, requirement 3.4.1, allows the first six and the last four);
* telephone numbers: Taiwan's mobile numbers (09…), land lines with a separated area code, and international ones (+…,
  8 to 15 digits, ITU-T E.164);
* the local part of e-mail addresses (RFC 5321, 4.1.2), the domain stays;
* names of persons, in fields that hold one. A name in running text cannot be told from other words and stays.

Digits and letters may be full-width. Patterns are bounded and never overlap themselves: the time grows with the length of
the text, whatever it holds.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

NAME_FIELDS = frozenset({"user.full_name", "full_name", "display_name", "requester_name", "approver_name"})
"""Fields that hold the name of a person; in a context record of table ``persons`` also ``name``."""

_START, _END = r"(?<![0-9A-Za-z０-９Ａ-Ｚａ-ｚ])", r"(?![0-9A-Za-z０-９Ａ-Ｚａ-ｚ])"
_IDENTITY = re.compile(rf"{_START}[A-Za-zＡ-Ｚａ-ｚ][1289A-Da-d１２８９Ａ-Ｄａ-ｄ]\d{{8}}{_END}")
_DIGITS = re.compile(rf"{_START}(?<!\d\.)\d++(?:[ \-]\d++)*{_END}")
_PHONE = re.compile(
    rf"{_START}(?<!\.)09\d\d[ \-]?\d{{3}}[ \-]?\d{{3}}{_END}"
    rf"|{_START}(?<![.\-])(?:\(0\d{{1,3}}\)[ \-]?|0\d{{1,3}}[ \-])\d{{3,4}}[ \-]?\d{{3,4}}{_END}(?!-)"
    rf"|{_START}(?<!\+)\+[1-9](?:[ \-]?\(?\d\)?){{7,14}}{_END}"
)
_MAIL = re.compile(r"[\w.%+'\-]{1,64}+@([A-Za-z0-9\-]{1,63}+(?:\.[A-Za-z0-9\-]{1,63}+){1,8})")
_LETTERS = {letter: 10 + place for place, letter in enumerate("ABCDEFGHJKLMNPQRSTUVXYWZIO")}
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 1, 1)
# ISO/IEC 7812 issuer ranges in use: Visa, Mastercard (both ranges), American Express, JCB, Diners, Discover, UnionPay, Maestro.
_ISSUERS = re.compile(r"4|5[0-9]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[0456789]|6")
_FIRST = "23456"
_CARD = range(13, 20)


def text(value: str) -> str:
    """``value`` with personal data masked; everything else, and its length but for e-mail, as it was."""
    if "@" in value:
        value = _MAIL.sub(lambda found: f"***@{found[1]}", value)
    if not any(character.isdigit() for character in value):
        return value
    value = _IDENTITY.sub(_identity, value)
    value = _DIGITS.sub(lambda found: _cards(found[0]), value)
    return _PHONE.sub(_phone, value)


def masked(value: Any, table: str = "") -> Any:
    """A JSON value with every text in it masked; ``table``: the context table whose record it is."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        own = str(value.get("table", table))
        return {
            key: "***" if inner and (key in NAME_FIELDS or (key == "name" and own == "persons")) else masked(inner, own)
            for key, inner in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [masked(inner, table) for inner in value]
    return value


def is_identity(number: str) -> bool:
    """Whether a letter, a digit or letter A-D, and eight digits carry the right check digit."""
    first, second = divmod(_LETTERS[number[0]], 10)
    third = int(number[1]) if number[1].isdigit() else _LETTERS[number[1]] % 10
    digits = (third, *map(int, number[2:]))
    return (first + 9 * second + sum(a * b for a, b in zip(_WEIGHTS, digits, strict=True))) % 10 == 0


def is_card(digits: str) -> bool:
    """Whether ``digits`` have the length, issuer range and Luhn check digit of a payment card number."""
    if len(digits) not in _CARD or not _ISSUERS.match(digits):
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(int(digit) for digit in digits[::-2])) % 10 == 0


def _identity(found: re.Match[str]) -> str:
    return "*" * 10 if is_identity(unicodedata.normalize("NFKC", found[0]).upper()) else found[0]


def _cards(run: str) -> str:
    """A run of groups of digits: any groups in sequence that are a card number together are masked but for the last four."""
    groups = re.split(r"([ \-])", run)
    digits = unicodedata.normalize("NFKC", run).replace("-", " ").split(" ")
    at = 0
    while at < len(digits):
        if digits[at][0] not in _FIRST:
            at += 1
            continue
        ends = [
            at + count
            for count, length in enumerate(accumulate(len(group) for group in digits[at : at + _CARD.stop]), 1)
            if length in _CARD and is_card("".join(digits[at : at + count]))
        ]
        if ends:
            _cover(groups, 2 * at, 2 * ends[-1] - 1)
        at = ends[-1] if ends else at + 1
    return "".join(groups)


def _cover(groups: list[str], start: int, end: int) -> None:
    keep = 4
    for place in range(end - 1, start - 1, -2):
        group = groups[place]
        shown = min(keep, len(group))
        groups[place] = "*" * (len(group) - shown) + group[len(group) - shown :]
        keep -= shown


def _phone(found: re.Match[str]) -> str:
    digits = sum(character.isdigit() for character in found[0])
    if found[0].startswith("+") or digits in (9, 10):
        return re.sub(r"\d", "*", found[0])
    return found[0]
