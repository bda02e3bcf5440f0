"""Strict JSON (RFC 8259 plus I-JSON, RFC 7493): no duplicate keys, no NaN, bounded depth."""

import json
import re
from typing import Any

import orjson

from streams.feeds.kit.contract import Unreadable

MAX_DEPTH = 64
MAX_KEYS = 20_000  # of one record; ten times as many keep a core busy for a third of a second
_DEEP = re.compile("depth limit|recursion", re.IGNORECASE)  # the decoder's words, which differ between its releases


def loads(text: str) -> Any:
    """Decode ``text``.

    Raises:
        Unreadable: bad_json, too_deep, too_many_keys or duplicate_key, with the place where it is known.
    """
    if len(text) > MAX_KEYS and text.count('":') > MAX_KEYS:
        raise Unreadable("too_many_keys", f"JSON with more than {MAX_KEYS} keys, {len(text)} characters")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        reason = "too_deep" if _DEEP.search(str(error)) else "bad_json"
        raise Unreadable(reason, f"{error} in {text[:64]!r}") from error
    # The fast decoder keeps the last of two equal keys. Each key is followed by '":'; if the text holds no more of
    # these than the value has keys, none was lost.
    if text.count('":') + text.count('" :') != _keys(value, 0):
        _refuse_duplicates(text)
    return value


def mapping(text: str) -> dict[str, Any]:
    """Decode a JSON object; anything else is Unreadable (wrong_type)."""
    value = loads(text)
    if not isinstance(value, dict):
        raise Unreadable("wrong_type", f"expected a JSON object, got {type(value).__name__}: {text[:64]!r}")
    return value


def _keys(value: Any, depth: int) -> int:
    if depth > MAX_DEPTH:
        raise Unreadable("too_deep", f"JSON nested deeper than {MAX_DEPTH} levels")
    found = 0
    if type(value) is dict:
        found = len(value)
        value = value.values()
    elif type(value) is not list:
        return 0
    for item in value:
        if type(item) is dict or type(item) is list:
            found += _keys(item, depth + 1)
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise Unreadable("duplicate_key", f"key {key[:64]!r} stands twice in one object")
            seen.add(key)
    return result


def _refuse_duplicates(text: str) -> None:
    json.loads(text, object_pairs_hook=_unique)
