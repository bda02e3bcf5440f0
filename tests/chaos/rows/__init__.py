"""The rows of the protocol; importing this package registers them all."""

from tests.chaos.rows import brokers, processes, store, traffic

__all__ = ["brokers", "processes", "store", "traffic"]
