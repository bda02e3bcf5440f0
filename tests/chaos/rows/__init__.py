"""The rows of the protocol; importing this package registers them all."""

from tests.chaos.rows import brokers, membership, network, processes, retention, single, soak, state, store, traffic, versions

__all__ = ["brokers", "membership", "network", "processes", "retention", "single", "soak", "state", "store", "traffic", "versions"]
