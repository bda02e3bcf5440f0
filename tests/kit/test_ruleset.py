"""Which folds an event is routed to: by activity, by a value it must have, each once and in the order of declaration."""

import msgspec
import pytest

from detectors.kit import registry
from detectors.kit.contract import Detector, Fold, FoldState, Keying, Step
from detectors.kit.registry import Loaded, Ruleset
from schemas.event import Activity, SecurityEvent
from schemas.violation import Severity

USER = Keying("user", lambda event: (event.user,) if event.user else None)
HOST = Keying("host", lambda event: (event.host,))


def fold(name, keying=USER, activity=Activity.LOGIN, where=None, **more):
    return Fold(
        name=name, keying=keying, activities=frozenset({activity}), init=FoldState(), step=lambda *_: Step(None), where=where, **more
    )


def rules(*folds):
    detector = Detector(clauses=("CC-18000.3.e",), feeds=("idp",), severity=Severity.HIGH, folds=folds, subtypes=())
    return Ruleset([Loaded(id="toy", detector=detector, title="", doc="", version="1")])


def event(**fields):
    base = {"id": "e", "t": 1, "o": 1, "feed": "x", "source": "s", "activity": Activity.LOGIN, "user": "u", "host": "h"}
    return SecurityEvent(**(base | fields))


def names(found, kind, item):
    return [rule.fold.name for rule in found.interested(kind, item)]


FOUND = rules(
    fold("code-a", where=("code", frozenset({"a", "b"}))),
    fold("any"),
    fold("action-x", where=("action", frozenset({"x"}))),
    fold("code-b", where=("code", frozenset({"b"}))),
    fold("host-a", HOST, where=("code", frozenset({"a"}))),
    fold("fact", HOST, Activity.FACT, facts=frozenset({"many"}), stage=1),
)  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "of_user", "of_host"),
    [
        ({}, ["any"], []),
        ({"code": "a"}, ["code-a", "any"], ["host-a"]),
        ({"code": "b"}, ["code-a", "any", "code-b"], []),
        ({"code": "b", "action": "x"}, ["code-a", "any", "action-x", "code-b"], []),
        ({"code": "nobody asks for this"}, ["any"], []),
        ({"activity": Activity.FLOW, "code": "a"}, [], []),
        ({"activity": Activity.FACT, "action": "many"}, [], ["fact"]),
        ({"activity": Activity.FACT, "action": "few"}, [], []),
    ],
)
def test_an_event_finds_the_folds_that_want_its_values_once_and_in_order(fields, of_user, of_host):
    item = event(**fields)
    assert (names(FOUND, "user", item), names(FOUND, "host", item)) == (of_user, of_host)
    assert [kind for kind, _ in FOUND.routes(item)] == ["user"] * bool(of_user) + ["host"] * bool(of_host)


def test_an_event_without_the_key_has_no_route():
    assert FOUND.routes(event(user="")) == []


def test_a_fold_may_not_ask_for_what_no_event_has():
    wrong = fold("typo", where=("cdoe", frozenset({"a"})))
    (one,) = rules(wrong).detectors
    with pytest.raises(ValueError, match="'cdoe', which no event has"):
        registry._check("toy", one.detector)


def test_routes_are_told_on_the_wire_as_they_are_found():
    assert msgspec.json.encode(FOUND.routes(event(code="a"))) == b'[["user",["u"]],["host",["h"]]]'
