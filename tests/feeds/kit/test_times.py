"""Times as sources write them mean one instant, whatever the clock of the machine: zones, leap seconds, ends of years, bad ones."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.kit import calendar
from schemas import instant
from schemas.context import Expected
from streams.feeds.kit.contract import RawRecord
from streams.feeds.kit.stamps import moment

ROOT = Path(__file__).parents[3]
TAIPEI, NEW_YORK = "Asia/Taipei", "America/New_York"
READ = {
    "naive, read in the zone of the source": ("2026-03-02 09:00:00", TAIPEI, "2026-03-02T01:00:00Z"),
    "Z whatever the source's zone": ("2026-03-02T09:00:00Z", TAIPEI, "2026-03-02T09:00:00Z"),
    "an offset whatever the source's zone": ("2026-03-02T09:00:00+08:00", NEW_YORK, "2026-03-02T01:00:00Z"),
    "an offset without colon": ("02/Mar/2026:09:00:00 +0800", NEW_YORK, "2026-03-02T01:00:00Z"),
    "end of the year there, not here": ("2025-12-31 23:59:59", NEW_YORK, "2026-01-01T04:59:59Z"),
    "beginning of the year here, not there": ("2026-01-01 00:00:00", TAIPEI, "2025-12-31T16:00:00Z"),
    "leap second": ("2016-12-31T23:59:60Z", TAIPEI, "2017-01-01T00:00:00Z"),
    "leap second in Taipei": ("2017-01-01T07:59:60+08:00", TAIPEI, "2017-01-01T00:00:00Z"),
    "leap day": ("2024-02-29 12:00:00", TAIPEI, "2024-02-29T04:00:00Z"),
    "the hour that comes twice: the first": ("2026-11-01 01:30:00", NEW_YORK, "2026-11-01T05:30:00Z"),
    "summer time": ("2026-07-01 09:00:00", NEW_YORK, "2026-07-01T13:00:00Z"),
    "winter time": ("2026-01-05 09:00:00", NEW_YORK, "2026-01-05T14:00:00Z"),
}  # fmt: skip
NOT_READ = (
    "115/03/02 09:00:00", "民國115年3月2日 09:00:00", "2026-02-30 09:00:00", "2026-13-01 09:00:00", "2026-03-02 25:00:00", "",
)  # fmt: skip
"""Among them years of the Republic (115 is 2026): no feed we read writes them, and to guess would be 1,911 years wrong."""

PROGRAM = """
import sys
from tests.feeds.kit import test_times
print([test_times.read(text, zone) for text, zone, _ in test_times.READ.values()], test_times.NOT_READ and
      [test_times.read(text, test_times.TAIPEI) for text in test_times.NOT_READ], test_times.spans())
"""


def read(text, zone):
    return moment(text, RawRecord(b"", "s", "f", base=instant.parse("2026-03-02T12:00:00Z"), zone=ZoneInfo(zone)))


def spans():
    """Office hours of a week in each zone, across the change to summer time in one of them."""
    office = Expected(every=instant.HOUR, hours="09:00-13:30", days=("mon", "tue", "wed", "thu", "fri"))
    start = instant.parse("2026-03-04T00:00:00Z")
    return [[*calendar.windows(office, calendar.zone(name), start, start + 7 * instant.DAY)] for name in (TAIPEI, NEW_YORK, "UTC")]


@pytest.mark.parametrize("name", READ)
def test_a_time_is_read_as(name):
    text, zone, due = READ[name]
    assert instant.text(read(text, zone)) == due


@pytest.mark.parametrize("text", NOT_READ)
def test_what_is_no_time_we_know_is_none_and_no_guess(text):
    found = read(text, TAIPEI)
    assert found is None, instant.text(found)


def test_the_zone_of_the_machine_changes_nothing():
    """Read, written, and office hours: the same under the clocks of three machines."""
    told = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "TZ": zone},
            capture_output=True, text=True, check=True,
        ).stdout
        for zone in ("UTC", TAIPEI, NEW_YORK)
    }  # fmt: skip
    assert len(told) == 1
    assert "None" in told.pop()


def test_office_hours_are_local_hours_also_when_the_clock_changes():
    taipei, new_york, _ = spans()
    assert [instant.text(begin)[11:] for begin, _ in taipei] == ["01:00:00Z"] * len(taipei)
    assert [instant.text(begin)[11:16] for begin, _ in new_york] == ["14:00"] * 3 + ["13:00"] * (len(new_york) - 3)
    assert len(new_york) > 3


MOMENT = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1))  # noqa: DTZ001 - a wall clock, read in a zone
ZONES = st.sampled_from([TAIPEI, NEW_YORK, "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"])


@given(MOMENT, ZONES, ZONES)
@settings(deadline=None)
def test_every_way_to_write_an_instant_reads_as_it(wall, zone, other):
    aware = wall.replace(tzinfo=ZoneInfo(zone))
    t = instant.from_datetime(aware)
    assert read(instant.text(t), other) == t
    assert instant.parse(instant.text(t)) == t
    if aware.utcoffset() % timedelta(minutes=1) == timedelta():
        assert read(aware.isoformat(), other) == t
    if aware.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wall:
        assert read(wall.isoformat(), zone) == t


@given(MOMENT, ZONES, st.lists(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1, unique=True),
       st.integers(0, 23), st.integers(1, 12))  # fmt: skip
@settings(deadline=None)
def test_an_instant_is_in_office_hours_if_the_local_clock_says_so(wall, zone, days, opens, hours):
    """Weekday and hour of the local clock decide; the hours in which clocks are changed are left out."""
    closes = opens + hours
    local = calendar.zone(zone)
    office = Expected(every=instant.HOUR, hours=f"{opens:02}:00-{closes % 24 if closes != 24 else 24:02}:00", days=tuple(days))
    t = instant.from_datetime(wall.replace(tzinfo=UTC))
    clock = instant.to_datetime(t, local)
    near = {instant.to_datetime(t + shift * instant.DAY, local).utcoffset() for shift in (-2, -1, 0, 1, 2)}
    if len(near) > 1:
        return
    minute = clock.hour * 60 + clock.minute + (clock.second + clock.microsecond / 1e6) / 60
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    due = (names[clock.weekday()] in days and opens * 60 <= minute <= closes * 60) or (
        names[clock.weekday() - 1] in days and minute + 24 * 60 <= closes * 60
    )
    assert calendar.expects([office], local, t, ()) == due
