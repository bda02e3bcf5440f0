"""As a user would see it: the job runs on real inputs, and what happens is on the page within seconds, with its lines."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SECONDS = 25


@pytest.fixture
def job(tmp_path):
    """Starts ``controlwatch up``; returns a function that does so and gives the dashboard's address."""
    started = []

    def start(*options):
        log = (tmp_path / "up.log").open("w")
        process = subprocess.Popen(
            [sys.executable, "-m", "controlwatch", "up", "-o", "human", "--port", "0", "--data", str(tmp_path / "data"), *options],
            stdout=subprocess.PIPE, stderr=log, text=True, cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "CONTROLWATCH_METRICS_PORT": "0", "TZ": "UTC"},
        )  # fmt: skip
        started.append(process)
        line = process.stdout.readline()
        assert line.startswith("dashboard: "), (tmp_path / "up.log").read_text()
        return line.removeprefix("dashboard: ").strip()

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback page
        return answer.read().decode()


def shown(address, subtype, text, seconds=SECONDS):
    """The detail document of the first violation on the page that names ``subtype`` and ``text``; fails after ``seconds``."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for id_ in dict.fromkeys(re.findall(r"/violations/([0-9a-f]{32})", get(address))):
            found = json.loads(get(f"{address}violations/{id_}?format=json"))
            if subtype in json.dumps(found) and text in json.dumps(found):
                return found
        time.sleep(0.5)
    pytest.fail(f"no {subtype} with {text} on the page within {seconds} s")


@pytest.mark.services
def test_three_wrong_passwords_at_a_real_sshd(job, sshd):
    address = job("--source", f"linux={sshd.auth_log}")
    time.sleep(2)
    sshd.type_passwords("trader1", ["wrong-1", "wrong-2", "wrong-3"])
    found = shown(address, "ATTACK_SUSPECTED", "Failed password for")
    lines = [item["original"] for item in found["evidence"]]
    assert len(lines) == 3
    assert all("Failed password for" in line for line in lines)
    assert "CC-17010.i.c" in found["controls"]


def test_a_file_changed_under_a_watched_folder(job, tmp_path):
    watched = tmp_path / "www"
    watched.mkdir()
    page = watched / "index.html"
    page.write_text("<h1>orders</h1>")
    address = job("--source", f"fim={watched}")
    time.sleep(5)
    page.write_text("<h1>defaced</h1>")
    found = shown(address, "UNANNOUNCED", str(page))
    assert found["subject"]["path"] == str(page)
    assert found["evidence"]


@pytest.mark.services
def test_on_call_is_told(job, alertmanager, sshd, monkeypatch):
    monkeypatch.setenv("CONTROLWATCH_ALERTMANAGER", alertmanager.url)
    address = job("--source", f"linux={sshd.auth_log}")
    time.sleep(2)
    sshd.type_passwords("trader1", ["wrong-1", "wrong-2", "wrong-3", "wrong-4"])
    found = shown(address, "CONTROL_FAILURE", "Failed password for")
    until = time.monotonic() + 20
    while time.monotonic() < until:
        alerts = json.loads(get(f"{alertmanager.url}/api/v2/alerts"))
        if any(alert["labels"].get("case") == found["case"] for alert in alerts):
            return
        time.sleep(0.5)
    pytest.fail("Alertmanager was not told within 20 s")
