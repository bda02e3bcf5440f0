"""``controlwatch build``: what is generated is committed as generated, and a difference is named."""

import shutil

import pytest
from click.testing import CliRunner

from controlwatch import artefacts
from controlwatch.cli import cli
from controlwatch.commands.build import CHECKOUT
from controlwatch.settings import Settings
from schemas import tables
from schemas.fields import described, models_within


@pytest.fixture
def checkout(tmp_path):
    """A copy of what is generated and of what it is generated from."""
    sources = ["pyproject.toml", f"{artefacts.CONTROLS}/cc-2020-12-11.yaml"]
    sources += [str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / artefacts.SCENARIOS).glob("*.yaml")]
    sources += [str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / artefacts.FEED_PAGES).glob("*.md")]
    for name in (*sources, *artefacts.ARTEFACTS):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, tmp_path / name)
    return tmp_path


def build(*arguments):
    return CliRunner().invoke(cli, ["build", "-o", "human", *map(str, arguments)])


def test_the_committed_files_are_as_generated():
    assert artefacts.differences(CHECKOUT) == []


def test_the_check_ends_with_zero_when_nothing_differs(checkout):
    done = build("--check", "--root", checkout)
    assert (done.exit_code, done.output) == (0, "all generated files are current\n")


@pytest.mark.parametrize("path", artefacts.ARTEFACTS)
def test_the_check_names_a_changed_file_and_building_mends_it(checkout, path):
    fresh = (checkout / path).read_bytes()
    (checkout / path).write_bytes(fresh + b"by hand\n")
    done = build("--check", "--root", checkout)
    assert done.exit_code == 1
    assert path in done.output
    assert (checkout / path).read_bytes().endswith(b"by hand\n"), "--check writes nothing"
    assert build("--root", checkout).output == f"wrote {path}\n"
    assert (checkout / path).read_bytes() == fresh


def test_the_check_names_a_missing_file(checkout):
    (checkout / "docs/feeds.md").unlink()
    done = build("--check", "--root", checkout)
    assert done.exit_code == 1
    assert "docs/feeds.md" in done.output


def test_a_folder_that_is_no_checkout_is_refused(tmp_path):
    done = build("--root", tmp_path)
    assert done.exit_code == 2
    assert "no source checkout" in done.output
    assert not list(tmp_path.iterdir())


def test_every_field_a_user_may_write_and_every_setting_has_a_meaning():
    models = [*tables.TABLES.values(), *(inner for model in tables.TABLES.values() for inner in models_within(model)), Settings]
    assert [(model.__name__, field.name) for model in models for field in described(model) if not field.meaning] == []


def test_every_field_a_user_may_write_is_in_the_context_page():
    page = (CHECKOUT / "docs/context.md").read_text()
    for name, model in tables.TABLES.items():
        assert f"\n## {name}\n" in page
        for attribute, field in model.model_fields.items():
            assert f"| `{field.alias or attribute}` |" in page
