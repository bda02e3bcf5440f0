"""Formats without a feed: each line below is made up in the manner of a program that writes so."""

import json

import pytest

from schemas import instant
from schemas.event import Activity, Reason
from streams.feeds.kit import stamps
from streams.feeds.kit.contract import RawRecord, Unreadable
from streams.feeds.kit.values import account
from tests.feeds.reading import BASE, event, facts, read


@pytest.mark.parametrize(
    ("line", "user", "source"),
    [
        ("2026-03-02 09:15:30,644 1 INFO app: Login failed for login:amy@example.com from 203.0.113.9", "amy@example.com", "203.0.113.9"),
        ("[2026-03-02 09:15:30,332] [INFO] [auth] Login failed for user `amy` from private IP `2001:db8::7`.", "amy", "2001:db8::7"),
        ("2026-03-02 09:15:30 8 [Warning] Access denied for user 'amy'@'203.0.113.9' (using password: YES)", "amy", "203.0.113.9"),
        ("Mar  2 09:15:30 mail imapd: LOGIN FAILED, user=amy, ip=[::ffff:203.0.113.9]", "amy", "203.0.113.9"),
        ('time="2026-03-02T09:15:30Z" level=error msg="Unsuccessful 1FA authentication attempt by user \'amy\'" method=POST remote_ip=203.0.113.9', "amy", "203.0.113.9"),
        (json.dumps({"time": "2026-03-02T09:15:30Z", "msg": "Authentication failed", "attr": {"principalName": "amy", "remote": "203.0.113.9:55000"}}), "amy", "203.0.113.9"),
        (json.dumps({"ts": 1772442930.5, "event": "user.login", "success": False, "user": {"name": "amy"}, "ip": "203.0.113.9"}), "amy", "203.0.113.9"),
        ('203.0.113.9 - amy [02/Mar/2026:09:15:30 +0000] "GET /" - failed login for user amy', "amy", "203.0.113.9"),
    ],
)
def test_failed_log_ins(line, user, source):
    found = event("generic", line)
    assert (found.activity, found.outcome) == (Activity.LOGIN, "failure")
    assert (found.user, found.src_ip) == (user, source)
    assert found.reason == Reason.WRONG_PASSWORD


def test_successful_log_ins():
    facts("generic", "Mar  2 09:15:30 app-1 vault: user 'amy' logged in successfully from 203.0.113.9", activity=Activity.LOGIN, outcome="success", src_ip="203.0.113.9")
    facts("generic", '{"time":"2026-03-02T09:15:30Z","action":"login","result":"success","username":"CORP\\\\amy"}', activity=Activity.LOGIN, user="amy", user_domain="CORP")


@pytest.mark.parametrize(
    "line",
    [
        "Mar  2 09:15:30 app-1 app[7]: authentication module loaded",
        "Mar  2 09:15:30 app-1 app[7]: login page rendered for 203.0.113.9",
        '{"time":"2026-03-02T09:15:30Z","event":"login page","ip":"203.0.113.9"}',
        "Mar  2 09:15:30 app-1 app[7]: error: could not open file",
    ],
)
def test_words_alone_are_no_failed_log_in(line):
    assert event("generic", line).activity != Activity.LOGIN


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('203.0.113.9 - amy [02/Mar/2026:09:15:30 +0800] "GET /a?b HTTP/1.1" 404 10 "-" "curl"', ("GET", "/a", 404, "203.0.113.9", "failure")),
        ('www.example.com 203.0.113.9 - x - [02/Mar/2026:09:15:30 +0800] "GET /a HTTP/1.1" 200 10', ("GET", "/a", 200, "203.0.113.9", "success")),
        ('[GIN] 2026/03/02 - 09:15:30 | 403 |  505µs |  203.0.113.9 | PUT     "/a"', ("PUT", "/a", 403, "203.0.113.9", "failure")),
        ("[info] 203.0.113.9 GET /a took 8ms and returned 200 65 bytes", ("GET", "/a", 200, "203.0.113.9", "success")),
    ],
)
def test_web_requests(line, expected):
    found = event("generic", line)
    assert found.activity == Activity.WEB_REQUEST
    assert (found.method, found.url_path, found.status, found.src_ip, found.outcome) == expected


def test_a_refused_post_to_a_log_in_page_is_an_attempt():
    facts("generic", "203.0.113.9 POST /api/login 401", activity=Activity.LOGIN, outcome="failure", src_ip="203.0.113.9")
    facts("generic", "203.0.113.9 GET /report 401", activity=Activity.WEB_REQUEST, outcome="failure", category=("web", "authentication"))


def test_forms_it_tries():
    facts("generic", "<13>Mar  2 09:15:30 h CEF:0|v|p|1|1|Login failed|5|duser=amy", activity=Activity.LOGIN, user="amy")
    facts("generic", "LEEF:1.0|v|p|1|logout|usrName=amy", activity=Activity.SESSION_CLOSE, user="amy")
    facts("generic", json.dumps({"@timestamp": "2026-03-02T09:15:30Z", "event.category": "web", "ecs.version": "8"}), activity=Activity.WEB_REQUEST)
    facts("generic", "date=2026-03-02 time=09:15:30 src=10.0.0.1 dst=10.0.0.2 act=deny", activity=Activity.FLOW, t="2026-03-02T09:15:30Z")
    facts("generic", 'Mar  2 09:15:30 h app[7]: {"user":"amy","msg":"hello"}', host="h", process="app", user="amy", t="2026-03-02T09:15:30Z")
    facts("generic", "Mar  2 09:15:30 h app[7]: hello", host="h", process="app", pid=7, message="hello", activity=Activity.OTHER)
    facts("generic", "{not json at all}", activity=Activity.OTHER, message="{not json at all}")


def test_a_text_without_any_time_happened_when_it_was_seen():
    assert event("generic", "hello world").t == BASE


def test_json_that_two_readers_would_read_differently_is_refused():
    for text, reason in (('{"user":"a","user":"b"}', "duplicate_key"), ('{"a":' * 70 + "1" + "}" * 70, "too_deep")):
        with pytest.raises(Unreadable) as refused:
            read("generic", text)
        assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02 09:15:30,644 x", "2026-03-02T09:15:30.644Z"),
        ("[2026/03/02 09:15:30] x", "2026-03-02T09:15:30Z"),
        ("2026-03-02 09:15:30.110 +02:00 x", "2026-03-02T07:15:30.11Z"),
        ("(W) 2026-03-02T09:15:30 - x", "2026-03-02T09:15:30Z"),
        ("[02/Mar/2026:09:15:30 +0800] x", "2026-03-02T01:15:30Z"),
        ("02-Mar-2026 09:15:30.425 client", "2026-03-02T09:15:30.425Z"),
        ("[Mon Mar 02 09:15:30.428126 2026] x", "2026-03-02T09:15:30.428126Z"),
        ("Mon Mar 02 09:15:30 CET 2026|x", "2026-03-02T09:15:30Z"),
        ("Mar  2 09:15:30 x", "2026-03-02T09:15:30Z"),
        ("Mar 02 2026 09:15:30 UTC x", "2026-03-02T09:15:30Z"),
        ("03/02/26 09:15:30.393003 x", "2026-03-02T09:15:30.393003Z"),
        ("[Nest] 7 - 03/02/2026, 7:15:30 PM x", "2026-03-02T19:15:30Z"),
        ("version 1.2.3.4 at 99/99/2026 09:15:30", None),
        ("nothing", None),
    ],
)
def test_stamps(text, expected):
    found = stamps.find(text, RawRecord(b"", "s", "f", base=BASE))
    assert (None if found is None else found.t) == (None if expected is None else instant.parse(expected))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1772442930, "2026-03-02T09:15:30Z"), ("1772442930123", "2026-03-02T09:15:30.123Z"), (1772442930.25, "2026-03-02T09:15:30.25Z"),
        ("1772442930123456789", "2026-03-02T09:15:30.123456Z"), ("20260302", "2026-03-02T00:00:00Z"), ("x", None), (True, None), ([], None), (12, None),
    ],
)
def test_values_that_are_times(value, expected):
    found = stamps.moment(value, RawRecord(b"", "s", "f", base=BASE))
    assert found == (None if expected is None else instant.parse(expected))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("CORP\\amy", ("CORP", "amy")), ("host\\\\amy", ("host", "amy")), ("amy@example.com", ("example.com", "amy")), ("amy", ("", "amy")), ("@x", ("", "@x"))],
)
def test_accounts(text, expected):
    assert account(text) == expected
