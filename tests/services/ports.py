"""Free ports of 127.0.0.1 for servers that must come back on the same port after a restart.

They are taken below the range the kernel hands to outgoing connections, so that no client socket sits on the port
while its server is down, and each is held by a lock file as long as this process lives, so that two test sessions of one
user never choose the same.
"""

from __future__ import annotations

import fcntl
import socket
from pathlib import Path
from random import Random
from typing import IO

from tests.services.cache import cache_directory

_HELD: dict[int, IO[str]] = {}
_LOWEST = 15_000


def free_port() -> int:
    """A port nobody listens on, held for this process until it ends."""
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = range(_LOWEST, max(first_outgoing, _LOWEST + 5_000))
    for port in Random().sample(candidates, len(candidates)):
        if port not in _HELD and _hold(port):
            return port
    raise RuntimeError(f"no free port of 127.0.0.1 between {candidates[0]} and {candidates[-1]}")


def _hold(port: int) -> bool:
    directory = cache_directory() / "ports"
    directory.mkdir(exist_ok=True)
    lock = (directory / str(port)).open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except OSError:
        lock.close()
        return False
    _HELD[port] = lock
    return True
