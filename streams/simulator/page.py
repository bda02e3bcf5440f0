"""The table of planted cases in ``docs/simulator.md``; ``python -m streams.simulator.page`` writes the page anew."""

import sys
from pathlib import Path

from streams.simulator import registry
from streams.simulator.run import cases

BEGIN = "<!-- cases: begin -->"
END = "<!-- cases: end -->"


def table() -> str:
    """Every case with its detector and what it is, as a Markdown table."""
    about = {(case.id, case.detector): case.about for case in registry.CASES}
    rows = [f"| `{entry.id}` | {entry.detector} | {about[entry.id, entry.detector]} |" for entry in cases()]
    return "\n".join(("| case | detector | what is planted |", "|---|---|---|", *rows))


def renewed(page: str) -> str:
    """``page`` with the table between its marks replaced by the current one."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def main(path: Path) -> None:
    """Write the page at ``path`` anew."""
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/simulator.md"))
