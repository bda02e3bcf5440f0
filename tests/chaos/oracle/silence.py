"""Detector 30 by its text: sources that should speak and do not, alone or together with all behind their collector."""

from collections.abc import Iterable, Iterator

from tests.chaos.oracle import names
from tests.chaos.oracle.document import Document, document
from tests.chaos.oracle.said import DAY, HOUR, MINUTE, SECOND, Everything, Row

NAME = "log_source_silent"
PULSE = 10 * SECOND  # what one summary stands for
ABSENT = 24 * HOUR
_AHEAD = 10
Span = tuple[int, int]


def judge(world: Everything) -> Iterator[tuple[int, Document]]:
    """Anchor time and document of each violation."""
    collectors: dict[str, list[Row]] = {}
    for row in world.tables["sources"]:
        if row.get("collector"):
            collectors.setdefault(row["collector"], []).append(row)
        elif row.get("expected") or row.get("core"):
            yield from _alone(row, world)
    for name, rows in collectors.items():
        yield from _together(name, rows, world)


def _pulses(row: Row, world: Everything) -> list[int]:
    return sorted({o - o % PULSE for o in world.heard.get(row["source"], ())})


def _alone(row: Row, world: Everything) -> Iterator[tuple[int, Document]]:
    pulses = _pulses(row, world)
    excused = [(one["from"], one["to"]) for one in world.tables["downtimes"] if one["source"] in (row["source"], "*")]
    for pulse, following in zip(pulses, [*pulses[1:], None], strict=True):
        due = _due(row, pulse + PULSE, excused)
        if due <= world.truth_time and (following is None or following > due):
            subtype = "SILENT" if row.get("expected") else "ABSENT"
            key = ("source", row["source"])
            yield pulse, _silent(subtype, row["source"], key, row["source"], pulse, due, following, part=row["source"])


def _together(collector: str, rows: list[Row], world: Everything) -> Iterator[tuple[int, Document]]:
    """All sources behind a collector fall silent within half of what each may be silent; no other silence is read here."""
    pulses = sorted((pulse, row["source"]) for row in rows for pulse in _pulses(row, world))
    every = _span(rows[0]["expected"][0]["every"])
    since = {row["source"]: pulses[0][0] for row in rows}  # from when the silence of each counts: at first the collector's word
    for (pulse, source), following in zip(pulses, [*pulses[1:], None], strict=True):
        since[source] = pulse + PULSE
        dues = [begun + every for begun in since.values()]
        end = world.truth_time + 1 if following is None else following[0]
        if end <= min(dues):
            continue
        if end <= max(dues) or max(dues) - min(dues) > every // 2:
            raise ValueError(f"not all behind {collector} fall silent together; the oracle reads nothing else")
        yield pulse, _silent(
            "COLLECTOR_SILENT", collector, ("collector", collector), source, pulse, max(dues), None if following is None else end
        )
        since = {name: max(begun, end) for name, begun in since.items()}


def _silent(
    subtype: str, subject: str, key: tuple[str, ...], source: str, pulse: int, due: int, end: int | None, part: str = ""
) -> Document:
    anchor = names.summary_id(source, pulse)
    proof = {
        "event_id": anchor, "source": source, "time": names.text(pulse), "original": "",
        "values": {"last_heard": names.text(pulse), "due": names.text(due)},
    }  # fmt: skip
    return document(
        NAME, subtype, kind="source_pulse", key=key, anchor=anchor, anchor_time=pulse, controls=("CC-17010.i.c",),
        severity="high", subject={"source": subject}, first=pulse, last=due if end is None else end, settle=due, part=part,
        proofs=[proof],
    )  # fmt: skip


def _due(row: Row, since: int, excused: Iterable[Span]) -> int:
    """The first instant of expected hours at which nothing has come for so long."""
    if not row.get("expected"):
        return since + ABSENT
    (expected,) = row["expected"]
    every = _span(expected["every"])
    for begin, end in _windows(expected, since):
        for free_begin, free_end in _free(begin, end, sorted(excused)):
            due = max(since + every, free_begin + min(every, end - begin))
            if since < free_end and due <= free_end:
                return due
    raise ValueError(f"{row['source']} is not expected for {_AHEAD} days; the oracle does not look further")


def _windows(expected: Row, since: int) -> Iterator[Span]:
    """Expected hours from the day before, by the clock of Taipei; all the time if no hours are named."""
    if "hours" not in expected:
        yield since - DAY, since + _AHEAD * DAY
        return
    opens, closes = (int(part[:2]) * HOUR + int(part[3:]) * MINUTE for part in expected["hours"].split("-"))
    midnight = (since + 8 * HOUR) // DAY * DAY - 8 * HOUR
    for day in range(-1, _AHEAD):
        yield midnight + day * DAY + opens, midnight + day * DAY + closes


def _free(begin: int, end: int, excused: Iterable[Span]) -> Iterator[Span]:
    for excuse_begin, excuse_end in excused:
        if excuse_end <= begin or excuse_begin >= end:
            continue
        if excuse_begin > begin:
            yield begin, excuse_begin
        begin = max(begin, excuse_end)
    if begin < end:
        yield begin, end


def _span(duration: str) -> int:
    """µs of a duration in whole minutes, such as PT10M."""
    return int(duration.removeprefix("PT").removesuffix("M")) * MINUTE
