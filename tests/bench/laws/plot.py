"""Draws the curve of one law: ``python -m tests.bench.laws.plot FIGURES.json IMAGE.svg``."""

import json
import sys
from pathlib import Path

from tests.bench import extras
from tests.bench.laws import LAWS

extras.reach()
import matplotlib as mpl  # noqa: E402 - the line before lets it be found

mpl.use("svg")
from matplotlib import pyplot as plt  # noqa: E402 - the drawing surface must be chosen first


def main() -> None:
    """Draw."""
    figures, image = map(Path, sys.argv[1:])
    law = LAWS[figures.stem]
    rows = json.loads(figures.read_text(encoding="utf-8"))["rows"]
    mpl.rcParams["svg.hashsalt"] = law.name  # the same figures give the same bytes
    surface, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    samples = [(float(x), float(y)) for row in rows for x, y in row.get("samples", ())]
    if samples:
        axes.plot(*zip(*samples, strict=True), marker=".")
        axes.set_ylabel("resident MB")
    else:
        for name in dict.fromkeys(row["curve"] for row in rows):
            points = [(row["x"], row["value"]) for row in rows if row["curve"] == name]
            axes.plot(*zip(*points, strict=True), marker="o", label=name)
        axes.legend()
        axes.set_ylabel(law.y)
        axes.set_xscale("log" if law.log_x else "linear")
    axes.set_ylim(bottom=0)
    axes.set_xlabel(law.x)
    axes.set_title(law.title)
    axes.grid(visible=True, alpha=0.3)
    image.parent.mkdir(exist_ok=True)
    surface.savefig(image, metadata={"Date": None})


if __name__ == "__main__":
    main()
