"""The written page: figures of each part are kept as JSON beside it, and the page is put together from what there is."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.bench import extras, report
from tests.bench.laws import LAWS
from tests.bench.laws.law import Law

FILE = Path("docs/performance.md")
PIPELINE = ("inprocess", *report.PARTS, "latency")

_HEAD = """\
# Performance

Written by `make bench BENCH=--write`; `make bench` measures the same and writes nothing. It tells its plan with the minutes that
each part should take, and what got worse than the committed figures by more than a tenth. Each part can be run and written
alone (`make bench ONLY=keys BENCH=--write`), and a run that broke is taken up with `BENCH="--resume --write"`. The figures are
kept in `docs/performance/`, with their date, machine and seed.

"""
_PIPELINE = """\
## The pipeline beside others

Every contender gets the same raw records, parsers and detectors, runs in a process of its own, and must come to the same
result as the judge (`controlwatch replay`): a speed counts only then. CPU is that process's, user and system; the broker's is
not counted. Start-up is not in it. Overhead is CPU per event beyond the plain loop. The records are two simulated days with
every planted case and background, in the order of event time, so that loops that cannot cope with disorder are right too:
what the product does beyond them (disorder, duplicates, crashes, memory that ends) is in its overhead. Compare ratios, not
absolutes: they hold on one machine at one time.

"""
_LAWS = """\
## Scaling laws

On the engine alone, driven as a worker's partition drives it: records of the keyed log in as bytes; violations and changes of
state out as bytes; trims every hour. Making the events is not in it. The detectors are small folds made for the purpose.

"""


def write(path: Path, kept: dict[str, dict[str, Any]]) -> None:
    """Keep the figures of the parts that were run, draw their curves, and write the page from all that are kept."""
    folder, images = path.parent / "performance", path.parent / "images"
    folder.mkdir(exist_ok=True)
    for name, found in kept.items():
        (folder / f"{name}.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        _draw(folder / f"{name}.json", images / f"performance-{name}.svg")
    path.write_text(assembled(folder), encoding="utf-8")


def assembled(folder: Path) -> str:
    """The page from what is kept in ``folder``."""
    blocks = [_HEAD]
    for head, names in ((_PIPELINE, PIPELINE), (_LAWS, tuple(LAWS))):
        blocks.append(head)
        for name in names:
            file = folder / f"{name}.json"
            if file.exists():
                blocks.append("\n".join(part(name, json.loads(file.read_text(encoding="utf-8")))) + "\n\n")
        if head is _LAWS and (notes := folder / "findings.md").exists():
            blocks.append(notes.read_text(encoding="utf-8"))
    return "".join(blocks).rstrip() + "\n"


def part(name: str, found: dict[str, Any]) -> list[str]:
    """One part in Markdown, with the conditions under which it was measured."""
    if name in LAWS:
        return _law(LAWS[name], found)
    when = f"About {found['records']} raw records, seed {found['seed']}, median of {found['runs']} interleaved runs; {found['machine']}."
    return [*report.text(name, found), "", *_image(name, name), when]


def _law(law: Law, found: dict[str, Any]) -> list[str]:
    several = len({row["curve"] for row in found["rows"]}) > 1
    heads = [*(["curve"] if several else []), law.x, law.y, *law.columns.values()]
    lines = [f"### {law.title}", "", law.words, "", f"| {' | '.join(heads)} |", f"|{'---|' * (len(heads))}"]
    for row in found["rows"]:
        cells = [f"{row['x']:,.10g}", f"{row['value']:,.5g}", *(f"{row[key]:,}" for key in law.columns)]
        lines.append(f"| {' | '.join([*([row['curve']] if several else []), *cells])} |")
    lines.append("")
    lines += [
        f"- {one['words']}: {one['found']:,.5g} (wanted: {one['wanted']}{'' if one['holds'] else ': not reached'})"
        for one in found["figures"]
    ]
    lines += ["", *_image(law.title, law.name)]
    runs = "one run" if found["runs"] == 1 else f"median of {found['runs']} interleaved runs"
    events = f"{found['events']:,} events a case, " if found["events"] else ""
    return [*lines, f"{events}seed {found['seed']}, {runs}; {found['machine']}."]


def _image(title: str, name: str) -> list[str]:
    return [f"![{title}](images/performance-{name}.svg)", ""]


def _draw(figures: Path, image: Path) -> None:
    extras.reach()
    if extras.absent("matplotlib"):
        sys.stderr.write(f"NOT DRAWN: {image}: matplotlib is not installed; make bench-packages installs it\n")
        return
    subprocess.run([sys.executable, "-m", "tests.bench.plot", str(figures), str(image)], check=True)
