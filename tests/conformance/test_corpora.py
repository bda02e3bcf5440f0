"""Real lines of sshd, sudo, auditd, FortiGate, PAN-OS, Suricata, ModSecurity and ServiceNow through Kafka, Faust and Elasticsearch.

What must come out stands in ``corpora_expected.yaml``, written from reading the lines before the first run. The lines are read
from ``CONTROLWATCH_CORPORA``; their licences keep them out of this repository.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml
from elasticsearch import Elasticsearch
from prometheus_client import CollectorRegistry

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from schemas import instant
from schemas.approval import Approval
from schemas.context import Source
from schemas.event import Activity, SecurityEvent
from schemas.log import Stated
from schemas.violation import Violation, final
from sinks.elasticsearch.store import ElasticsearchStore, Options
from streams.feeds.kit.contract import EVERY_ACTIVITY
from streams.layout import Layout
from streams.stage import EVERYTHING, Heartbeat, Raw
from tests.conformance import onkafka

EXPECTED = yaml.safe_load(Path(__file__).with_name("corpora_expected.yaml").read_text())
FILES = EXPECTED["files"]
LAYOUT = Layout(raw=3, keyed=4, prefix="corpora-")

pytestmark = [pytest.mark.services, pytest.mark.corpora]


class Everything(Ruleset):
    """All detectors, and every event in the log: one that no fold asks for stands there under a key of its own."""

    activities = EVERY_ACTIVITY

    def routes(self, event):
        return super().routes(event) or [("event", (event.id,))]


@dataclass
class Outcome:
    """What the pipeline made of all files."""

    run: onkafka.Run
    stored: dict[str, Violation]

    def dead(self, path: str) -> dict[int, str]:
        """Line -> reason."""
        found = {}
        for letter in self.run.letters:
            raw = self.run.placed[(letter.partition, letter.offset)]
            assert (letter.raw, letter.source, letter.topic) == (raw.data, raw.source, LAYOUT.name("raw"))
            if raw.source == name(path):
                found[raw.line] = letter.reason
        return found

    def events(self, path: str) -> dict[int, list[SecurityEvent]]:
        """Line -> events."""
        found: dict[int, dict[str, SecurityEvent]] = {}
        for event in self.run.events():
            if event.source == name(path) and event.activity != Activity.SOURCE_SUMMARY:
                found.setdefault(event.line, {})[event.id] = event
        return {line: list(events.values()) for line, events in found.items()}

    def approvals(self, path: str) -> dict[str, str]:
        """Request -> decision."""
        stated = [record.record for record in self.run.log if isinstance(record, Stated) and record.record.source == name(path)]
        typed = [Approval.model_validate(record.data) for record in stated]
        return {approval.approval: str(approval.decision) for approval in typed}


def name(path: str) -> str:
    return f"{FILES[path]['feed']}@{Path(path).stem}"


def midnight(day: date) -> int:
    return instant.from_datetime(datetime(day.year, day.month, day.day, tzinfo=UTC))


def lines(corpora: Path, path: str) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of each record."""
    before = re.compile(FILES[path].get("prefix", "").encode())
    for number, line in enumerate((corpora / path).read_bytes().splitlines(), 1):
        if (match := before.match(line)) is not None:
            yield number, line[match.end() :]


def raws(corpora: Path, path: str) -> Iterator[Raw]:
    """Each line as a record, stamped as received when the expectations say; equal lines are numbered as collectors do."""
    spec = FILES[path]
    seen: Counter[bytes] = Counter()
    for number, line in lines(corpora, path):
        received = next(day for first, day in reversed(spec["received"]) if first <= number)
        yield Raw(name(path), spec["feed"], line, midnight(received), seen[line], number)
        seen[line] += 1


def opened(url: str, now: int) -> ElasticsearchStore:
    options = Options(prefix="corpora-controlwatch")
    return ElasticsearchStore(Elasticsearch(url), now=lambda: now, registry=CollectorRegistry(), options=options)


@pytest.fixture(scope="module")
def outcome(corpora, kafka_server, elasticsearch_server) -> Outcome:
    kafka_server.ensure_running()
    elasticsearch_server.ensure_running()
    sources = {name(path): Source(source=name(path), feed=spec["feed"]) for path, spec in FILES.items()}
    records = [raw for path in FILES for raw in raws(corpora, path)]
    end = max(raw.o for raw in records) + instant.DAY
    store = opened(elasticsearch_server.url, end)
    store.prepare()
    run = asyncio.run(
        onkafka.run(
            [*records, Heartbeat(EVERYTHING, end)], Everything(registry.load().values()), sources,
            bootstrap=kafka_server.bootstrap, layout=LAYOUT, sink=store,
        )
    )  # fmt: skip
    reader = opened(elasticsearch_server.url, end)
    stored = {found.id: found for violation in final(run.violations) if (found := reader.get(violation.id)) is not None}
    return Outcome(run, stored)


@pytest.mark.parametrize("path", FILES)
def test_every_record_has_the_fate_that_its_line_deserves(path, outcome, corpora):
    spec = FILES[path]
    dead = outcome.dead(path)
    seen = set(outcome.events(path)) | set(dead)
    assert dead == spec.get("dead", {})
    assert len(list(lines(corpora, path))) == spec["records"]["read"]
    assert len(dead) == spec["records"]["dead"]
    assert len(seen) == spec["records"]["parsed"] + spec["records"]["dead"]
    assert sum(len(events) for events in outcome.events(path).values()) == spec["events"]


@pytest.mark.parametrize("path", FILES)
def test_the_events_say_what_the_lines_say(path, outcome):
    spec, events = FILES[path], outcome.events(path)
    wrong = [
        text for line, wanted in spec["sample"].items() for one in wanted if (text := difference(line, one, events.get(line, [])))
    ]
    assert not wrong, "\n".join(wrong)
    activities = {event.activity for found in events.values() for event in found}
    assert not activities & set(spec.get("not", ()))
    assert outcome.approvals(path) == spec.get("approvals", {})


def difference(line: int, wanted: dict, events: list[SecurityEvent]) -> str:
    """Empty if ``events`` (of one line) hold exactly as many as wanted of those; else what is wrong, in words."""
    attributes = {key: value for key, value in wanted.items() if key != "count"}
    shown = [{key: instant.text(event.t) if key == "t" else getattr(event, key) for key in attributes} for event in events]
    return "" if shown.count(attributes) == wanted.get("count", 1) else f"line {line}: expected {wanted}, found {shown}"


def test_both_conservation_laws_hold_in_every_partition(outcome):
    outcome.run.conserved()
    counters = Counter()
    for kept in outcome.run.normalized.values():
        counters.update(kept.counters)
    expected = Counter()
    for spec in FILES.values():
        expected.update(spec["records"])
    assert {fate: counters[fate] for fate in expected} == dict(expected)


@pytest.mark.parametrize("detector", EXPECTED["violations"])
def test_the_detectors_find_what_the_lines_show_and_nothing_else(detector, outcome):
    found = [v for v in final(outcome.run.violations) if v.detector == detector]
    left = list(found)
    missing = []
    for wanted in EXPECTED["violations"][detector]:
        match = next((v for v in left if v.subtype == wanted["subtype"] and wanted["subject"].items() <= v.subject.items()), None)
        if match is None:
            missing.append(wanted)
        else:
            left.remove(match)
    assert (missing, left) == ([], []), [v.canonical() for v in found]


def test_elasticsearch_holds_every_violation_as_the_topic_tells_it(outcome):
    told = {v.id: v.canonical() for v in final(outcome.run.violations)}
    assert told
    assert {id_: v.canonical() for id_, v in outcome.stored.items()} == told
