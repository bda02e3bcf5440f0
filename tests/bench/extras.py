"""Packages of the dependency group ``bench`` (other frameworks, plots): in a folder of their own beside the environment.

``make bench`` installs them there. Neither the program nor its tests need them or see them; their versions never bend ours.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

FOLDER = Path(sys.prefix) / "bench"

NEEDS = {"quix": "quixstreams", "bytewax": "bytewax", "bytewax_kept": "bytewax"}
"""Contender -> the package without which it cannot run."""


def reach() -> None:
    """Let imports find the packages, after everything of the environment itself."""
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))


def missing(contender: str) -> str | None:
    """The package that a contender lacks; None if it can run."""
    reach()
    package = NEEDS.get(contender)
    return package if package is not None and absent(package) else None


def absent(package: str) -> bool:
    """Whether a package of the group is not installed."""
    reach()
    return find_spec(package) is None
