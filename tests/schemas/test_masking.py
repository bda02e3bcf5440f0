"""What ``--mask`` hides and what it leaves, with check digits computed here by the published rules."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.masking import is_card, is_identity, masked, text

DIGITS = st.text("0123456789", min_size=8, max_size=8)


@pytest.mark.parametrize("number", ["A123456789", "a123456789", "F131104093", "A800000014", "Ａ１２３４５６７８９"])
def test_identity_numbers_are_hidden(number):
    assert text(f"id {number}, ok") == "id **********, ok"


@pytest.mark.parametrize("number", ["A123456788", "A323456789", "xA123456789", "A1234567890", "2a1688501a5b922c3578b2e3504383d4"])
def test_what_only_looks_like_an_identity_number_stays(number):
    assert text(number) == number


@given(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), st.sampled_from("1289ABCD"), DIGITS)
def test_of_ten_numbers_that_differ_in_the_last_digit_one_is_an_identity_number(letter, second, digits):
    found = [last for last in "0123456789" if is_identity(f"{letter}{second}{digits[:7]}{last}")]
    assert len(found) == 1
    assert text(f"{letter}{second}{digits[:7]}{found[0]}") == "*" * 10


@pytest.mark.parametrize(
    ("card", "shown"),
    [  # test numbers published by the card schemes
        ("4111111111111111", "************1111"),
        ("4111 1111 1111 1111", "**** **** **** 1111"),
        ("5555-5555-5555-4444", "****-****-****-4444"),
        ("378282246310005", "***********0005"),
        ("3566002020360505", "************0505"),
        ("2223003122003222", "************3222"),
        ("2026-03-02 4111 1111 1111 1111 9", "2026-03-02 **** **** **** 1111 9"),
    ],
)
def test_card_numbers_keep_their_last_four_digits(card, shown):
    assert text(f"pan={card};") == f"pan={shown};"


@pytest.mark.parametrize(
    "number",
    ["4111111111111112", "1772413211000000", "1.4111111111111111", "a4111111111111111", "7111111111111111", "9" * 400],
)
def test_other_long_numbers_stay(number):
    assert text(number) == number


@given(st.sampled_from(["4", "51", "2221", "34", "36", "62"]), st.text("0123456789", min_size=11, max_size=14))
def test_one_check_digit_in_ten_makes_a_card(prefix, digits):
    assert sum(is_card(f"{prefix}{digits}{last}") for last in "0123456789") == 1


@pytest.mark.parametrize(
    "number", ["0912345678", "0912-345-678", "0912 345 678", "(02)2345-6789", "02-2345-6789", "049-2345678", "+886 912 345 678", "+14155550123"]
)
def test_telephone_numbers_are_hidden(number):
    shown = text(f"電話{number}，")
    assert not any(character.isdigit() for character in shown)
    assert len(shown) == len(f"電話{number}，")


@pytest.mark.parametrize(
    "harmless",
    [
        "2026-03-02T09:00:11.123456+08:00", "10.1.2.3 port 51000", "550e8400-e29b-41d4-a716-446655440000", "pid 4242 uid=0",
        "Mar  2 09:00:11 web-1 sshd[4242]: Failed password for alice from 10.1.2.3 port 51000 ssh2", "CHG0000024", "root@web-1",
    ],
)  # fmt: skip
def test_times_addresses_and_numbers_of_machines_stay(harmless):
    assert text(harmless) == harmless


def test_of_a_mail_address_the_domain_stays():
    assert text("from <chen.yt+x@mail.example.tw>") == "from <***@mail.example.tw>"


def test_documents_are_masked_at_any_depth_and_names_by_their_field():
    document = {"user.full_name": "陳大文", "n": 4111111111111111, "list": [{"message": "A123456789"}], "host.name": "web-1"}
    expected = {"user.full_name": "***", "n": 4111111111111111, "list": [{"message": "*" * 10}], "host.name": "web-1"}
    assert masked(document) == expected
    assert masked({"table": "persons", "person": "P-1", "name": "陳大文"}) == {"table": "persons", "person": "P-1", "name": "***"}
    assert masked({"table": "assets", "name": "web-1"})["name"] == "web-1"


@given(st.text(st.sampled_from("A19０Ｂ @.-+()4x一"), max_size=60))
def test_masking_twice_changes_nothing_more(value):
    once = text(value)
    assert text(once) == once
    assert "@" in value or len(once) == len(value)


@pytest.mark.parametrize("piece", ["1", "1 ", "4111 ", "a", "a@", "a.", "+1", "+1 ", "(02)", "A1", "09", "-0"])
def test_hostile_text_takes_time_in_proportion_to_its_length(piece):
    started = time.process_time()
    text((piece * 200_000)[:200_000] + "@")
    assert time.process_time() - started < 3
