"""How a running job is told to stop."""

import asyncio
import signal


def stopping() -> asyncio.Event:
    """An event of the running loop that SIGINT or SIGTERM sets."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, event.set)
    return event
