"""The monthly compliance summary: between the violation store and a printable page or a spreadsheet.

The same store content and arguments give the same bytes: no clock is read, everything is sorted. What was not watched is
reported as not assessed, never as compliant.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dashboards.reports import spreadsheet
from dashboards.reports.bars import bars
from dashboards.reports.tally import COUNTED, SEVERITIES, Month, summarise
from dashboards.texts import LANGUAGES, Language, texts
from dashboards.visible import marked
from dashboards.when import Clockface
from schemas.control import catalogue
from sinks.contract import ViolationStore


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("dashboards.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = marked
    return environment


def neighbours(month: str) -> tuple[str, str]:
    """The months before and after ``month`` (``YYYY-MM``)."""
    year, number = int(month[:4]), int(month[5:])
    index = year * 12 + number - 1
    return tuple(f"{n // 12:04d}-{n % 12 + 1:02d}" for n in (index - 1, index + 1))  # type: ignore[return-value]


def body(
    store: ViolationStore,
    month: str,
    lang: Language,
    *,
    assessed: Mapping[str, str],
    truth_time: int,
    demo: bool = False,
    zone: str = "Asia/Taipei",
) -> Markup:
    """The report as an HTML ``<article>`` for a page that has its own head; arguments as for :func:`report`."""
    words = texts(lang)
    known = catalogue()
    summary = summarise(store, Month.read(month, zone), known, assessed, truth_time)
    template = _environment().get_template("monthly_body.html")
    return Markup(  # noqa: S704 - the template escapes
        template.render(
            t=words,
            o=words.other,
            s=summary,
            known=known,
            clock=Clockface(zone),
            truth_time=truth_time,
            demo=demo,
            severities=SEVERITIES,
            states=COUNTED,
            bars=bars(summary),
            published_zh=_minguo(known.published),
        )
    )


def report(
    store: ViolationStore,
    month: str,
    lang: Language,
    format: Literal["html", "csv"],  # noqa: A002 - the name of the command's option
    assessed: Mapping[str, str],
    truth_time: int,
    *,
    demo: bool = False,
    zone: str = "Asia/Taipei",
) -> bytes:
    """The compliance summary of one month over every duty of the regulation.

    Args:
        store: where violations are read.
        month: ``YYYY-MM``, cut at midnight of ``zone``; a violation belongs to the month of its ``anchor_time``.
        lang: main language; the other one stands beside it, smaller.
        format: ``html``: one self-contained file, printable on A4; ``csv``: UTF-8 with byte order mark, for spreadsheets.
        assessed: clause id → ``monitored``, ``degraded`` or ``blind``; a missing clause was watched by nothing.
        truth_time: up to when all live feeds have reported (microseconds UTC); before the month's end the report says so.
        demo: whether the data are made up; the report then says DEMO.
        zone: IANA name of the firm's zone.

    Raises:
        ValueError: not a month, not a language, not a format, or a coverage that is none.
    """
    if lang not in LANGUAGES:
        raise ValueError(f"a report's language is {' or '.join(LANGUAGES)}, not {lang!r}")
    if format == "csv":
        summary = summarise(store, Month.read(month, zone), catalogue(), assessed, truth_time)
        return spreadsheet.table(summary, texts(lang), truth_time=truth_time, demo=demo)
    if format != "html":
        raise ValueError(f"a report's format is html or csv, not {format!r}")
    article = body(store, month, lang, assessed=assessed, truth_time=truth_time, demo=demo, zone=zone)
    css = resources.files("dashboards.reports").joinpath("static", "monthly.css").read_text(encoding="utf-8")
    page = _environment().get_template("monthly.html")
    html = page.render(t=texts(lang), o=texts(lang).other, month=month, body=article, css=Markup(css), demo=demo)  # noqa: S704 - our own file
    return html.encode()


def _minguo(published: str) -> str:
    """A date as the regulation writes it: 民國 109 年 12 月 11 日 (Republic year 1 is 1912)."""
    year, month, day = (int(part) for part in re.split("-", published))
    return f"民國 {year - 1911} 年 {month} 月 {day} 日"
