"""What the final set is, by definition (``docs/decisions/0004-one-truth.md``): slow, plain, and sharing nothing with the engine.

All records at once; for each stage, fold and key: the accepted events in order, from the empty state, once.
"""

from fnmatch import fnmatchcase
from typing import NamedTuple

import msgspec

from schemas import identity, tables
from schemas.context import Interval
from schemas.event import Activity, SecurityEvent

SKEW = 120_000_000


class Known(NamedTuple):
    """An entry of context as folds read it."""

    id: str
    t: int
    o: int
    data: object
    source: str


class Reading:
    """Context as of an observed time: of each record the newest statement observed by then."""

    def __init__(self, records, until):
        newest = {}
        for record in records:
            place = (record.table, record.id)
            weight = (record.t, msgspec.json.encode(record.data, order="sorted"), -record.o)
            if record.o <= until and (place not in newest or weight > newest[place][0]):
                newest[place] = (weight, record)
        self.records = [record for _, record in newest.values()]

    def all(self, table, entity):
        found = []
        for record in self.records:
            if record.table == table:
                typed = tables.model(record)
                if entity in set(tables.entities(table, typed)):
                    found.append(Known(record.id, record.t, record.o, typed, record.source))
        return tuple(sorted(found, key=lambda entry: (entry.t, entry.id)))

    def as_of(self, table, entity, t):
        return tuple(
            entry for entry in self.all(table, entity)
            if (entry.data.holds(t) if isinstance(entry.data, Interval) else entry.data.updated <= t)
        )  # fmt: skip


def final(ruleset, events, context, until, *, waiving=None):
    """The final set at truth time ``until``: violation id -> what the canonical form says of it.

    ``waiving``: the ruleset whose memory limits exceptions, if not the same.
    """
    unique = {}
    for event in events:
        if event.o - event.t < -SKEW:
            continue  # who says so has a wrong clock: a dead letter of the stage before, and no copy of the event
        if event.id not in unique or event.o < unique[event.id].o:
            unique[event.id] = event
    found, pool = {}, list(unique.values())
    for stage in range(4):
        told = {}
        for rule in ruleset.rules:
            if rule.fold.stage == stage:
                _fold(rule, pool, context, until, found, told)
        pool += told.values()
    limits = (waiving or ruleset).rules
    return {id_: _state(limits[rule.index], item, context) for id_, (rule, item) in found.items() if item.settle_at <= until}


def _fold(rule, pool, context, until, found, told):
    fold = rule.fold
    keys = {}
    for event in pool:
        wanted = event.action in fold.facts if event.activity == Activity.FACT else event.activity in fold.activities
        if wanted and event.t <= until and -SKEW <= event.o - event.t <= fold.memory and fold.keying.of(event) is not None:
            keys.setdefault(fold.keying.of(event), []).append(event)
    for key, own in keys.items():
        state = fold.init
        steps = [(event.t, event) for event in sorted(own, key=lambda event: (event.t, event.rank, event.seq, event.id))]
        for at, event in [*steps, (until + 1, None)]:
            while state.deadline is not None and state.deadline < at:
                due = state.deadline
                state, out = fold.overdue(state, due, Reading(context, due + fold.memory + fold.lookback))
                state = fold.init if state is None else state
                _emit(rule, key, out, due, found, told)
            if event is not None:
                state, out = fold.step(state, event, Reading(context, event.o + fold.lookback))
                state = fold.init if state is None else state
                _emit(rule, key, out, event.o, found, told)


def _emit(rule, key, out, o, found, told):
    for item in out:
        if hasattr(item, "anchor"):
            id_ = identity.violation_id(rule.detector.id, item.subtype, rule.fold.keying.kind, key, item.anchor, item.part)
            found[id_] = (rule, item)
            continue
        body = msgspec.json.encode(dict(item.payload), order="sorted").decode()
        id_ = identity.digest((rule.id, item.kind, item.key, str(item.t), *key, body))
        event = SecurityEvent(
            id=id_, t=item.t, o=max(o, item.t), feed="fact", source=rule.detector.id, activity=Activity.FACT,
            action=item.kind, ref=item.key, extra=dict(item.payload) | dict(item.origin),
        )  # fmt: skip
        told.setdefault(id_, event)


def _state(rule, item, context):
    fold = rule.fold
    known = Reading(context, item.last_time + fold.memory + fold.lookback)
    exception = None
    for entry in known.as_of("exceptions", rule.detector.id, item.anchor_time):
        waiver = entry.data
        if waiver.subtypes and item.subtype not in waiver.subtypes:
            continue
        if all(fnmatchcase(str(item.subject.get(name) or ""), pattern) for name, pattern in waiver.subject.items()):
            exception = waiver.exception
            break
    state = str(item.state)
    if state != "retracted" and exception is not None:
        state = "excepted"
    else:
        exception = None if state == "retracted" else exception
    evidence = [(shown.event_id, dict(shown.values)) for shown in item.evidence]
    return (item.subtype, state, exception, dict(item.subject), item.count, item.first_time, item.last_time, item.approval,
            tuple(item.reasons), tuple(item.persons), evidence)  # fmt: skip


def shown(violation):
    """The same of a violation that the engine published."""
    evidence = [(item.event_id, dict(item.values)) for item in violation.evidence]
    return (violation.subtype, str(violation.state), violation.exception, dict(violation.subject), violation.count,
            violation.first_time, violation.last_time, violation.approval, tuple(violation.reasons),
            tuple(violation.persons), evidence)  # fmt: skip
