"""A TCP proxy that delays, resets, half-opens and blackholes connections on demand; instead of tc and iptables."""

import random
import socket
import struct
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

CHUNK = 64 << 10


class Proxy:
    """Carries connections from ``port`` to ``target`` while used with ``with``. The faults may be set at any time.

    ``latency``: seconds before each chunk goes on; ``resets``: probability, per chunk, of a reset (RST) of the connection;
    ``swallow``: directions ("up", "down") in which bytes vanish while connections stay open: one is half-open, both a
    blackhole.
    """

    def __init__(self, target: int, *, chance: random.Random) -> None:
        self.target = target
        self.latency = 0.0
        self.resets = 0.0
        self.swallow: frozenset[str] = frozenset()
        self.broken = 0
        self._chance = chance
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: set[socket.socket] = set()
        self._ended = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended = True
        self._listener.close()
        for one in list(self._open):
            one.close()

    def well(self) -> None:
        """No fault any more; connections that lost bytes are reset, as a real outage ends them by their time-outs."""
        lossy = bool(self.swallow)
        self.latency, self.resets, self.swallow = 0.0, 0.0, frozenset()
        if lossy:
            for one in list(self._open):
                _reset(one)

    def _accept(self) -> None:
        while not self._ended:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                continue
            server.settimeout(None)
            self._open |= {client, server}
            for source, sink, way in ((client, server, "up"), (server, client, "down")):
                threading.Thread(target=self._carry, args=(source, sink, way), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, way: str) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                if self.latency:
                    time.sleep(self.latency)
                if way in self.swallow:
                    continue
                if self.resets and self._chance.random() < self.resets:
                    self.broken += 1
                    break
                sink.sendall(data)
        for one in (source, sink):
            _reset(one)
            self._open.discard(one)


def _reset(one: socket.socket) -> None:
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close sends RST
        one.shutdown(socket.SHUT_RDWR)
    one.close()
