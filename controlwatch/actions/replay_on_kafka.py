"""``controlwatch replay --runner kafka``: through a broker, on topics of the replay's own."""

import asyncio
import contextlib
from dataclasses import replace

from aiokafka.errors import KafkaError as ClientError
from kafka.errors import KafkaError

from controlwatch import settings
from controlwatch.cli import Unfinished
from detectors.kit.registry import Ruleset
from streams import clock, topics
from streams.kafka.replaying import judge_on_kafka
from streams.recording import Recording
from streams.replay import Verdict


def replay_on_kafka(recording: Recording, ruleset: Ruleset, to: int | None, since: int | None) -> Verdict:
    """Judge ``recording`` as the embedded runner does; the topics are deleted afterwards.

    Raises:
        Unfinished: Kafka does not answer.
    """
    configured = settings.load()
    layout = replace(configured.layout, prefix=f"{configured.prefix}replay-{clock.now()}-")
    try:
        return asyncio.run(
            judge_on_kafka(recording, ruleset, bootstrap=configured.kafka, layout=layout, to=to, since=since)
        )
    except (KafkaError, ClientError) as error:
        raise Unfinished(f"Kafka at {configured.kafka}: {error}; is it running? set CONTROLWATCH_KAFKA") from error
    finally:
        with contextlib.suppress(KafkaError, ClientError):
            topics.delete(configured.kafka, layout)
