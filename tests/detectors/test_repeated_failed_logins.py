"""A third wrong password that does not end the connection: the rule, its hard cases and traps on few events."""


import pytest

from schemas.event import Activity, Reason
from schemas.violation import Severity
from tests.detectors.harness import at, brief, ended, judged, login, stated

ID = "repeated_failed_logins"
NOT_CUT = ("CONTROL_FAILURE", ("host", "web-1"), ("source_ip", "10.1.1.7"), ("user", "alice"))


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


def test_a_domain_controllers_validation_is_the_same_attempt_and_no_session():
    events = []
    for s in (0, 10, 20):
        shared = {"session": "", "feed": "windows", "process": "", "src_host": "PC-7"}
        events.append(login(s, code="4776", src="", host="dc-1", **shared))
        events.append(login(s + 0.2, code="4625", host="file-1", **shared))
    [violation] = control_failures(events)
    assert (violation.subject["host"], violation.count) == ("file-1", 3)
    [attack] = [v for v in judged(ID, events) if v.subtype == "ATTACK_SUSPECTED"]
    assert attack.count == 3


def test_three_attempts_of_one_process_in_one_second_are_three():
    assert not_cut([login(0), login(0), login(0)]) == [NOT_CUT]


@pytest.mark.parametrize(("apart", "attempts"), [(1, 2), (2, 3)])
def test_records_of_two_kinds_are_one_attempt_within_a_second(apart, attempts):
    first, *rest = [login(s) for s in (0, 20)]
    other = login(apart, process="app", action="logon")
    assert len(control_failures([first, other, *rest])) == (attempts == 3)


def test_three_attempts_in_one_second_told_twice_each_are_three():
    events = [login(0), login(0), login(0), *(login(0.4, action="preauth") for _ in range(3))]
    [violation] = control_failures(events)
    assert violation.count == 3
