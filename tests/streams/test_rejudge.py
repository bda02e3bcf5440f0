"""``rejudge`` as it is used: a host's lines are found three days later, too late for its fold, and count after all, once."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from detectors.kit import registry
from detectors.kit.registry import Ruleset
from schemas import instant
from schemas.context import Source
from schemas.violation import Violation, final
from sinks.sqlite_file import open_writer
from streams import archive
from streams.embedded import Embedded, file_of
from streams.kafka import replaying
from streams.kafka.detecting import Detecting
from streams.kafka.host import Host
from streams.kafka.normalizing import Normalizing
from streams.layout import Layout
from streams.recording import Recording
from streams.replay import judge
from streams.stage import EVERYTHING, Heartbeat, Raw
from tests.conformance import onkafka, runners

ROOT = Path(__file__).parents[2]
NINE = instant.parse("2026-03-02T09:00:00Z")
FOUND = NINE + 3 * instant.DAY
END = Heartbeat(EVERYTHING, FOUND + instant.DAY)
SOURCES = {"auth": Source(source="auth", feed="linux")}
KNOWN = Ruleset(registry.load().values())
SPAN = ("--from", "2026-03-02", "--to", "2026-03-03")


def lines(minute: int, pid: int, observed: int | None = None) -> list[Raw]:
    """Alice becomes root on web-1 for a minute; observed a second later, or when it is told."""
    told = [
        (0, "    alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/bin/bash"),
        (0, " pam_unix(sudo:session): session opened for user root(uid=0) by alice(uid=1000)"),
        (60, " pam_unix(sudo:session): session closed for user root"),
    ]
    at = NINE + minute * instant.MINUTE
    return [
        Raw("auth", "linux", f"{instant.text(at + s * instant.SECOND)} web-1 sudo[{pid}]:{text}".encode(),
            at + (s + 1) * instant.SECOND if observed is None else observed, 0, pid + number)
        for number, (s, text) in enumerate(told)
    ]  # fmt: skip


IN_TIME = [*lines(0, 100), Heartbeat(EVERYTHING, FOUND)]
LATE = [*lines(10, 200, FOUND + instant.MINUTE), Heartbeat(EVERYTHING, FOUND + 2 * instant.MINUTE)]


def uses(violations) -> list[tuple[str, str, str | None]]:
    """Each use of root that nobody approved: sub-type, state and start."""
    found = [v for v in violations if v.subtype == "UNAPPROVED"]
    return sorted((v.subtype, str(v.state), v.subject["start"]) for v in found)


BOTH = [("UNAPPROVED", "open", f"2026-03-02T09:{minute}:00Z") for minute in ("00", "10")]


def command(*words: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **{f"CONTROLWATCH_{name.upper()}": text for name, text in settings.items()}}
    done = [sys.executable, "-m", "controlwatch", "rejudge", *words]
    return subprocess.run(done, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def rows(done: subprocess.CompletedProcess) -> tuple[list[Violation], dict]:
    """Transitions told, and the last line."""
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return [Violation.model_validate(row) for row in told[:-1]], told[-1]


@pytest.fixture
def job(tmp_path):
    """The embedded runner's file after the late lines came; ``runs`` gives what the job tells when it runs once more."""
    history: list[Violation] = []

    def runs(*items, now=FOUND + 3 * instant.MINUTE):
        embedded = Embedded(file_of(tmp_path), KNOWN, SOURCES)
        history.extend(embedded.take(items, {}, now=now))
        runners.conserved(embedded.engine.counters)
        counters = dict(embedded.engine.counters)
        embedded.close()
        return counters

    runs(*IN_TIME, now=None)
    runs(*LATE, now=None)
    runs.history = history
    return runs


def test_lines_found_days_later_become_a_violation_once(job, tmp_path):
    assert uses(final(job.history)) == BOTH[:1]
    dry, end = rows(command("--key", "web-1", *SPAN, "--data", ".", "--dry-run", cwd=tmp_path))
    assert (uses(dry), end["status"]) == (BOTH[1:], "dry run")
    assert job().get("corrections", 0) == 0, "a dry run writes nothing"

    changes, end = rows(command("--key", "web-1", *SPAN, "--data", ".", cwd=tmp_path))
    assert (uses(changes), end["status"]) == (BOTH[1:], "asked for")
    counters = job()
    assert counters["corrections"] == end["corrections"]
    assert counters["late"] >= 3, "the lines stay counted as late"
    assert uses(final(job.history)) == BOTH
    told = {violation.id: violation.transition for violation in job.history}
    assert {violation.id: violation.transition for violation in changes}.items() <= told.items(), "what was told is what came"

    _, end = rows(command("--key", "web-1", *SPAN, "--data", ".", cwd=tmp_path))
    assert end["status"] == "nothing to correct"
    assert job(END, now=None)["corrections"] == counters["corrections"]
    in_time = Recording(sources=SOURCES, raws=[*lines(0, 100), *lines(10, 200)])
    whole = judge(in_time, KNOWN, to=END.caught_up).final
    assert {(v.id, v.state, v.count) for v in final(job.history)} == {(v.id, v.state, v.count) for v in whole}


def test_each_late_line_is_counted_kept_and_called_not_judged(job, tmp_path):
    connection = open_writer(file_of(tmp_path))
    assert connection.execute("SELECT count(*) FROM late WHERE rule = 'root_use_without_approval/host'").fetchone() == (3,)
    assert connection.execute("SELECT count(*) FROM coverage WHERE name = 'root_use_without_approval' AND reason = 'late'").fetchone()[0]
    connection.close()


def test_a_job_that_has_let_go_of_old_events_refuses_and_the_next_run_mends_it(job, tmp_path):
    command("--key", "web-1", *SPAN, "--data", ".", cwd=tmp_path)
    connection = open_writer(file_of(tmp_path))
    [(seq, _), *_] = archive.asked(connection)
    kept = connection.execute("SELECT seq, record FROM correction").fetchall()
    connection.execute("DELETE FROM correction")
    job(Heartbeat(EVERYTHING, FOUND + 2 * instant.HOUR), now=None)  # time passes, the job trims
    connection.executemany("INSERT INTO correction VALUES (?, 0, ?, '')", kept)
    counters = job(now=FOUND + 2 * instant.HOUR)
    assert counters["corrections_refused"] == len(kept)
    assert connection.execute("SELECT result FROM correction WHERE seq = ?", (seq,)).fetchone() == (archive.REFUSED,)
    connection.close()
    assert uses(final(job.history)) == BOTH[:1]
    command("--key", "web-1", *SPAN, "--data", ".", cwd=tmp_path)
    job(now=FOUND + 2 * instant.HOUR)
    assert uses(final(job.history)) == BOTH


def test_the_archive_keeps_seven_days(job, tmp_path):
    connection = open_writer(file_of(tmp_path))
    assert connection.execute("SELECT at FROM archive_since").fetchall() == [(0,)], "nothing has been lost yet"
    job(Heartbeat(EVERYTHING, FOUND + 9 * instant.DAY), now=None)
    since = connection.execute("SELECT at FROM archive_since").fetchone()[0]
    assert FOUND < since < FOUND + 9 * instant.DAY
    connection.close()
    done = command("--key", "privileged_host=web-1", *SPAN, "--data", ".", cwd=tmp_path)
    assert "older than the archive" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--key", "web-1", "--from", "2026-03-04", "--to", "2026-03-03"), "--from is after --to"),
        (("--key", "nothing-such", *SPAN), "no event of key nothing-such is archived (the data file keeps 7 days"),
        (("--key", "hosts=web-1", *SPAN), "'hosts' is no kind of key; there are"),
        (("--key", 'privileged_host=["web-1"', *SPAN), "no JSON list"),
        (("--key", "privileged_host=[1]", *SPAN), "parts of a key are texts"),
        (("--key", "", *SPAN), "--key is empty"),
        (("--key", "web-1", "--from", "2026-05-01", "--to", "2026-05-02"), "lies from 2026-03-02T09:00:00Z to 2026-03-02T09:1"),
        (("--key", "web-1", "--from", "2026-05-01"), "Missing option '--to'"),
    ],
)  # fmt: skip
def test_mistakes_are_explained(job, tmp_path, words, told):
    done = command(*words, "--data", ".", cwd=tmp_path)
    assert (done.returncode, told in done.stderr) == (2, True), done.stderr


def test_a_folder_without_data_is_told(tmp_path):
    done = command("--key", "web-1", *SPAN, "--data", ".", cwd=tmp_path)
    assert (done.returncode, "does not exist" in done.stderr) == (2, True)


@pytest.mark.services
@pytest.mark.timeout(180)
def test_on_kafka_the_owner_takes_the_correction_and_numbers_on(kafka, topic_prefix, tmp_path):
    layout = Layout(raw=2, keyed=3, prefix=topic_prefix)
    settings = {"kafka": kafka.bootstrap, "prefix": topic_prefix, "raw_partitions": "2", "keyed_partitions": "3"}

    async def rejudged() -> subprocess.CompletedProcess:
        host = Host(
            worker=replaying.WORKER, bootstrap=kafka.bootstrap, prefix=layout.prefix, live=False,
            stages=[Normalizing(KNOWN, SOURCES, layout), Detecting(KNOWN, layout)],
        )  # fmt: skip
        running = asyncio.create_task(host.run())
        try:
            return await asyncio.to_thread(command, "--key", "web-1", *SPAN, "--kafka", cwd=tmp_path, **settings)
        finally:
            host.stop()
            await running

    def ran(records):
        return asyncio.run(onkafka.run(records, KNOWN, SOURCES, bootstrap=kafka.bootstrap, layout=layout))

    ran(IN_TIME)
    run = ran(LATE)
    run.conserved()
    assert uses(final(run.violations)) == BOTH[:1]
    changes, end = rows(asyncio.run(rejudged()))
    assert (uses(changes), end["status"]) == (BOTH[1:], "judged")
    run = ran([])
    run.conserved()
    assert uses(final(run.violations)) == BOTH
    assert sum(engine.counters["corrections"] for engine in run.engines.values()) == end["corrections"]
    numbers: dict[str, int] = {}
    for violation in run.violations:
        assert violation.transition.number == numbers.get(violation.id, 0) + 1
        numbers[violation.id] = violation.transition.number
    _, end = rows(command("--key", "web-1", *SPAN, "--kafka", cwd=tmp_path, **settings))
    assert end["status"] == "nothing to correct"
    none = command("--key", "nothing-such", *SPAN, "--kafka", cwd=tmp_path, **settings)
    assert (none.returncode, "topic events keeps 7 days" in none.stderr) == (2, True)
