"""Repeated failed log-ins: each rule, hard case and trap on few events, and properties of the folds."""


import pytest

from detectors.logins import accounts, sessions
from schemas.event import Activity, Reason
from schemas.violation import Severity
from tests.detectors.harness import at, brief, ended, judged, login, stated

ID = "repeated_failed_logins"
NOT_CUT = ("CONTROL_FAILURE", ("host", "web-1"), ("source_ip", "10.1.1.7"), ("user", "alice"))
ATTACK = ("ATTACK_SUSPECTED", ("user", "alice"))
SPRAY = ("ATTACK_SUSPECTED", ("source_ip", "10.1.1.7"))
DAY = 86_400


def found(events, *context, to=None):
    return brief(judged(ID, events, context, to=to))


def control_failures(events, *context, to=None):
    return [violation for violation in judged(ID, events, context, to=to) if violation.subtype == "CONTROL_FAILURE"]


def not_cut(events, *context, to=None):
    return brief(control_failures(events, *context, to=to))


# ---------------------------------------------------------------------------------------------- (a) not cut


def test_third_wrong_password_and_no_disconnect_is_found_ten_seconds_later():
    events = [login(s) for s in (0, 5, 9)]
    assert not_cut(events, to=18.9) == []
    [violation] = control_failures(events, to=19)
    assert brief([violation]) == [NOT_CUT]
    assert (violation.count, violation.settle_at, violation.severity) == (3, at(19), Severity.HIGH)
    assert violation.controls == ("CC-18000.3.e",)
    assert [item.event_id for item in violation.evidence] == [event.id for event in events]


@pytest.mark.parametrize("activity", [Activity.DISCONNECT, Activity.LOCK, Activity.SESSION_CLOSE])
@pytest.mark.parametrize(("second", "expected"), [(9, []), (19, []), (19.001, [NOT_CUT])])
def test_disconnect_lock_or_close_within_ten_seconds_complies(activity, second, expected):
    assert not_cut([login(0), login(5), login(9), ended(second, activity=activity)]) == expected


def test_fourth_attempt_is_a_failure_at_once_and_a_later_disconnect_does_not_heal():
    events = [login(0), login(2), login(4), login(6), ended(7)]
    assert not_cut(events, to=7) == [NOT_CUT]
    assert control_failures(events)[0].count == 4


def test_a_success_as_fourth_attempt_was_evaluated_too():
    assert not_cut([login(0), login(2), login(4), login(6, ok=True)]) == [NOT_CUT]


def test_two_wrong_passwords_then_success_then_two_more_is_nothing():
    assert not_cut([login(0), login(2), login(4, ok=True), login(6), login(8)]) == []


def test_success_of_the_same_second_comes_after_the_failures():
    assert not_cut([login(0), login(2), login(4), login(4, ok=True)]) == [NOT_CUT]


def test_late_success_resets_by_event_time():
    events = [login(0), login(2), login(6), login(8), login(4, ok=True)]
    assert not_cut(events) == []


def test_late_disconnect_takes_the_finding_back():
    events = [login(0), login(2), login(4), login(60, user="bob", session="s2"), ended(6)]
    assert not_cut(events) == []


def test_wrong_passwords_over_two_sessions_with_disconnect_are_no_control_failure():
    events = [login(0), login(2), ended(3), login(10, session="s2"), ended(11, session="s2")]
    assert not_cut(events) == []


def test_alternating_accounts_do_not_reset_each_other():
    events = [login(s, user=user) for s, user in enumerate(("alice", "bob", "alice", "bob", "alice"))]
    assert not_cut(events) == [NOT_CUT]


def test_another_account_after_the_third_wrong_password_is_a_further_attempt():
    events = [login(0), login(1), login(2), login(4, user="bob"), ended(5)]
    assert not_cut(events) == [NOT_CUT]


def test_two_wrong_passwords_each_of_two_accounts_are_nothing():
    assert not_cut([login(s, user=user) for s, user in enumerate(("alice", "bob", "alice", "bob"))]) == []


def test_without_session_id_account_and_client_make_the_session():
    events = [login(0, session=""), login(300, session=""), login(600, session="")]
    assert not_cut(events) == [NOT_CUT]
    assert not_cut([*events, ended(605, session="")]) == []
    assert not_cut([login(0, session=""), login(300, session=""), login(1201, session="")]) == []


def test_a_lock_from_the_directory_ends_sessions_that_have_an_id():
    lock = ended(8, activity=Activity.LOCK, session="", src="", host="dc-1", source="ad", feed="windows")
    assert not_cut([login(0), login(2), login(4), lock]) == []
    assert not_cut([lock, login(0), login(2), login(4)]) == []


def test_a_lock_stamped_before_the_third_failure_by_another_clock_counts():
    lock = ended(3, activity=Activity.LOCK, session="", src="", host="dc-1", source="ad", feed="windows")
    assert not_cut([login(0), login(2), lock, login(4)]) == []


def test_an_attempt_refused_because_of_the_lock_shows_the_lock():
    assert not_cut([login(0), login(2), login(4), login(6, reason=Reason.LOCKED)]) == []


def test_disconnect_told_by_another_feed_ends_the_session_without_id():
    audit = [login(s, session="", feed="auditd", process="", source="audit") for s in (0.5, 3.5, 6.5)]
    ssh = [login(s) for s in (0, 3, 6)]
    assert not_cut([*audit, *ssh, ended(7)]) == []


@pytest.mark.parametrize("reason", [Reason.EXPIRED, Reason.DISABLED, Reason.OTP, Reason.NOT_ALLOWED, Reason.OTHER])
def test_other_reasons_are_no_wrong_passwords(reason):
    assert not_cut([login(s, reason=reason) for s in range(5)]) == []
    assert not_cut([login(0), login(1), login(2, reason=reason)]) == []


def test_failures_over_two_nodes_of_one_system_count_together():
    events = [login(0, host="app-1"), login(2, host="app-2"), login(4, host="app-1")]
    nodes = [stated("assets", asset=name, system="ordering") for name in ("app-1", "app-2")]
    assert not_cut(events, *nodes) == [("CONTROL_FAILURE", ("host", "app-1"), ("source_ip", "10.1.1.7"), ("user", "alice"))]
    assert not_cut(events) == []


def test_a_process_number_that_comes_back_the_next_hour_is_another_session():
    assert not_cut([login(0), login(2), login(3700)]) == []


def test_unknown_names_count_as_wrong_passwords_of_the_session():
    events = [login(s, user="oracle", reason=Reason.UNKNOWN_USER) for s in range(3)]
    assert not_cut(events) == [("CONTROL_FAILURE", ("host", "web-1"), ("source_ip", "10.1.1.7"), ("user", "oracle"))]


# ---------------------------------------------------------------------------------------------- copies


def test_one_attempt_told_by_two_kinds_of_record_counts_once():
    events = []
    for s in (0, 10):
        events += [login(s, action="preauth", code="4771"), login(s + 1, code="4625")]
    assert not_cut(events) == []


def test_three_attempts_of_one_process_in_one_second_are_three():
    assert not_cut([login(0), login(0), login(0)]) == [NOT_CUT]


def test_three_attempts_in_one_second_told_twice_each_are_three():
    events = [login(0), login(0), login(0), *(login(0.4, action="preauth") for _ in range(3))]
    [violation] = control_failures(events)
    assert violation.count == 3


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


def test_slow_guessing():
    events = [login(s * 4300, session=f"s{s}", src=f"10.9.0.{s}") for s in range(20)]
    [violation] = judged(ID, events)
    assert brief([violation]) == [ATTACK]
    assert len(violation.evidence) == 20
    assert found(events[:19]) == []
    assert found([login(s * 4800, session=f"s{s}", src=f"10.9.0.{s}") for s in range(20)]) == []


def test_a_burst_is_not_reported_again_as_slow_guessing():
    assert found([login(s * 7, session=f"s{s}") for s in range(40)]) == [ATTACK]


def test_spray_over_ten_accounts_from_one_address():
    events = [login(s * 60, user=f"user{s}", session=f"s{s}") for s in range(10)]
    assert found(events) == [SPRAY]
    assert found(events[:9]) == []
    assert found([login(s * 70, user=f"user{s}", session=f"s{s}") for s in range(10)]) == []


def test_spray_over_invented_names_makes_no_keys():
    events = [login(s, user=f"x{s}", session=f"s{s}", reason=Reason.UNKNOWN_USER) for s in range(200)]
    assert found(events) == [SPRAY]
    assert len({accounts.account_key(event) for event in events}) == 1
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
