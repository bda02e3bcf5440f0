"""The oracle of the fault tests: a slow, plain reading of the texts, over what the workload's author says it means.

It shares no code with the engine, the detectors, the feeds or the sinks (``tests/chaos/test_workload.py`` sees to it); the
catalogue's numbers are all that both read.
"""

from collections.abc import Iterator

from tests.chaos.oracle import duties, files, firewalls, logins, roots, silence
from tests.chaos.oracle.document import Document, excepted
from tests.chaos.oracle.firm import Firm
from tests.chaos.oracle.said import Everything, Said


def final(world: Everything) -> dict[str, Document]:
    """The final set at truth time: violation id -> canonical document."""
    found: dict[str, Document] = {}
    for anchor_time, item in _all(world):
        found[item["id"]] = excepted(item, anchor_time, world.tables["exceptions"])
    return found


def _all(world: Everything) -> Iterator[tuple[int, Document]]:
    each: dict[str, Said] = {}
    for event in world.events:
        known = each.get(event.id)
        if known is None or event.o < known.o:  # of two copies of one event the one observed first counts
            each[event.id] = event
    events = list(each.values())
    firm = Firm(events, world.tables)
    uses: list[duties.Use] = []
    yield from logins.judge(events, world.tables)
    yield from firewalls.judge(firm, events, uses)
    yield from roots.judge(firm, events, uses)
    yield from files.judge(firm, events, uses)
    yield from silence.judge(world)
    yield from duties.judge(firm, events, uses)
