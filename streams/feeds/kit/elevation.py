"""Messages of programs that take on another account (su, sudo, pkexec, doas, login) -> fields of events (feed linux).

Sources: sudo's logging (sudoers manual, "LOG FORMAT"), su of util-linux, shadow, BSD and Solaris, polkit's pkexec,
OpenBSD's doas, login of util-linux. A use of another account is one session: the line of the program and the
pam_unix line "session opened" carry the same session name.
"""

import re

from schemas.event import Reason
from streams.feeds.kit import pam
from streams.feeds.kit.fields import (
    AUTHENTICATION_FAILED,
    DISCONNECTED,
    LOGIN_FAILED,
    LOGIN_SUCCEEDED,
    PRIVILEGE_DENIED,
    PRIVILEGE_OPENED,
    Fields,
    source,
)

Result = tuple[Fields, ...]
_ROOT = "root"

# In the order in which sudo writes them: host, terminal, root and working directory, account, group, session, environment.
_SUDO_FIELD = re.compile(r"(?:HOST|TTY|CHROOT|PWD|USER|GROUP|TSID|ENV|COMMAND)=")
_SUDO_TTY = re.compile(r"(?:HOST=\S{1,255} ; )?TTY=(\S{1,255}) ; ")
_SUDO_PWD = re.compile(r"(?:^| ; )PWD=(.*?) ;(?: |$)(?:$|(?=GROUP=|TSID=|ENV=))", re.DOTALL)
_SUDO_RUN = re.compile(
    r"USER=(?:(?<= ; USER=)|(?<=\AUSER=))([^;]{1,255}?) ; (?:GROUP=[^;]{0,255} ; )?(?:TSID=[^;]{0,4096} ; )?"
    r"(?:ENV=(?:(?! ; ).){0,4096} ; )?COMMAND=",
    re.DOTALL,
)
_ATTEMPTS = re.compile(r"(\d{1,6}) incorrect password attempts?")
# Words of sudo about a command that it did not run; "problem with defaults entries" and the like are not among them.
_SUDO_DENIED = (
    "NOT ", "not allowed", "incorrect password", "password is required", "no tty present", "must have a tty",
    "a terminal is required", "denied", "no valid", "not permitted", "not in sudoers", "unknown user",
)
_SU = (
    # (pattern, whether it succeeded); groups: actor, target, terminal
    (re.compile(r"\(to (?P<target>\S{1,255})\) (?P<actor>\S{1,255}) on (?P<tty>\S{1,64})"), True),
    (re.compile(r"FAILED SU \(to (?P<target>\S{1,255})\) (?P<actor>\S{1,255}) on (?P<tty>\S{1,64})"), False),
    (re.compile(r"[Ss]uccessful su for (?P<target>\S{1,255}) by (?P<actor>\S{1,255})"), True),
    (re.compile(r"FAILED su for (?P<target>\S{1,255}) by (?P<actor>\S{1,255})"), False),
    (re.compile(r"\+ (?P<tty>\S{1,64}) (?P<actor>[^\s:-]{1,255})[:-](?P<target>\S{1,255})$"), True),
    (re.compile(r"- (?P<tty>\S{1,64}) (?P<actor>[^\s:-]{1,255})[:-](?P<target>\S{1,255})$"), False),
    (re.compile(r"BAD SU (?P<actor>\S{1,255}) to (?P<target>\S{1,255}) on (?P<tty>\S{1,64})"), False),
    (re.compile(r"(?P<actor>\S{1,255}) to (?P<target>\S{1,255}) on (?P<tty>\S{1,64})"), True),
    (re.compile(r"'su (?P<target>[^\s']{1,255})' succeeded for (?P<actor>\S{1,255}) on (?P<tty>\S{1,64})"), True),
    (re.compile(r"'su (?P<target>[^\s']{1,255})' failed for (?P<actor>\S{1,255}) on (?P<tty>\S{1,64})"), False),
)
_BRACKET = re.compile(r"\[(USER|TTY|CWD|COMMAND)=([^\]]{0,4096})\]")
_DOAS = re.compile(r"(\S{1,255}) ran command (.{1,4096}) as (\S{1,255}) from ", re.DOTALL)
_DOAS_FAILED = re.compile(r"(failed auth|failed command|command not permitted) for (\S{1,255}?)(?:: (.{0,4096}))?$", re.DOTALL)
_LOGIN_FAILED = re.compile(
    r"FAILED LOGIN (?:(SESSION)|\(?(\d{1,4})\)?) (?:FROM|on) '?(.{0,255}?)'?(?: from '?(.{0,255}?)'?)? FOR '?(.{0,255}?)'?,? ",
)
_LOGIN = re.compile(
    r"(?:(ROOT) )?LOGIN {1,2}ON '?([^\s']{1,64})'?(?: BY '?([^\s']{1,255})'?)?(?: FROM '?([^\s']{1,255})'?)?", re.IGNORECASE
)


def sudo(message: str, pid: int, host: str) -> Result:
    """Read "actor : [why not ; ]TTY=... ; PWD=... ; USER=target ; COMMAND=..." (sudo, lib/eventlog/eventlog.c, new_logline).

    Why sudo refused stands before the first field and nowhere else. sudo does not escape " ; " in a directory or in arguments,
    so that a line with several "USER=... ; COMMAND=" can be read in several ways: the use of root if one of them is, with
    the longest command of these; else the last, as a directory stands before the account.
    """
    actor, found, rest = message.partition(" : ")
    actor = actor.strip()
    if not found or " " in actor or rest.startswith("(command continued)"):
        return ({},)
    error = ""
    if _SUDO_FIELD.match(rest) is None:
        error, _, rest = rest.partition(" ; ")
    fields: Fields = {"user": actor, "session": pam.session_id(host, "sudo", pid, actor)}
    if (match := _SUDO_TTY.match(rest)) is not None:
        fields["tty"] = match[1]
    runs = list(_SUDO_RUN.finditer(rest))
    if runs:
        run = next((run for run in runs if run[1] == _ROOT), runs[-1])
        head, command, ran = rest[: run.start()], rest[run.end() :], True
        fields["effective_user"] = run[1]
    else:
        head, found, command = rest.partition("COMMAND=")
        ran = bool(found)
    fields["command"] = command
    if (match := _SUDO_PWD.search(head)) is not None:
        fields["extra"] = {"process.working_directory": match[1]}
    if error:
        return (_sudo_error(fields, error),)
    if not ran:
        return (fields,)
    target = fields.setdefault("effective_user", _ROOT)
    # "sudo -l" and "-v" are logged as these words; listing what is allowed is no use of the account.
    listed = command in ("list", "validate") or command.startswith("list ")
    if len(runs) < 2 and (listed or target == actor):
        return (fields | {"category": ("process",)},)
    return ({**PRIVILEGE_OPENED, **fields},)


def _sudo_error(fields: Fields, error: str) -> Fields:
    fields["message"] = error
    if (match := _ATTEMPTS.match(error)) is not None:
        fields.setdefault("extra", {})["controlwatch.attempts"] = int(match[1])
        return {**PRIVILEGE_DENIED, **fields, "reason": Reason.WRONG_PASSWORD}
    if any(words in error for words in _SUDO_DENIED):
        return {**PRIVILEGE_DENIED, **fields, "reason": Reason.NOT_ALLOWED}
    return fields


def su(message: str, pid: int, host: str) -> Result:
    """Read the lines of the various su programs about a change of account, allowed or denied."""
    for pattern, succeeded in _SU:
        if (match := pattern.match(message)) is None:
            continue
        found = match.groupdict()
        actor, target = found["actor"], found["target"]
        fields: Fields = {
            "user": actor, "effective_user": target, "tty": found.get("tty", ""),
            "session": pam.session_id(host, "su", pid, actor),
        }
        if not succeeded:
            return ({**PRIVILEGE_DENIED, **fields, "category": ("authentication", "process"), "reason": Reason.OTHER},)
        if actor == _ROOT and target != _ROOT:  # giving up privilege
            return ({**fields, "category": ("session",), "outcome": "success"},)
        opened = {"category": ("session", "process"), "outcome": "success"}
        return ({**PRIVILEGE_OPENED, **fields, **opened},)
    return ({"session": pam.session_id(host, "su", pid)},)


def pkexec(message: str, pid: int, host: str) -> Result:
    """Read "actor: Executing command [USER=root] [TTY=...] [CWD=...] [COMMAND=...]"."""
    actor, found, text = message.partition(": ")
    if not found or " " in actor:
        return ({},)
    values = {match[1]: match[2] for match in _BRACKET.finditer(text)}
    fields: Fields = {
        "user": actor, "effective_user": values.get("USER", ""), "tty": values.get("TTY", ""),
        "command": values.get("COMMAND", ""), "session": pam.session_id(host, "pkexec", pid, actor),
    }
    if "CWD" in values:
        fields["extra"] = {"process.working_directory": values["CWD"]}
    if text.startswith("Executing command"):
        return ({**PRIVILEGE_OPENED, **fields},)
    return ({**PRIVILEGE_DENIED, **fields, "reason": Reason.NOT_ALLOWED},)


def doas(message: str, pid: int, host: str) -> Result:
    """Read "actor ran command CMD as root from DIR", "failed auth for actor", "failed command for actor: CMD"."""
    if (match := _DOAS.match(message)) is not None:
        actor = match[1]
        fields = {"user": actor, "command": match[2], "effective_user": match[3]}
        return ({**PRIVILEGE_OPENED, **fields, "session": pam.session_id(host, "doas", pid, actor)},)
    if (match := _DOAS_FAILED.match(message)) is not None:
        wrong = match[1] == "failed auth"
        reason = Reason.WRONG_PASSWORD if wrong else Reason.NOT_ALLOWED
        return ({**PRIVILEGE_DENIED, "user": match[2], "command": match[3] or "", "reason": reason},)
    return ({},)


def login(message: str, pid: int, host: str) -> Result:
    """Read the lines of the program login; the first failure is also told by pam_unix, which counts it."""
    session = pam.session_id(host, "login", pid)
    if (match := _LOGIN_FAILED.match(message)) is not None:
        place, client, user = match[3], match[4] or "", match[5]
        fields: Fields = {"user": user, "session": session, "action": "logged-on", **source(client)}
        if place.startswith(("tty", "/dev/")):
            fields["tty"] = place
        elif not client:
            fields |= source(place)
        if match[1] or match[2] == "1":
            return ({**AUTHENTICATION_FAILED, **fields},)
        reason = Reason.UNKNOWN_USER if not user or user == "UNKNOWN" or "User not known" in message else Reason.WRONG_PASSWORD
        return ({**LOGIN_FAILED, **fields, "reason": reason},)
    if message.startswith("TOO MANY LOGIN TRIES"):
        return ({**DISCONNECTED, "category": ("authentication",), "outcome": "failure", "session": session},)
    if (match := _LOGIN.match(message)) is not None:
        user = match[3] or (_ROOT if match[1] else "")
        fields = {"user": user, "tty": match[2], "session": session, **source(match[4] or "")}
        entered = {**LOGIN_SUCCEEDED, **fields}
        if match[1]:
            return entered, {**PRIVILEGE_OPENED, **fields, "effective_user": _ROOT}
        return (entered,)
    return ({"session": session},)


