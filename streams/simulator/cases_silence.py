"""Planted silences (detector 30), with sources of their own that make nothing but steady noise."""

from schemas import instant
from streams.simulator import sources
from streams.simulator.clock import H, M, S
from streams.simulator.registry import case
from streams.simulator.scene import Scene
from streams.simulator.truth import SILENT, Subject


def _quiet(s: Scene, name: str, until: int) -> Subject:
    s.script.quiet.append((name, s.t, until))
    return {"source": name}


@case("d30.silent", SILENT, at=5 * H)
def silent(s: Scene) -> None:
    """A sensor expected every ten minutes sends nothing for 70 minutes."""
    until = s.t + 70 * M
    s.violation("SILENT", _quiet(s, "suricata@sensor-2", until), until=until)


@case("d30.hard.late_burst", SILENT, at=9 * H)
def late_burst(s: Scene) -> None:
    """After an outage of 50 minutes the records of that time arrive in one burst: the silence stays."""
    until = s.t + 50 * M
    subject = _quiet(s, "auditd@db-2", until)
    source = next(known for known in sources.SOURCES if known.name == "auditd@db-2")
    for step in range(1, 16):
        at = s.t + step * 3 * M
        s.log(source.name, at, sources.noise_line(source, at, 700_000 + s.firm.next("burst")), until + step * S)
    s.violation("SILENT", subject, until=until, note="records of the gap observed after it")


@case("d30.hard.alive_but_filtered", SILENT, at=12 * H)
def alive_but_filtered(s: Scene) -> None:
    """The host is alive (its audit log goes on), but its system log is filtered away for 90 minutes."""
    until = s.t + 90 * M
    s.violation("SILENT", _quiet(s, "linux@db-3", until), until=until)
    s.none("SILENT", {"source": "auditd@db-3"}, until=until)


@case("d30.hard.collector_down", SILENT, at=15 * H)
def collector_down(s: Scene) -> None:
    """A collector is down for an hour: all three sources behind it are silent, one parent finding."""
    until = s.t + H
    for name in ("linux@south-1", "suricata@south-1", "windows@south-1"):
        s.none("SILENT", _quiet(s, name, until), until=until, note="behind the silent collector")
    s.violation("COLLECTOR_SILENT", {"source": "collector-south"}, until=until)


@case("d30.hard.collector_alive", SILENT, at=18 * H)
def collector_alive(s: Scene) -> None:
    """One of two sources behind a collector is silent: the source, not the collector."""
    until = s.t + H
    s.violation("SILENT", _quiet(s, "linux@north-1", until), until=until)
    s.none("COLLECTOR_SILENT", {"source": "collector-north"}, until=until)


@case("d30.hard.core_absent", SILENT, at=3 * H, tail=26 * H)
def core_absent(s: Scene) -> None:
    """A core system without expected rate sends nothing for 44 hours: absent after 24."""
    until = s.t + 44 * H
    s.violation("ABSENT", _quiet(s, "linux@settlement-1", until), until=until)


@case("d30.hard.core_never_seen", SILENT, at=0, tail=26 * H, once=True)
def core_never_seen(s: Scene) -> None:
    """A configured core system never sends anything at all (planted once in a run)."""
    s.violation("ABSENT", {"source": "linux@clearing-1"}, until=s.t + 24 * H)


@case("d30.core_quiet_20h", SILENT, at=5 * H, tail=22 * H)
def core_quiet(s: Scene) -> None:
    """A core system without expected rate sends nothing for 20 hours: not yet absent."""
    until = s.t + 20 * H
    s.none("ABSENT", _quiet(s, "linux@archive-1", until), until=until)


@case("d30.trap.holiday", SILENT, at=30 * M)
def holiday(s: Scene) -> None:
    """A source is silent in a holiday of the firm (of every source in the first two days, later of this one)."""
    name = "modsecurity@web-2"
    everywhere = s.firm.next("holiday") == 1
    s.firm.state(
        "downtimes", source="*" if everywhere else name, reason="firm holiday, network maintenance",
        since=s.t, until=s.t + 2 * H, recorded=instant.text(s.t - 20 * M),
    )
    until = s.t + 110 * M
    s.script.quiet.append((name, s.t + 10 * M, until))
    s.none("SILENT", {"source": name}, since=s.t + 10 * M, until=until)


@case("d30.trap.approved_downtime", SILENT, at=21 * H)
def approved_downtime(s: Scene) -> None:
    """A firewall is silent in its approved downtime."""
    name, until = "panos@fw-lab-1", s.t + 80 * M
    s.firm.state(
        "downtimes", source=name, reason="operating system upgrade", since=s.t - 10 * M, until=until + 10 * M,
        recorded=instant.text(s.t - H),
    )
    s.none("SILENT", _quiet(s, name, until), until=until)


@case("d30.trap.outside_hours", SILENT, at=19 * H, tail=14 * H)
def outside_hours(s: Scene) -> None:
    """A counter's terminals are expected from eight to six only and say nothing at night."""
    s.none("SILENT", {"source": "windows@counter-1"}, until=s.t + 13 * H)


@case("d30.trap.other_days", SILENT, at=H, tail=20 * H)
def other_days(s: Scene) -> None:
    """A sensor is expected at weekends only and says nothing on working days."""
    s.none("SILENT", {"source": "suricata@weekend-1"}, until=s.t + 20 * H)


@case("p4.14", SILENT, at=28 * H)
def silent_in_window(s: Scene) -> None:
    """A firewall's log is silent in the window of an approved change: not assessed, and the silence is found."""
    box = s.firm.firewall("fortigate", group=f"fw-dmz{s.firm.next('dmz')}")
    person, account = s.firm.firewall_admin(box)
    ticket = s.ticket("firewall_approver", target=box.group, implementer=account, persons=(person.id,))
    s.approved(ticket)
    until = s.t + 75 * M
    s.violation("SILENT", _quiet(s, "fortigate@fw-dmz-1", until), until=until)


@case("p4.17a", SILENT, at=33 * H)
def excepted(s: Scene) -> None:
    """A sensor under an approved exception is silent for an hour: excepted."""
    name, until = "suricata@sensor-3", s.t + H
    s.firm.state(
        "exceptions", exception=f"EX-{s.firm.next('exception', 301)}", detector=SILENT, subject={"source": name},
        reason="sensor to be replaced", approver=s.firm.head.id, since=s.t - 4 * H, until=s.t + 6 * H,
        recorded=instant.text(s.t - 5 * H),
    )
    s.violation("SILENT", _quiet(s, name, until), until=until, verdict="excepted")
