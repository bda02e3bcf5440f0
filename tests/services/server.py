"""A real server as a child process: started on a free port, ended by its process id, and hurt on purpose.

The base of every test service. Tests kill, pause and restart a server to see what the program under test does.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tests.services.guardian import Guardian

_guardians: dict[int, Guardian] = {}


def guardian() -> Guardian:
    """This process's guardian; a forked child gets its own."""
    if os.getpid() not in _guardians:
        _guardians[os.getpid()] = Guardian()
    return _guardians[os.getpid()]


def wait_until(condition: Callable[[], bool], *, seconds: float) -> None:
    """Returns as soon as ``condition`` holds.

    Raises:
        AssertionError: it did not hold within ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.05)


class Server(ABC):
    """One server process with its own directory, log file and fixed ports.

    ``start_timeout`` and ``stop_timeout`` are seconds; they are wide because two cores may carry several servers.
    """

    name: str
    start_timeout = 90.0
    stop_timeout = 30.0

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log = directory / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @abstractmethod
    def command(self) -> list[str | Path]:
        """The command line to run."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether the server answers."""

    def prepare(self) -> None:  # noqa: B027 - a hook: a server without configuration files needs none
        """Work before each start, for example writing the configuration."""

    def environment(self) -> dict[str, str]:
        """Environment of the process."""
        return dict(os.environ)

    @property
    def running(self) -> bool:
        """Whether the process lives (paused counts as living)."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started; call start()")
        return self._process.pid

    def log_text(self) -> str:
        """What the server wrote since its last start."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def start(self) -> Self:
        """Starts the server and returns when it answers.

        Raises:
            RuntimeError: it ended or did not answer in ``start_timeout``; the text holds the end of its log.
        """
        self.launch()
        self.wait_ready()
        return self

    def launch(self) -> None:
        """Starts the process without waiting; several servers of a cluster are launched first, then awaited."""
        if self.running:
            raise RuntimeError(f"{self.name} runs already as process {self.pid}")
        self.prepare()
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.directory,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C for pytest is not one for the server: pytest ends it itself
            )
        guardian().guard(self._process.pid)

    def wait_ready(self) -> None:
        """Returns when the launched server answers; errors as in ``start``."""
        deadline = time.monotonic() + self.start_timeout
        while not self.ready():
            if not self.running or time.monotonic() > deadline:
                ended = "did not answer in time" if self.running else "ended"
                tail = self.log_text()[-4000:]
                self.kill()
                raise RuntimeError(f"{self.name} {ended}; the end of {self.log}:\n{tail}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends the server in order (SIGTERM), by force if it does not end in ``stop_timeout``."""
        if self._process is None:
            return
        self._process.terminate()
        self.resume()
        try:
            self._process.wait(self.stop_timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reap()

    def kill(self) -> None:
        """Ends the server at once (SIGKILL), as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._reap()

    def restart(self) -> None:
        """Stops the server in order, if it runs, and starts it on the same data and ports."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freezes the process (SIGSTOP): connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets a frozen process go on (SIGCONT); no effect on others."""
        self._signal(signal.SIGCONT)

    def ensure_running(self) -> None:
        """Makes the server answer again whatever the last test did to it."""
        if self.running:
            self.resume()
            self.wait_ready()
        else:
            self.start()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started; call start()")
        self._process.send_signal(number)  # does nothing once the process has ended

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait()
            guardian().release(self._process.pid)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()


class HttpServer(Server):
    """A server with an HTTP interface at ``url``."""

    url: str

    def request(self, method: str, path: str, body: object = None, timeout: float = 30) -> Any:
        """One call of the HTTP interface, without any client under test; the parsed JSON answer, None if empty.

        Raises:
            urllib.error.HTTPError: the server answered with an error status.
            OSError: the server did not answer.
        """
        answer = self._call(method, path, None if body is None else json.dumps(body).encode(), timeout)
        return json.loads(answer) if answer.strip() else None

    def answers(self, path: str) -> bool:
        """Whether a GET of ``path`` is answered with success now."""
        try:
            self._call("GET", path, None, 5)
        except OSError:  # URLError, HTTPError, a refused or reset connection, a time-out
            return False
        return True

    def _call(self, method: str, path: str, data: bytes | None, timeout: float) -> bytes:
        headers = {"Content-Type": "application/json"}
        call = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)  # noqa: S310 - http on 127.0.0.1
        with urllib.request.urlopen(call, timeout=timeout) as answer:  # noqa: S310 - see above
            return bytes(answer.read())
