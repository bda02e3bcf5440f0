"""The context tables: table name -> model; look-ups and files use these names."""

from collections.abc import Iterator, Mapping
from typing import Any

from schemas import identity
from schemas.approval import Approval, found_at
from schemas.context import (
    Account,
    Asset,
    Checkout,
    ContextRecord,
    Downtime,
    Group,
    Incident,
    Interval,
    Person,
    Post,
    Record,
    Release,
    SessionRecord,
    Source,
    Waiver,
)

TABLES: Mapping[str, type[Record]] = {
    "persons": Person,
    "accounts": Account,
    "posts": Post,
    "assets": Asset,
    "groups": Group,
    "checkouts": Checkout,
    "session_records": SessionRecord,
    "releases": Release,
    "incidents": Incident,
    "exceptions": Waiver,
    "downtimes": Downtime,
    "sources": Source,
    "approvals": Approval,
}


def model(record: ContextRecord) -> Record:
    """The typed content of ``record``.

    Raises:
        pydantic.ValidationError: a field is missing, unknown or of the wrong type.
        ValueError: the table does not exist.
    """
    if record.table not in TABLES:
        raise ValueError(f"unknown context table {record.table!r}; tables are {', '.join(TABLES)}")
    return TABLES[record.table].model_validate(record.data)


def envelope(table: str, data: Mapping[str, Any], *, o: int | None = None, source: str = "") -> ContextRecord:
    """Wrap one validated JSON object of ``context/<table>.jsonl``; raises as :func:`model` does."""
    if table not in TABLES:
        raise ValueError(f"unknown context table {table!r}; tables are {', '.join(TABLES)}")
    typed = TABLES[table].model_validate(data)
    if isinstance(typed, Approval):
        # Each snapshot is kept: the history of a request is the set of its snapshots.
        own = f"{typed.approval}@{typed.updated}@{identity.digest([typed.model_dump_json()], size=8)}"
        stated = typed.updated
    elif isinstance(typed, Interval):
        own = typed.id or identity.digest([typed.model_dump_json(exclude={"until", "recorded"})])
        stated = typed.recorded if typed.recorded is not None else typed.since
    else:  # pragma: no cover - every table is one of the two
        raise TypeError(table)
    return ContextRecord(
        table=table, id=own, t=stated, o=stated if o is None else o, source=source,
        data=typed.model_dump(mode="json", by_alias=True, exclude_defaults=True),
    )


def entities(table: str, typed: Record) -> Iterator[str]:
    """Names under which a look-up in ``table`` finds ``typed``."""
    if isinstance(typed, Approval):
        yield f"approval:{typed.approval}"
        yield from found_at(typed)
    elif isinstance(typed, Interval):
        yield from typed.entities()
    else:  # pragma: no cover
        raise TypeError(table)
