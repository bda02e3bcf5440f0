"""The table of results, for the terminal and for docs/reliability.md."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from streams import failpoints
from tests.chaos.row import ROWS

BEGIN = "<!-- results: begin; written by `make chaos` with --write -->"
END = "<!-- results: end -->"
_WRONG = ("lost", "duplicate", "phantom", "changed")
_FIGURES = ("faults", "met_work", "records", "expected", *_WRONG, "recovery_p95_s", "recovery_max_s")
_HEAD = ("row", "fault", "date", "program", "scale", "seed", *(name.replace("_", " ") for name in _FIGURES), "minutes", "held")
WORKER_KILLS, BROKER_KILLS, CRASHES, OUTAGES = 300, 30, 20, (60, 600)
"""What is wanted over all rows: SIGKILLs of workers and of brokers, crashes at each fail-point, seconds without the store."""


def table(found: Iterable[Mapping[str, Any]]) -> str:
    """Markdown table, one line a run."""
    lines = [_HEAD, ["---"] * len(_HEAD)]
    for result in found:
        summary = result["summary"]
        figures = ["" if summary.get(name) is None else f"{summary[name]:,}" for name in _FIGURES]
        what = [result["row"], result["fault"], result["date"], result["program"], f"{result['scale']:g}", str(result["seed"])]
        lines.append([*what, *figures, f"{result['seconds'] / 60:.1f}", _held(result)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _held(result: Mapping[str, Any]) -> str:
    before = len(result.get("failed_before", ()))
    after = f" ({before} run{'s' if before > 1 else ''} before did not)" if before else ""
    return ("yes" if result["passed"] else "**no**") + after


def totals(found: Sequence[Mapping[str, Any]]) -> str:
    """What all runs together have done to the pipeline, beside what is wanted; and the rows that have no run."""
    kills: Counter[str] = Counter()
    crashes: Counter[str] = Counter()
    away: list[float] = []
    wrong: Counter[str] = Counter()
    for result in found:
        summary = result["summary"]
        kills.update(summary.get("killed", {}))
        crashes.update(summary.get("crashed_at", {}))
        away += summary.get("store_away_s", [])
        wrong.update({name: summary[name] for name in _WRONG})
    at = ", ".join(f"`{point}` {crashes[point]}" for point in failpoints.POINTS)
    held = sum(bool(result["passed"]) for result in found)
    missing = sorted(ROWS.keys() - {result["row"] for result in found})
    lines = [
        f"workers killed (SIGKILL): {kills['worker']:,} of {WORKER_KILLS} wanted",
        f"brokers killed (SIGKILL): {kills['broker']:,} of {BROKER_KILLS} wanted",
        f"crashes at fail-points, {CRASHES} wanted at each: {at}",
        f"store away, seconds (wanted: {' and '.join(map(str, OUTAGES))}): {', '.join(f'{seconds:.0f}' for seconds in away) or 'never'}",
        ", ".join(f"{name} {wrong[name]}" for name in _WRONG) + f" in {len(found)} runs, of which {held} held",
        f"rows without a run: {', '.join(missing) or 'none'}",
    ]
    return "".join(f"- {line}\n" for line in lines)


def write(path: Path, found: Sequence[Mapping[str, Any]]) -> None:
    """Put totals and table between the marks in ``path``.

    Raises:
        ValueError: the marks are not in the file.
    """
    text = path.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{path} has no lines {BEGIN!r} and {END!r}; put them where the table belongs")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    machines = sorted({f"{one['cores']} cores, {one['memory_gib']} GiB, Python {one['python']}" for one in found})
    facts = f"Machine: {'; '.join(machines) or 'none yet'}. Brokers, Elasticsearch, workers and harness of a run share it.\n"
    path.write_text(f"{before}{BEGIN}\n{facts}\n{totals(found)}\n{table(found)}{END}{after}", encoding="utf-8")
