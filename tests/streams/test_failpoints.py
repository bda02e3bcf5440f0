"""Fail-points kill at the passage they are armed for, say so, and do nothing else."""

import signal
import subprocess
import sys

import pytest

from streams import failpoints

PROGRAM = """
import logging
from streams import failpoints
logging.basicConfig()
failpoints.arm("detect:before-commit:3")
for number in range(1, 5):
    failpoints.reach("detect", "after-commit")
    print(number, flush=True)
    failpoints.reach("detect", "before-commit")
"""


def test_the_process_is_killed_at_the_third_passage_and_has_warned():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split() == ["1", "2", "3"]
    assert "detect:before-commit:3 is armed" in done.stderr


def test_with_hang_the_process_stands_still_there():
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM.replace(":3", ":3:hang")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:  # fmt: skip
        assert [process.stdout.readline().strip() for _ in range(3)] == ["1", "2", "3"]
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.kill()


@pytest.mark.parametrize("text", ["detect:before-commit:1:stop", "detect:before-commit", "detect:nowhere:1", "detect:before-commit:0", ":1", "3"])
def test_what_is_no_point_is_refused_with_the_points_there_are(text):
    with pytest.raises(ValueError, match="normalize:after-poll"):
        failpoints.checked(text)


def test_nothing_is_armed_by_default():
    for point in failpoints.POINTS:
        failpoints.reach(*point.split(":"))
