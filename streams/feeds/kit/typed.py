"""Values of JSON documents, each of the type that the format states; between decoded JSON and a feed's fields.

What is absent (null, "", an empty list) is the empty value of its kind. What is present and of another type is never taken
for absent, and never for a value: a record whose time, account, address, path or decision cannot be read is a dead letter.
As Elasticsearch lets any field be a list (reference, "Arrays"), a list of one is its element.
"""

from collections.abc import Mapping
from typing import Any

from streams.feeds.kit import values
from streams.feeds.kit.contract import Unreadable

_KINDS = {dict: "the object", list: "the list", str: "the text", bool: "the boolean", int: "the number", float: "the number"}


def wrong(name: str, expected: str, value: object) -> Unreadable:
    """The error of field ``name``: what was expected and what came."""
    return Unreadable("wrong_type", f"{name[:128]}: expected {expected}, got {_KINDS.get(type(value), 'nothing')} {value!r:.64}")


def _one(value: object) -> object:
    if isinstance(value, list) and len(value) <= 1:
        return value[0] if value else None
    return value


def _items(name: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        return [value]
    for item in value:
        if isinstance(item, list):
            raise wrong(name, "a list of texts", item)
    return value


def text(name: str, value: object) -> str:
    """Text, stripped; raises Unreadable (wrong_type) for a number, a boolean, an object or a list of several."""
    if type(value) is str:
        return value.strip()
    value = _one(value)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise wrong(name, "text", value)
    return value.strip()


def label(name: str, value: object) -> str:
    """Text or number, as identifiers come; raises Unreadable (wrong_type) for anything else."""
    if type(value) is str:
        return value.strip()
    value = _one(value)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise wrong(name, "text or a number", value)
    return values.string(value)


def labels(name: str, value: object) -> tuple[str, ...]:
    """Texts or numbers of a list, or the only one; raises Unreadable (wrong_type) for anything else."""
    if value is None:
        return ()
    return tuple(found for item in _items(name, value) if (found := label(name, item)))


def texts(name: str, value: object) -> tuple[str, ...]:
    """Texts of a list, or the only one; raises Unreadable (wrong_type) for anything else."""
    if value is None:
        return ()
    return tuple(found for item in _items(name, value) if (found := text(name, item)))


def number(name: str, value: object) -> int:
    """A number from 0 to 2**63 - 1, also as text of digits; raises Unreadable (wrong_type) for anything else."""
    if type(value) is int and 0 <= value <= values.MAX_NUMBER:
        return value
    value = _one(value)
    if value is None or value == "":
        return 0
    found = values.number(value)
    zero = value == 0 if isinstance(value, int | float) and not isinstance(value, bool) else str(value).strip() in ("0", "00")
    if not found and not zero:
        raise wrong(name, "a number from 0 to 2**63 - 1", value)
    return found


def port(name: str, value: object) -> int:
    """A port; raises Unreadable (wrong_type) for what is no number up to 65535."""
    found = number(name, value)
    if found > 65_535:
        raise wrong(name, "a port up to 65535", value)
    return found


class Named:
    """Values that are read by name: each absent, of the expected type, or an error that names its field."""

    __slots__ = ()
    where = ""

    def raw(self, name: str) -> Any:
        """The value of field ``name``, None if it is absent."""
        raise NotImplementedError

    def text(self, name: str) -> str:
        """See :func:`text`."""
        return text(self.where + name, self.raw(name))

    def label(self, name: str) -> str:
        """See :func:`label`."""
        return label(self.where + name, self.raw(name))

    def labels(self, name: str) -> tuple[str, ...]:
        """See :func:`labels`."""
        return labels(self.where + name, self.raw(name))

    def texts(self, name: str) -> tuple[str, ...]:
        """See :func:`texts`."""
        return texts(self.where + name, self.raw(name))

    def number(self, name: str) -> int:
        """See :func:`number`."""
        return number(self.where + name, self.raw(name))

    def port(self, name: str) -> int:
        """See :func:`port`."""
        return port(self.where + name, self.raw(name))

    def flag(self, name: str) -> bool:
        """True or false, also as 1 or 0; false if absent; raises Unreadable (wrong_type) for anything else."""
        value = self.raw(name)
        if value is not None and (not isinstance(value, bool | int) or value not in (0, 1)):
            raise wrong(self.where + name, "true or false", value)
        return bool(value)


class Part(Named):
    """A JSON object, ``where`` it stands in its record: "" or a name and a dot."""

    __slots__ = ("fields", "where")

    def __init__(self, fields: Mapping[str, Any], where: str = "") -> None:
        self.fields = fields
        self.where = where

    def raw(self, name: str) -> Any:
        """The value of field ``name``, None if it is absent."""
        return self.fields.get(name)

    def text(self, name: str) -> str:
        """See :func:`text`."""
        value = self.fields.get(name)
        return value.strip() if type(value) is str else text(self.where + name, value)

    def part(self, name: str) -> "Part":
        """The object in field ``name``, an empty one if it is absent; raises Unreadable (wrong_type) for anything else."""
        value = self.fields.get(name)
        if value is not None and not isinstance(value, dict):
            raise wrong(self.where + name, "an object", value)
        return Part(value or {}, f"{self.where}{name}.")

    def parts(self, name: str) -> "list[Part]":
        """The objects of the list in field ``name``; raises Unreadable (wrong_type) for anything else."""
        return [Part(item, f"{self.where}{name}.") for item in parts(self.where + name, self.fields.get(name))]


def parts(name: str, value: object) -> list[dict[str, Any]]:
    """A list of objects; raises Unreadable (wrong_type) for anything else."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise wrong(name, "a list of objects", value)
    for item in value:
        if not isinstance(item, dict):
            raise wrong(name, "a list of objects", item)
    return value
