"""Real Elasticsearch 9 out of Maven's jars: one node.

Two published artifacts make a server: the server itself and its HTTP transport. What the distribution adds as modules
and the jars lack (scripts, update_by_query, ILM, security ...) is listed in docs/decisions/0003-test-services.md.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tests.services.cache import cached
from tests.services.jars import JAVA, compiled, jars
from tests.services.ports import free_port
from tests.services.server import HttpServer

VERSION = "9.5.3"
_JARS = [f"org.elasticsearch:elasticsearch:{VERSION}", f"org.elasticsearch.plugin:transport-netty4:{VERSION}"]
_SOURCES = Path(__file__).parent / "java"
_DESCRIPTOR = "plugin-descriptor.properties"
_ROOT_INFO = f"""\
description=Answers GET / and HEAD /
version={VERSION}
name=root-info
classname=controlwatch.testserver.RootInfoPlugin
java.version=21
elasticsearch.version={VERSION}
"""
_LOGGING = """\
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p [%t] %c{1} %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""


class ElasticsearchNode(HttpServer):
    """One node without security on 127.0.0.1; ``settings`` are added to those of ``elasticsearch.yml``."""

    name = "Elasticsearch"

    def __init__(self, directory: Path, *, settings: Mapping[str, str] | None = None, heap: str = "256m") -> None:
        super().__init__(directory)
        self.home = _home()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._transport_port = free_port()
        self._settings = dict(settings or {})
        self._heap = heap

    def prepare(self) -> None:
        """Lays out the node's home: modules from the cache, logging, an empty configuration."""
        config = self.directory / "config"
        config.mkdir(exist_ok=True)
        (self.directory / "nativelibs").mkdir(exist_ok=True)
        (config / "elasticsearch.yml").touch()
        (config / "log4j2.properties").write_text(_LOGGING)
        modules = self.directory / "modules"
        if not modules.exists():
            modules.symlink_to(self.home / "modules")

    def command(self) -> list[str | Path]:
        settings = {
            "http.port": str(self.port),
            "transport.port": str(self._transport_port),
            "cluster.routing.allocation.disk.threshold_enabled": "false",
            "action.auto_create_index": "false",  # else a bulk to a missing index makes it, with a guessed mapping
            "node.processors": "2",
            **self._settings,
        }
        return [
            JAVA,
            f"-Xms{self._heap}",
            f"-Xmx{self._heap}",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",  # starts sooner; no test measures the server
            "--enable-native-access=ALL-UNNAMED",
            f"-Des.nativelibs.path={self.directory / 'nativelibs'}",
            "-Des.distribution.type=tar",
            "-cp",
            f"{self.home / 'main'}:{self.home / 'lib'}/*",
            "controlwatch.testserver.ElasticsearchMain",
            self.directory,
            *(f"{key}={value}" for key, value in settings.items()),
        ]

    def ready(self) -> bool:
        return self.answers("/_cluster/health?wait_for_status=yellow&timeout=1s")

    def erase(self) -> None:
        """Deletes the data of the stopped node."""
        if self.running:
            raise RuntimeError("Elasticsearch runs; stop or kill it before erasing its data")
        shutil.rmtree(self.directory / "data", ignore_errors=True)


def _home() -> Path:
    """The cached parts every node shares: ``lib/``, ``main/`` (the main class) and ``modules/``."""
    libraries = jars("elasticsearch", _JARS)
    main = compiled("elasticsearch-main", _SOURCES / "ElasticsearchMain.java", libraries)
    plugin = compiled("elasticsearch-root-info", _SOURCES / "RootInfoPlugin.java", libraries)

    def lay_out(draft: Path) -> None:
        (draft / "main").symlink_to(main)
        (draft / "lib").mkdir()
        transport = draft / "modules" / "transport-netty4"
        transport.mkdir(parents=True)
        for jar in sorted(libraries.glob("*.jar")):
            # The same class in lib and in a module stops the node ("jar hell").
            folder = transport if jar.name.startswith(("netty-", "transport-netty4-")) else draft / "lib"
            (folder / jar.name).symlink_to(jar)
        with zipfile.ZipFile(next(transport.glob("transport-netty4-*.jar"))) as archive:
            descriptor = archive.read(f"META-INF/es-plugins/transport-netty4/{_DESCRIPTOR}").decode()
        # The server is on the class path, not on the module path: the plugin cannot be loaded as a module.
        lines = [line for line in descriptor.splitlines() if not line.startswith("modulename=")]
        (transport / _DESCRIPTOR).write_text("\n".join(lines) + "\n")
        root_info = draft / "modules" / "root-info"
        root_info.mkdir()
        (root_info / _DESCRIPTOR).write_text(_ROOT_INFO)
        with zipfile.ZipFile(root_info / "root-info.jar", "w") as archive:
            for compiled_class in sorted(plugin.rglob("*.class")):
                archive.write(compiled_class, compiled_class.relative_to(plugin).as_posix())

    return cached("elasticsearch-home", [libraries.name, main.name, plugin.name, _ROOT_INFO], lay_out)
