"""A job whose port or data folder is taken says so before it touches anything."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield str(listening.getsockname()[1])


def up(folder, *options, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "controlwatch", "up", "--data", "data", *options], cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CONTROLWATCH_METRICS_PORT": "0", **environment},
    )  # fmt: skip


def stop(job):
    job.send_signal(signal.SIGTERM)
    job.communicate(timeout=20)
    assert job.returncode == 0


def test_a_taken_dashboard_port_is_named_and_nothing_is_touched(tmp_path, taken):
    (tmp_path / "data" / "demo").mkdir(parents=True)
    (tmp_path / "data" / "demo" / "kept").touch()
    job = up(tmp_path, "--port", taken)
    _, told = job.communicate(timeout=30)
    assert job.returncode == 3
    assert f"port {taken}" in told
    assert "--port" in told
    assert (tmp_path / "data" / "demo" / "kept").exists()


def test_metrics_go_to_another_port_and_the_user_is_told_which(tmp_path, taken):
    job = up(tmp_path, "--port", "0", CONTROLWATCH_METRICS_PORT=taken)
    first, second = (json.loads(job.stdout.readline()) for _ in range(2))
    assert (first["status"], first["instead_of_port"]) == ("metrics", int(taken))
    assert first["address"].endswith("/metrics")
    assert second["status"] == "dashboard"
    stop(job)


def test_a_data_folder_has_one_job(tmp_path):
    job = up(tmp_path, "--port", "0")
    assert json.loads(job.stdout.readline())["status"] == "dashboard"
    second = up(tmp_path, "--port", "0")
    _, told = second.communicate(timeout=30)
    assert second.returncode == 3
    assert "--data" in told
    stop(job)
