"""The table of results, for the terminal and for docs/reliability.md."""

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streams import clock

BEGIN = "<!-- results: begin; written by `make chaos` with --write -->"
END = "<!-- results: end -->"
_COLUMNS = ("faults", "records", "expected", "lost", "duplicate", "phantom", "changed", "recovery_p95_s", "recovery_max_s")


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown table, one line a row."""
    head = ["row", "fault", *(name.replace("_", " ") for name in _COLUMNS), "minutes", "held"]
    lines = [head, ["---"] * len(head)]
    for id_, result in results.items():
        summary = result["summary"]
        figures = ["" if summary.get(name) is None else f"{summary[name]:,}" for name in _COLUMNS]
        lines.append([id_, result["fault"], *figures, f"{result['seconds'] / 60:.1f}", "yes" if result["passed"] else "**no**"])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write(path: Path, results: Mapping[str, Mapping[str, Any]], *, scale: float, seed: int) -> None:
    """Put the table between the marks in ``path``.

    Raises:
        ValueError: the marks are not in the file.
    """
    text = path.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{path} has no lines {BEGIN!r} and {END!r}; put them where the table belongs")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    day = datetime.fromtimestamp(clock.now() / 1_000_000, UTC).date().isoformat()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    facts = (
        f"{day}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}; seed {seed}, scale {scale:g}.\n"
        "Everything (brokers, Elasticsearch, workers, harness) ran on this one machine.\n"
    )
    path.write_text(f"{before}{BEGIN}\n{facts}\n{table(results)}{END}{after}", encoding="utf-8")
