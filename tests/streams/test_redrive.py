"""Dead letters are sent again: read, judged or stored after all, once; the letter stays and is marked; the laws hold."""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from elasticsearch import Elasticsearch
from prometheus_client import CollectorRegistry

from detectors.kit import registry
from detectors.kit.contract import Step
from detectors.kit.registry import Ruleset
from schemas import instant, log
from schemas.context import Source
from schemas.log import Incompatible
from schemas.violation import final
from sinks import deadletter, redriven
from sinks.contract import Query
from sinks.deadletter import DeadLetters, dead_letter
from sinks.elasticsearch.store import ElasticsearchStore, Options
from sinks.elasticsearch.template import current_properties
from sinks.redriven import FAILED, JUDGED, READ, STORED
from sinks.sqlite_file import open_writer
from streams import clock, redrive
from streams.embedded import Embedded, file_of
from streams.layout import Layout
from streams.recording import Recording
from streams.redrive import Final
from streams.replay import judge
from streams.stage import EVERYTHING, Heartbeat, Raw
from tests.conformance import onkafka, runners
from tests.hostile.test_crashing_detector import Seen, _step, loaded

ROOT = Path(__file__).parents[2]
NINE = instant.parse("2026-03-02T09:00:00Z")
END = Heartbeat(EVERYTHING, NINE + instant.DAY)
RIGHT = {"web": Source(source="web", feed="linux")}
WRONG = {"web": Source(source="web", feed="panos")}
KNOWN = Ruleset(registry.load().values())


def raws(feed: str, users=("root", "anna", "root", "anna", "root")) -> list[Raw]:
    """Failed log-ins a second apart; the second line is said twice."""
    return [
        Raw("web", feed, f"{instant.text(NINE + n * instant.SECOND)} web sshd[7]: Failed password for {user} from 10.0.0.9 "
            "port 41000 ssh2".encode(), NINE + n * instant.SECOND, n % 2, n + 1)
        for n, user in enumerate(users)
    ]  # fmt: skip


def expected(ruleset: Ruleset = KNOWN) -> list:
    return runners.canonical(judge(Recording(sources=RIGHT, raws=raws("linux")), ruleset, to=END.caught_up).final)


def mended(state: Seen, event, ctx) -> Step:
    return _step(state, msgspec.structs.replace(event, user=event.user.replace("crash", "mended")), ctx)


USERS = ("root", "crash", "root", "anna", "root")
BROKEN = Ruleset([*registry.load().values(), loaded("crashing", _step)])
MENDED = Ruleset([*registry.load().values(), loaded("crashing", mended)])


def ask(path: Path) -> None:
    redriven.ask(path, [letter.id for letter in DeadLetters(path).list()], NINE)


def results(path: Path) -> set[str]:
    return {mark.result for mark in redriven.marks(path).values()}


class TestEmbedded:
    """One file, one job."""

    def test_records_of_a_source_with_the_wrong_feed_become_events_once_it_is_mended(self, tmp_path):
        path = file_of(tmp_path)
        job = Embedded(path, KNOWN, WRONG)
        job.take(raws("panos"), {}, now=NINE + instant.MINUTE)
        assert len(DeadLetters(path).list()) == 5
        ask(path)
        job.take([], {}, now=NINE + instant.MINUTE)
        assert all(result.startswith(FAILED) for result in results(path))
        job.close()

        job = Embedded(path, KNOWN, RIGHT)
        ask(path)
        found = job.take([], {}, now=NINE + instant.MINUTE)
        assert results(path) == {READ}
        ask(path)
        found += job.take([], {}, now=NINE + instant.MINUTE)
        found += job.take([END], {}, now=None)
        assert runners.canonical(final(found)) == expected()
        runners.conserved(job.engine.counters)
        counters = job.stage.counters
        assert (counters["read"], counters["dead"], counters["parsed"]) == (15, 10, 5)
        assert len(DeadLetters(path).list()) == 5
        job.close()

    def test_a_parked_event_is_judged_after_the_detector_is_mended_also_after_a_restart(self, tmp_path):
        path = file_of(tmp_path)
        job = Embedded(path, BROKEN, RIGHT)
        found = job.take(raws("linux", USERS), {}, now=NINE + instant.MINUTE)
        ask(path)
        found += job.take([], {}, now=NINE + instant.MINUTE)
        [result] = results(path)
        assert result.startswith(f"{FAILED}: crashing/host")
        job.close()

        job = Embedded(path, MENDED, RIGHT)
        ask(path)
        found += job.take([], {}, now=NINE + instant.MINUTE)
        assert results(path) == {JUDGED}
        runners.conserved(job.engine.counters)
        assert (job.engine.counters["parked"], job.engine.counters["unparked"]) == (1, 2)
        job.close()
        job = Embedded(path, MENDED, RIGHT)  # the mark stays away
        found += job.take([END], {}, now=None)
        whole = judge(Recording(sources=RIGHT, raws=raws("linux", USERS)), MENDED, to=END.caught_up)
        assert runners.canonical(final(found)) == runners.canonical(whole.final)
        job.close()

    def test_what_the_store_refused_is_written_again(self, tmp_path):
        path = file_of(tmp_path)
        job = Embedded(path, KNOWN, RIGHT)
        [violation, *_] = judge(Recording(sources=RIGHT, raws=raws("linux")), KNOWN, to=END.caught_up).history
        bury(path, dead_letter(reason="mapping", detail="refused", stage="deliver", topic="violations", partition=0, offset=1,
                               raw=violation.model_dump_json().encode(), part=violation.id))  # fmt: skip
        ask(path)
        job.take([], {}, now=NINE + instant.MINUTE)
        assert results(path) == {redriven.STORED}
        stored = open_writer(path).execute("SELECT id FROM violation").fetchall()
        assert stored == [(violation.id,)]
        job.close()

    def test_a_record_of_which_only_the_beginning_is_kept_is_not_sent_but_told(self, tmp_path):
        path = file_of(tmp_path)
        job = Embedded(path, KNOWN, RIGHT)
        job.take([Raw("web", "linux", b"\xff" * 100_000, NINE)], {}, now=NINE + instant.MINUTE)
        ask(path)
        job.take([], {}, now=NINE + instant.MINUTE)
        [result] = results(path)
        assert "first 64 KiB of 100000 bytes" in result
        assert job.stage.counters["read"] == 1
        job.close()


def bury(path: Path, letter) -> None:
    owner = open_writer(path)
    owner.execute("BEGIN")
    deadletter.bury(owner, [letter])
    owner.execute("COMMIT")
    owner.close()


def command(*words: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **{f"CONTROLWATCH_{name.upper()}": text for name, text in settings.items()}}
    done = [sys.executable, "-m", "controlwatch", "deadletter", *words]
    return subprocess.run(done, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_the_command_asks_the_job_and_the_list_tells_the_result(tmp_path):
    path = file_of(tmp_path)
    job = Embedded(path, KNOWN, WRONG)
    job.take(raws("panos"), {}, now=NINE + instant.MINUTE)
    job.close()
    [first, *_] = DeadLetters(path).list()
    done = command("redrive", first.id[:10], "--data", ".", cwd=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "asked for")
    job = Embedded(path, KNOWN, RIGHT)
    job.take([], {}, now=NINE + instant.MINUTE)
    job.close()
    shown = [json.loads(line) for line in command("list", "--data", ".", cwd=tmp_path).stdout.splitlines()]
    assert [letter["id"] for letter in shown if letter.get("result") == READ] == [first.id]
    assert "read already" in command("redrive", first.id, "--data", ".", cwd=tmp_path).stdout
    for words, told in ((("redrive", "zz"), "begins with 'zz'"), (("redrive",), "--all"), (("redrive", "x", "--all"), "--all")):
        wrong = command(*words, "--data", ".", cwd=tmp_path)
        assert (wrong.returncode, told in wrong.stderr) == (2, True), wrong.stderr


def test_a_letter_that_does_not_tell_its_event_is_told_so():
    old = dead_letter(reason="fold_crashed", detail="", stage="detect", topic="events", partition=0, offset=0, raw=b'"id"')
    with pytest.raises(Final, match="by a replay"):
        redrive.unparked(old)


def test_a_kind_of_log_record_from_a_later_version_is_told_as_such():
    with pytest.raises(Incompatible, match="'later', unknown to this version"):
        log.decode(b'{"type":"later","id":"x"}')


@pytest.mark.services
def test_on_kafka_records_and_parked_events_come_to_their_end(kafka, topic_prefix, tmp_path):
    layout = Layout(raw=2, keyed=3, prefix=topic_prefix)
    settings = {"kafka": kafka.bootstrap, "prefix": topic_prefix, "raw_partitions": "2", "keyed_partitions": "3"}
    (tmp_path / "sources.toml").write_text('[sources.web]\nfeed = "linux"\ninput = "-"\n')

    def ran(records, ruleset, sources):
        return asyncio.run(onkafka.run(records, ruleset, sources, bootstrap=kafka.bootstrap, layout=layout))

    def sent(expected):
        done = command("redrive", "--all", "--kafka", cwd=tmp_path, **settings)
        assert done.returncode == 0, done.stderr
        assert [json.loads(line)["status"] for line in done.stdout.splitlines()].count("sent again") == expected

    run = ran(raws("panos", USERS), BROKEN, WRONG)
    assert len(run.letters) == 5
    sent(5)
    sent(0)
    run = ran([], BROKEN, RIGHT)
    assert sorted(letter.stage for letter in run.letters) == ["detect", *["normalize"] * 5]
    sent(1)
    run = ran([END], MENDED, RIGHT)
    sent(0)
    run.conserved()
    whole = judge(Recording(sources=RIGHT, raws=raws("linux", USERS)), MENDED, to=END.caught_up)
    assert runners.canonical(final(run.violations)) == runners.canonical(whole.final)
    assert len(run.letters) == 6
    assert sum(kept.counters.get("read", 0) for kept in run.normalized.values()) == 10
    assert sum(engine.counters["unparked"] for engine in run.engines.values()) == 1


@pytest.mark.services
def test_what_elasticsearch_refused_is_in_it_once_its_mapping_is_mended(kafka, elasticsearch, topic_prefix, tmp_path):
    """An index that an older program made knows a field less: delivery goes on without what needs it, and loses none of it."""
    layout = Layout(raw=1, keyed=2, prefix=topic_prefix)
    settings = {
        "kafka": kafka.bootstrap, "prefix": topic_prefix, "raw_partitions": "1", "keyed_partitions": "2",
        "elasticsearch": elasticsearch.url,
    }  # fmt: skip
    due = {violation["id"]: violation for violation in expected()}
    with Elasticsearch(elasticsearch.url) as client:
        store = ElasticsearchStore(
            client, now=clock.now, registry=CollectorRegistry(), options=Options(prefix=f"{topic_prefix}controlwatch", replicas=0, reader_lag=0)
        )
        older = current_properties()
        missing = older.pop("settle_at")
        old_index = f"{store._current}-2026.03"
        client.indices.create(index=old_index, mappings={"dynamic": "strict", "properties": older}, settings={"number_of_replicas": 0})
        store.prepare()

        run = asyncio.run(onkafka.run([*raws("linux"), END], KNOWN, RIGHT, bootstrap=kafka.bootstrap, layout=layout, sink=store))
        assert due == {violation.id: violation.canonical() for violation in final(run.violations)}
        refused = {(letter.part, letter.offset) for letter in run.letters}
        assert refused == {(violation.id, violation.transition.number) for violation in run.violations}
        assert {(letter.reason, letter.stage) for letter in run.letters} == {("mapping", "deliver")}
        assert len(run.letters) == len(refused), "each once"

        def sent() -> list[str]:
            done = command("redrive", "--all", "--kafka", cwd=tmp_path, **settings)
            return [json.loads(line)["status"].partition(":")[0] for line in done.stdout.splitlines()]

        def held() -> Counter[str]:
            client.indices.refresh(index=f"{store._current}*")
            return Counter({name: client.count(index=name, ignore_unavailable=True)["count"] for name in (store._current, store._history)})

        assert not held().total()
        client.indices.put_mapping(index=old_index, properties={"settle_at": missing})
        client.indices.put_alias(index=old_index, name=store._current)
        assert sent() == [STORED] * len(refused)
        assert sent() == [f"{STORED} already"] * len(refused)
        # What is delivered is delivered again, as after a crash before the commit: nothing is twice.
        store.write(run.violations)
        assert held() == Counter({store._current: len(due), store._history: len(run.violations)})
        assert {violation.id: violation.canonical() for violation in store.search(Query(states=(), limit=100))} == due
        assert all([step.number for step in store.history(id_)] == [*range(1, 1 + max(n for i, n in refused if i == id_))] for id_ in due)
