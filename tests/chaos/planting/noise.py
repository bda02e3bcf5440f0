"""Harmless records between the cases: what sane systems log all day. None of them concerns any case."""

from collections.abc import Iterator
from random import Random

from streams.stage import Raw
from tests.chaos.planting.field import BEGIN, HOUR, SECOND, local

HOSTS = 500
ACCOUNTS = 20_000
SOURCES = 8
_HOURS = 62


def records(chance: Random, count: int) -> Iterator[Raw]:
    """``count`` records: scheduled jobs, network sessions, accepted log-ins of people from their own computers."""
    left = count
    while left > 0:
        t = BEGIN + chance.randrange(_HOURS * HOUR)
        o = t + chance.randrange(20_000, 2 * SECOND)
        kind = chance.random()
        n = chance.randrange(ACCOUNTS)
        number = chance.randrange(SOURCES)
        copies = 1
        if kind < 0.45:
            line = f"{local(t, '<78>%b %e %H:%M:%S')} calm-{n % HOSTS} CRON[{n}]: (root) CMD (run-parts /etc/cron.hourly)"
            source, feed = f"linux@calm-{number}", "linux"
            copies = min(left, chance.randrange(1, 5))  # said several times in one second
        elif kind < 0.8:
            line = (
                f'{local(t, "date=%Y-%m-%d time=%H:%M:%S")} tz="+0800" eventtime={t}000 devname="calm-fw-{number}" '
                f'logid="0000000013" type="traffic" subtype="forward" srcip=10.9.{n // 250}.{n % 250} srcport={1024 + n} '
                'dstip=192.0.2.7 dstport=443 proto=6 action="close" policyid=7 service="HTTPS"'
            )
            source, feed = f"fortigate@calm-{number}", "fortigate"
            copies = min(left, chance.randrange(1, 3))
        else:
            line = (
                f"{local(t, '<38>%b %e %H:%M:%S')} calm-{n % HOSTS} sshd[{left}]: Accepted publickey for calm{n:05d} "
                f"from 10.8.{n // 250}.{n % 250} port {1024 + n} ssh2"
            )
            source, feed = f"linux@calm-{number}", "linux"
        data = line.encode()
        for ordinal in range(copies):
            yield Raw(source, feed, data, o + ordinal, ordinal)
        left -= copies
