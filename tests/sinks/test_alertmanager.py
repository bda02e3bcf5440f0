"""Alerts against a real Alertmanager that tells a receiver of the test's own: what people hear, and how often."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from schemas import instant
from sinks.alerts.alertmanager import AlertmanagerSink, Options
from sinks.alerts.cases import Policy
from sinks.alerts.wording import Wording
from sinks.retry import Patience
from streams.clock import now
from tests.services.monitoring import Alertmanager
from tests.services.ports import free_port
from tests.services.server import wait_until
from tests.sinks.violations import violation

pytestmark = [pytest.mark.services, pytest.mark.timeout(60)]

_CONFIGURATION = """\
route:
  receiver: test
  group_by: [case]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: test
    webhook_configs:
      - url: {url}
        send_resolved: true
"""


class Heard:
    """What the receiver was told: (case, status), in order."""

    def __init__(self) -> None:
        self.notifications: list[dict[str, Any]] = []
        heard = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                heard.notifications += body["alerts"]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, **expected: list[str]) -> None:
        """Until each case was told exactly so; what was told instead is in the error."""
        with suppress(AssertionError):
            wait_until(lambda: all(self.of(case) == said for case, said in expected.items()), seconds=20)
        assert {case: self.of(case) for case in expected} == expected

    def of(self, case: str) -> list[str]:
        return [alert["status"] for alert in self.notifications if alert["labels"]["case"] == case]


@pytest.fixture(scope="module")
def heard() -> Iterator[Heard]:
    heard = Heard()
    yield heard
    heard.server.shutdown()
    heard.server.server_close()


@pytest.fixture(scope="module")
def server(heard: Heard, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    with Alertmanager(tmp_path_factory.mktemp("alertmanager"), _CONFIGURATION.format(url=heard.url)) as server:
        yield server


@pytest.fixture
def sink_to(server: Alertmanager) -> Iterator[Callable[..., AlertmanagerSink]]:
    server.ensure_running()
    sinks: list[AlertmanagerSink] = []

    def make(url: str = server.url, **policy: Any) -> AlertmanagerSink:
        options = Options(url=url, timeout=1.0, patience=Patience(base=0.05, cap=0.3))
        sinks.append(
            AlertmanagerSink(
                options,
                policy=Policy(**policy),
                wording=Wording(base_url="https://watch.example"),
                now=now,
                registry=CollectorRegistry(),
            )
        )
        return sinks[-1]

    yield make
    for sink in sinks:
        sink.close()


def value(metric: Any, *labels: str) -> float:
    return (metric.labels(*labels) if labels else metric)._value.get()


def idle(sink: AlertmanagerSink) -> bool:
    with sink._changed:
        return sink._cases.waiting == value(sink._metrics.waiting) == 0


def test_a_violation_fires_once_and_ends_once(sink_to, heard, server):
    sink = sink_to()
    assert sink.write([violation("a1")]) == []
    heard.wait(a1=["firing"])
    (alert,) = server.request("GET", "/api/v2/alerts?filter=case%3Da1")
    assert alert["labels"]["alertname"] == "repeated_failed_logins"
    assert alert["annotations"]["summary_zh"].startswith("【高】CC-18000.3.e")
    assert alert["generatorURL"] == "https://watch.example/violations/a1"
    assert alert["startsAt"] == "2026-03-02T01:00:00.000Z"

    for number in range(2, 5):  # changes, redelivery and repetition are not heard
        sink.write([violation("a1", number), violation("a1", 1)])
        sink.refresh(now())
    sink.write([violation("a1", 5, state="retracted")])
    heard.wait(a1=["firing", "resolved"])
    time.sleep(1.5)
    assert heard.of("a1") == ["firing", "resolved"]
    assert value(sink._metrics.active) == 0
    assert value(sink._metrics.sent, "resolved") == 1


def test_a_case_is_one_alert_across_its_violations(sink_to, heard, server):
    sink = sink_to()
    sink.write([violation("b1", subtype="UNAPPROVED")])
    heard.wait(b1=["firing"])
    sink.write(
        [
            violation("b1", 2, state="superseded", superseded_by="b2"),
            violation("b2", case="b1", supersedes="b1", subtype="LATE_APPROVAL", severity="critical"),
        ]
    )
    wait_until(lambda: idle(sink), seconds=20)
    (alert,) = server.request("GET", "/api/v2/alerts?filter=case%3Db1")
    assert (alert["labels"]["subtype"], alert["labels"]["severity"]) == ("UNAPPROVED", "high")
    sink.write([violation("b2", 2, case="b1", supersedes="b1", state="excepted")])
    heard.wait(b1=["firing", "resolved"])


def test_what_happens_while_alertmanager_is_down_is_told_afterwards(sink_to, heard, server):
    sink = sink_to()
    sink.write([violation("c1"), violation("c2")])
    heard.wait(c1=["firing"], c2=["firing"])
    server.kill()
    started = time.monotonic()
    sink.write([violation("c1", 2, state="retracted"), violation("c3"), violation("c4"), violation("c5")])
    sink.write([violation("c4", 2, state="retracted"), violation("c5", 2, state="withdrawn")])
    assert time.monotonic() - started < 0.2
    wait_until(lambda: value(sink._metrics.failures, "NewConnectionError") >= 2, seconds=20)
    server.start()
    heard.wait(c3=["firing"])
    wait_until(lambda: idle(sink), seconds=20)
    # Alertmanager lost what it knew with its life; repeating makes it whole again.
    sink.refresh(now())
    wait_until(lambda: idle(sink), seconds=20)
    known = {alert["labels"]["case"] for alert in server.request("GET", "/api/v2/alerts?filter=case%3D~%22c.%22")}
    assert known == {"c2", "c3"}
    assert heard.of("c4") == heard.of("c5") == []


def test_an_alertmanager_that_does_not_answer_delays_nobody(sink_to, heard, server):
    sink = sink_to()
    server.pause()
    try:
        started = time.monotonic()
        for number in range(1, 51):
            sink.write([violation("d1", number)])
            sink.refresh(now())
        assert time.monotonic() - started < 0.5
        wait_until(lambda: value(sink._metrics.failures, "ReadTimeoutError") >= 1, seconds=20)
    finally:
        server.resume()
    heard.wait(d1=["firing"])


def test_a_restarted_program_goes_on_with_the_alerts_it_told_before(sink_to, heard, server):
    first = sink_to()
    first.write([violation("e1", subtype="UNAPPROVED"), violation("e2")])
    heard.wait(e1=["firing"], e2=["firing"])
    first.close()

    second = sink_to()
    successor = violation("e9", 3, case="e1", supersedes="e1", severity="critical")
    second.restore([successor, violation("e2", 1), violation("e3")])
    heard.wait(e3=["firing"])
    (alert,) = server.request("GET", "/api/v2/alerts?filter=case%3De1")
    assert (alert["labels"]["subtype"], alert["labels"]["severity"]) == ("UNAPPROVED", "high")
    second.write([violation("e9", 4, case="e1", state="retracted"), violation("e2", 2, state="retracted")])
    heard.wait(e1=["firing", "resolved"], e2=["firing", "resolved"])


def test_an_alert_ends_by_itself_when_nobody_repeats_it(sink_to, heard):
    sink = sink_to(lease=2 * instant.SECOND)
    sink.write([violation("f1"), violation("f2")])
    heard.wait(f1=["firing"], f2=["firing"])
    sink.write([violation("f1", 2, state="superseded")])  # its successor is another worker's, or is not coming
    until = time.monotonic() + 5
    while time.monotonic() < until:
        sink.refresh(now())
        time.sleep(0.5)
    assert heard.of("f1") == ["firing", "resolved"]
    assert heard.of("f2") == ["firing"]


def test_one_alert_that_is_never_taken_does_not_hold_up_the_others(sink_to, heard, server):
    sink = sink_to()
    broken = violation("g0")
    sink._cases.observe(broken, now())
    case = sink._cases._cases["g0"]
    sink._cases._cases["g0"] = type(case)(case.violation, {"bad-name": "x"}, case.starts, case.seen, adopt=False)
    sink.write([violation(f"g{n}") for n in range(1, 6)])
    heard.wait(**{f"g{n}": ["firing"] for n in range(1, 6)})
    assert value(sink._metrics.rejected) == 1
    assert value(sink._metrics.active) == 5


def test_closing_tells_what_is_waiting_and_does_not_wait_for_a_dead_server(sink_to, heard):
    sink = sink_to()
    sink.write([violation("h1")])
    sink.close(grace=10)
    heard.wait(h1=["firing"])

    lonely = sink_to(url=f"http://127.0.0.1:{free_port()}")
    lonely.write([violation("h2")])
    started = time.monotonic()
    lonely.close()
    assert time.monotonic() - started < 1.5
    assert not lonely._thread.is_alive()
