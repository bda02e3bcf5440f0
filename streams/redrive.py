"""What to send again for a dead letter: the raw record in its old envelope, the parked event's name, the violation. Pure."""

from collections.abc import Mapping

import msgspec

from schemas.context import Source
from schemas.coverage import Coverage
from schemas.log import Unparked
from schemas.violation import Violation
from sinks.deadletter import KEPT_BYTES, DeadLetter
from streams.stage import Raw


class Final(ValueError):
    """The letter cannot be sent again; the text says what to do instead."""


def whole(letter: DeadLetter) -> bytes:
    """The bytes of the record. Raises Final if the letter has only their beginning."""
    if letter.length > len(letter.raw):
        raise Final(
            f"the letter keeps the first {KEPT_BYTES >> 10} KiB of {letter.length} bytes; mend the source and have it send the"
            f" record again (it is at {letter.source or letter.topic}, {letter.topic} {letter.partition}:{letter.offset})"
        )
    return letter.raw


def raw(letter: DeadLetter, sources: Mapping[str, Source], data: bytes) -> Raw:
    """The raw record of ``data`` as it was collected, so that its events have the ids they would have had.

    Only the feed is the one that is configured for its source now: a wrong one may be why it could not be read.
    """
    source = sources.get(letter.source)
    feed = source.feed if source is not None else letter.feed
    return Raw(letter.source, feed, data, letter.observed, letter.ordinal, letter.line)


def unparked(letter: DeadLetter) -> Unparked:
    """The control record that takes the parked mark away. Raises Final if the letter does not tell which."""
    try:
        return msgspec.json.decode(letter.raw, type=Unparked)
    except msgspec.DecodeError as error:
        raise Final(f"the letter does not tell fold, key and event ({error}); judge its event by a replay") from error


def stored(letter: DeadLetter) -> Violation | Coverage:
    """What the store refused. Raises Final if it cannot be read from the letter."""
    model = Coverage if letter.reason == "bad_coverage" else Violation
    try:
        return model.model_validate_json(whole(letter))
    except Final:
        raise
    except ValueError as error:
        what = model.__name__.lower()
        raise Final(f"it is no {what} of this version ({str(error)[:200]}); run the version that wrote it") from error
