"""What a running job serves: the dashboard (uvicorn in the job's own loop, leaving the signals to the job) and /metrics."""

import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping

import uvicorn
from prometheus_client import CollectorRegistry, start_http_server
from starlette.applications import Starlette

from controlwatch.cli import Unfinished
from controlwatch.settings import Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")
Announce = Callable[[str, Mapping[str, object]], None]
"""Tells the user what happens: a line for people, and the same for programs."""


@contextlib.contextmanager
def listen(settings: Settings) -> Iterator[socket.socket]:
    """A socket on the dashboard's address, bound before any work is done.

    Raises:
        Unfinished: the port is taken, or the address is none of this machine.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        where = f"the dashboard cannot listen on {settings.host} port {settings.port}: {error.strerror}"
        mend = "stop what uses it, or choose another with --port or CONTROLWATCH_PORT, 0 for any free one"
        raise Unfinished(f"{where}; {mend}") from error
    with listening:
        yield listening


class Serving:
    """Serves ``pages`` on ``listening`` until stopped; ``announce`` is told the address."""

    def __init__(self, pages: Starlette, settings: Settings, listening: socket.socket, announce: Announce) -> None:
        self._pages = pages
        self._listening = listening
        self._address = f"http://{_in_url(settings.host)}:{listening.getsockname()[1]}/"
        self._announce = announce
        config = uvicorn.Config(pages, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=2)
        self._server = uvicorn.Server(config)

    async def run(self) -> None:
        """Serve until :meth:`stop`."""
        self._server.config.load()
        self._announce(f"dashboard: {self._address}", {"status": "dashboard", "address": self._address})
        # Not serve(): that would take over the signals.
        await self._server._serve(sockets=[self._listening])  # noqa: SLF001 - the only entry that leaves the signals alone

    async def stop(self) -> None:
        """End :meth:`run`; live streams are told to close."""
        self._server.should_exit = True
        await self._pages.state.hub.close()


def metrics(registry: CollectorRegistry, settings: Settings, announce: Announce, *, elsewhere: bool) -> None:
    """Serve ``registry`` on /metrics; with port 0 it is not served.

    ``elsewhere``: where the port is taken (by another job on this machine) any free one will do, and the user is told.

    Raises:
        Unfinished: the port is taken, and it may not be another.
    """
    host, port = settings.metrics_host, settings.metrics_port
    if not port:
        return
    try:
        start_http_server(port, host, registry=registry)
    except OSError as error:
        taken = f"/metrics cannot be served on {host} port {port}: {error.strerror}"
        mend = "stop what uses it, or set CONTROLWATCH_METRICS_PORT to another, 0 for none"
        if not elsewhere:
            raise Unfinished(f"{taken}; {mend}") from error
        with contextlib.suppress(OSError):
            server, _ = start_http_server(0, host, registry=registry)
            address = f"http://{_in_url(host)}:{server.server_port}/metrics"
            told = {"status": "metrics", "address": address, "instead_of_port": port, "reason": error.strerror}
            announce(f"metrics: {address} ({taken}; {mend})", told)
            return
        raise Unfinished(f"{taken}; {mend}") from error


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def hosts(settings: Settings) -> list[str]:
    """Names besides the machine's own under which the pages may be reached."""
    return [] if settings.host in LOOPBACK else [settings.host]
