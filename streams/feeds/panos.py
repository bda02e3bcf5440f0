"""PAN-OS logs in the default CSV form, with or without a syslog header, from firewalls, Panorama and the cloud.

The places of the fields are those of "Syslog Field Descriptions" in the PAN-OS administrator's guide (8.1 to 11.2).
"""

import csv
from collections.abc import Callable
from datetime import tzinfo
from functools import lru_cache
from typing import NamedTuple

from schemas import instant
from schemas.event import Activity
from streams.feeds.kit import panos_logs, syslog
from streams.feeds.kit.contract import Feed, Parsed, RawRecord, Unreadable
from streams.feeds.kit.panos_logs import Result, Row
from streams.feeds.kit.values import number, rank

_LONGEST = 40  # characters of a stamp: what is remembered must not grow with what a sender writes


@lru_cache(maxsize=4096)
def _stamp(text: str, zone: tzinfo) -> int | None:
    try:
        return instant.parse(text.replace("/", "-", 2), zone)
    except (ValueError, OverflowError):
        return None


def _time(record: RawRecord, row: Row, place: int) -> int:
    """Time of the log: Generated Time, else Receive Time; both are local to the firewall.

    From PAN-OS 10.0 on the High Resolution Timestamp (at ``place``) states the zone, and the milliseconds.
    """
    zone = record.zone
    fine = row[place] if 0 < place < len(row) else ""
    exact = _stamp(fine, zone) if len(fine) == 29 else None
    for text in (row[6], row[1]):
        t = _stamp(text, zone) if len(text) <= _LONGEST else None
        if t is None:
            continue
        if exact is not None:
            shifted = _stamp(f"{text}{fine[-6:]}", zone)
            if shifted is not None and abs(shifted - exact) < instant.DAY:
                return exact if exact // instant.SECOND == shifted // instant.SECOND else shifted
        return t
    raise Unreadable("bad_time", f"expected Generated Time such as 2026/03/02 09:15:30, got {row[6][:64]!r}")


class _Layout(NamedTuple):
    """How to read one type of log: fewest fields, places of sequence number, device name and high-resolution time."""

    read: Callable[[Row], Result]
    least: int
    sequence: int
    device: int
    fine: int = 0


_TUNNEL = _Layout(panos_logs.traffic, 31, 32, 41)
_LAYOUTS = {
    "TRAFFIC": _Layout(panos_logs.traffic, 31, 39, 52, 102),
    "THREAT": _Layout(panos_logs.threat, 35, 36, 59),
    "SYSTEM": _Layout(panos_logs.system, 15, 15, 22, 25),
    "CONFIG": _Layout(panos_logs.config, 14, 16, 23, 27),
    "GLOBALPROTECT": _Layout(panos_logs.globalprotect, 27, 34, 47, 36),
    "USERID": _Layout(panos_logs.userid, 12, 18, 25),
    "AUTHENTICATION": _Layout(panos_logs.authentication, 21, 22, 29, 33),
    "HIPMATCH": _Layout(panos_logs.hipmatch, 15, 17, 24, 30),
    "DECRYPTION": _Layout(panos_logs.decryption, 31, 89, 96, 72),
    "IPTAG": _Layout(panos_logs.iptag, 11, 16, 23, 25),
    "CORRELATION": _Layout(panos_logs.correlation, 12, 0, 17),
    "START": _TUNNEL, "END": _TUNNEL,
    "SCTP": _Layout(panos_logs.traffic, 31, 37, 36),
    "GTP": _Layout(panos_logs.decryption, 31, 0, 0),
}


_FLOWS = (panos_logs.traffic, panos_logs.decryption)


def _fields(text: str) -> tuple[str, Row]:
    """The syslog header of ``text``, which holds no comma, and the fields of its CSV part."""
    comma = text.find(",")
    start = max(text.rfind(" ", 0, comma), text.rfind(">", 0, comma)) + 1 if comma > 0 else 0
    header, body = text[:start], text[start:]
    if '"' not in body:
        return header, body.split(",")
    try:
        return header, next(csv.reader((body,)))
    except (csv.Error, StopIteration) as error:
        raise Unreadable("bad_header", f"not CSV: {error}: {text[:64]!r}") from error


def parse(record: RawRecord) -> Parsed:
    """The event of one line; raises Unreadable if it is no PAN-OS log or has no readable time."""
    header, row = _fields(record.text)
    if len(row) < 7 or not row[3].isupper():
        raise Unreadable("bad_header", f"expected 1,<receive time>,<serial>,<TYPE>,<subtype>,…, got {record.text[:64]!r}")
    kind, serial = row[3], row[2]
    layout = _LAYOUTS.get(kind)
    result: Result = {"category": ("network",)}
    sequence, device, t = 0, "", 0
    if layout is None:
        t = _time(record, row, 0)
    else:
        if len(row) < layout.least:
            raise Unreadable("missing_field", f"{kind} log of {len(row)} fields, at least {layout.least} are expected")
        shift = 2 if kind == "CONFIG" and len(row) > 15 and panos_logs.without_details(row) else 0
        t = _time(record, row, layout.fine - shift)
        if layout.read in _FLOWS and Activity.FLOW not in record.asked:
            yield record.event(t=t, activity=Activity.FLOW)
            return
        result = layout.read(row)
        sequence = number(row[layout.sequence - shift]) if 0 < layout.sequence - shift < len(row) else 0
        device = row[layout.device - shift] if 0 < layout.device - shift < len(row) else ""
    name = device or syslog.split(f"{header}-").host or serial
    host = result.pop("host", "") or name
    if serial:
        result["extra"] = {**result.get("extra", {}), "observer.serial_number": serial}
    yield record.event(
        t=t, seq=sequence, rank=rank(result.get("activity", ""), result.get("outcome", "")), host=host, observer=name,
        own_id=f"{serial}/{kind}/{sequence}/{row[6]}" if sequence and serial else "", **result,
    )


feed = Feed(
    title="Palo Alto Networks PAN-OS",
    kinds=("firewall", "ids", "vpn", "idp"),
    parse=parse,
    aliases=("panw", "panw.panos", "paloalto", "wazuh.paloalto"),
    reference="https://docs.paloaltonetworks.com/ngfw/administration/monitoring/use-syslog-for-monitoring/syslog-field-descriptions",
)
