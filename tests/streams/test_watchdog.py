"""The watchdog: who has something to read and takes no step is ended, and only then."""

import subprocess
import sys

import pytest

from streams.kafka.watchdog import Pace, Watchdog

PROGRAM = """
import logging, time
from streams.kafka.watchdog import Pace, Watchdog
logging.basicConfig()
Watchdog(lambda: {"detect-3": Pace_}, limit=1.0).start() if (Pace_ := Pace()) else None
time.sleep(30)
"""


@pytest.fixture
def watched():
    """A watchdog over one pace; how often it has ended the process."""
    pace, ended = Pace(), []
    return pace, Watchdog(lambda: {"detect-0": pace}, limit=60, end=lambda: ended.append(1)), ended


def test_no_step_for_sixty_seconds_ends(watched):
    _, dog, ended = watched
    for _ in range(60):
        dog.look(1.0)
    assert (dog.stalled(), ended) == ({"detect": 59.0}, [])
    dog.look(1.0)
    assert ended


def test_steps_begin_the_time_anew_and_so_does_idling_with_nothing_to_read(watched):
    pace, dog, ended = watched
    pace.unread = False
    for second in range(300):
        pace.step() if second < 150 and second % 50 == 0 else pace.idle()
        dog.look(1.0)
    pace.unread = True
    for _ in range(50):
        pace.idle()  # no work in hand, but something to read: a fetch that has died
        dog.look(1.0)
    assert (dog.stalled(), ended) == ({"detect": 50.0}, [])


def test_a_slow_store_has_more_time(watched):
    pace, dog, ended = watched
    pace.patience = 120.0
    for _ in range(180):
        dog.look(1.0)
    assert not ended
    dog.look(1.0)
    assert ended


def test_a_partition_that_comes_back_begins_anew():
    paces, ended = {"detect-0": Pace()}, []
    dog = Watchdog(lambda: paces, limit=60, end=lambda: ended.append(1))
    for _ in range(50):
        dog.look(1.0)
    paces["detect-0"] = Pace()
    for _ in range(50):
        dog.look(1.0)
    assert not ended


def test_the_process_ends_with_status_3_and_has_said_why():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 3
    assert "detect-3 has records to read but has committed nothing for" in done.stderr
