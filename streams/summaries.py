"""Events that tell of a source rather than of what it said: it is expected from now on, and it spoke; between stage and folds."""

from schemas import identity, instant, tables
from schemas.context import ContextRecord, Source
from schemas.event import Activity, SecurityEvent

BUCKET = 10 * instant.SECOND


def configured(record: ContextRecord) -> SecurityEvent | None:
    """The event by which a source that is configured from a stated time on begins to be expected; None for other records."""
    if record.table != "sources":
        return None
    source = tables.model(record)
    if not isinstance(source, Source) or source.since <= 0:
        return None
    return SecurityEvent(
        id=identity.digest((source.source, "configured", str(source.since))), t=source.since, o=source.since, feed="summary",
        source=source.source, activity=Activity.SOURCE_SUMMARY, action="configured", observer=source.collector,
    )  # fmt: skip


def summary(source: str, bucket: int, collector: str) -> SecurityEvent:
    """The summary event of ``source`` for the ten seconds from ``bucket`` on; its id depends on nothing else."""
    return SecurityEvent(
        id=identity.digest((source, "summary", str(bucket))), t=bucket, o=bucket + BUCKET, feed="summary", source=source,
        activity=Activity.SOURCE_SUMMARY, action="summary", observer=collector,
    )  # fmt: skip
