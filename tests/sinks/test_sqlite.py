"""What the SQLite store promises beyond the contract of stores: the owner's transaction, other processes, a full disk."""

import resource
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from sinks.contract import Busy, Misconfigured, Query
from sinks.sqlite import SqliteStore, apply, install
from sinks.sqlite_file import open_writer
from tests.sinks.violations import violation

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "violations.db"


def test_violations_are_stored_with_the_owners_own_rows_or_not_at_all(path):
    owner = open_writer(path)
    install(owner)
    owner.execute("CREATE TABLE position (offset INTEGER)")
    page = SqliteStore(path, writable=False)

    owner.execute("BEGIN IMMEDIATE")
    owner.execute("INSERT INTO position VALUES (1)")
    assert apply(owner, [violation("v1")]) == []
    assert page.get("v1") is None
    owner.execute("ROLLBACK")
    assert page.search(Query()) == []
    assert page.timeline(Query(), 60_000_000) == []

    owner.execute("BEGIN IMMEDIATE")
    owner.execute("INSERT INTO position VALUES (2)")
    apply(owner, [violation("v1")])
    owner.execute("COMMIT")
    assert page.get("v1") == violation("v1")
    assert owner.execute("SELECT offset FROM position").fetchall() == [(2,)]
    owner.close()
    page.close()


def test_violations_are_not_stored_outside_a_transaction(path):
    owner = open_writer(path)
    install(owner)
    with pytest.raises(sqlite3.ProgrammingError, match="execute BEGIN first"):
        apply(owner, [violation("v1")])
    owner.close()


def test_another_process_reads_while_this_one_writes(path):
    store = SqliteStore(path)
    store.write([violation("v1")])
    program = (
        "import sys; from pathlib import Path; from sinks.sqlite import SqliteStore; from sinks.contract import Query\n"
        "store = SqliteStore(Path(sys.argv[1]), writable=False)\n"
        "for _ in sys.stdin: print(len(store.search(Query())), flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, path], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdin
        assert reader.stdout
        for count in range(1, 4):
            reader.stdin.write("\n")
            reader.stdin.flush()
            assert reader.stdout.readline() == f"{count}\n"
            store.write([violation(f"v{count + 1}")])
        reader.stdin.close()
    store.close()


def test_a_reader_cannot_write(path):
    SqliteStore(path).close()
    page = SqliteStore(path, writable=False)
    with pytest.raises(Misconfigured, match="read only"):
        page.write([violation("v1")])
    with page._reader() as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM violation")
    page.close()


def test_a_page_without_a_file_is_not_ready(path):
    page = SqliteStore(path, writable=False)
    assert not page.ready()
    SqliteStore(path).close()
    assert page.ready()
    page.close()


def test_a_locked_file_is_busy_and_nothing_is_stored(path, monkeypatch):
    monkeypatch.setattr("sinks.sqlite_file.WAIT_SECONDS", 0.05)
    store = SqliteStore(path)
    other = open_writer(path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy, match="locked"):
        store.write([violation("v1")])
    other.execute("ROLLBACK")
    assert store.write([violation("v1")]) == []
    other.close()
    store.close()


def test_tables_of_another_version_are_left_alone(path):
    store = SqliteStore(path)
    store.write([violation("v1")])
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE violation_schema SET version = 99")
    with pytest.raises(Misconfigured, match="schema 99"):
        SqliteStore(path)


def test_a_full_disk_is_busy_and_the_file_is_whole_afterwards(path):
    store = SqliteStore(path)
    store.write([violation("v0")])
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    action = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit then fails as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, limit[1]))
    stored = 1
    busy = False
    try:
        while not busy and stored < 5_000:
            try:
                store.write([violation(f"v{stored + n}") for n in range(50)])
                stored += 50
            except Busy:
                busy = True
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, action)
    assert busy
    assert len(store.search(Query(limit=10_000))) == stored
    assert store.write([violation("after")]) == []
    with store._reader() as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    store.close()


def test_a_killed_writer_leaves_whole_batches(path):
    program = (
        "import sys; from pathlib import Path; from sinks.sqlite import SqliteStore\n"
        "from tests.sinks.violations import violation\n"
        "store = SqliteStore(Path(sys.argv[1]))\n"
        "for batch in range(100_000):\n"
        "    store.write([violation(f'{batch}-{n}') for n in range(10)]); print(batch, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, path], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout
        for _ in range(50):
            acknowledged = int(writer.stdout.readline())
        writer.kill()
        acknowledged = max([acknowledged, *(int(line) for line in writer.stdout if line.strip().isdigit())])
    store = SqliteStore(path)
    ids = {found.id for found in store.search(Query(limit=10_000_000))}
    batches = {id_.split("-")[0] for id_ in ids}
    assert len(ids) == 10 * len(batches)
    assert {str(batch) for batch in range(acknowledged + 1)} <= batches
    assert store.write([violation("0-0"), violation("next")]) == []
    store.close()


def test_threads_write_and_read_at_once(path):
    store = SqliteStore(path)
    errors: list[BaseException] = []

    def work(name: int) -> None:
        try:
            for batch in range(20):
                store.write([violation(f"{name}-{batch}-{n}") for n in range(5)])
                counted = sum(row["count"] for row in store.counts(Query()))
                assert counted % 5 == 0
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            errors.append(error)

    threads = [Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    documents, _ = store.changes(0, 1000)
    assert len({document.id for document in documents}) == 400
    store.close()
