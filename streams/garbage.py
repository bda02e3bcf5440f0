"""Garbage collection of a process that judges a stream, beside the flow of records: seldom, and never what start-up loaded.

Nearly all that a stream makes is freed by reference counts: events and states are records without cycles. The collector's
default of every 700 objects would walk the buffers of all keys again and again (measured: a tenth to a quarter of the CPU).
"""

import gc

THRESHOLDS = (50_000, 20, 50)


def settle() -> None:
    """Set everything alive aside for good, and look for cycles seldom. To be called once, when start-up is over."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
