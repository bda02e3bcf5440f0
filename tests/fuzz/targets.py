"""Every decoder of bytes from outside, as a function that may raise only what its callers expect."""

from collections.abc import Callable
from functools import partial

import msgspec
from pydantic import ValidationError

from detectors.kit import registry, restoring
from detectors.kit.engine import Engine
from detectors.kit.registry import Ruleset
from schemas import instant, log
from schemas.context import Source
from schemas.log import Incompatible
from sinks import deadletter
from streams.feeds.kit import registry as feeds
from streams.kafka.normalizing import decode_raw, encode_raw
from streams.stage import EVERYTHING, Heartbeat, NormalizeStage, Raw
from tests.hostile import table
from tests.kit import toys

RULESET = Ruleset(registry.load().values())
NINE = instant.parse("2026-03-02T09:00:00Z")
Target = Callable[[bytes], None]


def feed(name: str, data: bytes) -> None:
    """A raw record has one fate, and its parser is not what trips; what comes of it travels."""
    stage = NormalizeStage(RULESET, {"bad": Source(source="bad", feed=name)}, partitions=3)
    stage.take(Raw("bad", name, data, NINE, 0, 1))
    output = stage.drain()
    counters = stage.counters
    assert counters["read"] == 1 == counters["parsed"] + counters["filtered"] + counters["dead"]
    assert all(dead.reason != "parser_error" for dead in output.dead), [dead.detail for dead in output.dead]
    for _, record in output.records:
        assert log.decode(log.encode(record)) == record


def envelope(data: bytes) -> None:
    """Topic ``raw``: what is no envelope is a msgspec error, which makes it a dead letter."""
    try:
        record = decode_raw(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return
    decode_raw(encode_raw(record))


def logged(data: bytes) -> None:
    """Topic ``events``: read, or refused as of another version, or no record."""
    try:
        log.decode(data)
    except (Incompatible, msgspec.MsgspecError, UnicodeDecodeError):
        return


def letter(data: bytes) -> None:
    """Topic ``deadletter``."""
    try:
        found = deadletter.decode(data)
    except ValidationError:
        return
    deadletter.shown(found)


def stored(data: bytes) -> None:
    """The changelog: our own, behind checksums; broken bytes are an error and never half a state."""
    kinds = (b'["h","toy/user","a"]', b'["m"]', b'["c","accounts","x"]', b'["b","toy/user","a","0"]')
    key = kinds[data[0] % len(kinds)] if data else kinds[0]
    try:
        restoring.restore(Engine(toys.RULES), [(key.decode(), data[1:])])
    except (Incompatible, msgspec.MsgspecError, UnicodeDecodeError, KeyError, ValueError):
        return


TARGETS: dict[str, Target] = {
    **{name: partial(feed, name) for name in sorted(feeds.load())},
    "envelope": envelope, "log": logged, "letter": letter, "changelog": stored,
}  # fmt: skip


def seeds(name: str) -> list[bytes]:
    """Inputs to begin with."""
    if name == "envelope":
        return [encode_raw(Raw("s", "linux", b"x", NINE, 0, 1)), encode_raw(Heartbeat(EVERYTHING, NINE))]
    if name == "log":
        return [log.encode(log.Progress(part=0, parts=1, observed=1)), log.encode(log.Keyed(toys.login(1, 1), (("user", ("a",)),)))]
    if name in feeds.load():
        return [bad.data[:2000] for bad in table.of_feed(name)]
    return [b"{}"]
