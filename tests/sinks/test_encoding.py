"""The stored form of a violation: what its hash depends on, and what is left of one that has no stored form."""

import pytest

from sinks.encoding import Unencodable, decode, encode, remains
from tests.sinks.violations import violation


def test_the_hash_depends_on_content_and_not_on_the_order_of_names():
    one = violation("v1", subject={"a": "1", "b": "2"})
    other = violation("v1", subject={"b": "2", "a": "1"})
    assert encode(one).content == encode(other).content
    assert encode(one).digest != encode(violation("v1", subject={"a": "1", "b": "3"})).digest
    assert decode(encode(one).content) == one


def test_fields_that_hold_their_default_are_not_part_of_the_hash():
    assert b"workflow" not in encode(violation("v1")).content
    assert b"workflow" in encode(violation("v1", workflow="resolved")).content


@pytest.mark.parametrize("poison", [{"user_name": "\ud800"}, {"last_time": 10**18}, {"count": 2**64}])
def test_what_cannot_be_stored_still_leaves_readable_bytes(poison):
    broken = violation("v1").model_copy(update=poison)
    with pytest.raises(Unencodable):
        encode(broken)
    assert b"v1" in remains(broken)
    assert remains(violation("v1")).startswith(b"{")
