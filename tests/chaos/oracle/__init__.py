"""The oracle of the fault tests: a slow, plain reading of the texts, over what the workload's author says it means.

It shares no code with the engine, the detectors, the feeds or the sinks (``tests/chaos/test_workload.py`` sees to it); the
catalogue's numbers are all that both read.
"""

from tests.chaos.oracle import logins
from tests.chaos.oracle.document import Document, excepted
from tests.chaos.oracle.names import text
from tests.chaos.oracle.said import Everything, Said

_JUDGES = (logins.judge,)


def final(world: Everything) -> dict[str, Document]:
    """The final set at truth time: violation id -> canonical document."""
    events: dict[str, Said] = {}
    for event in world.events:
        known = events.get(event.id)
        if known is None or event.o < known.o:  # of two copies of one event the one observed first counts
            events[event.id] = event
    truth = text(world.truth_time)
    found: dict[str, Document] = {}
    for judge in _JUDGES:
        for anchor_time, item in judge(events.values(), world.tables):
            if item["settle_at"][:19] <= truth[:19]:
                found[item["id"]] = excepted(item, anchor_time, world.tables["exceptions"])
    return found
