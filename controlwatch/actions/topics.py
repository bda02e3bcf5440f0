"""``controlwatch topics``: the configured topics on the cluster."""

from kafka.errors import KafkaError

from controlwatch import settings
from controlwatch.cli import Failed, Unfinished
from controlwatch.output import Output, progress
from streams import topics as on_cluster
from streams.layout import TOPICS


def topics(out: Output, *, create: bool) -> None:
    """Create what is missing, or say what differs.

    Raises:
        Unfinished: Kafka does not answer.
        Failed: something differs.
    """
    configured = settings.load()
    try:
        with progress("asking Kafka"):
            work = on_cluster.create if create else on_cluster.differences
            found = work(configured.kafka, configured.layout)
    except KafkaError as error:
        raise Unfinished(f"Kafka at {configured.kafka}: {error}; is it running? set CONTROLWATCH_KAFKA") from error
    if create:
        for name in found:
            out.tell(f"created {name}", {"topic": name, "status": "created"})
        there = len(TOPICS) - len(found)
        out.tell(f"{there} topics were there already", {"status": "done", "created": len(found), "there_already": there})
        return
    for text in found:
        out.tell(text, {"status": "differs", "finding": text})
    if found:
        raise Failed(f"{len(found)} topics differ")
    out.tell("all topics are as configured", {"status": "as configured", "topics": len(TOPICS)})
