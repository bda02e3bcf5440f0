"""Measures a law: every case in a process of its own, run after run; medians, and the figures read off them."""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from tests.bench.laws.law import Case, Law, Row

LIMIT = 1800  # seconds


def measured(law: Law, *, full: bool, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """The law as a JSON object: its rows, the figures, and whether they hold."""
    cases = law.full if full else law.cases
    found: dict[Case, list[Row]] = {case: [] for case in cases}
    for number in range(law.runs):
        for (name, x), rows in found.items():
            arguments = [law.name, name, str(x), str(law.events[full]), str(seed)]
            done = subprocess.run([sys.executable, "-m", "tests.bench.laws.point", *arguments], stdout=subprocess.PIPE, check=True, timeout=LIMIT)
            rows.append(json.loads(done.stdout.splitlines()[-1]))
            say(f"{law.name}, run {number + 1} of {law.runs}: {name}, {x:g}: {rows[-1]['value']:.4g}")
    rows = {case: _middle(runs) for case, runs in found.items()}
    figures = law.figures(rows)
    return {
        "seed": seed, "full": full, "events": law.events[full], "runs": law.runs,
        "rows": [{"curve": name, "x": x, **row} for (name, x), row in rows.items()],
        "figures": [{"words": one.words, "found": one.found, "wanted": one.wanted, "holds": one.holds} for one in figures],
    }  # fmt: skip


def _middle(runs: list[Row]) -> Row:
    values = [float(run["value"]) for run in runs]
    return {**runs[0], "value": round(statistics.median(values), 3), "spread": [round(value, 3) for value in values]}
