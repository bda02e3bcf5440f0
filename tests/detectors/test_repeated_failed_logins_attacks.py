"""Guessing, in bursts, slowly and as sprays; the guess that succeeds; and the machine that only repeats an old password."""

import pytest

from detectors.logins import accounts, sessions
from schemas.event import Reason
from schemas.violation import Severity
from tests.detectors.harness import at, brief, ended, judged, login, stated

ID = "repeated_failed_logins"
ATTACK = ("ATTACK_SUSPECTED", ("user", "alice"))
SPRAY = ("ATTACK_SUSPECTED", ("source_ip", "10.1.1.7"))


def found(events, *context, to=None):
    return brief(judged(ID, events, context, to=to))


# ---------------------------------------------------------------------------------------------- (b) attacks


def test_three_failures_over_two_sessions_within_fifteen_minutes():
    events = [login(0), login(1), ended(2), login(900, session="s2"), ended(901, session="s2")]
    assert found(events) == [ATTACK]
    assert found([login(0), login(1), ended(2), login(901, session="s2"), ended(902, session="s2")]) == []


def test_three_failures_in_one_session_are_guessing_even_if_it_was_cut():
    assert found([login(0), login(1), login(2), ended(3)]) == [ATTACK]


def test_failures_from_three_addresses_without_session_ids():
    assert found([login(s, src=f"10.9.0.{s}", session="") for s in (1, 2, 3)]) == [ATTACK]


def test_an_episode_is_one_finding_and_grows():
    events = [login(s * 300, session=f"s{s}", src=f"10.9.0.{s}") for s in range(12)]
    [violation] = judged(ID, events)
    assert (violation.count, violation.anchor, violation.last_time) == (12, events[0].id, events[-1].t)


def test_a_pause_longer_than_the_window_begins_a_new_episode():
    first = [login(s, session=f"a{s}") for s in range(3)]
    second = [login(1000 + s, session=f"b{s}") for s in range(3)]
    assert found([*first, *second]) == [ATTACK, ATTACK]


def test_an_attempt_exactly_after_the_window_still_belongs_to_the_episode():
    [violation] = judged(ID, [*(login(s, session=f"a{s}") for s in range(3)), login(902, session="b")])
    assert violation.count == 4


def test_a_success_from_the_same_client_starts_the_count_anew():
    events = [login(0), ended(1), login(60, session="s2"), login(62, session="s2", ok=True), login(150, session="s3"), ended(151)]
    assert found(events) == []
    elsewhere = [login(0), ended(1), login(60, session="s2"), login(62, session="s3", src="10.1.1.8", ok=True)]
    assert found([*elsewhere, login(120, session="s4"), ended(121, session="s4")]) == [ATTACK]


def test_slow_guessing():
    events = [login(s * 4300, session=f"s{s}", src=f"10.9.0.{s}") for s in range(20)]
    [violation] = judged(ID, events)
    assert brief([violation]) == [ATTACK]
    assert len(violation.evidence) == 20
    assert found(events[:19]) == []
    assert found([login(s * 4800, session=f"s{s}", src=f"10.9.0.{s}") for s in range(20)]) == []


def test_slow_guessing_loses_only_the_failures_of_the_client_that_logged_in():
    guesses = [login(s * 3600, session=f"s{s}", src=f"10.9.0.{s}") for s in range(19)]
    own = [login(5400, session="o1"), login(9000, session="o2"), login(9060, session="o3", ok=True)]
    assert found([*guesses, *own]) == []
    [violation] = judged(ID, [*guesses, *own, login(19 * 3600, session="s19", src="10.9.0.19")])
    assert violation.count == 20


def test_a_burst_is_not_reported_again_as_slow_guessing():
    fast = [login(s * 7, session=f"s{s}") for s in range(15)]
    slow = [login(5000 + s * 1000, session=f"t{s}") for s in range(20)]
    assert found([*fast, *slow[:19]]) == [ATTACK]
    assert [violation.count for violation in judged(ID, [*fast, *slow]) if violation.evidence[0].event_id == fast[0].id] == [15]
    [both] = [v for v in judged(ID, [login(-9000, session="x"), *fast, *slow[:19]]) if v.count != 15]
    assert (both.count, both.anchor_time) == (20, at(-9000))


def test_spray_over_ten_accounts_from_one_address():
    events = [login(s * 60, user=f"user{s}", session=f"s{s}") for s in range(10)]
    assert found(events) == [SPRAY]
    assert found(events[:9]) == []
    assert found([login(s * 70, user=f"user{s}", session=f"s{s}") for s in range(10)]) == []


def test_spray_over_invented_names_makes_no_keys():
    events = [login(s, user=f"x{s}", session=f"s{s}", reason=Reason.UNKNOWN_USER) for s in range(200)]
    assert found(events) == [SPRAY]
    cuts = [ended(s, user=f"x{s}", session=f"s{s}", reason=Reason.UNKNOWN_USER) for s in range(200)]
    assert len({accounts.account_key(event) for event in [*events, *cuts]}) == 1
    assert len({sessions.session_key(login(0, user=f"x{n}", session="")) for n in range(5000)}) <= 64


@pytest.mark.parametrize("tag", ["nat", "branch"])
def test_many_people_behind_one_address_are_no_spray(tag):
    events = [login(s * 20, user=f"user{s}", session=f"s{s}") for s in range(15)]
    assert found(events, stated("assets", asset="branch-gw", addresses=["10.1.1.7"], tags=[tag])) == []


def test_an_announced_scan_is_no_attack():
    events = [login(s * 20, user=f"user{s % 12}", session=f"s{s}") for s in range(60)]
    window = {"from": "2026-03-02T00:00:00Z", "to": "2026-03-02T12:00:00Z", "reason": "scanner-announced CHG7"}
    assert found(events, stated("downtimes", source="10.1.1.7", **window)) == []
    assert SPRAY in found(events)


# ---------------------------------------------------------------------------------------------- (c) guessed


def burst(start=0, src="10.9.0.9"):
    return [login(start + s * 30, session=f"b{start}-{s}", src=src) for s in range(3)]


def test_success_within_fifteen_minutes_of_an_attack():
    guessed = ("GUESSED", ("host", "web-1"), ("source_ip", "10.9.0.9"), ("user", "alice"))
    assert found([*burst(), login(960, src="10.9.0.9", session="x", ok=True)]) == [ATTACK, guessed]
    assert found([*burst(), login(961, src="10.9.0.9", session="x", ok=True)]) == [ATTACK]
    [violation] = [v for v in judged(ID, [*burst(), login(99, src="10.9.0.9", session="x", ok=True)]) if v.subtype == "GUESSED"]
    assert violation.severity is Severity.CRITICAL


def test_success_without_an_attack_before_is_nothing():
    assert found([login(0), login(1), ended(2), login(5, session="s2", ok=True)]) == []


def test_second_success_from_the_same_place_is_not_a_second_finding():
    events = [*burst(), login(100, src="10.9.0.9", session="x", ok=True), login(200, src="10.9.0.9", session="y", ok=True)]
    assert [item[0] for item in found(events)] == ["ATTACK_SUSPECTED", "GUESSED"]


def test_the_owner_logging_in_from_his_own_place_guessed_nothing():
    events = [login(-3600, session="w", ok=True), *burst(), login(120, session="x", ok=True), login(300, session="y", ok=True)]
    assert found(events) == [ATTACK]


def test_success_after_a_spray_even_at_the_first_try():
    events = [login(s * 20, user=f"user{s}", session=f"s{s}") for s in range(10)]
    guessed = ("GUESSED", ("host", "web-1"), ("source_ip", "10.1.1.7"), ("user", "zoe"))
    assert found([*events, login(300, user="zoe", session="z", ok=True)]) == [SPRAY, guessed]


def test_success_after_spray_and_burst_is_one_finding():
    events = [login(s * 20, user=f"user{s}", session=f"s{s}") for s in range(10)]
    events += [login(181 + s * 20, user="user3", session=f"t{s}") for s in range(3)]
    events += [login(300, user="user3", session="z", ok=True)]
    assert [item[0] for item in found(events)].count("GUESSED") == 1


# ---------------------------------------------------------------------------------------------- hygiene


def machine(number, *, pace=300, user="svc-mail"):
    return [login(s * pace, user=user, session=f"m{s}") for s in range(number)]


def test_a_declared_service_with_an_old_password_is_no_attack():
    assert found(machine(60), stated("accounts", account="svc-mail", kind="service")) == []


def test_a_client_that_had_logged_in_before_repeats_its_old_password():
    assert found([login(-600, user="svc-mail", session="w", ok=True), *machine(60)]) == []


def test_an_unknown_machine_is_found_first_and_falls_to_low():
    [third] = judged(ID, machine(3))
    assert third.severity is Severity.MEDIUM
    [many] = judged(ID, machine(12))
    assert (many.severity, many.count, many.reasons) == (Severity.LOW, 12, ("even_pace",))


def test_uneven_guessing_at_a_service_account_is_an_attack():
    events = [login(s, user="svc-mail", session=f"m{s}") for s in (0, 100, 350)]
    assert len(found(events, stated("accounts", account="svc-mail", kind="service"))) == 1
