"""Headless Chromium (Debian's) driven by Playwright, to see the pages as a person does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests.services.requirement import program

_OPTIONS = [
    "--headless",
    "--no-sandbox",  # root has no sandbox
    "--disable-dev-shm-usage",
    # It talks to the page under test and to nobody else.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser with an empty profile.

    One per test, not per session: while Playwright's synchronous interface lives, its event loop counts as running in
    this thread, and no asynchronous test could run.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium", "chromium"), args=_OPTIONS)
        try:
            yield browser
        finally:
            browser.close()
