"""A worker's copy of a changelog, brought up to the changelog's end before the lane takes up the state."""

import logging

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.log import Incompatible
from streams.kafka.local import LINEAGE, LocalState
from streams.kafka.watchdog import Pace
from streams.threads import apart

log = logging.getLogger(__name__)

AT_ONCE = 20_000  # records


async def catch_up(local: LocalState, tp: TopicPartition, bootstrap: str, pace: Pace) -> None:
    """Make ``local`` what changelog ``tp`` says; ``pace`` is told of each step.

    Raises:
        Incompatible: a migration that was not finished has written the changelog.
    """
    await apart(local.open)
    if not await _read(local, tp, bootstrap, pace):
        log.warning("%s is not a copy of %s-%d as it is now; it is read anew", local.path, tp.topic, tp.partition)
        local.begin_anew()
        await _read(local, tp, bootstrap, pace)
    local.flush()
    if local.copy.migrating:
        raise Incompatible(
            f"{tp.topic} is of a migration that was not finished; run 'controlwatch topics migrate' to its end, or go back to the"
            " generation before (CONTROLWATCH_GENERATION)"
        )


async def _read(local: LocalState, tp: TopicPartition, bootstrap: str, pace: Pace) -> bool:
    """Read on to the end; False: what was copied is another changelog."""
    known, since, lineage = local.copy.lineage, local.copy.offset, ""
    reader = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level="read_committed", auto_offset_reset="earliest",
        max_partition_fetch_bytes=8 << 20,
    )  # fmt: skip
    await reader.start()
    try:
        reader.assign([tp])
        begin, end = (await reader.beginning_offsets([tp]))[tp], (await reader.end_offsets([tp]))[tp]
        if since and not begin <= since < end:
            return False
        reader.seek(tp, since)
        while await reader.position(tp) < end:
            for records in (await reader.getmany(tp, timeout_ms=200, max_records=AT_ONCE)).values():
                pace.step()
                rows = [(record.key.decode(), record.value) for record in records]
                local.catch_up(rows, records[0].offset)
                lineage = next(((value or b"").decode() for name, value in reversed(rows) if name == LINEAGE), lineage)
    finally:
        await reader.stop()
    return not since or lineage == known
