"""``explain`` says for every record what became of it, also where a fold's state holds evidence."""

import json
import subprocess
import sys

import pytest

from streams.simulator import simulate

FEEDS = ("approval", "servicenow", "fortigate", "wazuh", "linux", "windows", "panos", "auditd", "suricata", "modsecurity")


@pytest.fixture(scope="module")
def firm(tmp_path_factory):
    out = tmp_path_factory.mktemp("firm") / "logs"
    simulate(seed=1, days=0.3, rate=0.01, out=out)
    return out


@pytest.mark.parametrize("feed", FEEDS)
def test_every_record_is_explained(feed, firm):
    path = max(firm.glob(f"{feed}*"), key=lambda found: found.stat().st_size)
    lines = path.read_bytes().splitlines(keepends=True)[:40]
    done = subprocess.run(
        [sys.executable, "-m", "controlwatch", "explain", "--source", feed], input=b"".join(lines), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == len(lines)
    assert all(item["fate"] == "parsed" for item in told)
    assert any(item["folds"] for item in told)
