"""The rows of the protocol; importing this package registers them all."""

from tests.chaos.rows import brokers, membership, processes, retention, store, traffic

__all__ = ["brokers", "membership", "processes", "retention", "store", "traffic"]
