"""The cache of jars and compiled classes that the test services start from.

An entry is a directory made once, under its own lock and by a rename at the end, so that several test sessions may
want it at the same time and an interrupted one leaves nothing half made. The stamp is part of the entry's name: what
was made from other versions or other sources is never found.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path


def cache_directory() -> Path:
    """``$XDG_CACHE_HOME/controlwatch``, else ``~/.cache/controlwatch``; made if absent."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    directory = Path(base) / "controlwatch"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def cached(name: str, made_from: list[str], make: Callable[[Path], None]) -> Path:
    """Directory of the cache entry ``name`` for exactly the inputs ``made_from``; made by ``make`` if absent."""
    stamp = sha256("\0".join(made_from).encode()).hexdigest()[:16]
    entry = cache_directory() / f"{name}-{stamp}"
    if entry.is_dir():
        return entry
    with (cache_directory() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not entry.is_dir():
            draft = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=cache_directory()))
            try:
                make(draft)
                draft.rename(entry)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    return entry
