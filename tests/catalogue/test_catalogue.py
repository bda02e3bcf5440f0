"""The catalogue is the regulation: every character once and in order, every number, interval and modality as its text says."""

import copy
from pathlib import Path

import pytest
import yaml

from schemas import control
from tests.catalogue.damages import damages
from tests.catalogue.text import check_coverage
from tests.catalogue.whole import check_catalogue

FOLDER = Path(control.__file__).parent / "controls"
REGULATION = (FOLDER / f"{control.CATALOGUE}.regulation.zh-Hant.txt").read_text(encoding="utf-8")


class UniqueLoader(yaml.SafeLoader):
    """Refuses doubled mapping keys."""


def _mapping(loader, node):
    keys = [loader.construct_object(key) for key, _ in node.value]
    doubled = {key for key in keys if keys.count(key) > 1}
    assert not doubled, f"doubled keys {doubled} at {node.start_mark}"
    return loader.construct_mapping(node, deep=True)


UniqueLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)

CATALOGUE = yaml.load((FOLDER / f"{control.CATALOGUE}.yaml").read_text(encoding="utf-8"), Loader=UniqueLoader)  # noqa: S506 - safe


def test_the_records_laid_end_to_end_are_the_regulation():
    errors, lines = check_coverage(CATALOGUE, REGULATION)
    assert (errors, lines) == ([], 237)


def test_every_record_says_what_its_text_says():
    assert check_catalogue(CATALOGUE) == []


@pytest.mark.parametrize("name", damages(CATALOGUE))
def test_a_damage_to_the_catalogue_is_noticed(name):
    damaged = copy.deepcopy(CATALOGUE)
    damages(CATALOGUE)[name](damaged)
    assert damaged != CATALOGUE
    assert check_catalogue(damaged) + check_coverage(damaged, REGULATION)[0]


@pytest.mark.parametrize(
    "regulation",
    [REGULATION + "\n- j.新增之條文。\n", REGULATION.replace("- (a)應建立防火牆。\n", "")],
    ids=["line added", "line lost"],
)
def test_a_change_of_the_regulation_is_noticed(regulation):
    assert regulation != REGULATION
    assert check_coverage(CATALOGUE, regulation)[0]
