"""Messages of PAM modules (pam_unix, pam_sss, pam_faillock ...) -> fields of events (feed linux).

The wording is that of Linux-PAM's modules. pam_unix reports the first failure of a PAM transaction at once and the rest
as "N more authentication failures" when it ends. For sshd, which logs each attempt itself, and for the rest counts,
the line is information; for other services it is the attempt.
"""

import re
from collections.abc import Callable

from schemas.event import Activity, Reason
from streams.feeds.kit.fields import (
    AUTHENTICATION_FAILED,
    LOCKED,
    LOGIN_FAILED,
    SESSION_CLOSED,
    SESSION_OPENED,
    Fields,
    source,
)

Result = tuple[Fields, ...]

# The module, then the service and stage in brackets; old modules leave out one or the other.
_MODULE = re.compile(r"\(?pam_[a-z0-9_]{1,32}\)?(?:\(([^\s():]{1,64})(:[a-z]{1,16})?\))?:? +", re.ASCII)
_OPENED = re.compile(
    r"session opened for user ([^\s(]{1,255})(?:\(uid=(\d{1,10})\))?(?: by ([^\s(]{0,255})(?:\(uid=(\d{1,10})\))?)?",
    re.ASCII,
)
_CLOSED = re.compile(r"session closed for user ([^\s(]{1,255})", re.ASCII)
_PAIR = re.compile(r"\b(logname|tty|ruser|rhost)=(\S{0,255})", re.ASCII)
_AUDITED = re.compile(r"user \[([^\]]{1,255})\] unknown")
_NAME = re.compile(r"(?:\bfor user|\buser|\baccount|\bfor) [`'\"(]?([^\s`'\"();:,]{1,255})", re.ASCII | re.IGNORECASE)
_FROM = re.compile(r"\bfrom [`'\"]?([^\s`'\"]{1,255})", re.ASCII)
# Services that take on another account on the same host; all others begin where the user comes from outside.
_SWITCHES = frozenset({
    "su", "su-l", "sudo", "sudo-i", "runuser", "runuser-l", "polkit-1", "pkexec", "doas", "userhelper",
    "systemd-run0",
})
_PROGRAM = {"su-l": "su", "sudo-i": "sudo", "runuser-l": "runuser", "sshd-session": "sshd"}
_ROOT, _ROOT_ID = "root", "0"


def session_id(host: str, program: str, pid: int, actor: str = "") -> str:
    """Name a session: host, program and process; where the process id is not logged, who took on the account."""
    if pid:
        return f"{host}/{program}[{pid}]"
    return f"{host}/{program}:{actor}" if actor else ""


def is_pam(message: str) -> bool:
    """Whether ``message`` is one of a PAM module."""
    return message.startswith(("pam_", "(pam_", "PAM "))


def read(message: str, app: str, pid: int, host: str) -> Result:
    """Fields of the events that a PAM ``message`` tells; ``app`` is the program of the syslog header."""
    service, text, staged = "", message, None
    if (match := _MODULE.match(message)) is not None:
        service, staged = match[1] or "", match[2]
        text = message[match.end() :]
    if not service or service in ("auth", "account", "session", "password"):
        service = app
    program = _PROGRAM.get(service, service)
    if text.startswith("session "):
        result = _session(text, service, program, pid, host)
        # Old modules do not tell a session from the authentication before it.
        return result if staged else tuple(fields | {"category": ("authentication", "session")} for fields in result)
    for words, reader in _WORDS:
        if words in text:
            return ({**reader(text, program), "session": session_id(host, program, pid)},)
    return ({**_who(text), "session": session_id(host, program, pid)},)


def _session(text: str, service: str, program: str, pid: int, host: str) -> Result:
    if (match := _OPENED.match(text)) is not None:
        user, uid, by = match[1], match[2] or "", match[3] or ""
        own = not by or by == "LOGIN"  # login(1) names itself
        actor = user if own else by
        fields: Fields = {**SESSION_OPENED, "user": actor, "session": session_id(host, program, pid, actor)}
        fields["user_id"] = uid if own else match[4] or ""
        if uid:
            fields["extra"] = {"user.effective.id": uid}  # of the account whose session it is
        if by:
            fields["effective_user"] = user
        # Root that takes on a lesser account gives up privilege.
        if user == _ROOT or uid == _ROOT_ID or (service in _SWITCHES and actor not in (_ROOT, user)):
            fields |= {"activity": Activity.PRIVILEGE_OPEN, "effective_user": user}
        return (fields,)
    if (match := _CLOSED.match(text)) is not None:
        user = match[1]
        fields = {**SESSION_CLOSED, "user": user, "session": session_id(host, program, pid)}
        if user == _ROOT or service in _SWITCHES:
            fields |= {"activity": Activity.PRIVILEGE_CLOSE, "effective_user": user}
        return (fields,)
    return ({"session": session_id(host, program, pid)},)


def _failure(text: str, program: str) -> Fields:
    """Read "authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=ADDRESS  user=NAME"."""
    # The name comes last and may hold anything, even what looks like another field.
    pairs, _, name = text[:2048].partition(" user=")
    found = {match[1]: match[2] for match in _PAIR.finditer(pairs)}
    user = name.strip() or found.get("ruser", "")
    fields: Fields = {
        **(AUTHENTICATION_FAILED if program == "sshd" else LOGIN_FAILED),
        **source(found.get("rhost", "")), "user": user, "tty": found.get("tty", ""),
        "action": "authentication_failure",
        "reason": Reason.WRONG_PASSWORD if user else Reason.UNKNOWN_USER,
    }
    if program in _SWITCHES and (actor := found.get("ruser") or found.get("logname", "")):
        fields["extra"] = {"controlwatch.actor": actor}
    return fields


def _more(text: str, program: str) -> Fields:
    """Read "N more authentication failures; ...": their times are unknown, each service's own lines count."""
    fields = _failure(text, program)
    del fields["reason"]
    return fields | {"activity": Activity.OTHER}


def _who(text: str) -> Fields:
    fields: Fields = {}
    if (match := _NAME.search(text[:1024])) is not None:
        fields["user"] = match[1]
    if (match := _FROM.search(text[:1024])) is not None:
        fields |= source(match[1])
    return fields


def _locked(text: str, _program: str) -> Fields:
    """Read pam_faillock's and pam_tally2's line about an account locked after too many failures."""
    fields = {**LOCKED, **_who(text), "reason": Reason.LOCKED}
    return fields | {"target_user": fields.get("user", "")}


def _told(text: str, _program: str, reason: Reason) -> Fields:
    return {**AUTHENTICATION_FAILED, **_who(text), "reason": reason}


def _expired(text: str, program: str) -> Fields:
    return _told(text, program, Reason.EXPIRED)


def _denied(text: str, program: str) -> Fields:
    return _told(text, program, Reason.NOT_ALLOWED)


def _code(text: str, program: str) -> Fields:
    return {**_told(text, program, Reason.OTP), "activity": Activity.LOGIN}


def _unknown(text: str, _program: str) -> Fields:
    """Read "check pass; user unknown", with option audit "user [NAME] unknown"."""
    match = _AUDITED.search(text)
    return {**AUTHENTICATION_FAILED, "user": match[1] if match else "", "reason": Reason.UNKNOWN_USER}


def _refused(text: str, program: str) -> Fields:
    """Read what pam_sss and others add to an attempt that pam_unix has told already."""
    return _told(text, program, Reason.WRONG_PASSWORD)


def _changed(text: str, _program: str) -> Fields:
    """Read "password changed for NAME"."""
    user = text.partition("password changed for ")[2].split(" ", 1)[0]
    return {
        "activity": Activity.ACCOUNT_CHANGE, "category": ("iam",), "type": ("user", "change"),
        "action": "password-changed", "outcome": "success", "user": user, "target_user": user,
    }


_WORDS: tuple[tuple[str, Callable[[str, str], Fields]], ...] = (
    ("more authentication failure", _more),
    ("authentication failure;", _failure),
    ("password changed for ", _changed),
    ("temporarily locked", _locked),
    (" tally ", _locked),
    ("check pass; ", _unknown),
    ("verification code", _code),
    ("expired", _expired),
    ("denied for user ", _denied),
    ("Refused user ", _denied),
    ("Authentication failure", _refused),
    ("password check failed", _refused),
)
