"""One bulk request after the other until every action has its fate: stored, in conflict or poison.

The client's helpers are not used: they give up at a lost connection and mix conflicts with failures. What an answer means
is decided by the type of its error, not by its status: 400 is a poison document as well as a closed index.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, cast

import orjson
from elasticsearch import ApiError, Elasticsearch, TransportError

from sinks.contract import Busy, Misconfigured
from sinks.elasticsearch.metrics import Metrics
from sinks.retry import Tries

_TOO_LARGE = 413
_TOO_MUCH = 429  # of a whole request: it takes more of the server's indexing pressure than is free, or than there is
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_POISON = frozenset({"document_parsing_exception", "mapper_parsing_exception", "strict_dynamic_mapping_exception"})
_FIELDS = "items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by.reason"
_HEAD_BYTES = 250  # about: the line before each document


class Fate(Enum):
    """What became of one action."""

    STORED = auto()
    CONFLICT = auto()  # the version, or the id with create, is there already
    POISON = auto()  # the server can never store this document


@dataclass(frozen=True, slots=True)
class Outcome:
    """The fate of one action; if it is poison, ``reason`` is a word for counters and ``detail`` the server's own."""

    fate: Fate
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """One document to write, a JSON object: with ``version`` an index with external version, without a create."""

    index: str
    id: str
    document: bytes
    version: int | None = None

    def lines(self, stamp: int) -> tuple[bytes, bytes]:
        """The two lines of the bulk body; ``stamp`` becomes field ``controlwatch.ingested``."""
        target: dict[str, Any] = {"_index": self.index, "_id": self.id}
        if self.version is None:
            head = {"create": target}
        else:
            head = {"index": {**target, "version": self.version, "version_type": "external"}}
        return orjson.dumps(head), b'%b,"controlwatch.ingested":%d}' % (self.document[:-1], stamp)


@dataclass(frozen=True, slots=True)
class Size:
    """Bounds of one request."""

    documents: int = 2_000
    bytes: int = 8 << 20


def bulk(
    client: Elasticsearch,
    actions: Sequence[Action],
    *,
    tries: Tries,
    size: Size,
    metrics: Metrics,
    stamp: Callable[[], int],
) -> list[Outcome]:
    """Send ``actions`` in order and return their outcomes, in the same order.

    Each document is stamped anew whenever it is sent, so that its stamp is never much older than what a search sees.

    Raises:
        Busy: the server did not take them all in time; any part may be stored.
        Misconfigured: rights, a missing or closed index, or an error that is not known here.
    """
    outcomes: dict[int, Outcome] = {}
    waiting = list(range(len(actions)))
    most = size.documents
    while waiting:
        now = list(_some(waiting, actions, most, size.bytes))
        tries.before()
        try:
            answer = client.bulk(
                operations=cast("Any", [line for place in now for line in actions[place].lines(stamp())]), filter_path=_FIELDS
            )
        except (ApiError, TransportError) as error:
            metrics.requests.labels(outcome=word(error)).inc()
            status = error.status_code if isinstance(error, ApiError) else 0
            if status in {_TOO_LARGE, _TOO_MUCH}:
                most = max(1, len(now) // 2)
            if status == _TOO_LARGE:
                if len(now) == 1:
                    outcomes[now[0]] = Outcome(Fate.POISON, "too_large", "larger than the server's http.max_content_length")
                    waiting.remove(now[0])
                continue
            check_passing(error)
            tries.failed(f"bulk of {len(now)} documents: {word(error)}: {str(error)[:200]}")
            continue
        metrics.requests.labels(outcome="answered").inc()
        again: list[str] = []
        for place, item in zip(now, answer["items"], strict=True):
            (result,) = item.values()
            if result["status"] in _AGAIN:
                again.append(f"{result['status']} {result.get('error', {}).get('type')}")
            else:
                outcomes[place] = _outcome(actions[place], result)
        metrics.items.labels(outcome="again").inc(len(again))
        waiting = [place for place in waiting if place not in outcomes]
        if len(again) == len(now):
            tries.failed(f"all {len(now)} documents of a bulk: {again[0]}")
        else:
            tries.succeeded()
    for outcome in outcomes.values():
        metrics.items.labels(outcome=outcome.fate.name.lower()).inc()
    return [outcomes[place] for place in range(len(actions))]


def check_passing(error: ApiError | TransportError) -> None:
    """Return if ``error`` may pass by waiting; its request may have been carried out.

    Raises:
        Misconfigured: it does not.
    """
    if isinstance(error, ApiError) and error.status_code not in _AGAIN:
        raise Misconfigured(
            f"Elasticsearch answered {error.status_code} {str(error)[:300]};"
            " look at its address, the credentials and their rights, and the index settings"
        ) from error


@contextmanager
def answers() -> Iterator[None]:
    """Turn a question's errors that may pass into :class:`Busy`, the others into :class:`Misconfigured`."""
    try:
        yield
    except (ApiError, TransportError) as error:
        check_passing(error)
        raise Busy(f"Elasticsearch does not answer: {word(error)}: {str(error)[:200]}") from error


def word(error: ApiError | TransportError) -> str:
    """``error`` as a label value: its status, or the class of a connection's error."""
    return str(error.status_code) if isinstance(error, ApiError) else type(error).__name__


def _some(waiting: Sequence[int], actions: Sequence[Action], documents: int, most_bytes: int) -> Iterator[int]:
    total = 0
    for count, place in enumerate(waiting[:documents]):
        total += len(actions[place].document) + _HEAD_BYTES
        if count and total > most_bytes:
            return
        yield place


def _outcome(action: Action, result: dict[str, Any]) -> Outcome:
    if result["status"] in {200, 201}:
        return Outcome(Fate.STORED)
    if result["status"] == 409:
        return Outcome(Fate.CONFLICT)
    error = result.get("error", {})
    kind, reason = error.get("type", ""), error.get("reason", "")
    detail = f"{kind}: {reason} {error.get('caused_by', {}).get('reason', '')}".strip()
    if kind in _POISON or (kind == "illegal_argument_exception" and "immense term" in reason):
        return Outcome(Fate.POISON, "mapping", detail)
    raise Misconfigured(
        f"Elasticsearch refused document {action.id!a} of index {action.index} with {result['status']} {detail[:300]};"
        " if the index was deleted or closed, restore or open it; its template is installed at start"
    )
