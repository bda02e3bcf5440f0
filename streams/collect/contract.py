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

    ``reader``: name of the position (for example ``tail:/var/log/auth.log``); ``position``: opaque bytes from which the
    reader goes on after this record.
    """

    raw: Raw
    reader: str
    position: bytes


Outlet = asyncio.Queue[Sequence[Collected | Heartbeat]]


class Collector(Protocol):
    """Runs until ``stopping``; puts batches into ``outlet``, which blocks when the judge is behind."""

    async def run(self, outlet: Outlet, positions: Mapping[str, bytes], stopping: asyncio.Event) -> None:
        """Collect; ``positions`` as stored."""
        ...
