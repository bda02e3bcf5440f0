"""Rows of coverage in Elasticsearch: ``<prefix>-coverage-YYYY.MM``, the UTC month of the hour.

A row is written whole with its number of minutes as external version: one with fewer never replaces one with more.
"""

from typing import Any

import orjson
from elasticsearch import Elasticsearch

from schemas import instant
from schemas.coverage import About, Coverage
from sinks.elasticsearch.bulk import Action

Json = dict[str, Any]

_PAGE = 10_000  # what one search may return
_PARTS = 1_000  # more partitions than anybody has


def action(alias: str, row: Coverage) -> Action:
    """Write ``row`` unless it is there with as many minutes or more."""
    month = instant.to_datetime(row.hour).strftime("%Y.%m")
    document = orjson.dumps({"id": row.id, **row.model_dump(mode="json")})
    return Action(index=f"{alias}-{month}", id=row.id, document=document, version=row.number)


def within(client: Elasticsearch, alias: str, since: int, until: int) -> list[Coverage]:
    """See ``CoverageStore.coverage``."""
    # Elasticsearch cuts dates to milliseconds; hours are whole, so bounds may be taken up to the next one.
    bounds = {"gte": -(-since // instant.MILLISECOND), "lt": -(-until // instant.MILLISECOND), "format": "epoch_millis"}
    hours = {"range": {"hour": bounds}}
    query = {"bool": {"filter": [hours], "must_not": [{"term": {"about": About.JUDGED}}]}}
    found: list[Coverage] = []
    more: Json = {}
    while True:
        answer = client.search(
            index=alias, query=query, size=_PAGE, sort=[{"hour": "asc"}, {"id": "asc"}], track_total_hits=False,
            ignore_unavailable=True, **more,
        )  # fmt: skip
        hits = answer["hits"]["hits"]
        found += (_row(hit["_source"]) for hit in hits)
        if len(hits) < _PAGE:
            return found
        more = {"search_after": hits[-1]["sort"]}


def newest(client: Elasticsearch, alias: str) -> list[Coverage]:
    """See ``CoverageStore.judged``."""
    answer = client.search(
        index=alias, query={"term": {"about": About.JUDGED}}, size=_PARTS, sort=[{"hour": {"order": "desc"}}],
        collapse={"field": "part"}, track_total_hits=False, ignore_unavailable=True,
    )  # fmt: skip
    return sorted((_row(hit["_source"]) for hit in answer["hits"]["hits"]), key=lambda row: row.part)


def _row(source: Json) -> Coverage:
    return Coverage.model_validate({name: source[name] for name in Coverage.model_fields})
