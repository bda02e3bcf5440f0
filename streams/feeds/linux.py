"""Linux and other Unix system logs over syslog -> events: log-ins, use of root, accounts, boots, and everything else.

Files ``auth.log``, ``secure``, ``syslog``, ``messages`` and their syslog streams, as rsyslog, syslog-ng, journald and BSD
syslogd write them. Each program's wording is in ``streams/feeds/kit``: sshd, pam, elevation (su, sudo, pkexec, doas,
login), accounts (shadow). Any other syslog line is an event of activity ``other``.

``session`` names a connection or a use of another account: "host/sshd[pid]", "host/sudo[pid]"; two records of one
session (sshd's "Accepted" and pam_unix' "session opened") name it alike. Where no process id is logged it is
"host/sudo:actor", and empty in a closing record, which then ends the newest session of that program and account.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from schemas.event import SecurityEvent
from streams.feeds.kit import accounts, elevation, freetext, pam, sshd, syslog, values
from streams.feeds.kit.contract import Feed, RawRecord, Unreadable
from streams.feeds.kit.fields import BOOTED, SESSION_CLOSED, SESSION_OPENED, Fields, source

Result = tuple[Fields, ...]

LIMIT = 8192  # characters of a message that are read for their meaning
MAX_REPEATS = 1000  # log-ins that one "message repeated N times" line may stand for

_REPEATED = re.compile(r"message repeated (\d{1,9}) times: \[ (.*)\]\s*$", re.ASCII | re.DOTALL)
_LEGACY = re.compile(r"([^\s()]{1,64})\(pam_[a-z0-9_]{1,32}\)$", re.ASCII)
_LOGIND = re.compile(r"(?:New|Removed) session '?([^\s'.]{1,64})'?(?: of user '?([^\s'.]{1,255})'?)?", re.ASCII)
_REFUSED = re.compile(r"(?:refused connect|Denied connection|Connection) from (?:\S{1,255}@)?\(?([^\s()]{1,255})\)?", re.ASCII)


def _sshd(message: str, line: syslog.Line) -> Result:
    return sshd.read(message, f"{line.host}/sshd[{line.pid}]" if line.pid else "")


def _sudo(message: str, line: syslog.Line) -> Result:
    return elevation.sudo(message, line.pid, line.host)


def _su(message: str, line: syslog.Line) -> Result:
    return elevation.su(message, line.pid, line.host)


def _pkexec(message: str, line: syslog.Line) -> Result:
    return elevation.pkexec(message, line.pid, line.host)


def _doas(message: str, line: syslog.Line) -> Result:
    return elevation.doas(message, line.pid, line.host)


def _login(message: str, line: syslog.Line) -> Result:
    return elevation.login(message, line.pid, line.host)


def _accounts(message: str, line: syslog.Line) -> Result:
    return accounts.read(message, line.app)


def _kernel(message: str, _line: syslog.Line) -> Result:
    """Read the kernel's first line, with or without its clock: "[    0.000000] Linux version 5.4.0 ..."."""
    text = message.partition("] ")[2] if message.startswith("[") else message
    return (BOOTED,) if text.startswith("Linux version ") else ({},)


def _logind(message: str, _line: syslog.Line) -> Result:
    """Read "New session 5 of user alice." and "Removed session 5."."""
    match = _LOGIND.match(message)
    if match is None:
        return ({},)
    opened = message.startswith("New")
    fields = {**(SESSION_OPENED if opened else SESSION_CLOSED), "extra": {"systemd.session": match[1]}}
    return (fields | {"user": match[2] or ""},)


def _unix_chkpwd(message: str, line: syslog.Line) -> Result:
    return pam.read(message, line.app, line.pid, line.host)


def _other(message: str, line: syslog.Line) -> Result:
    fields = freetext.read(message)
    if not fields and (match := _REFUSED.match(message)) is not None:
        denied = line.app not in ("systemd", "sshd")
        outcome = {"outcome": "failure", "type": ("connection", "denied")} if denied else {}
        return ({"category": ("network",), **outcome, **source(match[1])},)
    return (fields,)


_PROGRAMS: Mapping[str, Callable[[str, syslog.Line], Result]] = {
    "sshd": _sshd,
    "sshd-session": _sshd,
    "sshd-auth": _sshd,
    "sudo": _sudo,
    "su": _su,
    "pkexec": _pkexec,
    "doas": _doas,
    "login": _login,
    "kernel": _kernel,
    "systemd-logind": _logind,
    "unix_chkpwd": _unix_chkpwd,
} | dict.fromkeys(
    (
        "useradd", "userdel", "usermod", "adduser", "deluser", "newusers", "groupadd", "groupdel", "groupmod", "gpasswd",
        "passwd", "chpasswd", "chage", "chsh", "chfn", "vipw",
    ),
    _accounts,
)


def _read(line: syslog.Line) -> Result:
    message = line.message if len(line.message) <= LIMIT else line.message[:LIMIT]
    app = line.app
    if pam.is_pam(message):
        return pam.read(message, app, line.pid, line.host)
    if (handler := _PROGRAMS.get(app)) is not None:
        return handler(message, line)
    if "(" in app and (match := _LEGACY.match(app)) is not None:
        return pam.read(message, match[1], line.pid, line.host)
    if "/" in app and (handler := _PROGRAMS.get(app.rpartition("/")[2])) is not None:
        return handler(message, line)
    return _other(message, line)


def parse(record: RawRecord) -> Iterator[SecurityEvent]:
    """Events of one syslog line.

    Raises:
        Unreadable: bad_time; bad_header if the line is neither stamped nor of a named program.

    """
    line = syslog.split(record.text)
    if not line.time and not line.app and line.priority < 0:
        raise Unreadable("bad_header", f"expected a syslog line, got {record.text[:64]!r}")
    t = syslog.when(line.time, record) if line.time else values.arrival(record)  # unstamped: happened when it was seen
    repeats, shown = 1, line.message
    if shown.startswith("message repeated ") and (match := _REPEATED.match(shown[:LIMIT])) is not None:
        repeats, shown = min(int(match[1]), MAX_REPEATS), match[2]
        line = line._replace(message=shown)
    base: dict[str, Any] = {
        "host": line.host, "process": line.app, "pid": line.pid, "seq": line.seq, "message": shown,
    }
    for fields in _read(line) * repeats:
        yield record.event(t=t, **(base | fields))


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
