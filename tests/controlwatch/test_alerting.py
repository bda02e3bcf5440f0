"""Alerting as the job and the worker run it: what the store holds open is in Alertmanager, also after a restart."""

import asyncio
import contextlib

import pytest
from prometheus_client import CollectorRegistry

from controlwatch import wiring
from controlwatch.settings import Settings
from sinks.sqlite import SqliteStore
from tests.services.server import wait_until
from tests.sinks.violations import violation


def test_without_an_alertmanager_nothing_is_alerted(tmp_path):
    assert wiring.alerts(Settings(alertmanager=""), CollectorRegistry()) is None
    store = SqliteStore(tmp_path / "violations.db")
    asyncio.run(wiring.repeat(None, Settings(alertmanager=""), store))
    store.close()


@pytest.mark.services
def test_open_violations_of_the_store_are_alerted_at_start_and_end_with_them(alertmanager, tmp_path, monkeypatch):
    monkeypatch.setattr(wiring, "REPEAT", 0.2)
    settings = Settings(alertmanager=alertmanager.url, public_url="https://watch.example")
    store = SqliteStore(tmp_path / "violations.db")
    store.write([violation("job1"), violation("job2", severity="low"), violation("job3", state="retracted")])

    def known():
        found = alertmanager.request("GET", "/api/v2/alerts?filter=case%3D~%22job.%22")
        return {alert["labels"]["case"]: alert["generatorURL"] for alert in found}

    async def run() -> None:
        sink = wiring.alerts(settings, CollectorRegistry())
        assert sink is not None
        repeating = asyncio.create_task(wiring.repeat(sink, settings, store))
        await asyncio.to_thread(wait_until, lambda: known() == {"job1": "https://watch.example/violations/job1"}, seconds=20)
        store.write([violation("job1", 2, state="retracted")])
        sink.write([violation("job1", 2, state="retracted")])
        await asyncio.to_thread(wait_until, lambda: known() == {}, seconds=20)
        assert not repeating.done()
        repeating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await repeating
        await asyncio.to_thread(sink.close)

    asyncio.run(run())
    store.close()
