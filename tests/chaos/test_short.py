"""A short selection of the fault rows, in the size that a test run can bear; `make chaos` runs them all at full size."""

import pytest

from tests.chaos import rows
from tests.chaos.row import ROWS, Size
from tests.chaos.services import Services
from tests.chaos.trial import Trial

pytestmark = pytest.mark.services
assert rows  # its import has registered every row


@pytest.fixture
def held(kafka, elasticsearch, tmp_path):
    """Runs a row in a size; every promise must hold."""

    def run(id_: str, size: Size) -> dict:
        trial = Trial(ROWS[id_], size, seed=20, services=Services.given(tmp_path, kafka, elasticsearch), directory=tmp_path)
        trial.row.run(trial)
        tally = trial.tally
        assert not tally.failed
        assert not tally.difference.laws
        for name in ("lost", "duplicate", "phantom", "changed"):
            assert getattr(tally.difference, name) == set(), name
        assert tally.expected >= size.cases
        return tally.summary()

    return run


@pytest.mark.timeout(900)
def test_twenty_kills_over_100_000_records_lose_double_and_invent_nothing(held):
    done = held("T01", Size(faults=20, cases=1_000, records=100_000))
    assert done["faults"] == 20
    assert done["records"] >= 100_000


@pytest.mark.timeout(300)
def test_a_store_that_refuses_loses_answers_and_cannot_take_some_documents(held):
    done = held("T10", Size(faults=25, cases=300, records=1_000))
    assert done["faults"] >= 20
    assert done["dead_lettered"] > 0


@pytest.mark.timeout(300)
def test_copies_elsewhere_and_again_change_nothing(held):
    assert held("T18", Size(faults=1, cases=300, records=2_000))["faults"] > 1_000


@pytest.mark.timeout(300)
def test_a_zombie_with_the_owners_transactional_id_moves_nothing(held):
    assert held("T42", Size(faults=4, cases=300, records=2_000))["faults"] == 4


@pytest.mark.timeout(300)
def test_what_retention_took_unread_is_told(kafka, elasticsearch, tmp_path):
    services = Services.given(tmp_path, kafka, elasticsearch)
    trial = Trial(ROWS["T14"], Size(faults=1, cases=200, records=1_000), seed=20, services=services, directory=tmp_path)
    trial.row.run(trial)
    assert not trial.tally.failed
    assert trial.tally.notes["gaps"] == 2
