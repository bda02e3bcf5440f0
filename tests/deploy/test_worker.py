"""A production worker on real Kafka and Elasticsearch: what it exports is what the alert rules ask for, and the page is there."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

from tests.services.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
SSHD = "".join(
    f"2026-03-02T09:00:{second}+08:00 web-1 sshd[4242]: Failed password for alice from 10.1.2.3 port 51000 ssh2\n"
    for second in ("05", "08", "11")
)
SECONDS = 60


@pytest.fixture
def worker(tmp_path, kafka, elasticsearch, alertmanager, topic_prefix):
    """A worker with every stage and the dashboard; its metrics port and the dashboard's address."""
    (tmp_path / "auth.log").write_text(SSHD + "no time at all\n")
    port = free_port()
    environment = {
        "CONTROLWATCH_KAFKA": kafka.bootstrap, "CONTROLWATCH_ELASTICSEARCH": elasticsearch.url, "CONTROLWATCH_PREFIX": topic_prefix,
        "CONTROLWATCH_ALERTMANAGER": alertmanager.url,
        "CONTROLWATCH_METRICS_PORT": str(port), "CONTROLWATCH_PORT": "0", "CONTROLWATCH_RAW_PARTITIONS": "1",
        "CONTROLWATCH_KEYED_PARTITIONS": "2", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "controlwatch", "run", "-o", "human", "--stage", "all", "--dashboard", "--source", "linux=auth.log"],
            cwd=tmp_path, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        line = process.stdout.readline()
        assert line.startswith("dashboard: "), (tmp_path / "log").read_text()
        yield port, line.removeprefix("dashboard: ").strip()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, (tmp_path / "log").read_text()


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback page
        return answer.read().decode()


def value(text, name, **labels):
    """Sum of the samples of that name whose labels include ``labels``."""
    found = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.MULTILINE)
    return sum(float(number) for given, number in found if labels.items() <= dict(re.findall(r'(\w+)="(.*?)"', given)).items())


@pytest.mark.services
def test_a_worker_exports_what_the_rules_ask_for_shows_what_it_found_and_tells(worker, alertmanager):
    port, address = worker
    until = time.monotonic() + SECONDS
    text = ""
    while time.monotonic() < until and not value(text, "controlwatch_violations_total", change="opened", severity="high"):
        text = get(f"http://127.0.0.1:{port}/metrics")
        time.sleep(0.5)
    assert value(text, "controlwatch_violations_total", change="opened", detector="repeated_failed_logins") == 2
    read = value(text, "controlwatch_records_total", fate="read")
    assert read == 4 == sum(value(text, "controlwatch_records_total", fate=fate) for fate in ("parsed", "filtered", "dead"))
    routed = value(text, "controlwatch_judgements_total", fate="routed")
    fates = [value(text, "controlwatch_judgements_total", fate=fate) for fate in ("judged", "late", "duplicate", "parked")]
    assert routed == sum(fates) > 0
    assert value(text, "controlwatch_source_unheard_seconds", source="linux") < 60
    assert 'controlwatch_lag_seconds{stage="detect"}' in text
    assert 'controlwatch_lag_seconds{stage="deliver"}' in text
    asked = {
        name
        for group in yaml.safe_load((ROOT / "deploy/rules.yml").read_text())["groups"]
        for rule in group["rules"]
        for name in re.findall(r"\bcontrolwatch_\w+", rule["expr"])
    }
    exported = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    assert {name for name in asked if name.removesuffix("_bucket") not in exported} == set()
    while "alice" not in (page := get(address)) and time.monotonic() < until:
        time.sleep(0.5)  # Elasticsearch shows new documents to searches within a second
    assert "CC-18000.3.e" in page
    assert "alice" in page
    while time.monotonic() < until and '"repeated_failed_logins"' not in (told := get(f"{alertmanager.url}/api/v2/alerts")):
        time.sleep(0.5)
    assert '"CONTROL_FAILURE"' in told
