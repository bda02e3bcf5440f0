"""A record of 1 MiB is read; one byte more is a dead letter, also where no collector has cut it."""

import pytest

from streams.feeds.kit import registry
from streams.feeds.kit.contract import RawRecord, Unreadable
from streams.normalize import MAX_BYTES, normalize

LINE = b"Mar  2 09:00:00 web-1 app[1]: "


def record(length):
    return RawRecord(data=LINE + b"x" * (length - len(LINE)), source="linux", feed="linux", o=1_772_500_000_000_000)


def test_the_limit_is_one_mebibyte():
    assert MAX_BYTES == 1_048_576
    (event,) = normalize(registry.load()["linux"], record(1_048_576))
    assert event.host == "web-1"
    with pytest.raises(Unreadable) as refused:
        normalize(registry.load()["linux"], record(1_048_577))
    assert refused.value.reason == "too_large"
