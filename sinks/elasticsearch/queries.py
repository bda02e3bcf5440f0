"""How a query of violations is asked of Elasticsearch, and how its answers are read."""

from collections.abc import Iterator
from typing import Any

from elasticsearch import Elasticsearch

from sinks.contract import Query
from sinks.elasticsearch.documents import LAST_TIME, Json

NEWEST_FIRST = [{LAST_TIME: "desc"}, {"id": "desc"}]
_BUCKETS = 1_000


def condition(query: Query) -> Json:
    """The query clause of ``query``."""
    wanted = {
        "severity": query.severities,
        "state": query.states,
        "controls": query.controls,
        "detector": query.detectors,
    }
    filters: list[Json] = [{"terms": {name: list(values)}} for name, values in wanted.items() if values]
    bounds = {name: bound for name, bound in (("gte", query.since), ("lt", query.until)) if bound is not None}
    if bounds:
        filters.append({"range": {LAST_TIME: bounds}})
    return {"bool": {"filter": filters}}


def buckets(client: Elasticsearch, index: str, query: Query, sources: list[Json]) -> Iterator[tuple[Json, int]]:
    """Key and count of every combination of ``sources`` over what matches, in the order of the keys."""
    after: Json = {}
    while True:
        composite: Json = {"size": _BUCKETS, "sources": sources, **({"after": after} if after else {})}
        answer = client.search(
            index=index,
            size=0,
            track_total_hits=False,
            query=condition(query),
            aggs={"found": {"composite": composite}},
            ignore_unavailable=True,
        )
        found = answer.get("aggregations", {}).get("found", {"buckets": []})  # absent where no index exists yet
        for bucket in found["buckets"]:
            yield bucket["key"], bucket["doc_count"]
        if "after_key" not in found:
            return
        after = found["after_key"]


def terms(name: str, field: str, **more: Any) -> Json:
    """A composite source over the values of ``field``."""
    return {name: {"terms": {"field": field, **more}}}
