"""A feed reads no further than somebody asks, and that shows nowhere: fate, time and activity stay, and so do the events asked for."""

import json

import pytest

from detectors.kit import registry as detectors
from detectors.kit.registry import Ruleset
from schemas.event import Activity, SecurityEvent
from streams.feeds.kit import registry
from streams.feeds.kit.contract import EVERY_ACTIVITY, RawRecord, Unreadable
from streams.normalize import normalize
from streams.recording import read_folder
from streams.simulator import simulate

PRODUCT = Ruleset(detectors.load().values()).activities
FORTIGATE = (
    'date=2026-03-02 time=10:11:05 devname="fw" devid="FG1" eventtime=1772417465630652000 tz="+0800" logid="0000000013" '
    'type="traffic" subtype="forward" srcip=10.51.121.194 action="deny"'
)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    folder = tmp_path_factory.mktemp("asked") / "run"
    simulate(seed=3, days=1, rate=0.02, out=folder)
    return read_folder(folder)


def read(feed, data, asked, o=None):
    """Items of the record, or why it cannot be read."""
    record = RawRecord(data, "src@here", feed, o=o, base=1_772_500_000_000_000, asked=asked)
    try:
        return normalize(registry.load()[feed], record)
    except Unreadable as error:
        return error.reason


def same(feed, data, asked, o=None):
    """Assert that the record is read alike; return how many of its events were not read to the end."""
    whole, short = read(feed, data, EVERY_ACTIVITY, o), read(feed, data, asked, o)
    if isinstance(whole, str) or isinstance(short, str):
        assert whole == short
        return 0
    left = 0
    assert len(whole) == len(short)
    for one, other in zip(whole, short, strict=True):
        if isinstance(one, SecurityEvent) and one.activity not in asked:
            assert (one.t, one.o, one.activity, one.source, one.feed) == (other.t, other.o, other.activity, other.source, other.feed)
            left += 1
        else:
            assert one == other
    return left


@pytest.mark.parametrize("asked", [PRODUCT, frozenset(), frozenset({Activity.FLOW}), EVERY_ACTIVITY - {Activity.LOGIN}])
def test_every_record_of_a_firm_has_the_same_fate_and_time_and_who_asks_gets_the_same_events(recording, asked):
    left = sum(same(raw.feed, raw.data, asked, raw.o) for raw in recording.raws)
    assert left > 100


@pytest.mark.parametrize(
    "line",
    [
        FORTIGATE,
        f"<189>{FORTIGATE}",
        FORTIGATE.replace("eventtime=1772417465630652000 ", ""),
        FORTIGATE.replace("1772417465630652000", "1672417465630652000"),  # contradicts the date, which decides
        FORTIGATE.replace("1772417465630652000", "17724174656306520001"),
        FORTIGATE.replace("2026-03-02", "2026-13-02"),
        FORTIGATE.replace("2026-03-02", "2026-13-02").replace("eventtime=1772417465630652000 ", ""),
        FORTIGATE.replace('devname="fw"', 'devname="fw type=event"'),
        FORTIGATE.replace('devname="fw"', r'devname="fw\" date=2020-01-01"'),
        FORTIGATE + ' date=2020-01-01 eventtime=1 type="event"',  # of a key that comes twice the first one counts
        FORTIGATE + r' url="C:\"',
        FORTIGATE.replace(" ", ","),
        FORTIGATE.replace('tz="+0800"', 'tz="nowhere"'),
    ],
)
def test_a_line_of_traffic_that_is_not_read_to_its_end_has_the_fate_and_time_of_the_whole(line):
    same("fortigate", line.encode(), PRODUCT)


def test_the_usual_line_of_traffic_is_not_read_to_its_end():
    (event,) = read("fortigate", FORTIGATE.encode(), PRODUCT)
    assert (event.activity, event.src_ip) == (Activity.FLOW, "")


@pytest.mark.parametrize("spoilt", ["src_port", "proto", "app_proto", "flow_id", "flow", "in_iface"])
def test_a_flow_with_a_value_of_a_wrong_type_is_refused_whoever_asks(spoilt):
    fields = {
        "timestamp": "2026-03-02T10:11:05.660283+0800", "flow_id": 1, "in_iface": "e0", "event_type": "flow", "src_ip": "10.0.0.1",
        "src_port": 5, "proto": "TCP", "app_proto": "tls", "flow": {"state": "closed"},
    }
    assert read("suricata", json.dumps(fields | {spoilt: [{}]}).encode(), EVERY_ACTIVITY) == "wrong_type"
    same("suricata", json.dumps(fields | {spoilt: [{}]}).encode(), PRODUCT)


@pytest.mark.parametrize("spoilt", ["remote_port", "remote_address", "local_port"])
def test_a_web_request_with_a_value_of_a_wrong_type_is_refused_whoever_asks(spoilt):
    transaction = {"time": "02/Mar/2026:10:11:04 +0800", "transaction_id": "Z", "remote_address": "203.0.113.1", "remote_port": 1}
    data = json.dumps({"transaction": transaction | {spoilt: [{}]}, "request": {}, "response": {"status": 200}}).encode()
    assert read("modsecurity", data, EVERY_ACTIVITY) == "wrong_type"
    same("modsecurity", data, PRODUCT)


@pytest.mark.corpora
def test_every_line_of_the_public_corpora_has_the_same_fate_and_time(corpora):
    for feed in registry.load():
        for path in sorted(corpora.rglob("*.log"))[:40]:
            for line in path.read_bytes().splitlines()[:200]:
                same(feed, line, PRODUCT)
