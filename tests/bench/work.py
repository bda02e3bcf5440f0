"""What every contender does with one record, whatever brings the record and takes what comes out: one maker for all of them.

The plain loop's parser and detectors, topics of the contender's own, counting of what has been read, and the reading back of
what it has written.
"""

import asyncio

import msgspec

from schemas import log
from schemas.context import Record
from schemas.log import LogRecord
from schemas.violation import Violation
from streams import topics
from streams.kafka import replaying
from streams.layout import Layout
from tests.bench.inorder import InOrder
from tests.bench.material import TOPICS, digest_of_log, read_topic, ruleset
from tests.bench.records import Reader
from tests.bench.run import Run

PRODUCER_LIMIT = 8 << 20  # bytes; what the product lets a record have, for clients of librdkafka

_encode = msgspec.msgpack.Encoder(enc_hook=Record.model_dump).encode


class Work:
    """The work of one run. ``keeps``: the contender stores the folds' states; ``extra``: further topics of one partition."""

    def __init__(self, run: Run, *, keeps: bool = False, extra: tuple[str, ...] = ()) -> None:
        rules, facts = ruleset(), run.material.facts
        self._run = run
        self._driver = InOrder(rules, keep_touched=keeps)
        reader = Reader(rules, run.material.recording().sources)
        detects = run.part == "detect"
        self._read = _decoded if detects else reader.read
        self._truth_time = facts.truth_time
        self.normalizes = run.part == "normalize"
        self.source = TOPICS.name("events" if detects else "raw")
        self.left = facts.log_records if detects else facts.raw_records
        self._layout = Layout(raw=1, keyed=1, prefix=run.prefix)
        self.events, self.violations = self._layout.name("events"), self._layout.name("violations")
        topics.create(run.bootstrap, self._layout, extra)

    def normalize(self, value: bytes) -> list[bytes]:
        """Records of the keyed log, encoded; ``left`` is one less."""
        self._run.window.open()
        self.left -= 1
        return [log.encode(record) for record in self._read(value)]

    def judge(self, value: bytes) -> list[Violation]:
        """What was published; after the last record also what time alone still brings."""
        self._run.window.open()
        driver = self._driver
        for record in self._read(value):
            driver.apply(record)
        self.left -= 1
        if not self.left:
            driver.end(self._truth_time)
        made = driver.violations
        if made:
            driver.violations = []
        return made

    def states(self) -> list[tuple[str, bytes]]:
        """Fold and key, and the state as bytes, of all that changed since the last call."""
        touched = self._driver.touched
        if not touched:
            return []
        self._driver.touched = set()
        return [("\x1f".join((str(slot.place[0]), *slot.place[1])), _encode(slot.state)) for slot in touched]

    def done(self) -> None:
        """Everything is written: stop the clocks."""
        self._run.window.close()

    def read_back(self) -> None:
        """Put what was written into the run, to be compared."""
        if self.normalizes:
            self._run.log = digest_of_log(iter(asyncio.run(read_topic(self._run.bootstrap, self.events))))
        else:
            self._run.violations = asyncio.run(replaying.violations(self._run.bootstrap, self._layout))


def packed(violation: Violation) -> tuple[bytes, bytes]:
    """Key and value of a violation as it travels everywhere."""
    return violation.id.encode(), violation.model_dump_json().encode()


def _decoded(value: bytes) -> list[LogRecord]:
    return [log.decode(value)]
