"""What the records of a workload say, told by whoever wrote them: the only input of the oracle. Times are µs UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

Row = Mapping[str, Any]
"""One row of context; times are µs UTC under ``from``, ``to``, ``recorded`` and the like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One event: its id, when it happened (``t``) and was first observed (``o``), its source and the line itself."""

    id: str
    t: int
    o: int
    source: str
    original: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt(Said):
    """A log-in attempt over one connection (``session``); ``reason``: why it failed, empty if it did not."""

    host: str
    session: str
    user: str
    client: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut(Said):
    """The end of a connection."""

    host: str
    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock(Said):
    """The lock of an account."""

    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Became(Said):
    """``actor`` takes on ``account`` in ``session``; or a further record of that."""

    host: str
    account: str
    actor: str
    session: str
    tty: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceased(Said):
    """The end of such a session."""

    host: str
    account: str
    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited(Said):
    """One object of a firewall's configuration was changed within ``transaction``; attributes before and after."""

    device: str
    user: str
    transaction: str
    action: str
    object: str
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Altered(Said):
    """The content of a file was found altered; ``since``: the change happened after it, None: at ``t`` itself."""

    host: str
    path: str
    action: str
    before: str
    after: str
    since: int | None = None
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed(Said):
    """One exported state of a request; the event is its decision, at ``t``, if it was decided."""

    request: Row


@dataclass(slots=True)
class Everything:
    """All that a workload says: events (each once), context by table, when each watched source was heard, truth time."""

    events: list[Said] = field(default_factory=list)
    tables: dict[str, list[Row]] = field(default_factory=dict)
    heard: dict[str, list[int]] = field(default_factory=dict)
    truth_time: int = 0
