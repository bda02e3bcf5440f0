"""What the pages show and refuse, without a browser."""

import random
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from schemas import instant
from schemas.control import catalogue, controls
from schemas.violation import Change, Severity, State
from sinks.contract import Query
from sinks.sqlite import SqliteStore
from tests.dashboards import demo_data
from tests.dashboards.conftest import client_of, made

HOSTILE = '"><script>alert(1)</script>&\u202e\x1b[2J'
SHOWN = "&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;"


def rows(page: str) -> list[str]:
    return re.findall(r'<li class="row"[^>]*data-id="([0-9a-f]+)"', page.partition("<template")[0])


async def test_the_newest_fifty_are_listed_in_the_stores_order(client: httpx.AsyncClient, store: SqliteStore) -> None:
    page = (await client.get("/")).text
    assert rows(page) == [violation.id for violation in store.search(Query(limit=50))]


async def test_older_pages_reach_the_end(client: httpx.AsyncClient, store: SqliteStore) -> None:
    seen: list[str] = []
    address: str | None = "/"
    while address:
        page = (await client.get(address)).text
        seen += rows(page)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        address = found[1].replace("&amp;", "&") if found else None
    assert seen == [violation.id for violation in store.search(Query(limit=1000))]


async def test_filters_come_from_the_address(client: httpx.AsyncClient, store: SqliteStore) -> None:
    page = (await client.get("/?severity=high&state=open&detector=log_source_silent&control=CC-17010.i.c")).text
    found = store.search(
        Query(severities=(Severity.HIGH,), states=(State.OPEN,), detectors=("log_source_silent",), controls=("CC-17010.i.c",))
    )
    assert found
    assert rows(page) == [violation.id for violation in found]
    assert re.search(r'name="severity" value="high" checked', page)
    assert '<option value="CC-17010.i.c" selected>' in page


async def test_a_filter_that_is_not_understood_is_an_error(client: httpx.AsyncClient) -> None:
    answer = await client.get("/?severity=crit")
    assert answer.status_code == 400
    assert "?severity= takes low, medium, high, critical, not &#39;crit&#39;" in answer.text


async def test_tiles_count_each_open_violation_once(client: httpx.AsyncClient, store: SqliteStore) -> None:
    page = (await client.get("/")).text
    shown = {tile[0]: int(tile[1]) for tile in re.findall(r'class="tile" data-severity="(\w+)".*?data-f="open">(\d+)<', page, re.DOTALL)}
    assert shown == {
        str(severity): len(store.search(Query(severities=(severity,), states=(State.OPEN,), limit=1000))) for severity in Severity
    }


@pytest.mark.parametrize(("span", "length"), [("day", instant.DAY), ("month", 30 * instant.DAY)])
async def test_the_chart_counts_what_lies_in_its_span(client: httpx.AsyncClient, store: SqliteStore, span: str, length: int) -> None:
    page = (await client.get(f"/?span={span}")).text
    bars = [int(number) for number in re.findall(r"<g class=\"bar\"><title>[\d:-]+: (\d+)</title>", page)]
    assert len(bars) == (24 if span == "day" else 30)
    # The last bucket is the running hour (or local day), so the chart begins that much later than a full span ago.
    unit = instant.HOUR if span == "day" else instant.DAY
    shift = 0 if span == "day" else 8 * instant.HOUR
    end = ((demo_data.NOW + shift) // unit + 1) * unit - shift
    found = store.search(Query(since=end - length, until=end, limit=1000))
    assert sum(bars) == len(found) > 0
    assert bars[-1] == sum(violation.last_time >= end - unit for violation in found)


PAGES = ["/", "/violations/{id}", "/report/2026-03", "/violations/none", "/?severity=x", "/nowhere"]


@pytest.mark.parametrize("address", PAGES)
@pytest.mark.parametrize("lang", ["zh-TW", "en"])
async def test_every_page_says_demo_and_is_hardened(store: SqliteStore, address: str, lang: str) -> None:
    async with client_of(made(store, demo=True)) as client:
        answer = await client.get(address.format(id=store.search(Query(limit=1))[0].id), params={"lang": lang} if "?" not in address else None)
    assert "DEMO" in answer.text
    assert "<title>DEMO" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?![^>]*src=\"/static/)", answer.text)
    assert not re.search(r"\s(on\w+|style)=", re.sub(r">[^<]*<", "><", answer.text))


async def test_a_page_that_fails_is_hardened_too_and_says_nothing_of_the_inside(empty: SqliteStore) -> None:
    def broken() -> dict[str, Any]:
        raise RuntimeError("the inside")

    async with client_of(made(empty, health=broken)) as client:
        answer = await client.get("/")
    assert answer.status_code == 500
    assert "the inside" not in answer.text
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


async def test_real_data_carry_no_demo_mark(client: httpx.AsyncClient) -> None:
    assert "DEMO" not in (await client.get("/")).text


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1:8080", 200), ("localhost", 200), ("[::1]:80", 200), ("soc.example", 200), ("evil.example", 400), ("127.0.0.1.evil.example", 400)])
async def test_only_known_hosts_are_answered(store: SqliteStore, host: str, status: int) -> None:
    async with client_of(made(store, hosts=["soc.example"])) as client:
        answer = await client.get("/healthz", headers={"Host": host})
    assert answer.status_code == status
    assert "x-content-type-options" in answer.headers


async def test_the_language_is_chosen_kept_and_guessed(store: SqliteStore) -> None:
    async with client_of(made(store)) as client:
        assert 'lang="zh-Hant-TW"' in (await client.get("/")).text
        assert '<html lang="en">' in (await client.get("/", headers={"Accept-Language": "fr, en;q=0.5"})).text
        assert '<html lang="en">' in (await client.get("/?lang=en")).text
        assert '<html lang="en">' in (await client.get("/")).text  # the cookie
        assert '<html lang="zh-Hant-TW">' in (await client.get("/?lang=zh-TW")).text


async def test_health_and_readiness(client: httpx.AsyncClient, store: SqliteStore) -> None:
    assert (await client.get("/healthz")).text == "ok\n"
    assert (await client.get("/readyz")).status_code == 200

    class Gone:
        def ready(self) -> bool:
            return False

    async with client_of(made(Gone())) as other:
        assert (await other.get("/readyz")).status_code == 503


# ---- one violation -----------------------------------------------------------------------------------------------------


async def test_the_detail_page_has_everything(empty: SqliteStore) -> None:
    base = demo_data.firewall(1, demo_data.NOW, random.Random(3))
    first = base.model_copy(
        update={
            "state": State.PENDING, "reasons": ("SCOPE_EXCEEDED", "EXPIRED"), "approval": "CHG77", "exception": "EXC88",
            "supersedes": "ab12", "degraded_sources": ("hr/export",), "persons": ("P-1", "P-2"), "skew_ambiguous": True,
            "transition": base.transition.model_copy(update={"change": Change.PENDING, "state": State.PENDING}),
        }
    )  # fmt: skip
    last = demo_data.step(first, Change.OPENED, State.OPEN, demo_data.NOW + instant.HOUR)
    assert not empty.write([first, last])
    async with client_of(made(empty)) as client:
        for lang in ("zh-TW", "en"):
            page = (await client.get(f"/violations/{last.id}?lang={lang}")).text
            for clause in last.controls:
                control = controls()[clause]
                assert control.text_zh in page
                assert control.label in page
                assert control.title_en in page
                assert control.summary_en in page
            needed = ["CHG77", "EXC88", "SCOPE_EXCEEDED", "EXPIRED", "P-1", "P-2", "hr/export", "/violations/ab12", last.id, last.case]
            needed += [item.event_id for item in last.evidence] + [item.source for item in last.evidence]
            needed += [value for item in last.evidence for value in item.values.values()]
            assert [text for text in needed if text not in page] == []
            assert page.count('class="number"') == 2
            assert 'title="2026-03-18T02:42:17Z">2026-03-18 10:42:17</time>' in page


async def test_the_json_form_is_the_stored_document(client: httpx.AsyncClient, store: SqliteStore) -> None:
    violation = store.search(Query(limit=1))[0]
    document = (await client.get(f"/violations/{violation.id}?format=json")).json()
    history = document.pop("history")
    assert document == violation.model_dump(mode="json")
    assert [step["number"] for step in history] == list(range(1, violation.transition.number + 1))


async def test_an_unknown_violation_is_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.get("/violations/ffff")).status_code == 404
    assert (await client.get("/violations/%00%F0%9F")).status_code == 404


@pytest.fixture
async def hostile(empty: SqliteStore) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    violation = demo_data.violation(
        1, demo_data.NOW, HOSTILE, HOSTILE, Severity.HIGH, controls=(HOSTILE, "CC-18000.3.e"), subject={HOSTILE: HOSTILE, "user": HOSTILE},
        persons=(HOSTILE,), approval=HOSTILE, exception=HOSTILE, reasons=(HOSTILE,), degraded_sources=(HOSTILE,), workflow=HOSTILE,
        detector_version=HOSTILE, case=HOSTILE, supersedes=HOSTILE, superseded_by=HOSTILE,
        **{"source.ip": HOSTILE, "user.name": HOSTILE, "host.name": HOSTILE},
        evidence=(demo_data.evidence(1, demo_data.NOW, HOSTILE, HOSTILE, **{HOSTILE: HOSTILE}).model_copy(update={"event_id": HOSTILE}),),
    )  # fmt: skip
    violation = violation.model_copy(update={"transition": violation.transition.model_copy(update={"cause": HOSTILE})})
    assert not empty.write([violation])
    health = {
        "sources": [{"name": HOSTILE, "feed": HOSTILE, "status": HOSTILE, "last_seen": demo_data.NOW}],
        "dead_letters": {HOSTILE: 1}, "detectors": {HOSTILE: HOSTILE},
    }  # fmt: skip
    async with client_of(made(empty, health=lambda: health), headers={"Accept-Language": "en"}) as client:
        yield client, violation.id


@pytest.mark.parametrize("address", ["/", "/violations/{id}", "/report/2026-03", "/report/2026-03?format=html", "/?control=%3Cscript%3E"])
async def test_no_field_becomes_markup_or_turns_the_text_round(hostile: tuple[httpx.AsyncClient, str], address: str) -> None:
    client, identity = hostile
    page = (await client.get(address.format(id=identity))).text
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    if "control=" not in address:
        assert SHOWN in page


# ---- green means watched -----------------------------------------------------------------------------------------------


WATCHED = {
    "sources": [{"name": "a", "feed": "linux", "status": "watched", "last_seen": demo_data.NOW, "lag_s": 0.1}],
    "lag_s": 0.5, "dead_letters": {}, "detectors": {"repeated_failed_logins": ""},
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "watched"),
        ({"dead_letters": {"bad_time": 0}}, "watched"),
        ({"sources": []}, "unknown"),
        ({"detectors": {}}, "unknown"),
        ({"lag_s": None}, "partly"),
        ({"lag_s": 61.0}, "partly"),
        ({"dead_letters": {"bad_time": 1}}, "partly"),
        ({"detectors": {"repeated_failed_logins": "parked"}}, "partly"),
        ({"sources": [*WATCHED["sources"], {"name": "b", "feed": "x", "status": "silent", "last_seen": 1}]}, "partly"),  # type: ignore[misc]
        ({"sources": [{"name": "b", "feed": "x", "status": "blind", "last_seen": 1}]}, "blind"),
        ({"sources": [{"name": "b", "feed": "x", "status": "watched", "last_seen": None}]}, "blind"),
        ({"sources": [{"name": "b", "feed": "x", "status": "fine", "last_seen": 1}]}, "blind"),
        ({"sources": [{"name": "b"}]}, "blind"),
    ],
)
async def test_only_a_full_account_is_green(empty: SqliteStore, changes: dict[str, Any], verdict: str) -> None:
    async with client_of(made(empty, health=lambda: WATCHED | changes)) as client:
        page = (await client.get("/")).text
    assert re.findall(r'data-verdict="(\w+)"', page) == [verdict]


async def test_no_account_at_all_is_unknown(empty: SqliteStore) -> None:
    async with client_of(made(empty, health=dict)) as client:
        assert 'data-verdict="unknown"' in (await client.get("/")).text


async def test_the_strip_counts_the_watched_duties_of_the_regulation(client: httpx.AsyncClient) -> None:
    found = list(demo_data.assessed().values())
    part, watched = found.count("degraded"), found.count("degraded") + found.count("monitored")
    duties = sum(control.duty for control in catalogue().controls)
    assert f"{watched}/{duties} watched, {part} of them in part" in (await client.get("/")).text


# ---- the report as a page ----------------------------------------------------------------------------------------------


async def test_the_report_is_a_page_and_two_files(client: httpx.AsyncClient) -> None:
    page = await client.get("/report/2026-03")
    assert page.text.count('<article class="report">') == 1
    assert 'href="/report/2026-02"' in page.text
    assert 'href="/report/2026-04"' in page.text
    for form, kind in (("html", "text/html"), ("csv", "text/csv")):
        answer = await client.get(f"/report/2026-03?format={form}")
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["content-disposition"] == f'attachment; filename="controlwatch-2026-03.en.{form}"'


@pytest.mark.parametrize("month", ["2026-13", "2026-3", "0000-01", "x"])
async def test_a_month_that_is_none_is_not_found(client: httpx.AsyncClient, month: str) -> None:
    assert (await client.get(f"/report/{month}")).status_code == 404
