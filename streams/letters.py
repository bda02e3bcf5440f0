"""Dead letters of the stages: what could not be read, what a fold could not judge, what could not be delivered."""

from detectors.kit.engine import Parked
from schemas import log
from schemas.log import Unparked
from sinks.contract import Refused
from sinks.deadletter import DeadLetter, dead_letter
from sinks.encoding import remains
from streams.stage import Dead


def unread(dead: Dead, *, topic: str, partition: int, offset: int) -> DeadLetter:
    """A raw record that could not be normalised; ``topic``, ``partition`` and ``offset`` say where it stands."""
    raw = dead.raw
    return dead_letter(
        reason=dead.reason, detail=dead.detail, stage="normalize", topic=topic, partition=partition, offset=offset,
        raw=raw.data, source=raw.source, feed=raw.feed, ordinal=raw.ordinal, line=raw.line, observed=raw.o,
        length=raw.length or None, digest_of_whole=raw.sha256,
    )  # fmt: skip


def unjudged(parked: Parked, *, topic: str, partition: int) -> DeadLetter:
    """An event that crashed a fold; parked once per fold and event, wherever the batch ended.

    Its bytes are the record of the log by which it can be judged after all.
    """
    return dead_letter(
        reason="fold_crashed", detail=f"{parked.rule} {list(parked.key)}: {parked.error}", stage="detect", topic=topic,
        partition=partition, offset=0, part=f"{parked.rule}/{parked.event_id}",
        raw=log.encode(Unparked(parked.event_id, parked.rule, parked.key)),
    )  # fmt: skip


def no_coverage(value: bytes, error: ValueError, *, topic: str, partition: int, offset: int) -> DeadLetter:
    """A record of topic ``coverage`` that is none, for example of another version."""
    return dead_letter(
        reason="bad_coverage", detail=str(error), stage="deliver", topic=topic, partition=partition, offset=offset, raw=value,
    )  # fmt: skip


def unstored(refused: Refused) -> DeadLetter:
    """A violation that a store refused for good."""
    violation = refused.violation
    return dead_letter(
        reason=refused.reason, detail=refused.detail, stage="deliver", topic="violations", partition=0,
        offset=violation.transition.number, raw=remains(violation), part=violation.id,
    )  # fmt: skip
