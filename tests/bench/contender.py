"""One run of one contender in a process of its own: ``python -m tests.bench.contender``; prints one JSON line."""

import argparse
import importlib
import json
import logging
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from schemas.violation import final
from streams import garbage
from tests.bench import extras
from tests.bench.material import Material, digest_of
from tests.bench.run import Run

PARTS = ("normalize", "detect", "both")


CONTENDERS = {
    "plain": "plain:run",
    "kafka": "ours:on_kafka",
    "kafka_wide": "ours:on_kafka_wide",
    "embedded": "ours:embedded",
    "bare": "bare:run",
    "faust": "stock:run",
    "quix": "quix:run",
    "bytewax": "wax:bare",
    "bytewax_kept": "wax:kept",
}
"""Name -> module here and its function; only the one in hand is imported, for others may not be installed."""


def contender(name: str) -> Callable[[Run], None]:
    """The function that runs a contender; raises ImportError if its package is not installed."""
    extras.reach()
    module, _, function = CONTENDERS[name].partition(":")
    found: Callable[[Run], None] = getattr(importlib.import_module(f"tests.bench.{module}"), function)
    return found


def main() -> None:
    """Run and report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=CONTENDERS)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("bootstrap")
    parser.add_argument("prefix")
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    run = Run(given.part, Material(given.folder), given.bootstrap, given.prefix)
    work = contender(given.name)
    garbage.settle()  # as the product does: for all alike
    work(run)
    facts = run.material.facts
    same = run.log in {facts.log, facts.routes} if given.part == "normalize" else digest_of(final(run.violations)) == facts.final
    window = {name: value for name, value in asdict(run.window).items() if not name.startswith("_")}
    sys.stdout.write(json.dumps(window | {"same": same}) + "\n")


if __name__ == "__main__":
    main()
