"""The violation store on Elasticsearch: every write can be repeated, lost answers and restarts included.

Current documents are written with the transition number as external version, transitions by create with
``_id`` = id:number; a conflict counts as done only if what is stored is newer or has the same content.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, TypeVar

from elasticsearch import ApiError, Elasticsearch, TransportError
from prometheus_client import CollectorRegistry

from schemas import instant
from schemas.coverage import Coverage
from schemas.violation import Transition, Violation
from sinks.contract import Busy, Misconfigured, Query, Refused, check_step
from sinks.elasticsearch import coverage, template
from sinks.elasticsearch.bulk import Action, Fate, Outcome, Size, answers, bulk, check_passing, word
from sinks.elasticsearch.documents import (
    DIGEST,
    INGESTED,
    LAST_TIME,
    NUMBER,
    Json,
    current_action,
    history_action,
    transition,
    violation,
)
from sinks.elasticsearch.metrics import Metrics
from sinks.elasticsearch.queries import NEWEST_FIRST, buckets, condition, terms
from sinks.encoding import MAX_ID_BYTES, Encoded, Unencodable, encode, mismatch
from sinks.retry import Breaker, Patience, Tries

T = TypeVar("T")

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the store; times in seconds.

    ``reader_lag``: how far :meth:`ElasticsearchStore.changes` stays behind the clock. It must exceed the time from sending
    a document to its being searchable (one bulk request and the refresh each second), and the clocks' difference.
    """

    prefix: str = "controlwatch"
    shards: int = 1
    replicas: int = 1
    request_timeout: float = 10.0
    reader_lag: float = 3.0
    patience: Patience = field(default_factory=Patience)
    size: Size = field(default_factory=Size)


class ElasticsearchStore:
    """A ``Store`` on Elasticsearch 9. Any thread may call it; :meth:`write` blocks while the server is away.

    ``client`` must not retry by itself and is not closed here; ``now`` gives microseconds since 1970 UTC.
    """

    def __init__(
        self, client: Elasticsearch, *, now: Callable[[], int], registry: CollectorRegistry, options: Options | None = None
    ) -> None:
        self._options = options or Options()
        self._client = client.options(max_retries=0, retry_on_timeout=False, request_timeout=self._options.request_timeout)
        self._now = now
        self._metrics = Metrics(registry)
        self._current = template.current_alias(self._options.prefix)
        self._history = template.history_alias(self._options.prefix)
        self._coverage = template.coverage_alias(self._options.prefix)
        self._breaker = Breaker(self._options.patience, time.monotonic)
        self._random = Random()  # noqa: S311 - jitter
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._indices: set[str] = set()
        self._stamp = 0

    def prepare(self) -> None:
        """Install the index templates and add fields that are new to indices that exist.

        Raises:
            Busy: the server does not answer.
            Misconfigured: it refuses, for example because a field's type differs from that of an older program.
        """
        made = template.templates(self._options.prefix, shards=self._options.shards, replicas=self._options.replicas)
        indices = self._client.indices
        for name, body in made.items():
            self._insist(partial(indices.put_index_template, name=name, **body))
            if self._insist(partial(indices.exists_alias, name=name)):
                self._insist(partial(indices.put_mapping, index=name, **body["template"]["mappings"]))

    def write(self, batch: Sequence[Violation]) -> Sequence[Refused]:
        """See ``sinks/contract.py``; when it returns every document can be read by id."""
        refused: list[Refused] = []
        waiting: dict[tuple[str, int], Encoded] = {}
        for one in batch:
            try:
                item = encode(one)
            except Unencodable as error:
                refused.append(Refused(one, error.reason, str(error)))
                continue
            first = waiting.setdefault((one.id, item.number), item)
            if first.digest != item.digest:
                refused.append(Refused(one, "version_mismatch", mismatch(item, first.digest)))
        # The current document first: what it refuses must not stand in the history either.
        items = self._put(self._current, current_action, list(waiting.values()), refused)
        self._put(self._history, history_action, items, refused)
        return refused

    def search(self, query: Query) -> Sequence[Violation]:
        """See ``sinks/contract.py``; sees what was written a second or more ago."""
        found: list[Violation] = []
        after: Json = {}
        while len(found) < query.limit:
            size = min(_PAGE, query.limit - len(found))
            hits = self._hits(condition(query), size=size, sort=NEWEST_FIRST, **after)
            found += (violation(hit["_source"]) for hit in hits)
            if len(hits) < size:
                break
            after = {"search_after": hits[-1]["sort"]}
        return found

    def get(self, violation_id: str) -> Violation | None:
        """See ``sinks/contract.py``; sees every write at once."""
        found = self._find(violation_id)
        return None if found is None else violation(found["_source"])

    def history(self, violation_id: str) -> Sequence[Transition]:
        """See ``sinks/contract.py``; sees every write at once."""
        found = self._find(violation_id)
        if found is None:
            return []
        newest = violation(found["_source"])
        index = f"{self._history}-{template.month(newest)}"
        numbers = range(1, newest.transition.number + 1)
        transitions: list[Transition] = []
        for start in range(0, len(numbers), _PAGE):
            ids = [f"{violation_id}:{number}" for number in numbers[start : start + _PAGE]]
            with answers():
                answer = self._client.mget(index=index, ids=ids, source_excludes=["document"])
            documents = (item["_source"] for item in answer["docs"] if item.get("found"))
            transitions += (transition(document) for document in documents)
        return transitions

    def changes(self, after: int, limit: int) -> tuple[Sequence[Violation], int]:
        """See ``sinks/contract.py``; the cursor is the time of sending in microseconds, ``reader_lag`` behind the clock.

        A document whose write took longer than the lag is left out; it is found by every other question.
        """
        bounds = {"gt": after, "lte": self.newest()}
        hits = self._hits({"range": {INGESTED: bounds}}, size=limit, sort=[{INGESTED: "asc"}, {"id": "asc"}])
        if not hits:
            return [], after
        last = hits[-1]["sort"]
        # Two writers may have stamped the same microsecond, and the limit may have cut between their documents.
        rest: list[Json] = []
        if len(hits) == limit:
            rest = self._hits({"term": {INGESTED: last[0]}}, size=_PAGE, sort=[{"id": "asc"}], search_after=last[1:])
        return [violation(hit["_source"]) for hit in (*hits, *rest)], last[0]

    def newest(self) -> int:
        """See ``sinks/contract.py``."""
        return self._now() - int(self._options.reader_lag * instant.SECOND)

    def counts(self, query: Query) -> Sequence[dict[str, Any]]:
        """See ``sinks/contract.py``; sees what was written a second or more ago."""
        sources = [terms("control", "controls", missing_bucket=True), *(terms(n, n) for n in ("detector", "severity", "state"))]
        with answers():
            return [
                {**key, "control": key["control"] or "", "count": count}
                for key, count in buckets(self._client, self._current, query, sources)
            ]

    def timeline(self, query: Query, step: int) -> Sequence[dict[str, Any]]:
        """See ``sinks/contract.py``; sees what was written a second or more ago."""
        check_step(step)
        steps = {"time": {"histogram": {"field": LAST_TIME, "interval": step}}}
        sources = [steps, terms("severity", "severity"), terms("state", "state")]
        with answers():
            return [
                {**key, "time": int(key["time"]), "count": count}
                for key, count in buckets(self._client, self._current, query.whole_minutes(), sources)
            ]

    def cover(self, rows: Sequence[Coverage]) -> None:
        """See ``sinks/contract.py``."""
        largest = {row.id: row for row in sorted(rows, key=lambda row: row.number)}.values()
        outcomes = self._bulk([coverage.action(self._coverage, row) for row in largest])
        for row, outcome in zip(largest, outcomes, strict=True):
            if outcome.fate is Fate.POISON:
                raise Misconfigured(f"Elasticsearch refused {row!r:.300}: {outcome.detail}; look at the index and its template")

    def coverage(self, since: int, until: int) -> Sequence[Coverage]:
        """See ``sinks/contract.py``; sees what was written a second or more ago."""
        with answers():
            return coverage.within(self._client, self._coverage, since, until)

    def judged(self) -> Sequence[Coverage]:
        """See ``sinks/contract.py``; sees what was written a second or more ago."""
        with answers():
            return coverage.newest(self._client, self._coverage)

    def ready(self) -> bool:
        """See ``sinks/contract.py``: primary shards are there within a second."""
        try:
            self._client.options(request_timeout=2.0).cluster.health(wait_for_status="yellow", timeout="1s")
        except (ApiError, TransportError):
            return False
        return True

    def close(self) -> None:
        """End every waiting write with :class:`Busy`."""
        self._closed.set()

    def _put(
        self, alias: str, action: Callable[[str, Encoded], Action], items: Sequence[Encoded], refused: list[Refused]
    ) -> list[Encoded]:
        """Store ``items`` in the indices of ``alias``; return what is stored and add the rest to ``refused``."""
        actions = [action(f"{alias}-{template.month(item.violation)}", item) for item in items]
        outcomes = self._bulk(actions)
        conflicts = [one for one, outcome in zip(actions, outcomes, strict=True) if outcome.fate is Fate.CONFLICT]
        stored = self._stored(conflicts)
        done: list[Encoded] = []
        for item, one, outcome in zip(items, actions, outcomes, strict=True):
            if outcome.fate is Fate.POISON:
                refused.append(Refused(item.violation, outcome.reason, outcome.detail))
                continue
            if outcome.fate is Fate.CONFLICT:
                number, digest = stored[one.index, one.id]
                if number == item.number and digest != item.digest:
                    refused.append(Refused(item.violation, "version_mismatch", mismatch(item, digest)))
                    continue
            done.append(item)
        return done

    def _bulk(self, actions: Sequence[Action]) -> list[Outcome]:
        for index in sorted({one.index for one in actions} - self._indices):
            self._create(index)
        return bulk(
            self._client, actions, tries=self._tries(), size=self._options.size, metrics=self._metrics, stamp=self._next_stamp
        )

    def _stored(self, conflicts: Sequence[Action]) -> dict[tuple[str, str], tuple[int, str]]:
        """Number and content hash of what is stored in the places of ``conflicts``."""
        result: dict[tuple[str, str], tuple[int, str]] = {}
        for start in range(0, len(conflicts), _PAGE):
            docs = [{"_index": one.index, "_id": one.id} for one in conflicts[start : start + _PAGE]]
            answer = self._insist(partial(self._client.mget, docs=docs, source_includes=[NUMBER, DIGEST]))
            for item in answer["docs"]:
                if not item.get("found"):
                    raise Busy(f"{item['_index']}/{item['_id']!a} was in conflict and is gone")
                result[item["_index"], item["_id"]] = (item["_source"][NUMBER], item["_source"][DIGEST])
        return result

    def _create(self, index: str) -> None:
        """Create ``index`` from its template; a bulk request must never create one with a guessed mapping."""
        try:
            self._insist(partial(self._client.indices.create, index=index))
        except Misconfigured as error:
            if "resource_already_exists_exception" not in str(error):
                raise
        self._indices.add(index)

    def _find(self, violation_id: str) -> Json | None:
        """The current document, from whichever month it is in, read past the refresh interval."""
        if not violation_id or len(violation_id.encode("utf-8", "replace")) > MAX_ID_BYTES:
            return None
        with answers():
            indices = sorted(self._client.indices.get_alias(index=self._current, ignore_unavailable=True))
            docs = [{"_index": index, "_id": violation_id} for index in indices]
            found = self._client.mget(docs=docs)["docs"] if docs else []
        return next((item for item in found if item.get("found")), None)

    def _hits(self, query: Json, **more: Any) -> list[Json]:
        with answers():
            answer = self._client.search(
                index=self._current, query=query, track_total_hits=False, ignore_unavailable=True, **more
            )
        return list(answer["hits"]["hits"])

    def _insist(self, request: Callable[[], T]) -> T:
        """The answer of ``request``, tried again while the server is away."""
        tries = self._tries()
        while True:
            tries.before()
            try:
                answer = request()
            except (ApiError, TransportError) as error:
                check_passing(error)
                tries.failed(f"{word(error)}: {str(error)[:200]}")
                continue
            tries.succeeded()
            return answer

    def _tries(self) -> Tries:
        return Tries(
            self._options.patience,
            self._breaker,
            monotonic=time.monotonic,
            wait=self._closed.wait,
            random=self._random,
        )

    def _next_stamp(self) -> int:
        """The time in microseconds, never twice the same in this process."""
        with self._lock:
            self._stamp = max(self._stamp + 1, self._now())
            return self._stamp
