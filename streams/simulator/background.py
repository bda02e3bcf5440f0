"""Benign background: what a firm's systems say all day. ``rate`` scales it; it never makes or hides a finding."""

from collections import deque
from collections.abc import Callable, Iterator
from random import Random

from streams.simulator.clock import DAY, M, S
from streams.simulator.firm import Person
from streams.simulator.writers import fortigate, linux, panos, sensors, windows

Line = tuple[int, int, str, str]

_PATHS = ("/", "/order", "/quote/2330", "/quote/2317", "/login", "/account/positions", "/news")
_PORTS = (443, 443, 443, 53, 80, 8443, 1521, 25)
_FAILURE_GAP = 20 * M  # far from three failures in 15 minutes
_FAILURES_A_DAY = 8  # far from twenty


class Background:
    """The events of the firm's 200 members of staff, their machines and their customers."""

    def __init__(self, rng: Random, staff: tuple[Person, ...], rate: float) -> None:
        self.rng = rng
        self.rate = rate
        self.places = [(person.account, f"10.51.{index // 250}.{index % 250 + 1}") for index, person in enumerate(staff)]
        self.number = 0
        self.failed: dict[str, tuple[int, int, int]] = {}
        self.open: deque[tuple[str, int, str]] = deque()
        self._kinds: list[Callable[[int], Iterator[Line]]] = []
        for share, kind in (
            (45, self._fortigate), (15, self._panos), (10, self._suricata), (8, self._web), (12, self._sshd), (7, self._windows),
            (3, self._jobs),
        ):
            self._kinds += [kind] * share

    def lines(self, since: int, until: int) -> Iterator[Line]:
        """(observed, number, source, line) from ``since`` to ``until``, in order, at the mean rate."""
        if self.rate <= 0:
            return
        mean = S / self.rate
        rng, kinds = self.rng, self._kinds
        t = float(since)
        while True:
            t += rng.expovariate(1.0) * mean
            if t >= until - S:
                return
            yield from kinds[int(rng.random() * 100)](int(t))

    def _next(self) -> int:
        self.number += 1
        return self.number

    def _fortigate(self, t: int) -> Iterator[Line]:
        rng, number = self.rng, self._next()
        device = "fw-core-1" if rng.random() < 0.9 else "fw-core-2"
        line = fortigate.traffic(
            t, device, number, self._inside(), self._outside(), rng.choice(_PORTS), 1 + number % 40, allowed=rng.random() < 0.93,
        )
        yield t, number, f"fortigate@{device}", line

    def _panos(self, t: int) -> Iterator[Line]:
        rng, number = self.rng, self._next()
        line = panos.traffic(
            t, "fw-branch-1", number, self._inside(), self._outside(), rng.choice(_PORTS), allowed=rng.random() < 0.95
        )
        yield t, number, "panos@fw-branch-1", line

    def _suricata(self, t: int) -> Iterator[Line]:
        number = self._next()
        line = sensors.suricata(
            t, "sensor-1", 1_000_000_000_000 + number, self._inside(), self._outside(), self.rng.choice(_PORTS)
        )
        yield t, number, "suricata@sensor-1", line

    def _web(self, t: int) -> Iterator[Line]:
        number = self._next()
        yield t, number, "modsecurity@web-1", sensors.modsecurity(t, number, self._outside(), self.rng.choice(_PATHS))

    def _sshd(self, t: int) -> Iterator[Line]:
        """A log-in (sometimes after one mistyped password), or the end of an earlier one."""
        rng, number = self.rng, self._next()
        if len(self.open) > 40 or (self.open and rng.random() < 0.4):
            host, pid, user = self.open.popleft()
            yield t, number, f"linux@{host}", linux.closed(t, host, "sshd", pid, user)
            return
        user, ip = rng.choice(self.places)
        host, pid, port = f"web-{1 + number % 3}", 500_000 + number % 3_000_000, 40000 + number % 20000
        source = f"linux@{host}"
        if rng.random() < 0.04 and self._may_fail(user, t):
            yield t, number, source, linux.failed(t, host, pid, user, ip, port)
        method = "publickey" if rng.random() < 0.5 else "password"
        yield t, number, source, linux.accepted(t, host, pid, user, ip, port, method=method)
        yield t, number, source, linux.opened(t, host, "sshd", pid, user)
        self.open.append((host, pid, user))

    def _windows(self, t: int) -> Iterator[Line]:
        rng, number = self.rng, self._next()
        user, ip = rng.choice(self.places)
        record = 4_000_000 + number
        if rng.random() < 0.04 and self._may_fail(user, t):
            line = windows.failed(t, "dc-1", record, user, ip)
        elif rng.random() < 0.5:
            line = windows.accepted(t, "dc-1", record, user, ip)
        else:
            line = windows.logoff(t, "dc-1", record, user)
        yield t, number, "windows@dc-1", line

    def _jobs(self, t: int) -> Iterator[Line]:
        """Cron jobs of root, and staff who work as an application's account."""
        number = self._next()
        host, pid = f"web-{1 + number % 3}", 500_000 + number % 3_000_000
        source = f"linux@{host}"
        if self.rng.random() < 0.7:
            yield t, number, source, linux.opened(t, host, "CRON", pid, "root")
            yield t, number, source, linux.cron(t, host, pid, "root", "/usr/local/bin/collect-metrics")
            yield t, number, source, linux.closed(t, host, "CRON", pid, "root")
        else:
            user, _ = self.rng.choice(self.places)
            yield t, number, source, linux.sudo(t, host, pid, user, "deploy", "/usr/bin/systemctl --user status order")

    def _may_fail(self, user: str, t: int) -> bool:
        last, day, count = self.failed.get(user, (-DAY, -1, 0))
        today = t // DAY
        count = count if day == today else 0
        if t - last < _FAILURE_GAP or count >= _FAILURES_A_DAY:
            return False
        self.failed[user] = (t, today, count + 1)
        return True

    def _inside(self) -> str:
        number = int(self.rng.random() * 50_000)
        return f"10.51.{number // 250}.{number % 250 + 1}"

    def _outside(self) -> str:
        number = int(self.rng.random() * 60_000)
        return f"203.0.{number // 250}.{number % 250 + 1}"
