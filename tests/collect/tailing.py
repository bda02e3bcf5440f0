"""A tail and the consumer that stores its position."""

import pytest

from streams.collect import tail as module
from streams.collect.tail import Tail

_open = []


@pytest.fixture
def closed():
    yield
    while _open:
        _open.pop().close()


@pytest.fixture
def quick(monkeypatch, closed):
    monkeypatch.setattr(module, "DRAIN", 0.0)
    monkeypatch.setattr(module, "IDLE", 0.0)


class Reader:
    """A tail, its consumer and the position it stored."""

    def __init__(self, path, *, starts=None, backlog=True):
        self.path, self.starts, self.backlog = path, starts, backlog
        self.raws, self.stored = [], None
        self.tail = None
        self.restart()

    def restart(self):
        """As after SIGKILL: only what was stored is known."""
        if self.tail is not None:
            self.tail.close()
        self.tail = Tail("web", "linux", self.path, starts=self.starts, stored=self.stored, backlog=self.backlog)
        _open.append(self.tail)

    def read(self, polls=8):
        """Poll until quiet; return the data of what came."""
        before = len(self.raws)
        for _ in range(polls):
            try:
                raws, _, position = self.tail.poll()
            except FileNotFoundError:
                continue
            if raws:
                self.raws += raws
                self.stored = position
        return [raw.data.decode("utf-8", "replace") for raw in self.raws[before:]]


def append(path, text):
    with path.open("ab") as file:
        file.write(text.encode() if isinstance(text, str) else text)
