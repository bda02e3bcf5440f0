"""One two-day run at a low rate, shared by the tests that only read it."""

from pathlib import Path

import pytest

from streams import simulator


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("simulated") / "run"
    simulator.simulate(seed=7, days=2, rate=0.05, out=out)
    return out
