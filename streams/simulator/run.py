"""One run: plan what is planted in every two days, lay it over noise and background, and write the folder."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from streams.simulator import (  # noqa: F401 - importing a file of cases registers them
    cases_baseline,
    cases_firewall,
    cases_logins,
    cases_logins_hard,
    cases_root,
    cases_root_traps,
    cases_rows,
    cases_rows_scope,
    cases_self,
    cases_silence,
    cases_web,
    clock,
    registry,
)
from streams.simulator.background import Background, Line
from streams.simulator.clock import CYCLE, DAY, S
from streams.simulator.firm import Firm
from streams.simulator.folder import Folder
from streams.simulator.scene import Scene, Script
from streams.simulator.sources import SOURCES, noise, toml, usual_quiet
from streams.simulator.truth import Truth

MAX_DAYS = 365  # syslog lines carry no year
_REPORT = 20_000


@dataclass(frozen=True, slots=True, order=True)
class Planted:
    """One entry of the list of cases: how often a run of two days plants it."""

    id: str
    detector: str
    count: int


def cases() -> list[Planted]:
    """Everything that is planted, by detector and id."""
    return sorted((Planted(case.id, case.detector, 1) for case in registry.CASES), key=lambda entry: (entry.detector, entry.id))


def simulate(
    seed: int, days: float, rate: float, out: Path, *, progress: Callable[[float], None] | None = None
) -> None:
    """Write a replay folder with truth; equal arguments give equal bytes.

    Args:
        seed: chooses names, addresses, moments and background.
        days: length from Monday 2026-03-02 00:00 in Taiwan; whole two days hold every case, a shorter rest what fits.
        rate: mean background events per second; the steady noise and the planted lines come on top.
        out: folder to write, absent or empty.
        progress: called now and then with the part done, 0 to 1.

    Raises:
        ValueError: ``days`` or ``rate`` is out of range.
        FileExistsError: ``out`` is not empty.
    """
    if not 0 < days <= MAX_DAYS:
        raise ValueError(f"days is {days}; give more than 0 and at most {MAX_DAYS}")
    if rate < 0:
        raise ValueError(f"rate is {rate}; give 0 or more events per second")
    end = clock.START + int(days * DAY) // S * S
    firm = Firm(_random(seed, "firm"))
    background = Background(_random(seed, "background"), firm.staff, rate)
    truths: list[Truth] = []
    with Folder(out) as folder:
        start = clock.START
        while start < end:
            until = min(start + CYCLE, end)
            script = _plan(firm, seed, start, until)
            truths += script.truths
            for count, (o, _, source, line) in enumerate(_merged(script, background, seed, start, until)):
                folder.write(source, line)
                if progress is not None and count % _REPORT == 0:
                    progress((o - clock.START) / (end - clock.START))
            start = until
        folder.context(firm.context)
        folder.text("sources.toml", toml(clock.START, end))
        folder.truth(truths)
    if progress is not None:
        progress(1.0)


def _random(seed: int, *purpose: object) -> Random:
    # Each purpose has a generator of its own: background at another rate leaves names and moments as they are.
    return Random(":".join(map(str, (seed, *purpose))))  # noqa: S311 - reproducible, nothing secret


def _plan(firm: Firm, seed: int, start: int, until: int) -> Script:
    script = Script()
    script.quiet += usual_quiet(start, until)
    for case in registry.CASES:
        if case.once and start != clock.START:
            continue
        rng = _random(seed, start, case.id, case.detector)
        first, last = start + case.lead, until - case.tail
        if case.at is not None:
            first, t = start, start + case.at
        else:
            t = first + rng.randrange(max(1, (last - first) // S)) * S
        if first <= t <= last:
            case.plant(Scene(firm, script, rng, case.id, case.detector, t))
    return script


def _merged(script: Script, background: Background, seed: int, start: int, until: int) -> Iterator[Line]:
    streams: list[Iterator[Line]] = [iter(sorted(script.lines)), background.lines(start, until)]
    streams += [
        noise(source, _random(seed, start, "noise", source.name), start, until, script.quiet)
        for source in SOURCES
        if source.steady
    ]
    return heapq.merge(*streams, key=lambda line: line[0])
