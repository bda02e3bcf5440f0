"""Measures a law: every case in a process of its own, run after run; medians, and the figures read off them."""

import statistics
from functools import partial
from typing import Any

from tests.bench.launch import child
from tests.bench.laws.law import Case, Law, Row
from tests.bench.steps import Kept, Step


def steps(law: Law, *, size: str, seed: int) -> list[Step]:
    """One for each case and run."""
    cases, events = law.sizes[size].cases, law.sizes[size].events
    return [
        Step(
            law.name, _name(case), number, law.seconds,
            partial(child, "tests.bench.laws.point", law.name, case[0], str(case[1]), str(events), str(seed)),
        )
        for number in range(_runs(law, size)) for case in cases
    ]  # fmt: skip


def measured(law: Law, kept: Kept, *, size: str) -> dict[str, Any] | None:
    """The law as a JSON object: its rows, the figures, and whether they hold; None if a case broke."""
    rows: dict[Case, Row] = {}
    for case in law.sizes[size].cases:
        runs = [kept.rows[f"{law.name}/{_name(case)}/{number}"] for number in range(_runs(law, size))]
        good = [run for run in runs if "failed" not in run]
        if not good:
            return None
        rows[case] = _middle(good)
    figures = law.figures(rows)
    return {
        "size": size, "events": law.sizes[size].events, "runs": _runs(law, size),
        "rows": [{"curve": name, "x": x, **row} for (name, x), row in rows.items()],
        "figures": [{"words": one.words, "found": one.found, "wanted": one.wanted, "holds": one.holds} for one in figures],
    }  # fmt: skip


def _runs(law: Law, size: str) -> int:
    return 1 if size == "quick" else law.runs


def _name(case: Case) -> str:
    return f"{case[0]}, {case[1]:g}"


def _middle(runs: list[Row]) -> Row:
    values = [float(run["value"]) for run in runs]
    first = {key: value for key, value in runs[0].items() if key != "took_s"}
    return {**first, "value": round(statistics.median(values), 3), "spread": [round(value, 3) for value in values]}
