"""Filebeat's envelope around a raw line: taken off by the collector, so that the line reaches the feed of its format."""

from collections.abc import Mapping
from typing import Any

from schemas import instant

_MARKS = ("agent", "@metadata", "input", "log", "beat", "prospector")


def unwrap(document: Mapping[str, Any]) -> tuple[str, int | None, str] | None:
    """The raw line, the time Filebeat read it (microseconds UTC, None if it states none) and the host it read it on.

    None if ``document`` is an event of its own: one that has a category, no message, or none of Filebeat's own fields.
    """
    if _at(document, "event.category") is not None or not any(mark in document for mark in _MARKS):
        return None
    original = _at(document, "event.original")
    line = original if isinstance(original, str) else document.get("message")
    if not isinstance(line, str):
        return None
    names = (_at(document, name) for name in ("host.name", "host.hostname", "agent.hostname", "beat.hostname"))
    host = next((name for name in names if isinstance(name, str)), "")
    stamp = document.get("@timestamp")
    try:
        observed = instant.parse(stamp) if isinstance(stamp, str) else None
    except (ValueError, OverflowError):
        observed = None
    return line, observed, host


def _at(document: Mapping[str, Any], name: str) -> Any:
    """The value of a dotted name, whether written nested or dotted."""
    if name in document:
        return document[name]
    first, _, rest = name.partition(".")
    inner = document.get(first)
    return inner.get(rest) if isinstance(inner, dict) else None
