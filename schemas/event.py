"""SecurityEvent: one thing that happened, in Elastic Common Schema (ECS) terms.

The wire form is flat JSON whose keys are ECS field names (custom fields stand under ``controlwatch.``), with times as
integers of microseconds; :func:`ecs_document` gives the form for people and for Elasticsearch.
"""

from enum import StrEnum
from typing import Any

import msgspec

from schemas import instant


class Activity(StrEnum):
    """What happened, in the small vocabulary that detectors ask for; feeds translate their vendor's words into it."""

    LOGIN = "login"  # one log-in attempt evaluated; outcome success or failure, reason why it failed
    DISCONNECT = "disconnect"  # the system ended a connection
    LOCK = "lock"  # the system locked an account
    UNLOCK = "unlock"
    PRIVILEGE_OPEN = "privilege_open"  # use of a privileged account begins (su, sudo, root login, elevation)
    PRIVILEGE_CLOSE = "privilege_close"
    PRIVILEGE_DENIED = "privilege_denied"
    SESSION_OPEN = "session_open"
    SESSION_CLOSE = "session_close"
    BOOT = "boot"  # a host started: whatever was open before has ended
    FIREWALL_CHANGE = "firewall_change"  # one configured object was added, edited, deleted or moved
    FIREWALL_COMMIT = "firewall_commit"  # pending changes took effect
    FIREWALL_SNAPSHOT = "firewall_snapshot"  # the whole configuration was seen, with its hash
    FLOW = "flow"  # a network session, allowed or denied
    FILE_CHANGE = "file_change"  # content of a file was added, changed or deleted
    FILE_SCAN = "file_scan"  # an integrity scan of a host ended, or (action baseline-reset) its baseline was made anew
    WEB_REQUEST = "web_request"
    ALERT = "alert"  # verdict of an IDS, WAF or scanner
    ACCOUNT_CHANGE = "account_change"
    PROCESS = "process"  # a process started or ran a call
    CONFIG_CHANGE = "config_change"  # configuration of anything but a firewall
    APPROVAL_DECISION = "approval_decision"  # a request was approved, rejected or revoked
    SOURCE_SUMMARY = "source_summary"  # one source's last ten seconds: counts, gaps, dead letters
    FACT = "fact"  # derived by one detector for another; action says of what kind
    OTHER = "other"


class Reason(StrEnum):
    """Why a log-in failed (``event.reason``). Only the first two count as a wrong password."""

    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - a word of the vocabulary
    UNKNOWN_USER = "unknown_user"
    EXPIRED = "expired"
    DISABLED = "disabled"
    LOCKED = "locked"
    OTP = "otp"
    NOT_ALLOWED = "not_allowed"
    OTHER = "other"


class Rank:
    """Order of events of one instant (``schemas/event.py`` order): opens, acts and failures, lock, success, closes."""

    OPEN = 10
    ACT = 20
    LOCK = 30
    SUCCESS = 40
    CLOSE = 50


# Attribute -> ECS field name: the one alias table. tests/schemas check it against the pinned ECS field list.
ECS = {
    "id": "event.id",
    "t": "@timestamp",
    "o": "event.created",
    "seq": "event.sequence",
    "feed": "event.dataset",
    "source": "controlwatch.source",
    "rank": "controlwatch.rank",
    "activity": "controlwatch.activity",
    "kind": "event.kind",
    "category": "event.category",
    "type": "event.type",
    "action": "event.action",
    "outcome": "event.outcome",
    "reason": "event.reason",
    "code": "event.code",
    "host": "host.name",
    "observer": "observer.name",
    "user": "user.name",
    "user_id": "user.id",
    "user_domain": "user.domain",
    "effective_user": "user.effective.name",
    "target_user": "user.target.name",
    "src_ip": "source.ip",
    "src_port": "source.port",
    "src_host": "source.domain",
    "dst_ip": "destination.ip",
    "dst_port": "destination.port",
    "transport": "network.transport",
    "protocol": "network.protocol",
    "process": "process.name",
    "executable": "process.executable",
    "pid": "process.pid",
    "parent": "process.parent.name",
    "ppid": "process.parent.pid",
    "command": "process.command_line",
    "tty": "controlwatch.tty",
    "session": "controlwatch.session",
    "path": "file.path",
    "hash": "file.hash.sha256",
    "hash_before": "controlwatch.hash_before",
    "last_scan": "controlwatch.last_scan",
    "url_path": "url.path",
    "url": "url.original",
    "method": "http.request.method",
    "status": "http.response.status_code",
    "rule": "rule.name",
    "rule_id": "rule.id",
    "ref": "controlwatch.ref",
    "objects": "controlwatch.objects",
    "message": "message",
    "line": "controlwatch.line",
    "original": "event.original",
    "extra": "controlwatch.extra",
}


class SecurityEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename=ECS.get, gc=False):
    """One event. ``t`` is when it happened, ``o`` when it was first observed, both microseconds since 1970 UTC.

    ``rank`` and ``seq`` order events of one instant and come from the record itself (``docs/decisions``).
    ``extra`` holds further fields under their ECS or vendor names.
    """

    id: str
    t: int
    o: int
    feed: str
    source: str
    rank: int = Rank.ACT
    seq: int = 0
    activity: str = Activity.OTHER
    kind: str = "event"
    category: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    action: str = ""
    outcome: str = ""
    reason: str = ""
    code: str = ""
    host: str = ""
    observer: str = ""
    user: str = ""
    user_id: str = ""
    user_domain: str = ""
    effective_user: str = ""
    target_user: str = ""
    src_ip: str = ""
    src_port: int = 0
    src_host: str = ""
    dst_ip: str = ""
    dst_port: int = 0
    transport: str = ""
    protocol: str = ""
    process: str = ""
    executable: str = ""
    pid: int = 0
    parent: str = ""
    ppid: int = 0
    command: str = ""
    tty: str = ""
    session: str = ""
    path: str = ""
    hash: str = ""
    hash_before: str = ""
    last_scan: int = 0
    url_path: str = ""
    url: str = ""
    method: str = ""
    status: int = 0
    rule: str = ""
    rule_id: str = ""
    ref: str = ""
    objects: tuple[str, ...] = ()
    message: str = ""
    line: int = 0
    original: str = ""
    extra: dict[str, Any] = {}

    @property
    def order(self) -> tuple[int, int, int, str]:
        """Place in the total order: time, rank, sequence, id; never offset, arrival or position."""
        return (self.t, self.rank, self.seq, self.id)


_TIMES = ("t", "o", "last_scan")


def ecs_document(event: SecurityEvent) -> dict[str, Any]:
    """``event`` as an ECS document: dotted field names, RFC 3339 times, empty fields left out, ``extra`` merged in."""
    document: dict[str, Any] = {}
    for attribute, name in ECS.items():
        value = getattr(event, attribute)
        if attribute == "extra" or (not value and attribute not in ("t", "o")):
            continue
        if attribute in _TIMES:
            document[name] = instant.text(value)
        elif attribute == "host":
            document[name] = value
        else:
            document[name] = list(value) if isinstance(value, tuple) else value
    return document | {name: value for name, value in event.extra.items() if name not in document}
