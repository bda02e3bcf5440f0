"""Every package that is imported is declared, every declared one is used, and each has its reason in a decision record."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
OWN = {"controlwatch", "dashboards", "detectors", "schemas", "sinks", "streams", "tests"}
PRODUCT = {canonicalize_name(Requirement(line).name) for line in PROJECT["project"]["dependencies"]}
DEVELOPMENT = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependency-groups"]["dev"]}
BENCH = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependency-groups"]["bench"]}
FUZZ = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependency-groups"]["fuzz"]}
# Used without an import of ours: data that zoneinfo finds; tools and plug-ins; type stubs.
NOT_IMPORTED = {"tzdata", "pytest-timeout", "pytest-asyncio", "pytest-xdist", "ruff", "mypy", "import-linter", "types-pyyaml"}


def imported(*folders):
    """Distributions that modules below these folders import, with a module that does."""
    names = {}
    for folder in folders:
        for module in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(module.read_text())):
                if isinstance(node, ast.Import):
                    found = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found = [node.module]
                else:
                    continue
                names |= {name.partition(".")[0]: module.relative_to(ROOT) for name in found}
    owners = packages_distributions()
    return {
        canonicalize_name(distribution): module
        for name, module in names.items()
        if name not in OWN and name not in sys.stdlib_module_names
        for distribution in owners.get(name, [name])[:1]
    }


def test_the_program_imports_only_what_it_declares():
    undeclared = {name: str(module) for name, module in imported(*OWN - {"tests"}).items() if name not in PRODUCT}
    assert undeclared == {}


def test_the_tests_import_only_what_is_declared():
    undeclared = {name: str(module) for name, module in imported("tests").items() if name not in PRODUCT | DEVELOPMENT | BENCH | FUZZ}
    assert undeclared == {}


@pytest.mark.parametrize(("group", "folder"), [(BENCH, "tests/bench"), (FUZZ, "tests/fuzz")])
def test_only_measurements_and_fuzzing_import_what_only_they_need(group, folder):
    here = {str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*.py")}
    assert {name: str(module) for name, module in imported("tests").items() if name in group and str(module) not in here} == {}


def test_nothing_is_declared_that_nobody_uses():
    assert set(imported(*OWN)) >= (PRODUCT | DEVELOPMENT) - NOT_IMPORTED


def test_every_dependency_has_its_reason():
    (record,) = (ROOT / "docs/decisions").glob("*-dependencies.md")
    reasons = {canonicalize_name(name) for name in re.findall(r"^\| `([\w.-]+)`", record.read_text(), re.MULTILINE)}
    assert reasons == PRODUCT | DEVELOPMENT | BENCH | FUZZ | {"uv", "hatchling", "editables"}
