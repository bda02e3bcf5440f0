"""The pages in a real browser: rows arrive by themselves, nothing hostile runs, everything can be reached."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from schemas import instant
from schemas.violation import Change, Severity, State
from sinks.sqlite import SqliteStore
from tests.dashboards import demo_data
from tests.dashboards.conftest import Served, serve

pytestmark = [pytest.mark.browser, pytest.mark.services]

ATTACKS = (
    "<script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    '"><svg onload=window.hacked=1>',
    "' autofocus onfocus=window.hacked=1 x='",
    "javascript:window.hacked=1",
    "</script><script>window.hacked=1</script>",
    "{{constructor.constructor('window.hacked=1')()}}",
    "\u202e\u2066<b>\u2069\x1b]0;x\x07\x00",
)


def fresh(n: int, text: str = "chen.yt", severity: Severity = Severity.CRITICAL) -> demo_data.Violation:
    """One more than the demo has, newer than all of it; ``text`` stands in every field that can hold it."""
    at = demo_data.NOW + n * instant.SECOND
    return demo_data.violation(
        7000 + n, at, "repeated_failed_logins", text, severity, subject={"user": text, text: text}, persons=(text,), approval=text,
        exception=text, reasons=(text,), degraded_sources=(text,), workflow=text, controls=("CC-18000.3.e", text), case=text,
        **{"source.ip": text, "user.name": text, "host.name": text},
        evidence=(demo_data.evidence(n, at, text, text * 3, **{text: text}),),
    )  # fmt: skip


@pytest.fixture
def watched(page: Page) -> Iterator[Page]:
    """A page that may not complain: no script error, no blocked resource, no dialog."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    yield page
    assert complaints == []


def test_a_violation_appears_without_reload(served: Served, watched: Page) -> None:
    watched.goto(f"{served.url}/?lang=en")
    expect(watched.locator("#link")).to_have_text("Live")
    watched.evaluate("window.mark = 1")
    critical = int(watched.locator(".tile[data-severity=critical] b").inner_text())
    served.write(fresh(1))
    row = watched.locator("#rows .row").first
    expect(row).to_have_attribute("data-id", fresh(1).id, timeout=2000)
    expect(row.locator(".sev")).to_have_text("Critical")
    expect(row.locator("time")).to_have_attribute("title", instant.text(fresh(1).last_time))
    expect(watched.locator(".tile[data-severity=critical] b")).to_have_text(str(critical + 1), timeout=4000)
    expect(watched.locator("#spoken")).to_contain_text("New violation: Critical")
    assert watched.locator("#rows .row").count() == 50
    assert watched.evaluate("window.mark") == 1


def test_a_changed_violation_is_replaced_in_place(served: Served, watched: Page) -> None:
    watched.goto(f"{served.url}/?lang=en")
    served.write(fresh(1))
    row = watched.locator(f'.row[data-id="{fresh(1).id}"]')
    expect(row.locator(".state")).to_contain_text("Open", timeout=2000)
    served.write(demo_data.step(fresh(1), Change.RETRACTED, State.RETRACTED, demo_data.NOW))
    expect(row.locator(".state")).to_contain_text("Retracted", timeout=2000)
    expect(row).to_have_count(1)


def test_rows_stand_in_the_stores_order_however_they_arrive(served: Served, watched: Page) -> None:
    watched.goto(f"{served.url}/")
    for n in (3, 1, 2):
        served.write(fresh(n))
        expect(watched.locator(f'.row[data-id="{fresh(n).id}"]')).to_be_visible(timeout=2000)
    shown = watched.locator("#rows .row").evaluate_all("rows => rows.slice(0, 3).map(row => row.dataset.id)")
    assert shown == [fresh(n).id for n in (3, 2, 1)]
    live = watched.locator("#rows").inner_text()
    watched.reload()
    assert watched.locator("#rows").inner_text() == live


def test_after_a_break_the_page_catches_up(served: Served, watched: Page) -> None:
    watched.goto(f"{served.url}/?lang=en")
    expect(watched.locator("#link")).to_have_text("Live")
    hub = served.application.state.hub
    hub._closed = True  # streams end, new ones are refused
    expect(watched.locator("#link")).to_contain_text("not live", timeout=8000)
    assert watched.locator("body.stale").count() == 1
    served.write(fresh(1))
    hub._closed = False
    expect(watched.locator("#rows .row").first).to_have_attribute("data-id", fresh(1).id, timeout=12000)
    expect(watched.locator("#link")).to_have_text("Live")


def test_hostile_text_is_only_text(served: Served, watched: Page) -> None:
    markup = "main img, main script, main b > b, main [onload], main [onfocus]"
    first = [fresh(n, attack) for n, attack in enumerate(ATTACKS)]
    served.write(*first)
    for address in ("/report/2026-03", *(f"/violations/{violation.id}" for violation in first), "/"):
        watched.goto(served.url + address)
        assert watched.evaluate("window.hacked") is None, address
        assert watched.locator(markup).count() == 0, address
    for n, attack in enumerate(ATTACKS):  # the same by way of the script
        again = fresh(100 + n, attack)
        served.write(again)
        row = watched.locator(f'.row[data-id="{again.id}"]')
        expect(row).to_be_visible(timeout=2000)
        assert row.locator(".what").inner_text() == watched.locator(f'.row[data-id="{first[n].id}"] .what').inner_text()
    assert watched.evaluate("window.hacked") is None
    assert watched.locator(markup).count() == 0


def test_the_policy_would_stop_a_script_that_got_in(served: Served, page: Page) -> None:
    page.goto(served.url)
    sinks = (
        "const s = document.createElement('script'); s.textContent = 'window.hacked=1'; document.body.append(s)",
        "const s = document.createElement('script'); s.append('window.hacked=1'); document.body.append(s)",
        "document.body.innerHTML = '<img src=x onerror=window.hacked=1>'",
        "document.body.setAttribute('onclick', 'window.hacked=1'); document.body.click()",
        "window.setTimeout('window.hacked=1')",
    )
    for sink in sinks:
        page.evaluate(f"() => {{ try {{ {sink} }} catch {{}} }}")
    page.wait_for_timeout(200)
    assert page.evaluate("window.hacked") is None


def test_filters_make_a_shareable_address(served: Served, watched: Page, browser: Browser) -> None:
    watched.goto(f"{served.url}/?lang=en")
    watched.get_by_text("High", exact=True).locator("visible=true").nth(1).click()
    watched.select_option("select[name=detector]", "log_source_silent")
    watched.get_by_role("button", name="Apply").click()
    watched.wait_for_url(re.compile(r"\?severity=high&detector=log_source_silent$"))
    rows = watched.locator("#rows .row")
    assert rows.count() > 0
    assert set(rows.evaluate_all("rows => rows.map(row => row.dataset.severity)")) == {"high"}
    other = browser.new_page()
    other.goto(watched.url)
    assert other.locator("#rows .row").count() == rows.count()
    served.write(fresh(1))  # critical: not for this page
    watched.wait_for_timeout(1000)
    assert watched.locator(f'.row[data-id="{fresh(1).id}"]').count() == 0


def test_a_paused_page_stands_still(served: Served, watched: Page) -> None:
    watched.goto(f"{served.url}/?lang=en")
    expect(watched.locator("#link")).to_have_text("Live")
    watched.get_by_role("button", name="Pause").click()
    served.write(fresh(1))
    expect(watched.locator("#link")).to_have_text("Paused, 1 waiting", timeout=2000)
    assert watched.locator(f'.row[data-id="{fresh(1).id}"]').count() == 0
    watched.get_by_role("button", name="Resume").click()
    expect(watched.locator(f'.row[data-id="{fresh(1).id}"]')).to_be_visible()


def test_health_changes_by_itself(store: SqliteStore, watched: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.web.stream.PULSE_S", 0.3)
    account = demo_data.health() | {"dead_letters": {}}
    served = serve(store, health=lambda: account)
    watched.goto(f"{served.url}/?lang=en")
    expect(watched.locator("#health")).to_have_attribute("data-verdict", "partly")
    account["sources"] = [{**source, "status": "blind"} for source in account["sources"]]
    expect(watched.locator("#health")).to_have_attribute("data-verdict", "blind", timeout=3000)
    expect(watched.locator("#health [data-f=title]")).to_have_text("Not watched")
    served.stop()


def test_without_javascript_the_page_is_whole(served: Served, browser: Browser) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{served.url}/?lang=en&severity=high")
    assert page.locator("#rows .row").count() > 0
    assert page.locator("noscript p").is_visible()
    assert not page.get_by_role("button", name="Pause").is_visible()
    page.locator("#rows .row a").first.click()
    assert page.get_by_role("heading", name="Evidence").is_visible()


def test_the_keyboard_reaches_the_first_violation(served: Served, watched: Page) -> None:
    watched.goto(f"{served.url}/?lang=en")
    watched.keyboard.press("Tab")
    assert watched.evaluate("document.activeElement.className") == "skip"
    for _ in range(40):
        watched.keyboard.press("Tab")
        if watched.evaluate("document.activeElement.closest('.row') !== null"):
            break
    watched.keyboard.press("Enter")
    watched.wait_for_url("**/violations/*")


def test_nothing_sticks_out_of_the_window(served: Served, watched: Page) -> None:
    served.write(fresh(1, "x" * 400))
    for address in ("/", f"/violations/{fresh(1).id}", "/report/2026-03"):
        for lang in ("zh-TW", "en"):
            watched.goto(f"{served.url}{address}?lang={lang}")
            for width in (360, 390, 768, 1100, 1280, 1920):
                watched.set_viewport_size({"width": width, "height": 800})
                assert watched.evaluate("document.documentElement.scrollWidth") <= width, f"{address} {lang} {width}"


def test_colours_are_readable_by_day_and_night(served: Served, browser: Browser) -> None:
    """WCAG 2.2 contrast of 4.5:1 for every text on the pages against the nearest painted background."""
    measure = """() => {
      const parse = (c) => { const n = c.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
      const lum = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
      const bad = [];
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) {
        const e = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !e.checkVisibility({ checkOpacity: true }) || e.closest('.sr, script, template, svg, noscript, option')) continue;
        let at = e, back = [255, 255, 255, 0];
        while (at && back[3] === 0) { back = parse(getComputedStyle(at).backgroundColor); at = at.parentElement; }
        const [a, b] = [lum(parse(getComputedStyle(e).color)), lum(back)].sort((x, y) => y - x);
        const ratio = (a + .05) / (b + .05);
        if (ratio < 4.5) bad.push([e.className, walker.currentNode.data.trim().slice(0, 20), ratio.toFixed(2)].join(' '));
      }
      return [...new Set(bad)];
    }"""
    detail = demo_data.violations()[0].id
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme, reduced_motion="reduce")
        for address in ("/?lang=en", f"/violations/{detail}?lang=en", "/report/2026-03?lang=en", "/violations/none"):
            page.goto(served.url + address)
            assert page.evaluate(measure) == [], f"{scheme} {address}"
