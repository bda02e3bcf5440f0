"""Real Prometheus and Alertmanager (Debian packages), and their checking tools promtool and amtool."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.services.ports import free_port
from tests.services.requirement import program
from tests.services.server import HttpServer

_ALERTMANAGER_CONFIGURATION = """\
route:
  receiver: nobody
receivers:
  - name: nobody
"""
_PROMETHEUS_CONFIGURATION = """\
global:
  scrape_interval: 1s
  evaluation_interval: 1s
"""


class Alertmanager(HttpServer):
    """One Alertmanager without a cluster; ``configuration`` is its YAML, by default a route to nobody."""

    name = "Alertmanager"

    def __init__(self, directory: Path, configuration: str = _ALERTMANAGER_CONFIGURATION) -> None:
        super().__init__(directory)
        self._program = program("prometheus-alertmanager", "prometheus-alertmanager")
        self.url = f"http://127.0.0.1:{free_port()}"
        self._configuration = configuration

    def prepare(self) -> None:
        (self.directory / "alertmanager.yml").write_text(self._configuration)

    def command(self) -> list[str | Path]:
        return [
            self._program,
            "--config.file=alertmanager.yml",
            f"--storage.path={self.directory / 'data'}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
            "--cluster.listen-address=",  # empty: no gossip
        ]

    def ready(self) -> bool:
        return self.answers("/-/ready")


class Prometheus(HttpServer):
    """One Prometheus; ``configuration`` is its YAML, whose relative paths (rule files) begin at ``directory``."""

    name = "Prometheus"

    def __init__(self, directory: Path, configuration: str = _PROMETHEUS_CONFIGURATION) -> None:
        super().__init__(directory)
        self._program = program("prometheus", "prometheus")
        self.url = f"http://127.0.0.1:{free_port()}"
        self._configuration = configuration

    def prepare(self) -> None:
        (self.directory / "prometheus.yml").write_text(self._configuration)

    def command(self) -> list[str | Path]:
        return [
            self._program,
            "--config.file=prometheus.yml",
            f"--storage.tsdb.path={self.directory / 'data'}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
            # An Alertmanager is found 5 s after the start; what fired before is told again after this time.
            "--rules.alert.resend-delay=1s",
        ]

    def ready(self) -> bool:
        return self.answers("/-/ready")


def promtool(*arguments: str | Path, text: str | None = None) -> str:
    """Runs promtool with ``text`` as standard input; its whole output.

    Raises:
        AssertionError: promtool found something wrong; the text is its output.
    """
    return _checked(program("promtool", "prometheus"), arguments, text)


def amtool(*arguments: str | Path, text: str | None = None) -> str:
    """Runs amtool; as ``promtool``."""
    return _checked(program("amtool", "prometheus-alertmanager"), arguments, text)


def _checked(tool: Path, arguments: tuple[str | Path, ...], text: str | None) -> str:
    done = subprocess.run(
        [tool, *arguments], input=text or "", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        command = " ".join(map(str, arguments))
        raise AssertionError(f"{tool.name} {command} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout
