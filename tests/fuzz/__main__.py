"""Coverage-guided fuzzing of every decoder: ``make fuzz`` (atheris; SECONDS for each target, ONLY=name for one).

A crash ends the run; its input is written to ``var/fuzz/<target>/``. What was found stands as tests in ``tests/fuzz``.
"""

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path("var/fuzz")


def main() -> int:
    """Run the targets, each in a process of its own; status 1 if one crashed."""
    # atheris instruments what is imported after it: so the targets are imported in the child only.
    if len(sys.argv) > 1:
        import atheris  # noqa: PLC0415 - needed by the child only, and before what it watches

        with atheris.instrument_imports(include=["streams", "schemas", "sinks", "detectors"]):
            from tests.fuzz import targets  # noqa: PLC0415 - as above
        name, seconds = sys.argv[1:3]
        folder = FOLDER / name
        folder.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(targets.seeds(name)):
            (folder / f"seed-{number}").write_bytes(seed)
        options = [f"-max_total_time={seconds}", f"-artifact_prefix={folder}/", "-max_len=4096", "-timeout=5", "-rss_limit_mb=2048"]
        atheris.Setup([sys.argv[0], *options, str(folder)], targets.TARGETS[name])
        atheris.Fuzz()
        return 0
    from tests.fuzz import targets  # noqa: PLC0415 - as above

    only = os.environ.get("ONLY", "").split() or list(targets.TARGETS)
    failed = [
        name for name in only
        if subprocess.run([sys.executable, "-m", "tests.fuzz", name, os.environ.get("SECONDS_EACH", "20")], check=False).returncode
    ]  # fmt: skip
    sys.stdout.write(f"fuzz: {len(only)} targets, crashed: {failed or 'none'}\n")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
