"""Cases of detector 30: sources of their own that fall silent. Each ends silent for good, which is a violation as well."""

from typing import Any

from tests.chaos.oracle.said import DAY, HOUR, MINUTE
from tests.chaos.planting.field import FIRST_ACT, SECOND, Field, stamp

EVERY = 10 * MINUTE
PULSE = 10 * SECOND


def _source(field: Field, **settings: Any) -> str:
    """A source that is expected every ten minutes, unless ``settings`` say else."""
    name = f"linux@beat-{field.number():06d}"
    field.sources[name] = {"feed": "linux", "zone": "Asia/Taipei", "expected": [{"every": "PT10M"}]} | settings
    return name


def _beat(field: Field, name: str, o: int) -> None:
    host = name.partition("@")[2]
    field.write(name, "linux", f"{stamp(o)} {host} systemd[1]: Started session {field.number()}.", o, again=False)


def _beats(field: Field, name: str, o: int, number: int) -> int:
    """``number`` records, never more than nine minutes apart; returns the time of the last."""
    for _ in range(number):
        o += field.gap(60, 540)
        _beat(field, name, o)
    return o


def _begin(field: Field) -> int:
    return field.chance.randrange(FIRST_ACT, FIRST_ACT + 30 * HOUR)


def silent_twice(field: Field) -> int:
    """Silent for more than ten minutes, back, and silent for good."""
    name = _source(field)
    o = _beats(field, name, _begin(field), 8)
    _beats(field, name, o + field.gap(640, 7200), 8)
    return 2


def silent_in_the_morning(field: Field) -> int:
    """Expected from nine to five: its nights are nobody's concern, its next morning is."""
    name = _source(field, expected=[{"every": "PT10M", "hours": "09:00-17:00"}])
    morning = FIRST_ACT - FIRST_ACT % DAY + DAY + HOUR  # nine in Taipei
    o = _beats(field, name, morning - 5 * MINUTE, 3)
    while o < morning + 8 * HOUR + 2 * MINUTE:
        o = _beats(field, name, o, 1)
    return 1


def absent(field: Field) -> int:
    """A core system without expected hours, not heard for more than 24 hours, twice."""
    name = _source(field, core=True)
    del field.sources[name]["expected"]
    o = FIRST_ACT + field.gap(0, 3600)
    _beat(field, name, o)
    _beat(field, name, o + DAY + field.gap(11, 7200))
    return 2


def collector_silent(field: Field) -> int:
    """Three sources fall silent with their collector: one violation; they come back; and once more."""
    collector = f"collector-{field.number():06d}"
    o = _begin(field)
    sources = [_source(field, collector=collector) for _ in range(3)]
    for _ in range(2):
        for _ in range(5):
            o += 2 * MINUTE
            for place, name in enumerate(sources):
                _beat(field, name, o + place * 12 * SECOND)
        o += field.gap(900, 7200)
    return 2


def heard_at_the_deadline(field: Field) -> int:
    """Ten minutes of silence to the very instant are none; in the end it is silent for good."""
    name = _source(field)
    o = _beats(field, name, _begin(field), 4)
    pulse = o - o % PULSE
    _beat(field, name, pulse + PULSE + EVERY)
    return 1


def excused(field: Field) -> int:
    """Two hours of announced downtime; the source speaks within ten minutes after it."""
    name = _source(field)
    o = _beats(field, name, _begin(field), 4)
    field.state("downtimes", {"source": name, "from": o, "to": o + 2 * HOUR, "recorded": o - DAY, "reason": "moved"})
    _beat(field, name, o + 2 * HOUR + field.gap(10, 580))
    return 1


VIOLATIONS = (silent_twice, silent_in_the_morning, absent, collector_silent, heard_at_the_deadline, excused)
NEAR_MISSES = ()
