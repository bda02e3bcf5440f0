"""Results that stay: one small file a row and seed beside the page that shows them, from which its table and totals are made."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streams import clock
from tests.chaos.worker import ROOT

Json = dict[str, Any]

_OWN = (":!docs/reliability", ":!docs/reliability.md")  # what a run itself writes is no other program


def program() -> str:
    """The commit of the program, with ``+`` if files differ from it; empty outside a checkout."""
    said = [("git", "rev-parse", "--short=12", "HEAD"), ("git", "status", "--porcelain", "--untracked-files=no", "--", ".", *_OWN)]
    done = [subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False) for command in said]
    if any(one.returncode for one in done):
        return ""
    return done[0].stdout.strip() + ("+" if done[1].stdout.strip() else "")


def circumstances(*, scale: float, seed: int) -> Json:
    """When and where a run began, and with which program."""
    return {
        "date": datetime.fromtimestamp(clock.now() / 1_000_000, UTC).strftime("%Y-%m-%d"), "seed": seed, "scale": scale,
        "program": program(), "cores": os.cpu_count(), "python": platform.python_version(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)),
    }  # fmt: skip


def read(folder: Path) -> list[Json]:
    """Every result in ``folder``, by row, then seed."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    return sorted(found, key=lambda result: (result["row"], result["seed"]))


def place(folder: Path, row: str, seed: int) -> Path:
    """The file of one row and seed."""
    return folder / f"{row}-{seed}.json"


def keep(folder: Path, result: Mapping[str, Any], *, anyway: bool = False) -> bool:
    """Write ``result`` into ``folder`` unless a larger run of this row and seed is there; whether it was written.

    A run that did not hold and is replaced by another leaves its date and program in that one (``failed_before``).
    ``anyway``: also in the place of a larger one.
    """
    path = place(folder, result["row"], result["seed"])
    failed: list[Json] = []
    if path.exists():
        old = json.loads(path.read_text(encoding="utf-8"))
        if old["scale"] > result["scale"] and not anyway:
            return False
        failed = old.get("failed_before", [])
        if not old["passed"] and _run(old) != _run(result):
            failed = [*failed, _run(old)]
    folder.mkdir(parents=True, exist_ok=True)
    whole = {**result, **({"failed_before": failed} if failed else {})}
    path.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return True


def done(folder: Path, row: str, *, scale: float, seed: int) -> bool:
    """Whether ``folder`` has a run of this row and seed that held and is at least as large."""
    path = place(folder, row, seed)
    if not path.exists():
        return False
    old = json.loads(path.read_text(encoding="utf-8"))
    return bool(old["passed"]) and old["scale"] >= scale


def _run(result: Mapping[str, Any]) -> Json:
    return {name: result[name] for name in ("date", "scale", "program", "seconds")}
