"""The keyed log under the partitions of a production worker: made as its normalisers would together, and compared with the narrow one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256

from detectors.kit.registry import Ruleset
from schemas import log
from schemas.context import Source
from schemas.log import Keyed, Stated
from streams.layout import Layout
from streams.stage import Heartbeat, NormalizeStage, Raw
from tests.bench.records import decode_raw


def logged(raws: Sequence[Sequence[bytes]], rules: Ruleset, sources: Mapping[str, Source], layout: Layout) -> list[list[bytes]]:
    """Encoded records of each keyed partition, from those of each raw partition; from heartbeat to heartbeat all keep pace."""
    stages = [
        NormalizeStage(rules, sources, partitions=layout.keyed, part=part, parts=layout.raw) for part in range(layout.raw)
    ]
    made: list[list[bytes]] = [[] for _ in range(layout.keyed)]
    for together in zip(*map(_spans, raws), strict=True):
        for stage, span in zip(stages, together, strict=True):
            feed(stage, span)
            for place, record in stage.drain().records:
                made[place].append(log.encode(record))
    return made


def feed(stage: NormalizeStage, values: Iterable[bytes]) -> None:
    """Give encoded records of ``raw`` to a stage."""
    for value in values:
        item = decode_raw(value)
        if isinstance(item, Raw):
            stage.take(item)
        elif isinstance(item, Heartbeat):
            stage.beat(item)
        else:
            stage.state([item.record])


def digest_of_routes(partitions: Iterable[Iterable[bytes]]) -> str:
    """One hash of every event under each of its keys and of all context, wherever it lies and in whatever order."""
    rows: list[bytes] = []
    stated: set[bytes] = set()  # every partition has each
    for values in partitions:
        for value in values:
            record = log.decode(value)
            if isinstance(record, Keyed):
                rows += [log.encode(Keyed(record.event, (route,))) for route in record.routes]
            elif isinstance(record, Stated):
                stated.add(value)
    state = sha256()
    for row in (*sorted(rows), *sorted(stated)):
        state.update(len(row).to_bytes(4, "big") + row)
    return state.hexdigest()


def _spans(values: Sequence[bytes]) -> Iterator[list[bytes]]:
    """What lies between heartbeats, each with the one that ends it."""
    span: list[bytes] = []
    for value in values:
        span.append(value)
        if isinstance(decode_raw(value), Heartbeat):
            yield span
            span = []
    if span:
        raise ValueError("raw records must end with a heartbeat, as a recording on a broker does")
