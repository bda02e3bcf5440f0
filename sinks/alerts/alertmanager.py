"""Open violations as alerts in Prometheus Alertmanager (API v2): firing, repeated, resolved.

Delivery never waits for it: :meth:`AlertmanagerSink.write` notes what changed, a thread of its own tells, and tries again
for as long as it takes. What is told is the newest state of each case, at least once; Alertmanager drops repetitions.
"""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import orjson
import urllib3
from prometheus_client import CollectorRegistry

from schemas import instant
from schemas.violation import Violation
from sinks.alerts.cases import Alert, Cases, Policy
from sinks.alerts.metrics import Metrics
from sinks.alerts.wording import Wording
from sinks.contract import Refused
from sinks.retry import Patience, full_jitter

_BATCH = 200
_TICK = 1.0  # seconds: how late the end of a held withdrawal is noticed at most
_ASKED_BY_NAME = 50  # cases; more are asked for all at once, not to make the address too long


@dataclass(frozen=True, slots=True)
class Options:
    """Options: ``url`` of one Alertmanager (a cluster needs a sink for each of its members), times in seconds.

    ``headers`` go with each request, for example an authorization. Of ``patience`` only the backoff counts: there is no
    deadline after which an alert is given up.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 10.0
    patience: Patience = field(default_factory=lambda: Patience(base=0.5, cap=30.0))


class _Failed(Exception):
    """A request that may succeed later."""


class AlertmanagerSink:
    """A ``Sink`` for alerts; ``now`` gives microseconds since 1970 UTC. Any thread may call it.

    Alertmanager forgets what is not repeated: the caller calls :meth:`restore` at start and :meth:`refresh` each minute;
    where several workers deliver, :meth:`restore` goes before each :meth:`refresh`.
    """

    def __init__(
        self,
        options: Options,
        *,
        policy: Policy,
        wording: Wording,
        now: Callable[[], int],
        registry: CollectorRegistry,
    ) -> None:
        self._options = options
        self._now = now
        self._metrics = Metrics(registry)
        self._cases = Cases(policy, wording)
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._random = Random()  # noqa: S311 - jitter
        self._pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(options.timeout))
        self._alerts_url = f"{options.url.rstrip('/')}/api/v2/alerts"
        self._thread = threading.Thread(target=self._run, name="alertmanager", daemon=True)
        self._thread.start()

    def write(self, batch: Sequence[Violation]) -> Sequence[Refused]:
        """Note what changed, at once; nothing is ever refused and the sink is never busy."""
        with self._changed:
            now, dropped = self._now(), self._cases.dropped
            for violation in batch:
                self._cases.observe(violation, now)
            self._note(dropped)
        return []

    def restore(self, documents: Sequence[Violation]) -> None:
        """Compare with the store: ``documents`` are all open violations of the chosen severities.

        Those not alerted yet are taken up, with the labels by which Alertmanager knows them if it does. Alerts of others
        end: another worker or an earlier run saw why.
        """
        with self._changed:
            dropped = self._cases.dropped
            self._cases.restore(documents, self._now())
            self._note(dropped)

    def refresh(self, now: int) -> None:
        """Tell every firing alert again, so that Alertmanager does not take it for ended; ``now`` in microseconds."""
        with self._changed:
            self._cases.refresh(now)
            self._show()
            self._changed.notify()

    def close(self, grace: float = 2.0) -> None:
        """Tell what is waiting, for at most ``grace`` seconds, and end."""
        self._closing.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(timeout=grace)
        self._pool.clear()

    def _note(self, dropped: int) -> None:
        self._metrics.dropped.inc(self._cases.dropped - dropped)
        self._show()
        self._changed.notify()

    def _show(self) -> None:
        self._metrics.active.set(self._cases.active)
        self._metrics.waiting.set(self._cases.waiting)

    def _run(self) -> None:
        failures = 0
        while True:
            with self._changed:
                self._cases.due(self._now())
                alerts = self._cases.take(_BATCH, self._now())
                if not alerts:
                    if self._closing.is_set():
                        return
                    self._changed.wait(_TICK)
                    continue
            try:
                told, rejected = self._tell(self._adopted(alerts))
            except _Failed:
                failures += 1
                with self._changed:
                    self._cases.put_back(alerts)
                    self._show()
                if self._closing.wait(full_jitter(self._options.patience, failures, self._random)):
                    return  # what was not told is open in the store, and taken up by the next run
                continue
            failures = 0
            with self._changed:
                self._cases.told(told, self._now())
                for alert in rejected:
                    self._cases.refused(alert)
                self._show()
            for alert in told:
                self._metrics.sent.labels(status="firing" if alert.firing else "resolved").inc()
            self._metrics.rejected.inc(len(rejected))

    def _adopted(self, alerts: Sequence[Alert]) -> Sequence[Alert]:
        """``alerts`` with the labels and start by which Alertmanager knows their cases already."""
        asked = [alert.case for alert in alerts if alert.adopt]
        if not asked:
            return alerts
        by_name = len(asked) <= _ASKED_BY_NAME and all(re.fullmatch(r"\w+", case, re.ASCII) for case in asked)
        pattern = "|".join(asked) if by_name else ".+"
        status, body = self._request("GET", fields={"filter": f'case=~"{pattern}"'})
        if status != 200:
            raise self._failed(str(status))
        try:
            known = {
                alert["labels"]["case"]: (alert["labels"], instant.parse(alert["startsAt"])) for alert in orjson.loads(body)
            }
        except (KeyError, TypeError, ValueError) as error:
            raise self._failed("unreadable") from error
        result: list[Alert] = []
        for alert in alerts:
            labels, starts = known[alert.case] if alert.adopt and alert.case in known else (alert.labels, alert.starts)
            result.append(replace(alert, labels=labels, starts=starts))
        return result

    def _tell(self, alerts: Sequence[Alert]) -> tuple[Sequence[Alert], Sequence[Alert]]:
        """Alerts that were taken, and those that never will be.

        Raises:
            _Failed: none of ``alerts`` may be taken as told.
        """
        status, _ = self._request("POST", body=orjson.dumps([_wire(alert) for alert in alerts]))
        if status == 200:
            return alerts, []
        if status not in {400, 413, 422}:
            raise self._failed(str(status))
        if len(alerts) == 1:
            return [], alerts
        half = len(alerts) // 2
        parts = [self._tell(part) for part in (alerts[:half], alerts[half:])]
        return [alert for taken, _ in parts for alert in taken], [alert for _, refused in parts for alert in refused]

    def _request(self, method: str, **content: Any) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json", **self._options.headers}
        try:
            answer = self._pool.request(method, self._alerts_url, headers=headers, **content)
        except urllib3.exceptions.HTTPError as error:
            raise self._failed(type(error).__name__) from error
        return answer.status, answer.data

    def _failed(self, outcome: str) -> _Failed:
        self._metrics.failures.labels(outcome=outcome).inc()
        return _Failed(outcome)


def _wire(alert: Alert) -> dict[str, Any]:
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "generatorURL": alert.link,
        "startsAt": instant.text(alert.starts),
        "endsAt": instant.text(alert.ends),
    }
