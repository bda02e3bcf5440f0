"""Windows event logs -> events: log-ons, privileges, accounts, policy, processes, files, boots.

Any of the JSON forms of ``kit/windows_record``; logs Security and System, Sysmon and PowerShell in detail, every other event as
``other``. What the numbers mean stands in ``kit/windows_meaning``.
"""

from collections.abc import Iterator

from schemas.context import FOREVER
from schemas.event import SecurityEvent
from streams.feeds.kit import windows_meaning, windows_record
from streams.feeds.kit.contract import Feed, RawRecord, Unreadable


def parse(record: RawRecord) -> Iterator[SecurityEvent]:
    """Events of one Windows event.

    Raises:
        Unreadable: bad JSON, missing_field, wrong_type, bad_time.

    """
    found = windows_record.read(record)
    if found.t > FOREVER:
        raise Unreadable("bad_time", f"the event's time {found.t} µs is after the year 9999")
    # A log that was cleared numbers on from one, so the time belongs to the record's own id.
    own = f"{found.computer}/{found.channel}/{found.record}/{found.t}" if found.record else ""
    for fields in windows_meaning.interpret(found):
        yield record.event(t=found.t, own_id=own, **windows_meaning.complete(found, fields))


feed = Feed(
    title="Windows event logs (Security, System, Sysmon)",
    kinds=("siem", "idp", "pam"),
    parse=parse,
    aliases=(
        "system.security", "windows.forwarded", "windows.security", "windows.sysmon_operational", "windows.powershell",
        "windows.powershell_operational", "system.system", "wazuh.win_event_channel", "wazuh.win_security",
        "wazuh.windows_baseline_intrusion_detection", "wazuh.powershell", "wazuh.sysmon",
        *(f"wazuh.sysmon_eid_{number}" for number in (1, 3, 7, 8, 10, 11, 13, 20)),
    ),
    reference="Microsoft, Advanced security audit policy settings (events by number); Sysinternals Sysmon",
)
