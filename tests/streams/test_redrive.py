"""Dead letters are sent again: read, judged or stored after all, once; the letter stays and is marked; the laws hold."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from detectors.kit import registry
from detectors.kit.contract import Step
from detectors.kit.registry import Ruleset
from schemas import instant, log
from schemas.context import Source
from schemas.log import Incompatible
from schemas.violation import final
from sinks import deadletter, redriven
from sinks.deadletter import DeadLetters, dead_letter
from sinks.redriven import FAILED, JUDGED, READ
from sinks.sqlite_file import open_writer
from streams import redrive
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
