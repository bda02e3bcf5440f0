"""Properties of the log-in folds: the rule in words, any order of arrival, state that ends."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.logins import accounts, sessions
from schemas import instant
from schemas.event import Activity
from tests.detectors.harness import NoContext, at, bare, ended, judged, login

ID = "repeated_failed_logins"
DAY = 86_400


@st.composite
def session_story(draw):
    steps = draw(st.lists(st.tuples(st.integers(2, 40), st.sampled_from("fffffsdk")), min_size=1, max_size=25))
    t, events = 0, []
    for gap, kind in steps:
        t += gap
        events.append((t, kind))
    return events


def told(kind, second):
    if kind == "f":
        return login(second)
    if kind == "s":
        return login(second, ok=True)
    return ended(second, activity=Activity.DISCONNECT if kind == "d" else Activity.LOCK)


def not_cut(story):
    """The rule in words, slowly: runs of f, ended by s, d or k; three or more that were not cut in time are found."""
    count, third, findings, raised = 0, 0, 0, False
    for second, kind in [*story, (story[-1][0] + 1000, "d")]:
        if count >= 3 and not raised and (kind in "fs" or second > third + 10):
            findings, raised = findings + 1, True
        if kind == "f":
            count += 1
            third = second if count == 3 else third
        else:
            count, raised = 0, False
    return findings


@given(session_story())
@settings(max_examples=200, deadline=None)
def test_session_fold_agrees_with_the_rule_in_words(story):
    found, _ = bare(sessions.fold, [told(kind, second) for second, kind in story], to=at(story[-1][0] + 2000))
    assert len(found) == not_cut(story)


@st.composite
def mixture(draw):
    number = draw(st.integers(1, 30))
    events = []
    for _ in range(number):
        second = draw(st.integers(0, 3000))
        user = draw(st.sampled_from(("alice", "bob", "carol")))
        src = draw(st.sampled_from(("10.1.1.7", "10.1.1.8")))
        session = draw(st.sampled_from(("", "s1", "s2")))
        kind = draw(st.sampled_from(("f", "f", "f", "s", "d", "k")))
        if kind in "fs":
            events.append(login(second, user=user, src=src, session=session, ok=kind == "s"))
        else:
            activity = Activity.DISCONNECT if kind == "d" else Activity.LOCK
            events.append(ended(second, user=user, src=src, session=session, activity=activity))
    return events


def canonical(events):
    return [violation.canonical() for violation in judged(ID, events, to=4 * DAY)]


@given(mixture(), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_any_arrival_gives_the_same_final_set(events, seed):
    shuffled = events * 2
    random.Random(seed).shuffle(shuffled)
    assert canonical(shuffled) == canonical(sorted(events, key=lambda event: event.order))


@given(mixture())
@settings(max_examples=60, deadline=None)
def test_folds_forget(events):
    for fold in (sessions.fold, accounts.fold):
        mine = [event for event in events if event.user == "alice"]
        state = fold.init
        for event in sorted(mine, key=lambda event: event.order):
            state = fold.step(state, event, NoContext()).state or fold.init
        end = at(4000) + 8 * instant.DAY
        while state.deadline is not None and state.deadline <= end:
            state = fold.overdue(state, state.deadline, NoContext()).state or fold.init
        assert state == fold.init


