"""Chromium renders a page with its script and its Chinese text, and makes a picture of it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.services]


def width_of(page: Page, text: str, font: str) -> float:
    page.set_content(f"<span id=t style='font: 40px {font}'>{text}</span>")
    return float(page.evaluate("document.getElementById('t').getBoundingClientRect().width"))


def test_a_page_runs_its_script_and_is_photographed(page: Page) -> None:
    page.set_content("<p id=p>before</p><script>document.getElementById('p').textContent = '合規監控'</script>")
    assert page.inner_text("#p") == "合規監控"
    picture = page.screenshot()
    assert picture.startswith(b"\x89PNG")
    assert int.from_bytes(picture[16:20]) == 1440


def test_a_font_with_the_characters_of_taiwan_is_there(page: Page) -> None:
    # Without one every character is the same empty box; different ones have different pictures.
    pictures = set()
    for character in "合規監控":
        page.set_content(f"<p style='font-size:60px'>{character}</p>")
        pictures.add(page.screenshot(clip={"x": 0, "y": 0, "width": 200, "height": 200}))
    assert len(pictures) == 4


async def test_an_asynchronous_test_may_follow() -> None:
    """Playwright's event loop must not outlive its test."""
