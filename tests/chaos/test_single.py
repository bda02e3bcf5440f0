"""The row of the embedded job in a size that a test run can bear; and what it compares with would tell of every kind of harm."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.chaos import rows, workload
from tests.chaos.row import ROWS, Size
from tests.chaos.services import Services
from tests.chaos.single import Single
from tests.chaos.trial import Trial
from tests.chaos.world import portions

assert rows  # its import has registered every row
pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("id_", ["T01b", "T12b"])
def test_kills_and_a_full_disk_lose_double_and_invent_nothing(id_, tmp_path):
    trial = Trial(ROWS[id_], Size(faults=3, cases=150, records=5_000), seed=20, services=Services(tmp_path), directory=tmp_path)
    trial.row.run(trial)
    assert trial.tally.passed, (trial.tally.failed, trial.tally.difference)
    assert trial.tally.faults == 3
    assert trial.tally.expected >= 150


@pytest.fixture(scope="module")
def judged(tmp_path_factory) -> Iterator[tuple[Single, workload.Workload]]:
    """A job that has judged a whole workload and has ended."""
    load = workload.make(1, 100, 500)
    with Single(tmp_path_factory.mktemp("job"), load) as job:
        for part in portions(load, 1):
            job.write(*part)
        job.drained()
        job.stop()
        yield job, load


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("DELETE FROM violation WHERE id = (SELECT min(id) FROM violation)", "lost"),
        ("DELETE FROM violation_history WHERE number = 1 AND id = (SELECT min(id) FROM violation)", "lost"),
        ("UPDATE violation_history SET number = 2 WHERE id = (SELECT min(id) FROM violation)", "duplicate"),
        ("UPDATE violation SET seq = seq + 1000000 WHERE id = (SELECT min(id) FROM violation)", "lost"),
        ("INSERT INTO deadletter (id, reason, source, letter) VALUES ('x', 'x', 'x', '{}')", "laws"),
    ],
)
def test_harm_is_seen(judged, harm, told):
    job, load = judged
    assert job.compared(load.expected).nothing
    whole = job.file.read_bytes()
    try:
        with closing(sqlite3.connect(job.file)) as connection, connection:
            assert connection.execute(harm).rowcount
        assert getattr(job.compared(load.expected), told)
    finally:
        job.file.write_bytes(whole)


def test_what_is_not_expected_and_what_was_not_read_is_seen(judged):
    job, load = judged
    (id_, document), *_ = load.expected.items()
    assert job.compared({}).phantom == load.expected.keys()
    assert job.compared(load.expected | {id_: document | {"count": -1}}).changed == {id_}
    job.sent += 1
    try:
        assert job.compared(load.expected).laws
    finally:
        job.sent -= 1
