"""Finds the feeds: every module of ``streams/feeds`` that holds ``feed``; its name is the id."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import streams.feeds
from streams.feeds.kit.contract import Feed


@cache
def load() -> Mapping[str, Feed]:
    """All feeds by id.

    Raises:
        TypeError: a module in ``streams/feeds`` has no ``feed = Feed(...)``.
        ValueError: two feeds claim one name.
    """
    feeds: dict[str, Feed] = {}
    for module in pkgutil.iter_modules(streams.feeds.__path__):
        if module.ispkg:
            continue
        feed = getattr(importlib.import_module(f"streams.feeds.{module.name}"), "feed", None)
        if not isinstance(feed, Feed):
            raise TypeError(f"streams/feeds/{module.name}.py has no 'feed = Feed(...)'; a feed module holds exactly one")
        feeds[module.name] = feed
    owners: dict[str, str] = {}
    for name, feed in feeds.items():
        for alias in (name, *feed.aliases):
            if owners.setdefault(alias, name) != name:
                raise ValueError(f"feeds {owners[alias]} and {name} both claim the name {alias!r}")
    return MappingProxyType(feeds)


@cache
def names() -> Mapping[str, str]:
    """Every accepted name (id or alias) -> feed id."""
    return MappingProxyType({alias: name for name, feed in load().items() for alias in (name, *feed.aliases)})
