"""The monthly report as CSV: one line for each duty, then sections, clauses outside the catalogue and the total.

RFC 4180, UTF-8 with byte order mark (Excel reads it as UTF-8 only so). A cell that a spreadsheet would run as a formula
(OWASP "CSV injection": first character = + - @, tab or carriage return) gets an apostrophe in front.
"""

import csv
import io
from collections.abc import Sequence

from dashboards.reports.tally import COUNTED, SEVERITIES, Coverage, Result, Summary, Tally
from dashboards.texts import Texts
from dashboards.visible import plain
from schemas import instant

_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def neutral(text: str) -> str:
    """``text`` as a cell that no spreadsheet runs; hidden characters made visible."""
    shown = plain(text)
    return f"'{shown}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else shown


def table(summary: Summary, words: Texts, *, truth_time: int, demo: bool) -> bytes:
    """The whole file."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")

    def both(key: str) -> str:
        return f"{words(key)} / {words.other(key)}"

    head = ["demo", "month", "truth_time", "row", "section", "clause", "label", "text_zh", "title_en"]
    keys = [f"csv.{name}" for name in head]
    keys += [f"severity.{severity}" for severity in SEVERITIES] + [f"state.{state}" for state in COUNTED]
    keys += ["csv.total", "csv.coverage", "csv.result"]
    writer.writerow([both(key) for key in keys])
    common = ["DEMO" if demo else "", summary.month.name, instant.text(truth_time)]

    def line(place: Sequence[str], tally: Tally, coverage: Coverage | None, result: Result | None) -> None:
        writer.writerow(
            [neutral(cell) for cell in (*common, *place)]
            + [tally.severity(severity) for severity in SEVERITIES]
            + [tally.state(state) for state in COUNTED]
            + [tally.total, both(f"coverage.{coverage}") if coverage else "", both(f"result.{result}") if result else ""]
        )

    for clause in summary.clauses:
        control = clause.control
        text = f"{control.heading_zh} {control.text_zh}".strip()
        place = ("clause", control.section, control.id, control.label, text, control.title_en)
        line(place, clause.tally, clause.coverage, clause.result)
    for section in summary.sections:
        control = section.control
        line(("section", control.id, "", control.label, control.text_zh, control.title_en), section.tally, None, None)
    for identity, tally in summary.unknown:
        line(("unknown", "", identity, "", words("report.unknown"), words.other("report.unknown")), tally, None, None)
    line(("total", "", "", "", "", ""), summary.tally, None, None)
    return out.getvalue().encode("utf-8-sig")
