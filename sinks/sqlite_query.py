"""How a query of violations is asked of the SQLite tables (``sinks/sqlite.py``)."""

import json
from collections.abc import Iterator

from schemas import instant
from sinks.contract import Query


def where(query: Query, column: str, since: int | None, until: int | None) -> tuple[str, list[object]]:
    """The condition of ``query`` on either table, with ``column`` as time, and its values."""
    clauses: list[str] = []
    values: list[object] = []
    for name, wanted in (("severity", query.severities), ("state", query.states), ("detector", query.detectors)):
        if wanted:
            clauses.append(f"{name} IN ({','.join('?' * len(wanted))})")
            values.extend(wanted)
    if query.controls:
        # A name in its JSON quotes stands in the list's JSON text only where it is a member of the list.
        clauses.append(f"({' OR '.join(['instr(controls, ?)'] * len(query.controls))})")
        values.extend(json.dumps(control) for control in query.controls)
    for operator, bound in ((">=", since), ("<", until)):
        if bound is not None:
            clauses.append(f"{column} {operator} ?")
            values.append(bound)
    return (f" WHERE {' AND '.join(clauses)}" if clauses else ""), values


def pieces(query: Query) -> Iterator[tuple[str, str, str, int | None, int | None]]:
    """Table, count, time column and bounds of the parts whose counts add up to those of ``query``."""
    documents = ("violation", "count(*)", "last_time")
    since = None if query.since is None else -(-query.since // instant.MINUTE) * instant.MINUTE
    until = None if query.until is None else query.until // instant.MINUTE * instant.MINUTE
    if since is not None and until is not None and since >= until:
        yield (*documents, query.since, query.until)
        return
    yield ("violation_rollup", "sum(count)", "minute", since, until)
    if query.since != since:
        yield (*documents, query.since, since)
    if query.until != until:
        yield (*documents, until, query.until)
