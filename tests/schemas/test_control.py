"""The catalogue as the program reads it is the one that is written by hand."""

import datetime as dt
from pathlib import Path

import orjson
import pytest
import yaml

from schemas import control

FOLDER = Path(control.__file__).parent / "controls"


@pytest.fixture(scope="module")
def written():
    return yaml.load((FOLDER / f"{control.CATALOGUE}.yaml").read_text(), Loader=yaml.CSafeLoader)


def test_the_copy_in_json_says_what_the_yaml_says(written):
    assert control.catalogue() == control.read(written)
    assert orjson.loads((FOLDER / f"{control.CATALOGUE}.json").read_bytes()) == written


def test_the_catalogue_holds_every_record_of_the_regulation():
    kinds = [record.kind for record in control.catalogue().controls]
    assert (len(kinds), kinds.count("clause"), kinds.count("composite")) == (229, 183, 7)


def test_numbers_of_the_regulation_are_read_by_name():
    assert control.parameter("CC-18000.3.e", "disconnect_at_wrong_passwords") == 3
    assert control.controls()["CC-14000.3"].effective_from == dt.date(2022, 1, 31)
