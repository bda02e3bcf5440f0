"""What became of one event: which folds took it, what each made of it and looked up, and why the others did not take it.

All of it comes from the engine itself, nothing is written by hand for a detector: what a state means stands in docs/detectors.md.
"""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import msgspec
from pydantic import BaseModel

from detectors.kit.context import ContextStore, Standing
from detectors.kit.contract import SKEW, Finding, FoldState
from detectors.kit.engine import Batch, Engine
from detectors.kit.keyed import KeyedFold
from detectors.kit.registry import Rule, Ruleset
from schemas import instant
from schemas.event import Activity, SecurityEvent
from schemas.identity import Key
from schemas.log import Keyed, LogRecord, Progress

_FEW = 5
_WIDTH = 40
_TIMES = instant.parse("2000-01-01T00:00:00Z")  # a number above is a time (µs)

Place = tuple[int, Key]


class Overheard(ContextStore):
    """Context that also tells who looked up what, and what was found."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[tuple[Hashable, str, str], tuple[Standing, ...]] = {}

    def read(self, table: str, entity: str, reader: Hashable) -> tuple[Standing, ...]:
        """See :class:`detectors.kit.context.ContextStore`."""
        found = self.asked[reader, table, entity] = super().read(table, entity, reader)
        return found


class Explainer:
    """An engine that tells what each record did in it."""

    def __init__(self, ruleset: Ruleset) -> None:
        self._ruleset = ruleset
        self._context = Overheard()
        self._engine = Engine(ruleset, context=self._context)
        self._last: dict[Place, Told] = {}  # as it was when last told: facts are applied where nobody looks

    def take(self, records: list[LogRecord], observed: int) -> tuple[list[dict[str, Any]], Batch]:
        """Judge what one raw record became, observed at ``observed`` (µs).

        Returns a row for each fold that took an event of it, or a fact told because of it, and what came out.
        """
        rows: list[dict[str, Any]] = []
        for record in records:
            before = self._tails(record)
            self._context.asked.clear()
            self._engine.apply(record)
            if isinstance(record, Keyed):
                rows += self._rows(record, before)
        self._context.asked.clear()
        self._engine.apply(Progress(part=0, parts=1, observed=observed))
        batch = self._engine.drain()
        for looped in batch.looped:
            if isinstance(looped, Keyed):
                rows += self._rows(looped, self._last)
        return rows, batch

    def passed_over(self, event: SecurityEvent) -> list[dict[str, str]]:
        """The folds that want such events and not this one, each with the reason; one row without a fold if none wants any."""
        wanting = [rule for rule in self._ruleset.rules if event.activity in rule.fold.activities]
        if not wanting:
            return [{"fold": "", "event": event.activity, "why": f"no detector asks for {event.activity}"}]
        taken = {rule.id for kind, _ in self._ruleset.routes(event) for rule in self._ruleset.interested(kind, event)}
        return [
            {"fold": rule.id, "event": event.activity, "why": _unwanted(rule, event)} for rule in wanting if rule.id not in taken
        ]

    def _places(self, record: Keyed) -> Iterator[tuple[Rule, Key]]:
        for kind, key in record.routes:
            for rule in self._ruleset.interested(kind, record.event):
                yield rule, tuple(key)

    def _tails(self, record: LogRecord) -> dict[Place, "Told"]:
        if not isinstance(record, Keyed):
            return {}
        places = [(rule.index, key) for rule, key in self._places(record)]
        return {place: told(self._engine.keys[place]) for place in places if place in self._engine.keys}

    def _rows(self, record: Keyed, before: Mapping[Place, "Told"]) -> Iterator[dict[str, Any]]:
        event = record.event
        for rule, key in self._places(record):
            place = (rule.index, key)
            old, keyed = before.get(place), self._engine.keys.get(place)
            new = _NOTHING if keyed is None else told(keyed)
            facts = [fact for id_, fact in new.facts.items() if old is None or id_ not in old.facts]
            row: dict[str, Any] = {
                "fold": rule.id, "event": event.activity if event.activity != Activity.FACT else f"fact {event.action}",
                "key": list(key), "before": None if old is None else plain(old.state),
                "after": None if keyed is None else plain(new.state),
                "deadline": None if new.state.deadline is None else instant.text(new.state.deadline),
                "findings": [_finding(item) for item in new.findings.values()],
                "facts": [{"kind": fact.action, "key": fact.ref} for fact in facts],
                "looked_up": [
                    {"table": table, "entity": entity, "found": [item.entry.id for item in found]}
                    for (reader, table, entity), found in self._context.asked.items() if reader == place
                ],
            }  # fmt: skip
            self._last[place] = new
            row["why"] = "; ".join(_why(rule, event, keyed, old, row))
            yield row


class Told(msgspec.Struct, frozen=True):
    """What a fold holds for a key: its state, what it found, what it told other folds, and which events it keeps."""

    state: FoldState
    findings: dict[str, Finding]
    facts: dict[str, SecurityEvent]
    events: frozenset[str]


_NOTHING = Told(FoldState(), {}, {}, frozenset())


def told(keyed: KeyedFold) -> Told:
    """``keyed`` as it stands now."""
    used = keyed.used
    return Told(keyed.tail, dict(keyed.findings) if used else {}, dict(keyed.facts) if used else {}, frozenset(keyed.events))


def plain(value: Any) -> Any:
    """A fold's state as plain data."""
    return msgspec.to_builtins(value, str_keys=True, enc_hook=_model)


def _model(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise NotImplementedError(f"a state holds a {type(value).__name__}, which has no plain form")


def _finding(item: Finding) -> dict[str, Any]:
    return {
        "subtype": item.subtype, "state": item.state.value, "count": item.count, "approval": item.approval,
        "reasons": list(item.reasons), "settles": instant.text(item.settle_at) if item.settle_at else None,
    }  # fmt: skip


def _unwanted(rule: Rule, event: SecurityEvent) -> str:
    where = ("action", rule.fold.facts) if event.activity == Activity.FACT else rule.fold.where
    if where is not None and getattr(event, where[0]) not in where[1]:
        return f"asks only for {where[0]} {_few(sorted(where[1]))}; here it is {getattr(event, where[0])!r}"
    return f"the record does not tell what its key ({rule.fold.keying.kind}) is made of, or is none of its matter"


def _why(rule: Rule, event: SecurityEvent, keyed: KeyedFold | None, old: Told | None, row: Mapping[str, Any]) -> Iterator[str]:
    """In words, what is known of why ``event`` led to a finding or not."""
    delay = event.o - event.t
    if old is not None and event.id in old.events:
        yield "a copy of a record that it had taken before"
    elif delay > rule.fold.memory or delay < -SKEW:
        allowed = f"this fold allows {-SKEW // instant.SECOND} to {rule.fold.memory // instant.SECOND} s"
        yield f"not judged: observed {delay // instant.SECOND} s after its own time; {allowed}"
        return
    if keyed is not None and event.id in keyed.parked:
        yield f"not judged: the fold failed on it ({keyed.parked[event.id]})"
        return
    for item in row["findings"]:
        under = f" under {item['approval']}" if item["approval"] else ""
        reasons = f", reasons {', '.join(item['reasons'])}" if item["reasons"] else ""
        final = f", final at {item['settles']} at the earliest" if item["settles"] else ""
        yield f"finding of this key: {item['subtype']} [{item['state']}]{under}, count {item['count']}{reasons}{final}"
    if not row["findings"]:
        yield "no finding"
    yield _change(row["before"], row["after"])
    if row["deadline"] is not None:
        passed = instant.parse(row["deadline"]) <= event.o
        yield f"still open: deadline {row['deadline']}{', which has passed and is judged next' if passed else ''}"
    for fact in row["facts"]:
        yield f"told other folds: {fact['kind']} {fact['key']}"
    yield from _looks(row["looked_up"])


def _change(before: Any, after: Any) -> str:
    if not after:
        return "it keeps nothing for this key" if not before else "it keeps nothing for this key any more"
    if before == after:
        return "its state did not change: the event counts for nothing here"
    changed = sorted(_differences("", before or {}, after))
    return f"its state changed: {_few([words for _, words in changed])}"


def _differences(path: str, old: Any, new: Any) -> Iterator[tuple[bool, str]]:
    """What differs, down to the smallest part, in words; False before those of collections that hold more or less."""
    if old == new or path == ".deadline":  # it is told apart
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name in {**old, **new}:
            yield from _differences(f"{path}.{name}", old.get(name), new.get(name))
    elif isinstance(old or (), list | tuple) and isinstance(new or (), list | tuple):
        before, after = len(old or ()), len(new or ())
        if before != after:
            yield False, f"{path[1:]} {before} → {after} {'entry' if after == 1 else 'entries'}"
            return
        for place, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differences(f"{path}[{place}]", one, other)
    else:
        yield True, f"{path[1:]} {_shown(old)} → {_shown(new)}"


def _shown(value: Any) -> str:
    if isinstance(value, int) and value > _TIMES:
        return instant.text(value)
    text = "nothing" if value is None else str(value)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"


def _looks(looked_up: list[Mapping[str, Any]]) -> Iterator[str]:
    nothing: dict[str, list[str]] = {}
    for look in looked_up:
        if look["found"]:
            count = len(look["found"])
            yield f"looked up {look['table']} of {look['entity']}: {count} known ({_few(look['found'])})"
        else:
            nothing.setdefault(look["table"], []).append(look["entity"])
    for table, entities in nothing.items():
        yield f"looked up {table} of {_few(entities)}: none known"


def _few(items: list[str]) -> str:
    shown = ", ".join(items[:_FEW])
    return shown if len(items) <= _FEW else f"{shown} and {len(items) - _FEW} more"
