"""Everything that is generated from registries and models: relative path -> content. One source, the rest is diff-checked."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import yaml

from controlwatch import documents, exported
from controlwatch.settings import PREFIX, Settings
from detectors.kit import registry as detectors
from schemas import control, tables
from sinks.elasticsearch.template import templates
from streams import layout
from streams.feeds.kit import registry as feeds

CONTROLS = Path("schemas/controls")
SCENARIOS = Path("tests/scenarios")
FEED_PAGES = Path("docs/feeds")

_JSON = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def differences(root: Path) -> list[str]:
    """Paths of generated files below ``root``, a source checkout, that are missing or not as they would be written now.

    Raises:
        OSError: a file that others are made from cannot be read.
    """
    return [path for path, make in ARTEFACTS.items() if _read(root / path) != make(root)]


def write(root: Path) -> list[str]:
    """Write what differs; return its paths. Raises as :func:`differences` does."""
    changed: list[str] = []
    for path, make in ARTEFACTS.items():  # one after the other: the pages are made from the catalogue just written
        content = make(root)
        if _read(root / path) != content:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
            changed.append(path)
    return changed


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _catalogue(root: Path) -> bytes:
    return orjson.dumps(_yaml(root / CONTROLS / f"{control.CATALOGUE}.yaml"), option=_JSON)


def _template(root: Path) -> bytes:
    del root
    return orjson.dumps(templates("controlwatch"), option=_JSON)


def _context(root: Path) -> bytes:
    del root
    return documents.context(tables.TABLES).encode()


def _detectors(root: Path) -> bytes:
    cases = {name: _violating_case(root / SCENARIOS / f"{name}.yaml") for name in detectors.load()}
    return documents.detectors(detectors.load(), control.controls(), feeds.load(), cases).encode()


def _feeds(root: Path) -> bytes:
    pages = {name for name in feeds.load() if (root / FEED_PAGES / f"{name}.md").is_file()}
    return documents.feeds(feeds.load(), control.catalogue().feeds, pages).encode()


def _settings(root: Path) -> bytes:
    del root
    return documents.settings(Settings, PREFIX).encode()


def _metrics(root: Path) -> bytes:
    del root
    return documents.metrics(exported.metrics()).encode()


def _topics(root: Path) -> bytes:
    del root
    return documents.topics(layout.TOPICS, layout.Layout()).encode()


ARTEFACTS: Mapping[str, Callable[[Path], bytes]] = {
    f"{CONTROLS}/{control.CATALOGUE}.json": _catalogue,
    "deploy/elasticsearch-template.json": _template,
    "docs/context.md": _context,
    "docs/detectors.md": _detectors,
    "docs/feeds.md": _feeds,
    "docs/metrics.md": _metrics,
    "docs/settings.md": _settings,
    "docs/topics.md": _topics,
}
"""Relative path -> how its content is made; the catalogue comes first, for every other may depend on it."""


def _violating_case(path: Path) -> str:
    """The text of the first case in a scenario file that expects a violation."""
    text = path.read_text(encoding="utf-8")
    names = [case["case"] for case in _yaml(path) if case["expect"]]
    for block in text.split("\n- case: ")[1:]:
        if names and block.partition("\n")[0].strip() == names[0]:
            return f"- case: {block.rstrip()}\n"
    raise ValueError(f"{path}: no case expects a violation")


def _yaml(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - safe
