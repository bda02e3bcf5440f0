"""An older worker that meets newer state or newer records stops and says so, so that another one can have its partitions."""

import asyncio

import msgspec
import pytest
from kafka import KafkaProducer

from detectors.kit import changelog, registry
from detectors.kit.changelog import Meta
from detectors.kit.registry import Ruleset
from schemas import log
from schemas.log import Incompatible, Progress
from streams import topics
from streams.kafka import replaying
from streams.kafka.detecting import Detecting
from streams.kafka.host import control_topic
from streams.layout import Layout
from tests.conformance import onkafka

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]

RULESET = Ruleset(registry.load().values())
STATE = ("state.detect", b'["m"]', msgspec.msgpack.encode(Meta(schema=changelog.SCHEMA + 1, counters={}, progress=[])))
RECORD = ("events", None, log.encode(Progress(part=0, parts=1, observed=1, schema=log.SCHEMA + 1)))


@pytest.mark.parametrize("written", [STATE, RECORD], ids=["state", "record"])
def test_what_a_later_version_wrote_ends_the_worker(written, kafka, topic_prefix):
    layout = Layout(raw=1, keyed=1, prefix=topic_prefix)
    topics.create(kafka.bootstrap, layout, (control_topic(replaying.WORKER),))
    topic, key, value = written
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    producer.send(layout.name(topic), value, key=key)
    producer.close()

    with pytest.raises(Incompatible, match=r"schema \d"):
        asyncio.run(onkafka.ended(Detecting(RULESET, layout), bootstrap=kafka.bootstrap, layout=layout))
