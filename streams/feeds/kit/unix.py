"""One line of a Unix system log -> fields of events, by the program that wrote it (feeds linux and wazuh).

Each program's wording is in its own module: sshd, pam, elevation (su, sudo, pkexec, doas, login), accounts (shadow), freetext.
"""

import re
from collections.abc import Callable, Mapping

from streams.feeds.kit import accounts, elevation, freetext, pam, sshd, syslog
from streams.feeds.kit.fields import BOOTED, SESSION_CLOSED, SESSION_OPENED, Fields, source

Result = tuple[Fields, ...]

LIMIT = 8192  # characters of a message that are read for their meaning

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


def read(line: syslog.Line) -> Result:
    """Fields of the events that one line of a Unix system log tells; none for a line of unknown meaning."""
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
