"""The job stops when it is told to, also while its collectors read faster than it judges."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_sigterm_ends_the_job_while_it_plays_its_sample_feeds(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "controlwatch", "up", "-o", "human", "--port", "0", "--data", str(tmp_path / "data")],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CONTROLWATCH_METRICS_PORT": "0"},
    ) as job:  # fmt: skip
        try:
            assert job.stdout is not None
            assert job.stdout.readline().startswith("dashboard: ")
            time.sleep(3)  # by now more is read than judged
            job.send_signal(signal.SIGTERM)
            assert job.wait(20) == 0
        finally:
            job.kill()
