"""Starts what is measured in a process of its own and reads what it measured."""

import json
import subprocess
import sys
from typing import Any

from tests.bench.material import Material

LIMIT = 1800  # seconds


def launch(name: str, part: str, material: Material, bootstrap: str, prefix: str) -> dict[str, Any]:
    """One run of one contender; raises CalledProcessError if it failed (its words are on standard error)."""
    return child("tests.bench.contender", name, part, str(material.folder), bootstrap, prefix)


def child(module: str, *arguments: str) -> dict[str, Any]:
    """What ``python -m module`` printed on its last line; raises CalledProcessError or TimeoutExpired."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=LIMIT)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
