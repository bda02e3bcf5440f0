"""A correction at the owner of its key: late events enter what the buffer covers, and outcomes of what was before are replaced.

``boundary`` parts the two (``docs/decisions/0016-rejudge.md``); ``detectors/kit/rejudge.py`` makes corrections.
"""

from detectors.kit.contract import Fold
from detectors.kit.keyed import KeyedFold
from detectors.kit.packing import unpacked
from schemas import instant
from schemas.event import SecurityEvent
from schemas.log import Correction
from schemas.violation import Violation

MARGIN = 5 * instant.MINUTE
EVER = -(1 << 62)
"""Before every event."""


def boundary(fold: Fold, keyed: KeyedFold | None, trimmed: int) -> int:
    """Event time (µs) from which on the owner holds every accepted event of a key; of what was before only the outcome.

    ``keyed``: what the owner has of the key, None: nothing; ``trimmed``: when it last let go of old events (µs, 0: never).
    """
    since = trimmed - fold.retention - MARGIN if trimmed else EVER
    if keyed is None:
        return since
    if keyed.orders:
        since = min(since, keyed.orders[0][0])
    return since if keyed.base_order is None else max(since, keyed.base_order[0])


def covers(fold: Fold, keyed: KeyedFold | None, trimmed: int, event: SecurityEvent) -> bool:
    """Whether the owner can still judge ``event`` itself."""
    folded = keyed is not None and keyed.base_order is not None and event.order <= keyed.base_order
    return not folded and event.t >= boundary(fold, keyed, trimmed)


def live(keyed: KeyedFold | None, id_: str) -> bool:
    """Whether the owner's own buffer tells finding ``id_``: no correction counts for it."""
    return keyed is not None and keyed.used and id_ in keyed.findings and id_ not in keyed.sealed


def take(keyed: KeyedFold, record: Correction, *, trimmed: int, now: int) -> int:
    """Bring ``keyed`` in line with ``record``; return how many events were taken in. ``now``: observed time of its stage (µs)."""
    fold = keyed.rule.fold
    fixed = {id_ for id_ in (*record.found, *record.gone) if not live(keyed, id_)}
    # Asked before any is taken in: the oldest one held is what the boundary may depend on.
    events = [event for event in record.events if event.id not in keyed.events and covers(fold, keyed, trimmed, event)]
    for document in record.known:
        newest = Violation.model_validate_json(document)
        old = keyed.published.get(newest.id)
        if newest.id in fixed and (old is None or old.transition.number < newest.transition.number):
            keyed.published[newest.id] = newest
            keyed.shown.pop(newest.id, None)
    for id_ in fixed:
        keyed.forced.discard(id_)
        if id_ in record.found:
            keyed.sealed.add(id_)
            keyed.carried[id_] = unpacked(record.found[id_])
        else:
            keyed.sealed.discard(id_)
            keyed.carried.pop(id_, None)
    for id_ in record.drop:
        if id_ in keyed.events:
            keyed.log.dropped |= {id_}
            keyed.remove(id_, now)
    for event in events:
        keyed.insert(event, now)
        keyed.log.append(event)
    keyed.log.head_dirty = True
    keyed.refold(now)
    return len(events)
