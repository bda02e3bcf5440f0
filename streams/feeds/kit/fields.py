"""Words that several feeds share: sets of event fields for what happened, and the address of who did it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from schemas.event import Activity, Rank
from streams.feeds.kit import values

Fields = dict[str, Any]

AUTHENTICATION = ("authentication",)
LOGIN_FAILED: Fields = {
    "activity": Activity.LOGIN, "category": AUTHENTICATION, "type": ("info",), "outcome": "failure",
}
LOGIN_SUCCEEDED: Fields = {
    "activity": Activity.LOGIN, "rank": Rank.SUCCESS, "category": ("authentication", "session"), "type": ("info",),
    "outcome": "success",
}
AUTHENTICATION_FAILED: Fields = {
    # Tells of a failed log-in that another record of the same program counts.
    "category": AUTHENTICATION, "type": ("info",), "outcome": "failure",
}
DISCONNECTED: Fields = {
    "activity": Activity.DISCONNECT, "rank": Rank.LOCK, "category": ("network",), "type": ("connection", "end"),
}
LOCKED: Fields = {
    "activity": Activity.LOCK, "rank": Rank.LOCK, "category": AUTHENTICATION, "type": ("info",),
    "action": "account-locked", "outcome": "failure",
}
PRIVILEGE_OPENED: Fields = {
    "activity": Activity.PRIVILEGE_OPEN, "rank": Rank.OPEN, "category": ("process",), "type": ("start",),
}
PRIVILEGE_CLOSED: Fields = {
    "activity": Activity.PRIVILEGE_CLOSE, "rank": Rank.CLOSE, "category": ("session",), "type": ("end",),
}
PRIVILEGE_DENIED: Fields = {
    "activity": Activity.PRIVILEGE_DENIED, "category": ("process",), "type": ("start", "denied"), "outcome": "failure",
}
SESSION_OPENED: Fields = {
    "activity": Activity.SESSION_OPEN, "rank": Rank.OPEN, "category": ("session",), "action": "logged-on",
    "outcome": "success",
}
SESSION_CLOSED: Fields = {
    "activity": Activity.SESSION_CLOSE, "rank": Rank.CLOSE, "category": ("session",), "action": "logged-off",
}
BOOTED: Fields = {
    # Whatever was open before has ended, so a boot stands first among the events of its instant.
    "activity": Activity.BOOT, "rank": 0, "category": ("host",), "type": ("start",), "action": "booted-system",
}


_NONE: Mapping[str, str] = {}
_NO_HOST = frozenset({"", "?", "-", "UNKNOWN", "unknown", "(null)", "(none)"})


@lru_cache(maxsize=8192)
def source(text: str) -> Mapping[str, str]:
    """Fields of a client given as address or name: ``src_ip`` or ``src_host``, none for "?" and the like."""
    address = values.address(text.strip("[]").partition("%")[0])
    if address:
        return {"src_ip": address}
    return _NONE if text in _NO_HOST or len(text) > 255 else {"src_host": text}
