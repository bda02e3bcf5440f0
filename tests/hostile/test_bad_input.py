"""Bad input stops, slows and changes nothing: each bad record has exactly one fate, and the good ones are judged as alone."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.kit import changelog, registry, restoring
from detectors.kit.engine import Engine
from detectors.kit.registry import Ruleset
from schemas import log
from schemas.context import Source
from schemas.log import Progress
from sinks.deadletter import encode
from streams import letters
from streams.feeds.kit import registry as feeds
from streams.layout import RECORD_LIMIT
from streams.stage import NormalizeStage, Raw
from tests.hostile import table
from tests.hostile.table import ANY, NINE

RULESET = Ruleset(registry.load().values())
FEEDS = sorted(feeds.load())
SECONDS = 0.5  # for one record; the largest have a megabyte


def source(feed: str) -> Source:
    return Source(source=f"{feed}@bad", feed=feed)


@pytest.mark.parametrize("feed", FEEDS)
def test_each_bad_record_has_one_fate_soon(feed):
    stage = NormalizeStage(RULESET, {f"{feed}@bad": source(feed)}, partitions=3)
    engine = Engine(RULESET)
    fates = {}
    for bad, raw in table.raws(feed, table.of_feed(feed), source=f"{feed}@bad"):
        begun = time.perf_counter()
        before = dict(stage.counters)
        stage.take(raw)
        output = stage.drain()
        for _, record in output.records:
            engine.apply(log.decode(log.encode(record)))
        assert time.perf_counter() - begun < SECONDS, bad.name
        [fate] = fated = [name for name in ("parsed", "filtered", "dead") if stage.counters[name] != before.get(name, 0)]
        if fate == "dead":
            [dead] = output.dead
            assert dead.raw is raw
            fate = dead.reason
        assert bad.fate in (ANY, fate, *fated), bad.name
        fates[bad.name] = fate
    assert "parser_error" not in fates.values(), {name: fate for name, fate in fates.items() if fate == "parser_error"}
    engine.apply(Progress(part=0, parts=1, observed=NINE + 1))
    batch = engine.drain()
    assert not batch.parked
    counters = engine.counters
    assert counters["routed"] == sum(counters[fate] for fate in ("judged", "late", "duplicate", "parked"))


PIECES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([bad.data[:2000] for feed in ("linux", "suricata") for bad in table.of_feed(feed)]),
    st.sampled_from([bad.data for _, bad in table.implausible()]),
    st.sampled_from([
        b"2026-03-02T09:00:00Z web sshd[7]: ", b"Failed password for root from 10.0.0.9 port 41000 ssh2", b"Accepted password for ",
        b'{"timestamp":"2026-03-02T09:00:00Z","event_type":"alert",', b"type=USER_AUTH msg=audit(1772442000.000:7): ", b" acct=", b"{", b'"',
        b'date=2026-03-02 time=09:00:00 devname="fw" type="event" cfgtid=7 cfgpath="firewall.policy" ', b",", b"\\", b"\r", b"}",
        b"1,2026/03/02 09:00:00,1,CONFIG,0,2561,2026/03/02 09:00:00,10.0.0.1,,commit,admin,Web,Succeeded,", b"<13>1 ", b"=", b"\xff",
        b"message repeated 30 times: [ ", b" ]", b"CEF:0|a|b|c|1|d|5|", b"LEEF:2.0|a|b|c|1|^|", b"99999999999999999999",
    ]),
)  # fmt: skip


@given(
    feed=st.sampled_from(FEEDS),
    records=st.lists(st.tuples(st.lists(PIECES, max_size=8).map(b"".join), st.integers(0, 4_000_000_000_000_000)), max_size=6),
    bare=st.booleans(),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_no_bytes_stop_normalising_or_judging(feed, records, bare):
    stage = NormalizeStage(RULESET, {f"{feed}@bad": source(feed)}, partitions=3)
    engine = Engine(RULESET)
    for number, (data, o) in enumerate(records):
        stage.take(Raw(f"{feed}@bad", feed, data, None if bare else o, 0, number))
    output = stage.drain()
    for _, record in output.records:
        engine.apply(log.decode(log.encode(record)))
    for dead in output.dead:
        encode(letters.unread(dead, topic="raw", partition=0, offset=0))
    engine.apply(Progress(part=0, parts=1, observed=4_100_000_000_000_000))
    batch = engine.drain()
    assert not batch.parked
    for violation in batch.violations:
        assert len(violation.model_dump_json()) < RECORD_LIMIT
    counters = stage.counters
    assert counters["read"] == counters["parsed"] + counters["filtered"] + counters["dead"] == len(records)
    assert engine.counters["routed"] == sum(engine.counters[fate] for fate in ("judged", "late", "duplicate", "parked"))


def test_long_lines_of_one_key_stay_below_every_limit_of_a_record():
    stage = NormalizeStage(RULESET, {"linux@bad": source("linux")}, partitions=1)
    engine = Engine(RULESET)
    tail = b"\x01" * 900_000
    for number in range(80):
        line = f"2026-03-02T09:00:{number % 60:02}Z web sshd[7]: Failed password for root from 10.0.0.9 port 41000 ssh2 ".encode()
        stage.take(Raw("linux@bad", "linux", line + (tail if number < 20 else tail[:20_000]), NINE + 60_000_000, 0, number))
    for _, record in stage.drain().records:
        sent = log.encode(record)
        assert len(sent) < RECORD_LIMIT
        engine.apply(log.decode(sent))
    violations = engine.drain().violations
    assert {violation.subtype for violation in violations} == {"CONTROL_FAILURE", "ATTACK_SUSPECTED"}
    assert max(len(violation.model_dump_json()) for violation in violations) < RECORD_LIMIT
    stored = changelog.changes(engine)
    assert max(len(value or b"") for _, value in stored) < RECORD_LIMIT
    again = Engine(RULESET)
    restoring.restore(again, [(name, value) for name, value in stored if value is not None])
    assert {id_ for keyed in again.keys.values() for id_ in keyed.events} == {
        id_ for keyed in engine.keys.values() for id_ in keyed.events
    }
