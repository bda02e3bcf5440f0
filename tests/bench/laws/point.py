"""One case of one law in a process of its own: ``python -m tests.bench.laws.point LAW CURVE X EVENTS SEED``."""

import json
import logging
import sys

from streams import garbage
from tests.bench.laws import LAWS


def main() -> None:
    """Measure and report."""
    name, curve, x, events, seed = sys.argv[1:]
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    garbage.settle()  # as the product does
    sys.stdout.write(json.dumps(LAWS[name].measure(curve, float(x), int(events), int(seed))) + "\n")


if __name__ == "__main__":
    main()
