"""Hostile input to the feeds of network devices, change systems and interchange formats: refused with a reason or read."""

import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.event import SecurityEvent
from streams.feeds.kit.contract import RawRecord, Unreadable
from streams.feeds.kit.registry import load
from tests.feeds.reading import BASE

FEEDS = ("servicenow", "approval", "fortigate", "panos", "suricata", "modsecurity", "cef", "leef", "ecs", "generic")

# Beginnings that lead deep into each parser, so that arbitrary text does not stop at its door.
SEEDS = (
    "", "<189>date=2026-03-02 time=09:15:30 type=event ", "1,2026/03/02 09:15:30,1,CONFIG,0,1,2026/03/02 09:15:30,", "CEF:0|a|b|c|d|e|5|rt=1772414130123 ",
    "1,2026/03/02 09:15:30,1,SYSTEM,auth,0,2026/03/02 09:15:30,,auth-fail,,0,0,general,medium,", "LEEF:2.0|a|b|c|d|^|",
    "--6b253045-A--\n[02/Mar/2026:09:15:30 +0800] ", "[Mon Mar 02 09:15:30 2026] ModSecurity: ", "Mar  2 09:15:30 h app[7]: login failed ",
    '{"timestamp":"2026-03-02T09:15:30Z","event_type":"alert","alert":', '{"@timestamp":"2026-03-02T09:15:30Z","event":',
    '{"number":"CHG1","table_name":"change_request","sys_updated_on":"2026-03-02 09:15:30","approval":"approved","approval_set":',
    '{"transaction":{"time":"02/Mar/2026:09:15:30 +0800"},"audit_data":',
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3), max_leaves=8,
)


def parse(name: str, text: str) -> list[object]:
    """Parse without the normaliser's net: only Unreadable may come out."""
    record = RawRecord(text.encode("utf-8", "surrogatepass"), "src", name, base=BASE)
    record.text = text
    try:
        return list(load()[name].parse(record))
    except Unreadable as refused:
        return [] if refused.reason and refused.detail else [refused]


@pytest.mark.parametrize("name", FEEDS)
@given(seed=st.sampled_from(SEEDS), text=st.text(), value=JSON)
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_or_refused_with_a_reason(name, seed, text, value):
    tail = msgspec.json.encode(value).decode() + "}"
    for candidate in (seed + text, seed + tail, seed + tail + "}"):
        for item in parse(name, candidate):
            assert not isinstance(item, Unreadable), "refused without a reason"
            if isinstance(item, SecurityEvent):
                assert msgspec.json.decode(msgspec.json.encode(item), type=SecurityEvent) == item


UNITS = (
    "a", " ", "=", '"', '\\"', ' a="', "{", "[", "|", ",", "auth ", "login failed ", "1.1.1.1 ", ":", '[id "1', "user 'x ", "-A--",
)


@pytest.mark.parametrize("name", FEEDS)
def test_time_grows_with_the_length_only(name):
    for seed in SEEDS:
        for unit in UNITS:
            text = seed + unit * (200_000 // len(unit))
            begin = time.process_time()
            parse(name, text)
            assert time.process_time() - begin < 1.0, (seed, unit)
