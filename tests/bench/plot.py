"""Draws one part: bars of contenders and feeds, the curve of a law. ``python -m tests.bench.plot FIGURES.json IMAGE.svg``."""

import json
import sys
from pathlib import Path
from typing import Any

from tests.bench import extras
from tests.bench.laws import LAWS
from tests.bench.laws.law import Law
from tests.bench.report import IN_PROCESS, WORDS

extras.reach()
import matplotlib as mpl  # noqa: E402 - the line before lets it be found

mpl.use("svg")
from matplotlib import pyplot as plt  # noqa: E402 - the drawing surface must be chosen first

Json = dict[str, Any]


def main() -> None:
    """Draw."""
    figures, image = map(Path, sys.argv[1:])
    found = json.loads(figures.read_text(encoding="utf-8"))
    mpl.rcParams["svg.hashsalt"] = figures.stem  # the same figures give the same bytes
    surface, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    match figures.stem:
        case "inprocess":
            _feeds(axes, found)
        case "latency":
            _latency(axes, found)
        case name if name in LAWS:
            _law(axes, LAWS[name], found["rows"])
        case name:
            _contenders(axes, name, found["contenders"])
    axes.grid(visible=True, alpha=0.3)
    image.parent.mkdir(exist_ok=True)
    surface.savefig(image, metadata={"Date": None})


def _law(axes: Any, law: Law, rows: list[Json]) -> None:
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


def _contenders(axes: Any, part: str, lines: Json) -> None:
    """The plain loop's cost, which all have, and what each adds to it."""
    names = [WORDS[name] for name in lines][::-1]
    whole = [line["cpu_us_per_event"] for line in lines.values()][::-1]
    base = min(lines["plain"]["cpu_us_per_event"], *whole)
    axes.barh(names, [base] * len(names), label="parse and detectors", color="tab:gray")
    bars = axes.barh(names, [each - base for each in whole], left=base, label="overhead", color="tab:orange")
    axes.bar_label(bars, labels=[f"{each:.0f}" for each in whole], padding=3)
    axes.margins(x=0.12)
    axes.legend()
    axes.set_xlabel("CPU µs per event")
    axes.set_title(f"Contenders: {part}")


def _feeds(axes: Any, found: Json) -> None:
    feeds = sorted(found["feeds"].items(), key=lambda item: item[1][1])
    axes.barh([feed for feed, _ in feeds], [each for _, (_, each) in feeds])
    axes.tick_params(axis="y", labelsize=7)
    axes.axvline(IN_PROCESS, color="tab:red", label=f"wanted of the mix, judging too: {IN_PROCESS:g}")
    axes.axvline(found["sum_us"], color="tab:gray", linestyle="--", label=f"reached: {found['sum_us']:g}")
    axes.legend()
    axes.set_xlabel("normalise, CPU µs per record")
    axes.set_title("In-process, by feed")


def _latency(axes: Any, found: Json) -> None:
    names = [key.removesuffix("_s") for key in ("p50_s", "p99_s", "max_s")]
    bars = axes.bar(names, [found[f"{name}_s"] for name in names])
    axes.bar_label(bars)
    axes.set_ylabel("seconds")
    axes.set_title(f"Latency at {found['events_per_second']:,} raw records a second")


if __name__ == "__main__":
    main()
