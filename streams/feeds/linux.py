"""Linux and other Unix system logs over syslog -> events: log-ins, use of root, accounts, boots, and everything else.

Files ``auth.log``, ``secure``, ``syslog``, ``messages`` and their syslog streams, as rsyslog, syslog-ng, journald and BSD
syslogd write them, and JSON of the journal or of Filebeat. What each program's lines mean stands in ``kit/unix``; a command
that makes the baseline of an integrity monitor anew is told as ``baseline-reset`` as well (``kit/integrity``). Any other syslog
line is an event of activity ``other``.

``session`` names a connection or a use of another account: "host/sshd[pid]", "host/sudo[pid]"; two records of one
session (sshd's "Accepted" and pam_unix' "session opened") name it alike. Where no process id is logged it is
"host/sudo:actor", and empty in a closing record, which then ends the newest session of that program and account.
"""

import re
from collections.abc import Iterator
from typing import Any

from schemas.event import SecurityEvent
from streams.feeds.kit import integrity, journal, syslog, unix, values
from streams.feeds.kit.contract import Feed, RawRecord, Unreadable

MAX_REPEATS = 100  # log-ins that one "message repeated N times" line may stand for

# How lines begin that ``sshd -E FILE`` or ``sshd -e`` writes, without any header; the connection is then client and port.
_SSHD = (
    "Accepted ", "Failed ", "Invalid user ", "Connection ", "Disconnecting ", "Disconnected ", "Received disconnect ",
    "Server listening ", "error: ", "fatal: ", "Postponed ", "User ", "Bad protocol ", "Received signal ", "Did not receive ",
    "Unable to negotiate ", "banner exchange", "PAM ", "pam_unix(sshd:", "debug", "Authentication refused", "Timeout before ",
)

_REPEATED = re.compile(r"message repeated (\d{1,9}) times: \[ (.*)\]\s*$", re.ASCII | re.DOTALL)


def parse(record: RawRecord) -> Iterator[SecurityEvent]:
    """Events of one syslog line.

    Raises:
        Unreadable: bad_time; bad_header if the line is neither stamped nor of a named program; what a JSON document lacks.

    """
    t: int | None = None
    own = ""
    if record.text[:1] == "{":
        line, t, own = journal.read(record)
    else:
        line = syslog.split(record.text)
    bare = not line.time and not line.app and line.priority < 0 and record.text.startswith(_SSHD)
    if bare:
        line = line._replace(app="sshd", message=record.text)
    if not line.time and not line.app and line.priority < 0:
        raise Unreadable("bad_header", f"expected a syslog line, got {record.text[:64]!r}")
    if t is None:
        # An unstamped line happened when it was seen.
        t = syslog.when(line.time, record) if line.time else values.arrival(record)
    repeats, shown = 1, line.message
    if shown.startswith("message repeated ") and (match := _REPEATED.match(shown[: unix.LIMIT])) is not None:
        repeats, shown = min(int(match[1]), MAX_REPEATS), match[2]
        line = line._replace(message=shown)
    base: dict[str, Any] = {
        "host": line.host, "process": line.app, "pid": line.pid, "seq": line.seq, "message": shown,
    }
    for fields in integrity.completed(unix.read(line) * repeats):
        if "src_host" in fields:  # ECS: the address as the record states it, where it is no IP address
            fields["extra"] = fields.get("extra", {}) | {"source.address": fields["src_host"]}
        if bare and fields.get("src_port"):
            fields["session"] = f"sshd:{fields.get('src_ip') or fields.get('src_host', '')}:{fields['src_port']}"
        yield record.event(t=t, own_id=own, **(base | fields))


feed = Feed(
    title="Linux and Unix system logs (sshd, PAM, su, sudo, accounts, any syslog line)",
    kinds=("siem", "idp", "pam"),
    parse=parse,
    aliases=(
        "system.auth", "system.syslog",
        "wazuh.sshd", "wazuh.pam", "wazuh.su", "wazuh.sudo", "wazuh.syslog", "wazuh.systemd", "wazuh.kernel_usb",
        "wazuh.rsh", "wazuh.samba", "wazuh.apparmor", "wazuh.openvpn_ldap", "wazuh.oscap",
        "fail2ban.sshd", "fail2ban.sshd-journal", "fail2ban.pam-generic", "fail2ban.gssftpd", "fail2ban.wuftpd",
        "fail2ban.uwimap-auth", "fail2ban.xinetd-fail", "fail2ban.scanlogd", "fail2ban.dropbear",
        "crowdsec.syslog",
    ),
    reference="OpenSSH, Linux-PAM, sudo, util-linux and shadow-utils sources; RFC 3164, RFC 5424",
)
