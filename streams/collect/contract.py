"""What a collector hands on: raw records with the position to read on from, and heartbeats.

The consumer stores ``position`` under ``reader`` in the transaction of the record's results; after a restart the collector
is given the stored positions, so nothing is lost and nothing comes twice.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from streams.stage import Heartbeat, Raw


class Collected(NamedTuple):
    """One raw record.

    ``reader``: name of the position (for example ``file:web:/var/log/auth.log``); ``position``: opaque bytes from which the
    reader goes on after this record. Within a batch that may lie before the record: what then comes again has the same ids.
    """

    raw: Raw
    reader: str
    position: bytes


Outlet = asyncio.Queue[Sequence[Collected | Heartbeat]]

BEAT = 10.0  # seconds between heartbeats of a source
BATCH_RECORDS = 1000
BATCH_BYTES = 1 << 20


def batch(raws: Sequence[Raw], reader: str, before: bytes, after: bytes) -> list[Collected]:
    """``raws`` with the position before all of them, the last one with that after it."""
    return [Collected(raw, reader, before) for raw in raws[:-1]] + [Collected(raw, reader, after) for raw in raws[-1:]]


class Unreachable(OSError):
    """An input cannot be opened; the text says which, why and what to do."""


class Collector(Protocol):
    """Runs until ``stopping``; puts batches into ``outlet``, which blocks when the judge is behind."""

    async def run(self, outlet: Outlet, positions: Mapping[str, bytes], stopping: asyncio.Event) -> None:
        """Collect; ``positions`` as stored."""
        ...
