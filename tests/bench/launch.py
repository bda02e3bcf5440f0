"""Starts one contender in a process of its own and reads what it measured."""

import json
import subprocess
import sys
from typing import TypedDict

from tests.bench.material import Material

LIMIT = 1800  # seconds


class Measured(TypedDict):
    """One run of one contender."""

    cpu_s: float
    wall_s: float
    peak_rss_mb: float
    same: bool


def launch(name: str, part: str, material: Material, bootstrap: str, prefix: str) -> Measured:
    """One run; raises CalledProcessError if the contender failed (its words are on standard error)."""
    command = [sys.executable, "-m", "tests.bench.contender", name, part, str(material.folder), bootstrap, prefix]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=LIMIT)
    measured: Measured = json.loads(done.stdout.splitlines()[-1])
    return measured
