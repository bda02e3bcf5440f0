"""The project's own rules, over every tracked file: nothing of a machine or a registry, small documented modules, pins."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = {
    "requirements.lock": PROJECT["project"]["dependencies"],
    "requirements-dev.lock": PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"],
    "requirements-build.lock": PROJECT["dependency-groups"]["build"],
    "requirements-bench.lock": PROJECT["dependency-groups"]["bench"],
}
MODULE_LINES = 300
LONGER_MODULES = {
    "detectors/kit/engine.py": "order, deadlines and settling share one state; apart, the invariant would be in no file",
    "sinks/elasticsearch/store.py": "one contract; bulk requests, documents, queries and metrics are apart already",
    "tests/conformance/test_sinks.py": "one contract, each of its promises once, for every sink",
}
"""Path of a module that may be longer -> why it is one thing all the same."""

# Written with spaces for dots and bars for slashes, so that this file does not find itself.
_REGISTRIES = "pypi org|pythonhosted org|maven org|maven apache org|npmjs org|crates io|proxy golang org|deb debian org|security debian org"
_MACHINE_PATHS = ["|work|", "|root|.pyenv", "|root|.cache", "|opt|wheels"]
_MARKS = ["TO-DO", "FIX-ME"]


def tracked(*patterns: str) -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def lines_with(pattern: str, files: list[Path]) -> list[str]:
    found = re.compile(pattern)
    return [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for file in files
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1)
        if found.search(line)
    ]


def test_no_registry_host_stands_in_a_tracked_file() -> None:
    assert lines_with(_REGISTRIES.replace(" ", r"\."), tracked()) == []


def test_no_path_of_a_machine_stands_in_a_tracked_file() -> None:
    paths = "|".join(re.escape(path.replace("|", "/")) for path in _MACHINE_PATHS)
    assert lines_with(rf"(?<![\w.*-])({paths})", tracked()) == []


def test_nothing_is_marked_as_left_to_do() -> None:
    written = tracked("*.py", "*.md", "*.sh", "*.toml", "*.java", "*.html", "*.css", "*.js", "Makefile", "check", "quickstart")
    assert lines_with(rf"\b({'|'.join(_MARKS)})\b".replace("-", ""), written) == []


def test_every_module_says_what_it_is() -> None:
    texts = {module: module.read_text() for module in tracked("*.py")}
    silent = [module for module, text in texts.items() if text.strip() and not ast.get_docstring(ast.parse(text))]
    assert [str(module.relative_to(ROOT)) for module in silent] == []


def test_every_module_is_one_thing_and_short() -> None:
    lengths = {str(module.relative_to(ROOT)): len(module.read_text().splitlines()) for module in tracked("*.py")}
    assert {
        name: length for name, length in lengths.items() if length > MODULE_LINES and name not in LONGER_MODULES
    } == {}


def test_an_exception_for_a_long_module_is_still_needed() -> None:
    assert [name for name in LONGER_MODULES if len((ROOT / name).read_text().splitlines()) <= MODULE_LINES] == []


def test_the_licence_is_the_one_declared() -> None:
    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text()


def test_the_newest_entry_of_the_changelog_is_this_version() -> None:
    versions = re.findall(r"^## \[(\d[^]]*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == PROJECT["project"]["version"]


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_pins_every_declared_dependency_with_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text()
    pins = {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([\w.!+]+)", text, re.MULTILINE)}
    for declared in map(Requirement, LOCKS[lock]):
        pinned = pins.get(canonicalize_name(declared.name))
        assert pinned, f"{declared} is not in {lock}; run: make lock"
        assert declared.specifier.contains(pinned), f"{lock} has {declared.name} {pinned}, not {declared}; run: make lock"
    unhashed = [block.split()[0] for block in re.split(r"\n(?=\S)", text) if "--hash=sha256:" not in block]
    assert unhashed == []


def test_the_development_lock_holds_the_same_versions_as_the_product_s() -> None:
    product = set(re.findall(r"^\S+==\S+", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    development = set(re.findall(r"^\S+==\S+", (ROOT / "requirements-dev.lock").read_text(), re.MULTILINE))
    assert product - development == set()


def test_ci_runs_the_test_command_of_the_readme_and_nothing_weaker() -> None:
    assert "\n    ./check\n" in (ROOT / "README.md").read_text()
    assert (ROOT / ".ci/run").read_text().rstrip().splitlines()[-1] == "exec ./check"


@pytest.mark.parametrize("script", ["quickstart", "check", ".ci/run", "scripts/setup.sh"])
def test_a_script_can_be_run(script: str) -> None:
    assert (ROOT / script).stat().st_mode & 0o111
    subprocess.run(["bash", "-n", script], cwd=ROOT, check=True)
