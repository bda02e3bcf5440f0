"""An engine's state for another number of partitions: every record of the changelog to where its key lives then. Pure.

Used by ``streams/kafka/migrating.py`` while nothing runs. What belongs to a key goes as it is written, so that a key's history,
numbers and horizon are what they were; what all partitions share (context, clocks) is made anew of what each of them knew.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from detectors.kit import changelog, restoring
from detectors.kit.changelog import Change
from detectors.kit.engine import Engine
from detectors.kit.registry import Ruleset
from schemas import identity
from schemas.log import Incompatible, Progress, Stated

TRAILING = {"h": 0, "b": 1, "v": 1}
"""Kinds of record that belong to one key -> how many parts of their name stand behind it."""
STAGES = 3


class Moving:
    """Moves the state of all partitions, taken one after the other.

    ``before``, ``after``: raw and keyed partitions.
    """

    def __init__(self, ruleset: Ruleset, *, before: tuple[int, int], after: tuple[int, int]) -> None:
        self._ruleset = ruleset
        self._before = before
        self._after = after
        self._kinds = {rule.id: rule.fold.keying.kind for rule in ruleset.rules}
        self._merged = Engine(ruleset, raw_partitions=after[0], partitions=after[1])
        self._clocks: list[Engine] = []

    def take(self, records: Mapping[str, bytes]) -> Iterator[tuple[int, str, bytes]]:
        """The records of one partition that belong to keys, each with its new partition.

        Raises:
            Incompatible: a record is of a fold that is not loaded, of an unknown kind, or of a schema that is not readable.
        """
        shared: list[tuple[str, bytes]] = []
        for name, value in records.items():
            kind, *rest = msgspec.json.decode(name, type=list[str])
            if kind in TRAILING:
                yield self._place(rest[0], rest[1 : len(rest) - TRAILING[kind]]), name, value
            elif kind in {"c", "m"}:
                shared.append((name, value))
            else:
                raise Incompatible(f"the stored state holds a record {name[:200]}, unknown to this version; run a later one")
        self._share(shared)

    def shared(self) -> list[Change]:
        """The records that every new partition begins with; when all old ones have been taken."""
        merged = self._merged
        for progress in (*self._raw_progress(), *self._stage_progress()):
            merged.apply(progress)
        merged.counters.clear()
        merged.trimmed = max((engine.trimmed for engine in self._clocks), default=0)
        merged.trims = max((engine.trims for engine in self._clocks), default=0)
        return changelog.changes(merged)

    def observed(self) -> int:
        """Everything observed before this instant has been judged (µs; 0: not known); after :meth:`shared`."""
        return self._merged.observed()

    def _place(self, rule: str, key: Iterable[str]) -> int:
        if rule not in self._kinds:
            raise Incompatible(f"state of fold {rule} is stored, but no such fold is loaded; load its detector")
        return identity.partition(self._kinds[rule], tuple(key), self._after[1])

    def _share(self, records: list[tuple[str, bytes]]) -> None:
        """Context and clocks of one partition. All partitions are told the same; who was told less has lost records."""
        engine = Engine(self._ruleset, raw_partitions=self._before[0], partitions=self._before[1])
        restoring.restore(engine, records)
        for name, _ in records:
            kind, *place = msgspec.json.decode(name, type=list[str])
            for statement in engine.context.statements(*place) if kind == "c" else ():
                self._merged.apply(Stated(statement))
        engine.context = self._merged.context  # held once
        self._clocks.append(engine)

    def _raw_progress(self) -> Iterator[Progress]:
        """Writers go on where they were; new ones are as far as the one that was least far, so that time stands still."""
        raw = self._after[0]
        told: dict[int, Progress] = {}
        for engine in self._clocks:
            for (stage, part), progress in engine.progress.items():
                if stage < 0 and (part not in told or progress.observed > told[part].observed):
                    told[part] = progress
        if raw == self._before[0]:
            yield from (told[part] for part in sorted(told))
        elif len(told) == self._before[0]:
            watermarks: dict[str, int] = {}
            for progress in told.values():
                for kind, watermark in progress.watermarks.items():
                    watermarks[kind] = min(watermark, watermarks.get(kind, watermark))
            blind = tuple(sorted({source for progress in told.values() for source in progress.blind}))
            observed = min(progress.observed for progress in told.values())
            for part in range(raw):
                yield Progress(part=part, parts=raw, observed=observed, watermarks=watermarks, blind=blind)

    def _stage_progress(self) -> Iterator[Progress]:
        """Each stage goes on from where all partitions had come."""
        keyed = self._after[1]
        for stage in range(STAGES):
            observed = min((engine.observed(stage + 1) for engine in self._clocks), default=0)
            if observed:
                yield from (Progress(part=part, parts=keyed, observed=observed, stage=stage) for part in range(keyed))
