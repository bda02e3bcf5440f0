"""The final set is a function of the records: whatever the arrival, partitions, batches, copies, crashes and trims."""

import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from schemas.log import Keyed
from streams import replay
from tests.kit import naive, scenarios, shells, toys
from tests.kit.shells import Way

ALL = Ruleset(registry.load().values())

UNTIL = toys.BASE + 5000 * toys.S
SECOND = st.integers(0, 150) | st.integers(0, 2500)
DELAY = st.sampled_from([0, 0, 0, 1, 30, 150, 199, 200, 201, 290, 400])


@st.composite
def stories(draw):
    """Events with copies, and context that comes early, late, corrected or too late."""
    records = []
    rows = draw(st.lists(st.tuples(SECOND, st.sampled_from("aaabc"), st.sampled_from(["failure"] * 5 + ["success"])), max_size=25))
    for number, (t, user, outcome) in enumerate(rows):
        delays = [draw(DELAY)] if draw(st.integers(0, 3)) else draw(st.lists(DELAY, min_size=1, max_size=5))
        records += [toys.login(number, t, user, outcome, delay=delay) for delay in delays]
    for _ in range(draw(st.integers(0, 4))):
        since, late = draw(SECOND), draw(st.sampled_from([0, 0, 50, 100, 150, 300, 301, 600]))
        records.append(
            toys.account(
                draw(st.sampled_from("abc")), since, until=draw(st.sampled_from([None, since + 1, since + 100])),
                owner=draw(st.sampled_from("PQ")), observed=since + late, stated=since + draw(st.integers(0, 3)),
                own=draw(st.sampled_from(["", "A1", "A2"])),
            )
        )  # fmt: skip
    for number in range(draw(st.integers(0, 2))):
        since = draw(SECOND)
        records.append(
            toys.waiver(
                number, since=since, until=since + draw(st.sampled_from([1, 100, 1000])), user=draw(st.sampled_from("*abc")),
                observed=since + draw(st.sampled_from([0, 50, 250, 350, 700, 2000])),
            )
        )  # fmt: skip
    for _ in range(draw(st.integers(0, 1))):
        since = draw(SECOND)
        records.append(toys.post(since, observed=since + draw(st.sampled_from([0, 100, 350, 600]))))
    return records


WAYS = st.builds(
    Way, seed=st.integers(0, 2**32), raw=st.sampled_from([1, 3]), keyed=st.sampled_from([1, 4]),
    disorder=st.sampled_from([0, 60, 600, None]), commit=st.sampled_from([0.05, 0.4, 1.0]),
    crash=st.sampled_from([0.0, 0.3]), trim=st.sampled_from([0.0, 0.3, 1.0]), most=st.sampled_from([0, 1, 1, 6]),
)  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(stories(), WAYS)
def test_every_way_gives_what_the_definition_says(records, way):
    due = naive.final(toys.RULES, [r for r in records if hasattr(r, "rank")], [r for r in records if not hasattr(r, "rank")], UNTIL)
    found = shells.run(toys.RULES, records, way, UNTIL)
    assert {id_: naive.shown(violation) for id_, violation in found.items()} == due


@pytest.mark.parametrize("case", scenarios.load(), ids=str)
def test_every_way_gives_what_a_replay_gives(case):
    """All detectors together, on what their scenarios record; copies come up to five times, on one partition and on four."""
    verdict = replay.Verdict()
    items = replay.ordered(case.recording, ALL, verdict, to=case.until).items
    due = {item.id: item.canonical() for item in replay.judge(case.recording, ALL, to=case.until).final}
    records = [item.record.event if isinstance(item.record, Keyed) else item.record.record for item in items]
    seed = zlib.crc32(str(case).encode())
    rng = random.Random(seed)
    records += [record for record in records for _ in range(rng.choice([0, 0, 0, 1, 4]))]
    for keyed, disorder, most in ((1, None, 0), (4, 3600, 1)):
        way = Way(seed, raw=3, keyed=keyed, disorder=disorder, commit=0.2, crash=0.1, trim=0.5, most=most)
        found = shells.run(ALL, records, way, case.until)
        assert {id_: violation.canonical() for id_, violation in found.items()} == due
