"""The test services end what they start, say what is absent, and share their cache between sessions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.cache import cached
from tests.services.guardian import birth
from tests.services.ports import free_port
from tests.services.server import Server, wait_until

ROOT = Path(__file__).resolve().parents[2]


class Script(Server):
    """A shell script as a server; ready when it has written the line."""

    name = "script"

    def __init__(self, directory: Path, script: str) -> None:
        super().__init__(directory)
        self._script = script

    def command(self) -> list[str | Path]:
        return ["sh", "-c", self._script]

    def ready(self) -> bool:
        return "ready" in self.log_text()


def test_a_killed_test_session_leaves_no_server_behind(tmp_path: Path) -> None:
    program = (
        "import pathlib, time\n"
        "from tests.services.test_helpers import Script\n"
        f"server = Script(pathlib.Path({str(tmp_path)!r}), 'echo ready; exec sleep 600').start()\n"
        "print(server.pid, flush=True)\n"
        "time.sleep(600)"
    )
    session = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert session.stdout is not None
    pid = int(session.stdout.readline())
    born = birth(pid)
    assert born
    session.kill()
    session.wait()
    session.stdout.close()
    wait_until(lambda: birth(pid) != born, seconds=10)


def test_a_server_that_ends_at_once_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)script ended; the end of .*no such disk"):
        Script(tmp_path, "echo no such disk; exit 3").start()


def test_a_server_that_never_answers_is_ended(tmp_path: Path) -> None:
    server = Script(tmp_path, "exec sleep 600")
    server.start_timeout = 0.2
    with pytest.raises(RuntimeError, match="did not answer in time"):
        server.start()
    assert not server.running


def test_a_server_that_ignores_the_order_to_stop_is_killed(tmp_path: Path) -> None:
    server = Script(tmp_path, "trap '' TERM; echo ready; while true; do sleep 0.1; done")
    server.stop_timeout = 0.2
    server.start().stop()
    assert not server.running


def test_a_paused_server_can_be_stopped(tmp_path: Path) -> None:
    server = Script(tmp_path, "echo ready; exec sleep 600").start()
    server.pause()
    server.stop()
    assert not server.running


def test_ports_differ_and_are_never_those_of_outgoing_connections() -> None:
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = {free_port() for _ in range(20)}
    assert len(ports) == 20
    assert max(ports) < first_outgoing


def test_a_cache_entry_is_made_once_and_a_failed_one_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def fail(draft: Path) -> None:
        (draft / "half").touch()
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        cached("entry", ["1"], fail)
    made: list[Path] = []
    first = cached("entry", ["1"], made.append)
    assert (cached("entry", ["1"], made.append), len(made)) == (first, 1)
    assert (cached("entry", ["2"], made.append) != first, len(made)) == (True, 2)
    assert list(first.iterdir()) == []


def test_sessions_that_want_one_cache_entry_at_once_make_it_once(tmp_path: Path) -> None:
    program = (
        "import time\n"
        "from tests.services.cache import cached\n"
        "def make(draft):\n"
        "    print('made', flush=True)\n"
        "    time.sleep(0.5)\n"
        "cached('entry', ['1'], make)"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    sessions = [
        subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    assert b"".join(session.communicate()[0] for session in sessions) == b"made\n"
    assert [session.returncode for session in sessions] == [0, 0, 0]


def run_pytest(test: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", test],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in {"CI", "CONTROLWATCH_CORPORA"}}
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )


NEEDS_KAFKA = "tests/services/test_services.py::test_kafka_shows_a_committed_transaction_and_hides_an_aborted_one"


def test_without_maven_the_service_tests_are_skipped_aloud(tmp_path: Path) -> None:
    done = run_pytest(NEEDS_KAFKA, PATH=str(tmp_path))
    assert done.returncode == 0, done.stdout
    assert "1 skipped" in done.stdout
    assert "!! TESTS WERE SKIPPED !!" in done.stdout
    assert "Maven (mvn) not found" in done.stdout.partition("TESTS WERE SKIPPED")[2]


def test_without_maven_the_service_tests_fail_in_ci(tmp_path: Path) -> None:
    done = run_pytest(NEEDS_KAFKA, PATH=str(tmp_path), CI="true")
    assert done.returncode == 1
    assert "Maven (mvn) not found" in done.stdout
    assert "skipped" not in done.stdout.splitlines()[-1]


def test_a_missing_debian_program_is_named_with_its_package(tmp_path: Path) -> None:
    test = "tests/services/test_monitoring.py::test_amtool_refuses_a_configuration_without_its_receiver"
    done = run_pytest(test, PATH=str(tmp_path))
    assert done.returncode == 1
    assert "program amtool not found; run: apt-get install --no-install-recommends prometheus-alertmanager" in done.stdout
