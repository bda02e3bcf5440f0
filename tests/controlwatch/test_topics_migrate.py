"""``controlwatch topics migrate`` tells what to set then; commands and workers know of other numbers than configured."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from streams.layout import Layout
from tests.conformance import onkafka

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
RULESET = Ruleset(registry.load().values())


def run(kafka, folder, *arguments, **environment):
    own = {name: value for name, value in os.environ.items() if not name.startswith("CONTROLWATCH_")}
    return subprocess.run(
        [sys.executable, "-m", "controlwatch", *arguments], cwd=folder, capture_output=True, text=True, check=False,
        env={**own, "PYTHONPATH": str(ROOT), "CONTROLWATCH_METRICS_PORT": "0", "CONTROLWATCH_KAFKA": kafka.bootstrap}
        | environment,
    )  # fmt: skip


def test_the_command_tells_what_to_set_and_workers_refuse_other_numbers(kafka, topic_prefix, tmp_path):
    old = Layout(raw=2, keyed=3, prefix=topic_prefix)
    asyncio.run(onkafka.run([], RULESET, {}, bootstrap=kafka.bootstrap, layout=old))
    was = {"CONTROLWATCH_PREFIX": old.prefix, "CONTROLWATCH_RAW_PARTITIONS": "2", "CONTROLWATCH_KEYED_PARTITIONS": "3"}
    done = run(kafka, tmp_path, "topics", "migrate", "--keyed", "5", "--generation", "v2", "-o", "json", **was)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["set"] == {
        "CONTROLWATCH_GENERATION": "v2", "CONTROLWATCH_RAW_PARTITIONS": "2", "CONTROLWATCH_KEYED_PARTITIONS": "5"
    }  # fmt: skip
    assert run(kafka, tmp_path, "topics", "check", **was | told["set"]).returncode == 0
    wrong = was | told["set"] | {"CONTROLWATCH_KEYED_PARTITIONS": "8"}
    checked = run(kafka, tmp_path, "topics", "check", **wrong)
    assert (checked.returncode, "run 'controlwatch topics migrate'" in checked.stdout) == (1, True)
    refused = run(kafka, tmp_path, "run", "--stage", "detect", **wrong)
    assert (refused.returncode, "CONTROLWATCH_KEYED_PARTITIONS=5" in refused.stderr) == (2, True), refused.stderr
    nowhere = run(kafka, tmp_path, "topics", "migrate", "--generation", "v3", CONTROLWATCH_KAFKA="127.0.0.1:1")
    assert (nowhere.returncode, "CONTROLWATCH_KAFKA" in nowhere.stderr) == (3, True), nowhere.stderr
    assert run(kafka, tmp_path, "topics", "migrate", "--generation", "V 2", **was).returncode == 2
    assert run(kafka, tmp_path, "topics", "migrate", "--generation", "v2", **was | told["set"]).returncode == 2
