"""Hostile text into checked values: addresses, ports, numbers, strings; between a feed's grammar and its events.

Nothing here raises: what is not a value of the wanted kind becomes the empty value of that kind.
"""

import ipaddress
from functools import lru_cache
from typing import Any

from schemas.event import Activity, Rank
from streams.feeds.kit.contract import RawRecord, Unreadable

MAX_NUMBER = (1 << 63) - 1

# Protocol numbers as the IANA registry "Assigned Internet Protocol Numbers" names them, in ECS's lower case.
TRANSPORT = {
    "1": "icmp", "2": "igmp", "4": "ipv4", "6": "tcp", "17": "udp", "41": "ipv6", "47": "gre", "50": "esp", "51": "ah",
    "58": "ipv6-icmp", "88": "eigrp", "89": "ospf", "103": "pim", "112": "vrrp", "132": "sctp",
}


def address(text: str) -> str:
    """``text`` as a canonical IP address (an IPv4-mapped IPv6 address as IPv4), or "" if it is none."""
    return _address(text) if len(text) <= 64 else ""


@lru_cache(maxsize=65_536)
def _address(text: str) -> str:
    try:
        value = ipaddress.ip_address(text)
    except ValueError:
        return ""
    mapped = getattr(value, "ipv4_mapped", None)
    return str(value if mapped is None else mapped)


def number(value: object) -> int:
    """A count: ``value`` as an integer from 0 to 2**63 - 1, else 0."""
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) <= 19):
            return 0
        value = int(value)
    if isinstance(value, float):
        value = int(value) if value.is_integer() and abs(value) < MAX_NUMBER else 0
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_NUMBER else 0


def port(value: object) -> int:
    """A port: ``value`` as an integer up to 65535, else 0."""
    if isinstance(value, str):
        return _port(value) if len(value) <= 5 else 0
    result = number(value)
    return result if result <= 65_535 else 0


@lru_cache(maxsize=65_536)
def _port(text: str) -> int:
    result = number(text)
    return result if result <= 65_535 else 0


def string(value: object) -> str:
    """A name: text stripped, a number as its digits, anything else ""."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def filled(fields: dict[str, Any]) -> dict[str, Any]:
    """``fields`` without the empty ones."""
    return {name: value for name, value in fields.items() if value not in ("", None, [], {}, ())}


def rank(activity: str, outcome: str = "") -> int:
    """Order among events of one instant: opens, acts and failures, lock and disconnect, success, closes."""
    if activity == Activity.LOGIN:
        return Rank.SUCCESS if outcome == "success" else Rank.ACT
    return _RANKS.get(activity, Rank.ACT)


_RANKS: dict[str, int] = {
    Activity.SESSION_OPEN: Rank.OPEN,
    Activity.PRIVILEGE_OPEN: Rank.OPEN,
    Activity.LOCK: Rank.LOCK,
    Activity.DISCONNECT: Rank.LOCK,
    Activity.SESSION_CLOSE: Rank.CLOSE,
    Activity.PRIVILEGE_CLOSE: Rank.CLOSE,
}


def arrival(record: RawRecord) -> int:
    """When ``record`` was first seen: the time of a record that states none.

    Raises:
        Unreadable: bad_time, if there is neither a stamp nor an observed time.
    """
    seen = record.o if record.o is not None else record.base
    if seen is None:
        raise Unreadable("bad_time", f"no time in the record and no observed time beside it: {record.text[:64]!r}")
    return seen - record.offset


def account(text: str) -> tuple[str, str]:
    r"""Domain and name of an account written ``DOMAIN\name`` or ``name@domain``; the domain is "" if there is none."""
    if "\\" in text:
        domain, _, name = text.rpartition("\\")
        return domain.rstrip("\\"), name
    name, _, domain = text.rpartition("@")
    return (domain, name) if name else ("", text)
