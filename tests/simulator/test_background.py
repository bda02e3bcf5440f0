"""The background is benign at any rate: no account and no address ever comes near a limit of detector 1."""

import re
from collections import defaultdict
from itertools import pairwise
from random import Random

from schemas import instant
from streams.simulator import clock
from streams.simulator.background import Background
from streams.simulator.firm import Firm

FAILED = re.compile(r"Failed password for (\S+) from (\S+)|\"event_id\":\"4625\"")


def test_failures_stay_far_from_every_limit():
    firm = Firm(Random("x"))
    background = Background(Random("y"), firm.staff, rate=20)
    failures = defaultdict(list)
    count = 0
    for t, _, _, line in background.lines(clock.START, clock.START + 3 * clock.H):
        count += 1
        if (match := FAILED.search(line)) is not None:
            user = match[1] or re.search(r'"TargetUserName":"([^"]+)"', line)[1]
            failures[user].append(t)
    assert count > 3 * 3600 * 20
    assert len(failures) > 50
    for times in failures.values():
        assert len(times) < 20
        assert all(b - a > 7.5 * instant.MINUTE for a, b in pairwise(times))


def test_background_never_reaches_root():
    firm = Firm(Random("x"))
    background = Background(Random("y"), firm.staff, rate=20)
    for _, _, _, line in background.lines(clock.START, clock.START + clock.H):
        assert "Accepted" not in line or " for root " not in line
        assert "USER=root" not in line
        assert "session opened for user root" not in line or "CRON[" in line
