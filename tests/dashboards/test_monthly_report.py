"""The monthly report: every duty once, counts that add up, the same bytes, and nothing called compliant that was not watched."""

import csv
import io
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from dashboards.reports import monthly, tally
from dashboards.reports.spreadsheet import neutral
from dashboards.reports.tally import COUNTED, SEVERITIES, Month, Summary, summarise
from schemas import instant
from schemas.control import catalogue
from schemas.violation import Change, Severity, State
from sinks.sqlite import SqliteStore
from tests.dashboards import demo_data

DUTIES = [control.id for control in catalogue().controls if control.duty]
LATER = instant.parse("2026-04-02T00:00:00Z")


def report(store: SqliteStore, lang: Any = "zh-TW", form: Any = "html", **more: Any) -> str:
    given: dict[str, Any] = {"assessed": demo_data.assessed(), "truth_time": LATER} | more
    month = given.pop("month", "2026-03")
    return monthly.report(store, month, lang, form, **given).decode("utf-8-sig" if form == "csv" else "utf-8")


def summary(store: SqliteStore, month: str = "2026-03", **assessed: str) -> Summary:
    return summarise(store, Month.read(month, "Asia/Taipei"), catalogue(), assessed, LATER)


def lines(store: SqliteStore, **more: Any) -> list[dict[str, str]]:
    found = list(csv.reader(io.StringIO(report(store, "en", "csv", **more), newline="")))
    head = [cell.partition(" / ")[0] for cell in found[0]]
    assert len(set(head)) == len(head)
    return [dict(zip(head, row, strict=True)) for row in found[1:]]


def test_every_duty_stands_once_in_the_order_of_the_regulation(store: SqliteStore) -> None:
    assert len(DUTIES) == 190
    for lang in ("zh-TW", "en"):
        assert re.findall(r'<th scope="row" class="id">([^<]+)</th>', report(store, lang)) == DUTIES
    assert [line["Clause"] for line in lines(store) if line["Row"] == "clause"] == DUTIES


def test_each_duty_has_its_chinese_text_and_english_title(store: SqliteStore) -> None:
    escapes = {"&": "&amp;", '"': "&#34;", "'": "&#39;", "<": "&lt;", ">": "&gt;"}
    for lang in ("zh-TW", "en"):
        page = report(store, lang)
        for control in catalogue().controls:
            if control.duty:
                for text in (control.text_zh, control.title_en):
                    assert "".join(escapes.get(char, char) for char in text) in page


def test_the_same_store_gives_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for n in range(2):
        one = SqliteStore(tmp_path / f"{n}.sqlite")
        documents = demo_data.violations()
        for document in documents if n else reversed(documents):
            one.write([document])
        made.append([report(one, lang, form) for lang in ("zh-TW", "en") for form in ("html", "csv")])
        made[-1] += [report(one, lang, form) for lang in ("zh-TW", "en") for form in ("html", "csv")]
        one.close()
    assert made[0] == made[1]
    assert made[0][:4] == made[0][4:]


def test_counts_add_up(store: SqliteStore) -> None:
    expected: Counter[tuple[str, Severity, State]] = Counter()
    total: Counter[tuple[Severity, State]] = Counter()
    current = {violation.id: violation for violation in demo_data.violations()}
    for violation in current.values():
        local = instant.to_datetime(violation.anchor_time + 8 * instant.HOUR)
        if (local.year, local.month) == (2026, 3) and violation.state in COUNTED:
            total[violation.severity, violation.state] += 1
            for clause in violation.controls:
                expected[clause, violation.severity, violation.state] += 1
    found = summary(store)
    assert total
    assert {k: n for k, n in found.tally.counts.items() if n} == total
    assert {
        (clause.control.id, *key): n for clause in found.clauses for key, n in clause.tally.counts.items()
    } == expected
    for section in found.sections:
        clauses = {clause.control.id for clause in section.clauses}
        assert section.tally.total == sum(
            1 for v in current.values() if clauses & set(v.controls) and v.state in COUNTED and month_of(v.anchor_time) == "2026-03"
        )
    assert sum(count.total for _, count in found.detectors) == found.tally.total
    rows = lines(store)
    assert int(rows[-1]["Total"]) == found.tally.total == sum(total.values())
    assert rows[-1]["Row"] == "total"
    for row in rows:
        by_state = [int(row[name]) for name in ("Open", "Pending", "Excepted", "Retracted")]
        assert int(row["Total"]) == sum(by_state)
        assert by_state[0] == sum(int(row[name]) for name in ("Critical", "High", "Medium", "Low"))


def month_of(time: int) -> str:
    return instant.to_datetime(time + 8 * instant.HOUR).strftime("%Y-%m")


@pytest.mark.parametrize(
    ("anchor", "month"),
    [
        ("2026-03-01T00:00:00+08:00", "2026-03"),
        ("2026-02-28T23:59:59.999999+08:00", "2026-02"),
        ("2026-03-31T23:59:59.999999+08:00", "2026-03"),
        ("2026-03-31T16:00:00Z", "2026-04"),
    ],
)
def test_months_are_cut_at_midnight_in_taipei_by_the_anchor(empty: SqliteStore, anchor: str, month: str) -> None:
    at = instant.parse(anchor)
    # Its last act is long after: it stays in the month of its anchor all the same.
    empty.write([demo_data.violation(1, at, "d", "S", Severity.LOW, last_time=at + 70 * instant.DAY, controls=("CC-18000.3.e",))])
    totals = {name: summary(empty, name).tally.total for name in ("2026-02", "2026-03", "2026-04")}
    assert totals == dict.fromkeys(totals, 0) | {month: 1}


@pytest.mark.parametrize(
    ("state", "coverage", "result"),
    [
        (None, "monitored", "none"),
        (None, "degraded", "partly"),
        (None, "blind", "blind"),
        (None, None, "not_assessed"),
        (State.OPEN, "monitored", "violations"),
        (State.OPEN, "degraded", "violations"),
        (State.OPEN, None, "violations"),
        (State.PENDING, "monitored", "pending"),
        (State.EXCEPTED, "monitored", "none_open"),
        (State.EXCEPTED, "degraded", "partly"),
        (State.RETRACTED, None, "not_assessed"),
        (State.WITHDRAWN, "monitored", "none"),
        (State.SUPERSEDED, "monitored", "none"),
    ],
)
def test_what_is_said_of_a_clause(empty: SqliteStore, state: State | None, coverage: str | None, result: str) -> None:
    if state:
        change = {State.OPEN: Change.OPENED, State.EXCEPTED: Change.OPENED}.get(state) or Change(str(state))
        violation = demo_data.violation(1, demo_data.NOW, "d", "S", Severity.HIGH, state=State.PENDING, controls=("CC-18000.3.e",))
        empty.write([demo_data.step(violation, change, state, demo_data.NOW)])
    found = summary(empty, **({"CC-18000.3.e": coverage} if coverage else {}))
    assert {clause.control.id: clause.result for clause in found.clauses}["CC-18000.3.e"] == result


def test_compliant_words_stand_only_beside_watched_clauses(empty: SqliteStore) -> None:
    for lang, words, doubt in (("zh-TW", "未發現違規", "未評估"), ("en", "No violation found", "Not assessed")):
        page = report(empty, lang, assessed={"CC-18000.3.e": "monitored", "CC-18000.3.f": "degraded", "CC-17010.b.e": "blind"})
        rows = dict(re.findall(r'<th scope="row" class="id">([^<]+)</th>(.*?)</tr>', page, re.DOTALL))
        assert [clause for clause, row in rows.items() if words in row] == ["CC-18000.3.e"]
        assert len([clause for clause, row in rows.items() if doubt in row]) == 188
    assert Counter(line["Result"].partition(" / ")[0] for line in lines(empty, assessed={"CC-18000.3.e": "monitored"}) if line["Row"] == "clause") == {
        "No violation found": 1, "Not assessed": 189,
    }  # fmt: skip


def test_an_unfinished_month_is_called_provisional(store: SqliteStore) -> None:
    assert "暫定" not in report(store)
    assert "暫定" in report(store, truth_time=demo_data.NOW)
    assert "Provisional" in report(store, "en", truth_time=instant.parse("2026-03-31T15:59:59.999999Z"))
    assert "Provisional" not in report(store, "en", truth_time=instant.parse("2026-03-31T16:00:00Z"))


def test_the_cover_names_month_regulation_and_date(store: SqliteStore) -> None:
    for lang in ("zh-TW", "en"):
        cover = report(store, lang).partition("</header>")[0]
        for text in ("2026-03", "法規名稱：建立證券商資通安全檢查機制", catalogue().title_en, "2020-12-11", "民國 109 年 12 月 11 日", "Asia/Taipei"):
            assert text in cover


def test_violations_of_unknown_clauses_are_shown_not_lost(empty: SqliteStore) -> None:
    empty.write(
        [
            demo_data.violation(1, demo_data.NOW, "d", "S", Severity.LOW, controls=("CC-99999.z",)),
            demo_data.violation(2, demo_data.NOW, "d", "S", Severity.LOW, controls=()),
            demo_data.violation(3, demo_data.NOW, "d", "S", Severity.LOW, controls=("CC-18000.3",)),  # a heading, no duty
        ]
    )
    found = summary(empty)
    assert [(name, count.total) for name, count in found.unknown] == [("", 1), ("CC-18000.3", 1), ("CC-99999.z", 1)]
    assert found.tally.total == 3
    assert "CC-99999.z" in report(empty)
    assert [line["Clause"] for line in lines(empty) if line["Row"] == "unknown"] == ["", "CC-18000.3", "CC-99999.z"]


def test_demo_reports_say_so(store: SqliteStore) -> None:
    assert "DEMO" not in report(store)
    assert "DEMO" in report(store, demo=True)
    assert {line["Made-up data"] for line in lines(store, demo=True)} == {"DEMO"}


class Outside(HTMLParser):
    """Collects whatever a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, *attribute) for attribute in attrs if attribute[0] in {"src", "href", "srcset", "data", "action"}]
        if tag in {"script", "link", "iframe", "object"}:
            self.found.append((tag, "", None))


def test_the_file_needs_nothing_else(store: SqliteStore) -> None:
    page = report(store, "en")
    outside = Outside()
    outside.feed(page)
    assert outside.found == []
    assert "@import" not in page
    assert "url(" not in page


def test_the_spreadsheet_is_what_excel_reads(store: SqliteStore) -> None:
    content = monthly.report(store, "2026-03", "zh-TW", "csv", demo_data.assessed(), LATER)
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.count(b"\r\n") == content.count(b"\n")
    assert "條款 / Clause" in content.decode("utf-8-sig").splitlines()[0]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\t=", "＝", "＠"])
def test_no_cell_is_a_formula(start: str) -> None:
    assert neutral(f"{start}HYPERLINK(A1)").startswith("'")
    assert not set(neutral(f"{start}x")) & set("\t\r\n")


def test_ordinary_cells_stay_as_they_are() -> None:
    assert [neutral(text) for text in ("CC-1", "a=b", "", "應")] == ["CC-1", "a=b", "", "應"]


def test_hostile_names_cannot_leave_their_cell(empty: SqliteStore) -> None:
    for n, name in enumerate(('=cmd|" /C calc"!A0', "@SUM(1)", '",=1+1,"', "x\r\n=1")):
        empty.write([demo_data.violation(n, demo_data.NOW, "d", "S", Severity.LOW, controls=(name,))])
    cells = [cell for row in csv.reader(io.StringIO(report(empty, "en", "csv"), newline="")) for cell in row]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    assert len(lines(empty)) == 190 + 14 + 4 + 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("2026-3", "en", "html"), "a month is YYYY-MM"),
        (("2026-13", "en", "html"), "a month is YYYY-MM"),
        (("2026-03", "fr", "html"), "zh-TW or en, not 'fr'"),
        (("2026-03", "en", "pdf"), "html or csv, not 'pdf'"),
    ],
)
def test_mistakes_are_named(empty: SqliteStore, arguments: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        monthly.report(empty, *arguments, {}, LATER)


def test_a_coverage_that_is_none_is_refused(empty: SqliteStore) -> None:
    with pytest.raises(ValueError, match=r"CC-18000\.3\.e is monitored, degraded or blind, not 'fine'"):
        report(empty, assessed={"CC-18000.3.e": "fine"})


def test_neighbours_cross_the_year() -> None:
    assert monthly.neighbours("2026-01") == ("2025-12", "2026-02")
    assert monthly.neighbours("2026-12") == ("2026-11", "2027-01")


def test_many_violations_are_all_counted(empty: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.paging.STEP", 7)
    empty.write([demo_data.violation(n, demo_data.NOW, "d", "S", SEVERITIES[n % 4], controls=("CC-18000.3.e",)) for n in range(100)])
    assert summary(empty).tally.total == 100
    assert tally.Tally.of([]).total == 0
