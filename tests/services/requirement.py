"""What a test service needs from the machine, and the errors that say it is missing."""

from __future__ import annotations

import shutil
from pathlib import Path


class MavenMissingError(RuntimeError):
    """Maven is not installed: the tests of Kafka and Elasticsearch are skipped (an error where CI=true)."""


class ProgramMissingError(RuntimeError):
    """A Debian program the tests need is not installed; ``./check`` installs it where it may."""


def program(name: str, package: str) -> Path:
    """Path of an installed program, also looked for in ``/usr/sbin``, which is not on every user's path.

    Raises:
        ProgramMissingError: it is not installed; the text names the Debian ``package``.
    """
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
    if found is None:
        raise ProgramMissingError(f"program {name} not found; run: apt-get install --no-install-recommends {package}")
    return Path(found)


def maven() -> Path:
    """Path of ``mvn``.

    Raises:
        MavenMissingError: it is not installed.
    """
    found = shutil.which("mvn")
    if found is None:
        raise MavenMissingError(
            "Maven (mvn) not found: real Kafka and Elasticsearch cannot be fetched; "
            "run: apt-get install --no-install-recommends maven"
        )
    return Path(found)
