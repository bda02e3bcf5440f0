"""Which ratios got worse than the committed ones by more than a tenth. Information: it fails nothing.

Only ratios are compared, and the figures of the laws, which are ratios nearly all: absolutes differ between machines.
"""

import json
from pathlib import Path
from typing import Any

FOLDER = Path("docs/performance")
TOLERANCE = 0.1

Json = dict[str, Any]


def worse(name: str, found: Json, folder: Path = FOLDER) -> list[str]:
    """In words; empty when nothing got worse, or nothing has been committed."""
    file = folder / f"{name}.json"
    if not file.exists():
        return []
    before = _figures(json.loads(file.read_text(encoding="utf-8")))
    return [
        f"WORSE: {name}, {words}: {now:g}, committed {then:g} ({'more' if more else 'less'} is better)"
        for words, (now, more) in _figures(found).items()
        if (then := before.get(words, (0.0, more))[0]) > 0 and (now < then * (1 - TOLERANCE) if more else now > then * (1 + TOLERANCE))
    ]


def _figures(row: Json) -> dict[str, tuple[float, bool]]:
    """Figure in words -> its value, and whether more is better."""
    found = {key: (value, True) for key, value in row.items() if "_ratio_" in key and value is not None}
    found |= {one["words"]: (one["found"], one["wanted"].startswith("≥")) for one in row.get("figures", ())}
    return found
