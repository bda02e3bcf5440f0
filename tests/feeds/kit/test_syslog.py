"""Syslog headers as RFC 3164, RFC 5424, rsyslog, journald, macOS and Solaris write them."""

import contextlib
import time
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import instant
from streams.feeds.kit import syslog
from streams.feeds.kit.contract import RawRecord, Unreadable


def record(base: str | None = "2026-03-02T00:00:00Z", zone=UTC) -> RawRecord:
    return RawRecord(b"", "s", "f", base=None if base is None else instant.parse(base), zone=zone)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Oct 11 22:14:15 mymachine su: 'su root' failed", ("Oct 11 22:14:15", "mymachine", "su", 0, "'su root' failed")),
        ("Feb  5 17:32:18 10.0.0.99 sshd[77]: x", ("Feb  5 17:32:18", "10.0.0.99", "sshd", 77, "x")),
        ("Feb 5 17:32:18 h postfix/smtpd[7]: x", ("Feb 5 17:32:18", "h", "postfix/smtpd", 7, "x")),
        ("Feb  5 17:32:18 sshd[77]: no host", ("Feb  5 17:32:18", "", "sshd", 77, "no host")),
        ("Feb  5 17:32:18 [sshd] no host", ("Feb  5 17:32:18", "", "sshd", 0, "no host")),
        ("Feb  5 17:32:18 host some words", ("Feb  5 17:32:18", "host", "", 0, "some words")),
        ("Feb  5 17:32:18 fe80::1 sshd[77]: x", ("Feb  5 17:32:18", "fe80::1", "sshd", 77, "x")),
        ("Feb  5 2026 17:32:18.123 host sshd[77]: x", ("Feb  5 2026 17:32:18.123", "host", "sshd", 77, "x")),
        ("2019-06-14T10:40:20.912134+08:00 h sudo: x", ("2019-06-14T10:40:20.912134+08:00", "h", "sudo", 0, "x")),
        ("2019-06-14 10:40:20,912 h sudo: x", ("2019-06-14 10:40:20,912", "h", "sudo", 0, "x")),
        ("Mar 29 05:59:23 sun sshd[20878]: [ID 800047 auth.info] Failed", ("Mar 29 05:59:23", "sun", "sshd", 20878, "Failed")),
        ("Dec 13 11:35:28 mac com.apple.xpc.launchd[1] (com.apple.x[7]): x", ("Dec 13 11:35:28", "mac", "com.apple.xpc.launchd", 1, "x")),
        ("Dec 13 11:35:28 mac syslogd[46] (asl): x", ("Dec 13 11:35:28", "mac", "syslogd", 46, "x")),
        ("srv sshd[13709]: journal", ("", "srv", "sshd", 13709, "journal")),
        ("sshd[13709]: bare", ("", "", "sshd", 13709, "bare")),
        ("date=2026-01-01 time=10:00:00", ("", "", "", 0, "date=2026-01-01 time=10:00:00")),
        ("Feb  5 17:32:18 date=2026-01-01 x", ("Feb  5 17:32:18", "", "", 0, "date=2026-01-01 x")),
        ("no header at all", ("", "", "", 0, "no header at all")),
        ("", ("", "", "", 0, "")),
    ],
)
def test_file_and_bsd_forms(text, expected):
    assert syslog.split(text)[:5] == expected


def test_priority_before_a_bsd_header():
    # RFC 3164, section 5.4, example 1
    line = syslog.split("<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8")
    assert (line.priority, line.host, line.app) == (34, "mymachine", "su")


def test_structured_data():
    # RFC 5424, section 6.5, example 3, with the element meta of section 7.3
    line = syslog.split(
        '<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut="3" '
        'eventSource="Appli\\"cation\\]"][meta sequenceId="29"] \ufeffAn application event log entry...'
    )
    assert line == syslog.Line(
        "2003-10-11T22:14:15.003Z", "mymachine.example.com", "evntslog", 0, "An application event log entry...", 165, "ID47",
        {"exampleSDID@32473": {"iut": "3", "eventSource": 'Appli"cation]'}, "meta": {"sequenceId": "29"}}, 29,
    )


def test_nil_values_and_no_message():
    assert syslog.split("<34>1 - - - - - -") == syslog.Line("", "", "", 0, "", 34)


def test_broken_structured_data_is_not_read_as_rfc5424():
    assert syslog.split('<34>1 2003-10-11T22:14:15Z h a 1 - [x y="1] m').priority == 34


@pytest.mark.parametrize(
    ("stamp", "base", "expected"),
    [
        ("Mar  1 00:00:00", "2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z"),
        ("Mar  3 00:00:00", "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"),  # exactly one day ahead
        ("Mar  3 00:00:01", "2026-03-02T00:00:00Z", "2025-03-03T00:00:01Z"),
        ("Dec 31 23:59:59", "2026-01-01T00:00:05Z", "2025-12-31T23:59:59Z"),
        ("Jan  1 00:00:00", "2025-12-31T12:00:00Z", "2026-01-01T00:00:00Z"),
        ("Feb 29 10:00:00", "2026-03-02T00:00:00Z", "2024-02-29T10:00:00Z"),
        ("Dec 31 2016 23:59:60", None, "2017-01-01T00:00:00Z"),
        ("2015 Nov 13 13:40:01", None, "2015-11-13T13:40:01Z"),
        ("Feb 27 10:12:12.123 2013", None, "2013-02-27T10:12:12.123Z"),
        ("2013-02-27 10:12:12,123456789", None, "2013-02-27T10:12:12.123456Z"),
    ],
)
def test_year_is_the_newest_that_fits(stamp, base, expected):
    assert instant.text(syslog.when(stamp, record(base))) == expected


def test_stamp_is_read_in_the_source_zone():
    taipei = ZoneInfo("Asia/Taipei")
    assert instant.text(syslog.when("Mar  1 08:00:00", record(zone=taipei))) == "2026-03-01T00:00:00Z"
    # New year in Taipei, while UTC is still in the old year.
    assert instant.text(syslog.when("Jan  1 07:00:00", record("2025-12-30T23:30:00Z", taipei))) == "2025-12-31T23:00:00Z"


@pytest.mark.parametrize("stamp", ["", "Mar  1 00:00:00", "Foo  1 00:00:00", "Feb 30 00:00:00", "Mar  1 25:00:00", "2013-99-01 00:00:00"])
def test_unreadable_stamps(stamp):
    with pytest.raises(Unreadable, match="bad_time"):
        syslog.when(stamp, record(None if stamp.startswith("Mar  1 00") else "2026-03-02T00:00:00Z"))


@given(st.text() | st.text(alphabet='<>[]="\\ :1aF-').map("<34>1 ".__add__) | st.text().map("Feb  5 17:32:18 ".__add__))
def test_any_text_has_a_header_or_none(text):
    line = syslog.split(text)
    assert line.message == "" or line.message in text
    with contextlib.suppress(Unreadable):
        syslog.when(line.time, record())


@pytest.mark.parametrize("hostile", ["<", "[", "a[", "a:", '<34>1 - - - - - [x a="', "Feb  5 17:32:18 " + "a[1", '\\"', " "])
def test_long_hostile_lines_cost_linear_time(hostile):
    start = time.perf_counter()
    syslog.split(hostile * 200_000)
    assert time.perf_counter() - start < 1
