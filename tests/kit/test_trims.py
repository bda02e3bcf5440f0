"""Trims look only at keys whose oldest event may have passed, and let go of just what a look at every key would."""

from itertools import pairwise
from random import Random

import pytest

from detectors.kit import changelog
from detectors.kit.engine import Engine
from schemas.log import Keyed, Progress, Stated
from tests.kit import toys


class Thorough(Engine):
    """Looks at every key at each trim."""

    def trim(self):
        self._passing.clear()
        for keyed in self.keys.values():
            keyed.passes = 0
            self._passing[0].append(keyed.place)
        super().trim()


def records(seed, seconds=40_000):
    """Log-ins of few users, some late and before what came first, and accounts, which take facts back; (second, record)."""
    random = Random(seed)
    for number in range(900):
        t = random.randrange(seconds)
        delay = random.choice((0, 0, 0, 30, 190))
        event = toys.login(number, t, random.choice(toys.USERS), random.choice(("failure", "failure", "success")), delay=delay)
        yield t + delay, Keyed(event, tuple(toys.RULES.routes(event)))
    for number in range(60):
        t = random.randrange(seconds)
        yield t, Stated(toys.account(random.choice(toys.USERS), t, observed=t, owner=f"P{number}"))


def driven(engine, seed):
    """What is alive after each trim, and all that was written."""
    random = Random(seed)
    alive, written = [], {}
    for number, (second, record) in enumerate(sorted(records(seed), key=lambda item: item[0])):
        engine.apply(record)
        if number % 7 == 0:
            engine.apply(Progress(part=0, parts=1, observed=toys.BASE + second * toys.S))
        engine.drain()
        if random.random() < 0.1:
            engine.trim()
            alive.append({place: (tuple(k.orders), k.base, k.base_order) for place, k in engine.keys.items()})
            written.update(changelog.changes(engine))
    return alive, written


@pytest.mark.parametrize("seed", range(6))
def test_a_trim_lets_go_of_what_a_look_at_every_key_would(seed):
    alive, written = driven(Engine(toys.RULES), seed)
    assert (alive, written) == driven(Thorough(toys.RULES), seed)
    assert any(place not in after for before, after in pairwise(alive) for place in before)
