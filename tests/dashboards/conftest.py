"""A filled store, the pages over it, and a real server for what needs one."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from dashboards.web.app import app
from schemas.violation import Violation
from sinks.sqlite import SqliteStore
from tests.dashboards import demo_data


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "violations.sqlite")
    yield store
    store.close()


@pytest.fixture
def store(empty: SqliteStore) -> SqliteStore:
    demo_data.fill(empty)
    return empty


def made(store: Any, **changes: Any) -> Starlette:
    """The application over ``store`` as the tests know it."""
    given: dict[str, Any] = {
        "demo": False,
        "health": demo_data.health,
        "assessed": demo_data.assessed,
        "now": lambda: demo_data.NOW,
        "truth_time": lambda: demo_data.NOW,
    }
    return app(store, **(given | changes))


def client_of(application: Starlette, **options: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080", **options)


@pytest.fixture
async def client(store: SqliteStore) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(made(store), headers={"Accept-Language": "en"}) as made_client:
        yield made_client


@dataclass
class Served:
    """A running server over a store."""

    url: str
    store: SqliteStore
    application: Starlette
    server: uvicorn.Server
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread

    def write(self, *violations: Violation) -> None:
        assert not self.store.write(violations)

    def stop(self) -> None:
        """As the program stops it: streams first."""
        asyncio.run_coroutine_threadsafe(self.application.state.hub.close(), self.loop).result(5)
        self.server.should_exit = True
        self.thread.join(10)
        assert not self.thread.is_alive()


def serve(store: SqliteStore, **changes: Any) -> Served:
    application = made(store, **changes)
    config = uvicorn.Config(application, log_level="warning", timeout_graceful_shutdown=3, lifespan="off")
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    loop = asyncio.new_event_loop()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(server.serve(sockets=[listener]))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    httpx.get(f"{url}/healthz", timeout=10).raise_for_status()
    return Served(url, store, application, server, loop, thread)


@pytest.fixture
def served(store: SqliteStore) -> Iterator[Served]:
    running = serve(store, demo=True)
    yield running
    if running.thread.is_alive():
        running.stop()
