"""What topics hold besides the engine's state, for another number of partitions: where each record goes, and as what. Pure."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

import msgspec
from pydantic import ValidationError

from detectors.kit.registry import Ruleset
from schemas import identity
from schemas.event import SecurityEvent
from schemas.log import Incompatible, Unparked
from sinks import deadletter, redriven
from streams.kafka.normalizing import META
from streams.layout import Layout
from streams.stage import KEPT, Kept

_kept = msgspec.msgpack.Decoder(Kept).decode
_heard = msgspec.json.Decoder(tuple[str, str, int]).decode
_event = msgspec.json.Decoder(SecurityEvent).decode
_unparked = msgspec.json.Decoder(Unparked).decode


def normalized(partitions: Sequence[Mapping[str, bytes]], raw: int) -> list[dict[str, bytes]]:
    """State of the normalise stage by raw partition: clocks and heard minutes go with their sources; counters begin anew.

    Raises:
        Incompatible: a later version wrote it.
    """
    same = len(partitions) == raw
    clocks: list[dict[str, int]] = [{} for _ in range(raw)]
    moved: list[dict[str, bytes]] = [{} for _ in range(raw)]
    for part, records in enumerate(partitions):
        for name, value in records.items():
            if name == META:
                kept = _kept(value)
                if kept.schema > KEPT:
                    raise Incompatible(f"stored state has schema {kept.schema}, this version reads up to {KEPT}; run a later one")
                for source, reached in kept.clocks.items():
                    own = clocks[part if same else _place(source, raw)]
                    own[source] = max(reached, own.get(source, 0))
                continue
            place = moved[part if same else _place(_heard(name)[1], raw)]
            place[name] = str(int(value) | int(place.get(name, b"0"))).encode()
    for place, own in zip(moved, clocks, strict=True):
        place[META] = msgspec.msgpack.encode(Kept({}, {}, own, parts=raw))
    return moved


def _place(source: str, raw: int) -> int:
    return identity.partition("source", (source,), raw)


class Copying:
    """Records of the other topics: the partition in ``new``, and the value, of each; to be asked in the order of a topic."""

    def __init__(self, ruleset: Ruleset, new: Layout) -> None:
        self._rules = {rule.id: rule.fold.keying for rule in ruleset.rules}
        self._new = new
        self._letters: list[int] = []

    def moved(self, topic: str, offset: int, key: bytes | None, value: bytes) -> tuple[int, bytes]:
        """Where a record of ``topic`` goes, and as what."""
        if topic in {"violations", "actions"}:
            return identity.partition("violation", ((key or b"").decode(),), self._new.keyed), value
        if topic == "late":
            return self._late((key or b"").decode(), value), value
        if topic == "deadletter":
            self._letters.append(offset)
            return 0, self._letter(value)
        if topic == "redriven":
            mark = redriven.decode(value)
            upto = bisect_right(self._letters, mark.upto) - 1
            return 0, redriven.encode(mark.model_copy(update={"upto": upto}))
        return 0, value

    def _late(self, rule: str, value: bytes) -> int:
        """Where the key lives that would have judged the event; of a fold that is not loaded nobody asks."""
        keying = self._rules.get(rule)
        key = keying.of(_event(value)) if keying is not None else None
        return identity.partition(keying.kind, key, self._new.keyed) if keying is not None and key is not None else 0

    def _letter(self, value: bytes) -> bytes:
        """A parked event is sent again to the owner of its key; where an unreadable record stands is not changed by a copy."""
        try:
            letter = deadletter.decode(value)
            if letter.stage != "detect":
                return value
            parked = _unparked(letter.raw)
        except (ValidationError, msgspec.DecodeError):
            return value
        keying = self._rules.get(parked.rule)
        if keying is None:
            return value
        place = identity.partition(keying.kind, parked.key, self._new.keyed)
        return deadletter.encode(letter.model_copy(update={"topic": self._new.name("events"), "partition": place}))
