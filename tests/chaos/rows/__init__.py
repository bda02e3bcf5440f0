"""The rows of the protocol; importing this package registers them all."""

from tests.chaos.rows import processes, store

__all__ = ["processes", "store"]
