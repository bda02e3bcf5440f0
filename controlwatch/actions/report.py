"""``controlwatch report``: the month's summary out of the store into a file, and what it says in numbers."""

import sys
from pathlib import Path
from typing import Any, Literal, get_args

from controlwatch import settings, wiring
from controlwatch.cli import Misconfigured, Unfinished
from controlwatch.covered import covering
from controlwatch.output import Output, progress
from dashboards.reports import monthly
from dashboards.reports.tally import COUNTED, Coverage, Month, Summary, summarise
from dashboards.texts import Language
from schemas.control import catalogue
from sinks import contract
from sinks.contract import Busy
from streams import coverage as covered
from streams.collect import names


def report(month: str, form: Literal["html", "csv"], lang: Language, path: Path | None, data: Path | None, out: Output) -> None:
    """Write the report of ``month`` to ``path`` (None: stdout).

    Raises:
        Misconfigured: the month is none, there is no store to read, or the store refuses.
        Unfinished: the store does not answer, or ``path`` cannot be written.
    """
    configured = settings.load()
    try:
        covered.month(month, configured.zone)
    except ValueError as error:
        raise Misconfigured(f"--month: {error}") from error
    folder = data or configured.data
    reader = wiring.reader(configured, folder)
    try:
        truth_time, assessed = covering(reader, month, configured.zone)
        with progress("reading the month"):
            content = monthly.report(reader, month, lang, form, assessed, truth_time, zone=configured.zone)
            if path is not None:
                summary = summarise(reader, Month.read(month, configured.zone), catalogue(), assessed, truth_time)
    except (ValueError, contract.Misconfigured) as error:
        raise Misconfigured(str(error)) from error
    except Busy as error:
        raise Unfinished(str(error)) from error
    finally:
        reader.close()
    if path is None:
        sys.stdout.buffer.write(content)
        return
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Unfinished(f"--out {path}: {error.strerror}; name a file in a folder that exists and may be written to") from error
    counts = _counts(summary)
    found = ", ".join(f"{number} {state}" for state, number in counts["violations"].items())
    watched = ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in counts["clauses"].items())
    out.tell(
        f"wrote {names.shown(path)} ({len(content)} bytes): {month}; violations: {found}; clauses: {watched}",
        {"written": names.shown(path), "month": month, "format": form, "lang": lang, "bytes": len(content), **counts},
    )


def _counts(summary: Summary) -> dict[str, Any]:
    return {
        "violations": {str(state): summary.tally.state(state) for state in COUNTED},
        "clauses": {kind: summary.coverage(kind) for kind in get_args(Coverage)},
        "complete": summary.complete,
    }
