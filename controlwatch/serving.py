"""The dashboard beside a running job: uvicorn in the job's own loop, leaving the signals to the job."""

from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

from controlwatch.cli import Unfinished
from controlwatch.settings import Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Serving:
    """Serves ``pages`` until stopped; ``announce`` is told the address."""

    def __init__(self, pages: Starlette, settings: Settings, announce: Callable[[str], None]) -> None:
        self._pages = pages
        self._settings = settings
        self._announce = announce
        config = uvicorn.Config(
            pages, host=settings.host, port=settings.port, log_level="warning", access_log=False, lifespan="off",
            timeout_graceful_shutdown=2,
        )  # fmt: skip
        self._server = uvicorn.Server(config)

    async def run(self) -> None:
        """Serve.

        Raises:
            Unfinished: the port is taken.
        """
        config, settings = self._server.config, self._settings
        config.load()
        try:
            listening = config.bind_socket()
        except SystemExit:
            taken = f"port {settings.port} on {settings.host} is taken"
            raise Unfinished(f"{taken}; choose another with --port or CONTROLWATCH_PORT, 0 for any free one") from None
        self._announce(f"http://{settings.host}:{listening.getsockname()[1]}/")
        # Not serve(): that would take over the signals.
        await self._server._serve(sockets=[listening])  # noqa: SLF001 - the only entry that leaves the signals alone

    async def stop(self) -> None:
        """End :meth:`run`; live streams are told to close."""
        self._server.should_exit = True
        await self._pages.state.hub.close()


def hosts(settings: Settings) -> list[str]:
    """Names besides the machine's own under which the pages may be reached."""
    return [] if settings.host in LOOPBACK else [settings.host]
