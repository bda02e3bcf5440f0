"""The sources of the firm: what ``sources.toml`` says of each, and the quiet steady noise each one makes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from schemas import instant
from streams.simulator import clock
from streams.simulator.clock import H, M, S
from streams.simulator.writers import fortigate, linux, panos, sensors, wazuh, windows

EVERY = "PT10M"
ALL_DAY: tuple[str, tuple[str, ...], str] = (EVERY, (), "00:00-24:00")
NOISE_MIN, NOISE_MAX = 150 * S, 250 * S  # well inside EVERY

Noise = Callable[[int, str, int], str]
Quiet = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class SimSource:
    """One source. ``expected``: (every, days, hours) or nothing; ``steady``: it makes noise all day long."""

    name: str
    feed: str
    zone: str = clock.ZONE
    collector: str = ""
    core: bool = False
    authority: bool = False
    delay: str = ""
    expected: tuple[tuple[str, tuple[str, ...], str], ...] = (ALL_DAY,)
    steady: bool = True

    @property
    def instance(self) -> str:
        """What stands behind the @: the host or sensor."""
        return self.name.partition("@")[2] or self.name

    @property
    def file(self) -> str:
        """Its file in the replay folder."""
        return f"{self.name}.{'jsonl' if self.feed in JSON_FEEDS else 'log'}"


JSON_FEEDS = frozenset(("windows", "wazuh", "suricata", "servicenow", "approval", "modsecurity"))
DAY_SHIFT = ((EVERY, ("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "08:00-18:00"),)
WEEKEND = ((EVERY, ("sat", "sun"), "00:00-24:00"),)

SOURCES = (
    SimSource("linux@relay-1", "linux"),
    SimSource("linux@web-1", "linux", core=True),
    SimSource("linux@web-2", "linux", core=True),
    SimSource("linux@web-3", "linux", core=True),
    SimSource("windows@dc-1", "windows", core=True),
    SimSource("windows@wec-1", "windows"),
    SimSource("fortigate@fw-core-1", "fortigate", core=True),
    SimSource("fortigate@fw-core-2", "fortigate", core=True),
    SimSource("fortigate@fw-branches", "fortigate"),
    SimSource("panos@fw-branch-1", "panos"),
    SimSource("panos@panorama", "panos"),
    SimSource("wazuh@manager-1", "wazuh"),
    SimSource("auditd@db-1", "auditd"),
    SimSource("suricata@sensor-1", "suricata"),
    SimSource("modsecurity@web-1", "modsecurity"),
    SimSource("servicenow", "servicenow", zone="UTC", authority=True, delay="PT4H", expected=(), steady=False),
    SimSource("approval", "approval", zone="UTC", authority=True, delay="PT4H", expected=(), steady=False),
    # Sources of the cases of detector 30: they make noise and nothing else.
    SimSource("suricata@sensor-2", "suricata"),
    SimSource("suricata@sensor-3", "suricata"),
    SimSource("auditd@db-2", "auditd"),
    SimSource("linux@db-3", "linux"),
    SimSource("auditd@db-3", "auditd"),
    SimSource("linux@south-1", "linux", collector="collector-south"),
    SimSource("suricata@south-1", "suricata", collector="collector-south"),
    SimSource("windows@south-1", "windows", collector="collector-south"),
    SimSource("linux@north-1", "linux", collector="collector-north"),
    SimSource("suricata@north-1", "suricata", collector="collector-north"),
    SimSource("modsecurity@web-2", "modsecurity"),
    SimSource("panos@fw-lab-1", "panos"),
    SimSource("fortigate@fw-dmz-1", "fortigate"),
    SimSource("windows@counter-1", "windows", expected=DAY_SHIFT),
    SimSource("suricata@weekend-1", "suricata", expected=WEEKEND),
    SimSource("linux@settlement-1", "linux", core=True, expected=()),
    SimSource("linux@archive-1", "linux", core=True, expected=()),
    SimSource("linux@clearing-1", "linux", core=True, expected=(), steady=False),  # never sends anything
)

_NOISE: dict[str, Noise] = {
    "linux": lambda t, host, n: linux.cron(t, host, 5000 + n % 90000, "root", "/usr/lib64/sa/sa1 1 1"),
    "windows": lambda t, host, n: windows.logoff(t, host, 3_000_000 + n, f"{host.upper()}$"),
    "fortigate": lambda t, host, n: fortigate.traffic(t, host, 900_000 + n, "10.20.1.9", "10.20.0.53", 53, 1),
    "panos": lambda t, host, n: panos.traffic(t, host, 900_000 + n, "10.20.1.9", "10.20.0.53", 53),
    "wazuh": lambda t, _, n: wazuh.alert(
        t, "web-1", 500_000 + n, "19004", "SCA summary: CIS Red Hat Enterprise Linux 9 Benchmark", "sca"
    ),
    "auditd": lambda t, host, n: sensors.audit_cron(t, host, 100_000 + n),
    "suricata": lambda t, host, n: sensors.suricata(t, host, 1_900_000_000_000 + n, "10.20.1.9", "10.20.0.53", 53),
    "modsecurity": lambda t, _, n: sensors.modsecurity(t, 500_000 + n, "10.20.1.9", "/health"),
}


def noise_line(source: SimSource, t: int, number: int) -> str:
    """One line of the source's steady noise."""
    return _NOISE[source.feed](t, source.instance, number)


def noise(source: SimSource, rng: Random, since: int, until: int, quiet: list[Quiet]) -> Iterator[tuple[int, int, str, str]]:
    """(observed, number, source, line) from ``since`` to ``until``, but nothing in the ``quiet`` windows of this source."""
    windows_ = [(start, end) for name, start, end in quiet if name == source.name]
    t = since + rng.randrange(S, 100 * S)
    number = (since - clock.START) // (100 * S)
    while t < until:
        number += 1
        if not any(start <= t < end for start, end in windows_):
            yield t, number, source.name, noise_line(source, t, number)
        t += rng.randrange(NOISE_MIN, NOISE_MAX)
        for start, end in windows_:
            if start <= t < end:
                t = end + rng.randrange(S, 5 * S)  # back at once when the silence is over
    if not any(start <= until - S < end for start, end in windows_):
        yield until - S, number + 1, source.name, noise_line(source, until - S, number + 1)


def usual_quiet(since: int, until: int) -> list[Quiet]:
    """What is quiet on every day: the counter at night, the weekend sensor on working days."""
    quiet: list[Quiet] = []
    day = since - (since - clock.START) % clock.DAY
    while day < until:
        quiet.append(("windows@counter-1", day, day + 8 * H - 2 * M))
        quiet.append(("windows@counter-1", day + 18 * H + 2 * M, day + clock.DAY))
        if instant.to_datetime(day, clock.TAIPEI).weekday() < 5:
            quiet.append(("suricata@weekend-1", day + M, day + clock.DAY))
        day += clock.DAY
    return quiet


def toml(started: int, ended: int) -> str:
    """``sources.toml``: the fields of a source, one table each."""
    parts = []
    for source in SOURCES:
        lines = [
            f'[sources."{source.name}"]', f'feed = "{source.feed}"', f'zone = "{source.zone}"',
            f'from = "{instant.text(started)}"',
        ]
        if source.feed == "linux":
            lines.append(f'received_base = "{instant.text(ended)}"')
        if source.collector:
            lines.append(f'collector = "{source.collector}"')
        lines += [f"{flag} = true" for flag in ("core", "authority") if getattr(source, flag)]
        if source.delay:
            lines.append(f'delay = "{source.delay}"')
        if source.expected:
            lines.append(f"expected = [{', '.join(map(_expected, source.expected))}]")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _expected(item: tuple[str, tuple[str, ...], str]) -> str:
    every, days, hours = item
    named = ", ".join(f'"{day}"' for day in days)
    middle = f" days = [{named}]," if days else ""
    return f'{{ every = "{every}",{middle} hours = "{hours}" }}'
