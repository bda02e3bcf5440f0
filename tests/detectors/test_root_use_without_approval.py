"""Use of root: intervals by the rule in words, any order of arrival, evidence, approvals used, state that ends."""

import random
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.kit.engine import Engine
from detectors.kit.registry import Ruleset, load
from detectors.privilege import hosts, judge
from detectors.privilege.limits import LIMITS
from schemas import instant
from schemas.event import Activity, Rank, SecurityEvent
from schemas.log import Keyed, Progress, Stated
from schemas.violation import final
from tests.detectors.harness import NoContext, at, bare, judged, stated

ID = "root_use_without_approval"
HOUR = 3600
_number = count(1)


def told(seconds, activity, rank, *, actor="", account="root", session="", host="web-1", **more):
    fields = {"feed": "linux", "source": "auth", "process": "sudo", "o": at(seconds)} | more
    return SecurityEvent(
        id=f"r{next(_number):06}", t=at(seconds), rank=rank, activity=activity, user=actor, effective_user=account, session=session,
        host=host, **fields,
    )  # fmt: skip


def begins(seconds, actor="alice", session="web-1/sudo[1]", **more):
    return told(seconds, Activity.PRIVILEGE_OPEN, Rank.OPEN, actor=actor, session=session, **more)


def ends(seconds, session="web-1/sudo[1]", **more):
    return told(seconds, Activity.PRIVILEGE_CLOSE, Rank.CLOSE, session=session, **more)


def boots(seconds, **more):
    return told(seconds, Activity.BOOT, 0, account="", **more)


FIRM = (
    stated("persons", person="P-RHEA"),
    stated("persons", person="P-ALICE", manager="P-RHEA"),
    stated("accounts", account="rhea", person="P-RHEA"),
    stated("accounts", account="alice", person="P-ALICE"),
    stated("accounts", account="alice2", person="P-ALICE"),
    stated("accounts", account="bob", person="P-BOB"),
    stated("posts", role="root_approver", person="P-RHEA"),
    stated("posts", role="root_approver", person="P-ALICE"),
    stated("session_records", record="R1", host="web-1", account="root", **{"from": instant.text(0)}),
)


def approval(since, until, *, approver="rhea", **more):
    decided = instant.text(at(since - HOUR))
    data = {
        "approval": "ACC1", "type": "access", "requester": "bob", "approvers": [{"account": approver}], "decision": "approved",
        "decision_time": decided, "updated": decided, "valid_from": instant.text(at(since)), "valid_to": instant.text(at(until)),
        "scope": {"targets": ["web-1"], "accounts": ["root"], "persons": ["P-ALICE", "P-BOB"]},
    }  # fmt: skip
    return stated("approvals", **(data | more))


def starts(violations, subtype):
    return sorted(v.subject["start"] for v in violations if v.subtype == subtype)


def test_evidence_is_the_opening_and_the_closing_line_with_what_was_compared():
    opening, closing = begins(0, tty="pts/0", original="the opening line"), ends(1800, original="the closing line")
    found = judged(ID, [opening, closing], [*FIRM, approval(-600, 600)])
    assert [(v.subtype, v.severity) for v in found] == [("EXPIRED", "critical")]
    first, last = found[0].evidence
    assert (first.original, last.original) == ("the opening line", "the closing line")
    assert first.values["person"] == "P-ALICE"
    assert first.values["tty"] == "pts/0"  # as it was logged, however terminals are compared
    assert first.values["approval.valid_to"] == instant.text(at(600))
    assert first.values["overrun_s"] == "1200"
    assert first.values["end"] == instant.text(at(1800))
    assert found[0].last_time == at(1800)


@pytest.mark.parametrize(("minutes", "severity"), [(15, "medium"), (16, "critical")])
def test_an_overrun_up_to_a_quarter_of_an_hour_is_medium(minutes, severity):
    found = judged(ID, [begins(0), ends(600 + minutes * 60)], [*FIRM, approval(-600, 600)])
    assert [(v.subtype, v.severity) for v in found] == [("EXPIRED", severity)]


def test_an_overrun_becomes_severe_while_the_use_goes_on():
    story = [begins(0)]
    early = judged(ID, story, [*FIRM, approval(-600, 600)], to=600 + 300)
    late = judged(ID, story, [*FIRM, approval(-600, 600)], to=600 + 1000)
    assert [v.severity for v in early] == ["medium"]
    assert [v.severity for v in late] == ["critical"]
    assert early[0].id == late[0].id


def test_one_finding_when_the_subtype_changes_with_the_end():
    wrong_person = {"targets": ["web-1"], "accounts": ["root"], "persons": ["P-BOB"]}
    context = [*FIRM, approval(-600, 600, scope=wrong_person)]
    assert [v.subtype for v in judged(ID, [begins(0)], context, to=400)] == ["SCOPE_EXCEEDED"]
    assert [v.subtype for v in judged(ID, [begins(0)], context, to=2000)] == ["SCOPE_EXCEEDED"]
    assert [v.subtype for v in judged(ID, [begins(0), ends(1800)], context)] == ["EXPIRED"]


def test_an_end_without_process_number_ends_the_newest_use_of_the_program():
    story = [
        begins(0, session="web-1/sudo:alice"), begins(60, actor="bob", session="web-1/sudo:bob"),
        ends(120, session=""), ends(700, session=""),
    ]  # fmt: skip
    found = judged(ID, story, [*FIRM, approval(-600, 500)])
    assert [(v.subtype, v.subject["person"]) for v in found] == [("EXPIRED", "P-ALICE")]


def test_an_end_told_twice_ends_one_use():
    one, other = "sshd:10.1.1.7:40022", "sshd:10.1.1.7:40023"
    story = [
        begins(0, session=one, process="sshd"), begins(60, session=other, process="sshd"),
        ends(120, session=other, process="sshd"), ends(121, session=other, process="sshd"),
    ]  # fmt: skip
    found = judged(ID, story, [*FIRM, approval(-600, 500)])
    assert [(v.subtype, v.first_time) for v in found] == [("EXPIRED", at(0))]


def test_a_use_that_has_ended_is_not_gone_on_with():
    """Within five seconds: by the same name of a session, and by records of one log that name none."""
    story = [begins(0, session="web-1/sudo:alice"), ends(1, session="web-1/sudo:alice"), begins(3, session="web-1/sudo:alice"), ends(4, session="")]
    assert len(judged(ID, story, FIRM, to=3600)) == 2
    unnamed = [begins(0, session=""), ends(1, session=""), begins(3, session=""), ends(4, session="")]
    assert len(judged(ID, unnamed, FIRM, to=3600)) == 2


def test_log_out_of_an_account_with_the_number_of_root_ends_its_use():
    number = {"user.effective.id": "0"}
    story = [
        begins(0, actor="backdoor", account="backdoor", session="web-1/sshd[5]", process="sshd", extra=number),
        told(600, Activity.SESSION_CLOSE, Rank.CLOSE, actor="backdoor", account="", session="web-1/sshd[5]", process="sshd"),
    ]
    [found] = judged(ID, story, FIRM, to=3600)
    assert (found.subtype, found.last_time) == ("UNAPPROVED", at(600))
    assert judged(ID, [begins(0, actor="backup", account="backup", extra={"user.effective.id": "34"})], FIRM, to=3600) == []


def test_a_use_across_two_chains_is_nobodys():
    story = [
        begins(0, actor="alice", account="admin", session="web-1/su[1]", process="su"),
        begins(5, actor="bob", account="admin", session="web-1/su[2]", process="su"),
        begins(60, actor="admin", session="web-1/sudo[3]"), ends(120, session="web-1/sudo[3]"),
    ]  # fmt: skip
    found = judged(ID, story, [*FIRM, approval(-600, 3600)])
    assert [(v.subtype, v.subject["person"]) for v in found] == [("UNAPPROVED", None)]


def test_approver_who_used_root_by_a_second_account_approved_himself():
    engine = Engine(Ruleset([load()[ID], load()["self_approved_change"]]))
    for record in (*FIRM, approval(-600, 3600, approver="alice")):
        engine.apply(Stated(record))
    for event in (begins(0, actor="alice2"), ends(600)):
        engine.apply(Keyed(event, tuple(engine.ruleset.routes(event))))
    engine.apply(Progress(part=0, parts=1, observed=at(3 * 24 * HOUR)))
    found = final(engine.drain().violations)
    assert [(v.detector, v.subtype, v.reasons) for v in found] == [
        ("self_approved_change", "SELF_APPROVED", ("APPROVER_IS_IMPLEMENTER",))
    ]  # fmt: skip
    assert any(item.event_id for item in found[0].evidence)


def test_late_check_out_record_names_the_person():
    login = begins(0, actor="root", session="web-1/sshd[5]", process="sshd")
    held = stated("checkouts", checkout="C1", account="root", person="P-ALICE", **{
        "from": instant.text(at(-60)), "to": instant.text(at(900)),
    })  # fmt: skip
    context = [*FIRM, approval(-600, 3600)]
    assert [v.subject["person"] for v in judged(ID, [login], context, to=400)] == [None]
    assert judged(ID, [login], [*context, held], to=400) == []


@st.composite
def story(draw):
    """Uses with process numbers of one host, some never ended, and boots."""
    events = []
    for number in range(draw(st.integers(1, 8))):
        begin = draw(st.integers(0, 20 * HOUR))
        session = f"web-1/sudo[{number}]"
        events.append(begins(begin, session=session, actor=draw(st.sampled_from(("alice", "bob")))))
        if draw(st.booleans()):
            events.append(ends(begin + draw(st.integers(1, 8 * HOUR)), session=session))
    events += [boots(draw(st.integers(0, 30 * HOUR))) for _ in range(draw(st.integers(0, 2)))]
    return events


def overruns(events, until):
    """The rule in words, slowly: a use lasts to its end, the next boot or twelve hours, whichever comes first."""
    found = []
    for event in events:
        if event.activity != Activity.PRIVILEGE_OPEN:
            continue
        closing = [other.t for other in events if other.activity == Activity.PRIVILEGE_CLOSE and other.session == event.session]
        restart = [other.t for other in events if other.activity == Activity.BOOT and other.t > event.t]
        end = min([*closing, *restart, event.t + LIMITS.timeout])
        if end > at(until) + 120 * instant.SECOND:
            found.append(instant.text(event.t))
    return sorted(found)


@given(story(), st.integers(0, 30))
@settings(max_examples=120, deadline=None)
def test_intervals_agree_with_the_rule_in_words(events, hours):
    found = judged(ID, events, [*FIRM, approval(-600, hours * HOUR)], to=9 * 24 * HOUR)
    assert starts(found, "EXPIRED") == overruns(events, hours * HOUR)
    assert starts(found, "NO_RECORD") == []


@given(story(), st.integers(0, 9), st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_any_arrival_gives_the_same_final_set(events, seed, hours):
    context = (*FIRM, approval(-600, 5 * HOUR))

    def canonical(arriving):
        return [violation.canonical() for violation in judged(ID, arriving, context, to=hours * HOUR)]

    shuffled = events * 2
    random.Random(seed).shuffle(shuffled)
    assert canonical(shuffled) == canonical(sorted(events, key=lambda event: event.order))


@given(story())
@settings(max_examples=60, deadline=None)
def test_hosts_forget(events):
    state = hosts.fold.init
    for event in sorted(events, key=lambda event: event.order):
        while state.deadline is not None and state.deadline < event.t:
            state = hosts.fold.overdue(state, state.deadline, NoContext()).state
        state = hosts.fold.step(state, event, NoContext()).state
    while state.deadline is not None:
        state = hosts.fold.overdue(state, state.deadline, NoContext()).state
    assert state == hosts.fold.init


def test_uses_never_ended_are_bounded():
    events = [begins(second, session=f"web-1/sudo[{second}]") for second in range(LIMITS.uses + 50)]
    state = hosts.fold.init
    for event in events:
        state = hosts.fold.step(state, event, NoContext()).state
    assert sum(use.end is None for use in state.uses) <= LIMITS.uses


def test_every_use_is_told_once_open_and_once_ended():
    _, facts = bare(hosts.fold, [begins(0), ends(1800)], to=at(2000))
    assert [(fact.payload["use"].get("end") is None, fact.t - at(0)) for fact in facts] == [(True, 1), (False, 0)]
    assert judge.by_use(
        SecurityEvent(id="f", t=0, o=0, feed="fact", source=ID, action=facts[0].kind, ref=facts[0].key)
    ) == ("web-1", "root", facts[0].payload["use"]["id"])
