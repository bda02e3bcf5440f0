"""Fixtures for every test: the real services, the public corpora, and a loud word about what was skipped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.services.absence import skip_or_fail

pytest_plugins = ["tests.services.fixtures"]


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The directory of the public log corpora (``CONTROLWATCH_CORPORA``); their licences keep most of them out of here."""
    named = os.environ.get("CONTROLWATCH_CORPORA", "")
    if not named or not Path(named).is_dir():
        skip_or_fail(f"the public log corpora are absent: CONTROLWATCH_CORPORA is {named!r}, not a directory")
    return Path(named)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says at the end, in red, which real things the run did without."""
    for reason in sorted({report.longrepr[2] for report in terminalreporter.stats.get("skipped", ())}):
        terminalreporter.write_sep("!", "TESTS WERE SKIPPED", red=True, bold=True)
        terminalreporter.write_line(reason, red=True)
