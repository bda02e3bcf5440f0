"""Linux audit log (audit.log) -> events: authentication, use of root, accounts, watched files, commands, boots.

The records of one audit event share time and serial; where several come as one raw record (see ``starts``), the system call,
its arguments and its paths are read together, else each for itself. A watched file changed when a successful call that can
change it carries a rule's key and names the path (CREATE, DELETE, or NORMAL where it was opened for writing).

Log-ins: PAM's USER_AUTH ("op=PAM:authentication") and sshd's USER_LOGIN are attempts, told apart by ``code``; what sshd reports
as USER_AUTH of its own ("op=password") accompanies them. ``session`` is that of feed linux: "node/sudo[pid]".
``user`` is the account named, or who began the audit session (AUID) where another account is taken on and the log is enriched.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from schemas.context import FOREVER
from schemas.event import Activity, Rank, Reason, SecurityEvent
from streams.feeds.kit import audit_record, audit_types, syslog, values
from streams.feeds.kit.audit_record import AuditRecord
from streams.feeds.kit.contract import Feed, RawRecord, Unreadable
from streams.feeds.kit.fields import LOGIN_FAILED, Fields, source

MAX_RECORDS = 256  # of one raw record; an execve with long arguments has some dozens

_UNSET_ID = "4294967295"
_OUTCOMES = dict.fromkeys(("success", "1", "yes"), "success") | dict.fromkeys(("failed", "fail", "0", "no"), "failure")
_UNKNOWN_USERS = frozenset({"?", "(unknown)", "(unknown user)", "(invalid user)", "UNKNOWN"})
_SWITCHES = frozenset({"su", "sudo", "pkexec", "runuser", "doas"})
_ROOT = "root"
# Records that follow the first one of an event.
_FOLLOWERS = tuple(
    f"type={name} " for name in ("CWD", "PATH", "PROCTITLE", "EXECVE", "SOCKADDR", "EOE", "BPRM_FCAPS", "FD_PAIR", "MMAP")
)
_ACTIVITIES: Mapping[str, str] = {
    "SYSTEM_BOOT": Activity.BOOT,
    "SYSCALL": Activity.PROCESS, "EXECVE": Activity.PROCESS,
    **dict.fromkeys(("ACCT_LOCK", "RESP_ACCT_LOCK", "RESP_ACCT_LOCK_TIMED"), Activity.LOCK),
    **dict.fromkeys(("ACCT_UNLOCK", "RESP_ACCT_UNLOCK_TIMED"), Activity.UNLOCK),
    **dict.fromkeys((
        "ADD_USER", "DEL_USER", "ADD_GROUP", "DEL_GROUP", "USER_MGMT", "GRP_MGMT", "USER_CHAUTHTOK", "GRP_CHAUTHTOK",
        "ROLE_ASSIGN", "ROLE_MODIFY", "ROLE_REMOVE",
    ), Activity.ACCOUNT_CHANGE),
    **dict.fromkeys((
        "CONFIG_CHANGE", "DAEMON_CONFIG", "FEATURE_CHANGE", "MAC_CONFIG_CHANGE", "MAC_POLICY_LOAD", "MAC_STATUS",
        "NETFILTER_CFG", "USYS_CONFIG", "USER_MAC_CONFIG_CHANGE", "USER_MAC_POLICY_LOAD", "TIME_ADJNTPVAL", "TIME_INJOFFSET",
    ), Activity.CONFIG_CHANGE),
}
_VIRT = {"start": ("start",), "stop": ("end",), "create": ("creation",), "delete": ("deletion",)}


def _common(first: AuditRecord) -> Fields:
    """Fields that any record may have."""
    found, kind = first.fields, first.type
    action, category, types = audit_types.TYPES.get(kind, (kind.lower(), (), ()))
    exe, comm = found.get("exe", ""), found.get("comm", "")
    auid, uid = found.get("auid", _UNSET_ID), found.get("uid", "")
    account = found.get("acct") or found.get("user", "")
    fields: Fields = {
        "code": kind, "action": action, "category": category, "type": types, "host": first.node, "seq": first.serial,
        "activity": _ACTIVITIES.get(kind, Activity.OTHER),
        "outcome": _OUTCOMES.get(found.get("res") or found.get("success", ""), ""),
        "user": "" if account in _UNKNOWN_USERS else account,
        "user_id": auid if auid != _UNSET_ID else uid,
        "executable": exe, "process": comm or exe.rpartition("/")[2], "pid": values.number(found.get("pid", "")),
        "ppid": values.number(found.get("ppid", "")), "tty": found.get("tty") or found.get("terminal", ""),
    }
    if address := values.address(found.get("addr") or found.get("src") or found.get("hostname", "")):
        fields["src_ip"] = address
    elif "addr" in found:
        fields |= source(found["addr"])
    if "rport" in found:
        fields["src_port"] = values.port(found["rport"])
    if found.get("ses", _UNSET_ID) != _UNSET_ID:
        fields["extra"] = {"auditd.session": found["ses"]}
    return fields


def _session(fields: Fields, first: AuditRecord) -> str:
    program = fields["executable"].rpartition("/")[2].removesuffix("-session")
    return f"{first.node}/{program}[{fields['pid']}]" if program and fields["pid"] else ""


def _auth(fields: Fields, first: AuditRecord) -> Fields:
    """Read USER_AUTH and USER_LOGIN."""
    op, account = first.fields.get("op", ""), first.fields.get("acct", "")
    fields["session"] = _session(fields, first)
    if fields["outcome"] == "failure":
        if op.startswith("PAM:authentication") or first.type == "USER_LOGIN":
            known = bool(fields["user"])
            fields["activity"] = LOGIN_FAILED["activity"]
            fields["reason"] = Reason.WRONG_PASSWORD if known else Reason.UNKNOWN_USER
    elif fields["user"]:
        fields |= {"activity": Activity.LOGIN, "rank": Rank.SUCCESS}
    elif first.type == "USER_LOGIN" and not account:  # "id=1000": the name stands in the USER_AUTH before it
        fields |= {"activity": Activity.SESSION_OPEN, "rank": Rank.OPEN}
    return fields


def _begin_or_end(fields: Fields, first: AuditRecord) -> Fields:
    """Read USER_START and USER_END: a session of PAM begins or ends."""
    opened = first.type == "USER_START"
    program = fields["executable"].rpartition("/")[2]
    account, actor = fields["user"], first.resolved.get("AUID", "")
    fields["session"] = _session(fields, first)
    if fields["outcome"] == "failure":
        return fields
    switched = program in _SWITCHES and first.fields.get("auid") not in ("0", _UNSET_ID) and actor != account
    if account == _ROOT or switched:
        fields["activity"] = Activity.PRIVILEGE_OPEN if opened else Activity.PRIVILEGE_CLOSE
        fields["effective_user"] = account
        if program in _SWITCHES and actor not in ("", "unset"):
            fields["user"] = actor
    else:
        fields["activity"] = Activity.SESSION_OPEN if opened else Activity.SESSION_CLOSE
    fields["rank"] = Rank.OPEN if opened else Rank.CLOSE
    return fields


def _command(fields: Fields, first: AuditRecord) -> Fields:
    """Read USER_CMD, sudo's record of a command; for which account it ran, the USER_START of the same process tells."""
    fields |= {"command": first.fields.get("cmd", ""), "session": _session(fields, first), "activity": Activity.PROCESS}
    if actor := first.resolved.get("AUID") or first.resolved.get("UID", ""):
        fields["user"] = actor
    if fields["outcome"] == "failure":
        fields["activity"] = Activity.PRIVILEGE_DENIED
    return fields


def _account(fields: Fields, first: AuditRecord) -> Fields:
    """Read a change of an account or group: the account is the target, AUID who changed it."""
    fields["target_user"] = fields["user"] or first.fields.get("id", "")
    if fields["activity"] == Activity.LOCK:
        fields["rank"] = Rank.LOCK
    if group := first.fields.get("grp") or first.fields.get("new_group", ""):
        fields.setdefault("extra", {})["group.name"] = group
    return fields


def _virtual(fields: Fields, first: AuditRecord) -> Fields:
    return fields | {"type": _VIRT.get(first.fields.get("op", ""), fields["type"])}


_OF_ACCOUNTS = (Activity.ACCOUNT_CHANGE, Activity.LOCK, Activity.UNLOCK)
_READERS: Mapping[str, Callable[[Fields, AuditRecord], Fields]] = {
    "USER_AUTH": _auth, "USER_LOGIN": _auth, "USER_START": _begin_or_end, "USER_END": _begin_or_end, "USER_CMD": _command,
    "VIRT_CONTROL": _virtual,
    **dict.fromkeys((name for name, activity in _ACTIVITIES.items() if activity in _OF_ACCOUNTS), _account),
}


def _call(first: AuditRecord, others: list[AuditRecord]) -> Iterator[Fields]:
    """Read a system call with the records that follow it."""
    found = first.fields
    fields = _common(first)
    name = first.resolved.get("SYSCALL") or audit_types.call_name(found.get("arch", ""), found.get("syscall", ""))
    fields |= {"category": ("process",), "type": ("start",) if name.startswith("execve") else ("info",)}
    extra = fields.setdefault("extra", {})
    extra["auditd.syscall"] = name
    key = found.get("key", "").replace("\x01", ",")
    if key:
        fields["rule"] = key
    fields["user"] = _resolved(first, "AUID") or _resolved(first, "UID")
    effective = _resolved(first, "EUID")
    fields["effective_user"] = effective if effective != fields["user"] else ""
    cwd = next((other.fields.get("cwd", "") for other in others if other.type == "CWD"), "")
    if cwd:
        extra["process.working_directory"] = cwd
    for other in others:
        if other.type == "EXECVE":
            fields["command"] = _arguments(other)
    changes = []
    if key and fields["outcome"] == "success" and name in audit_types.CHANGES_FILE:
        kinds = {"CREATE": "creation", "DELETE": "deletion"} | ({"NORMAL": "change"} if _writable(name, found) else {})
        for other in others:
            kind, path = kinds.get(other.fields.get("nametype", "")), other.fields.get("name", "")
            if other.type == "PATH" and kind and path:
                path = posixpath.normpath(posixpath.join(cwd, path)) if cwd or path[0] == "/" else path
                changed: Fields = {"activity": Activity.FILE_CHANGE, "category": ("file",), "type": (kind,)}
                changes.append(fields | changed | {"action": name, "path": path})
    yield from changes or [fields]


def _resolved(record: AuditRecord, name: str) -> str:
    value = record.resolved.get(name, "")
    return "" if value in ("unset", "unknown") else value


def _writable(name: str, found: Mapping[str, str]) -> bool:
    """Whether the call writes: all but open(2) without O_WRONLY and O_RDWR do."""
    index = audit_types.CHANGES_FILE[name]
    if index is None:
        return name != "openat2"  # its flags stand in memory, not in the record
    try:
        return int(found.get(f"a{index}", "0"), 16) & 3 != 0
    except ValueError:
        return False


def _arguments(record: AuditRecord) -> str:
    """Command line of an EXECVE record."""
    numbered = ((name[1:], value) for name, value in record.fields.items() if name[0] == "a" and name[1:].isdecimal())
    return " ".join(value for _, value in sorted(numbered, key=lambda pair: int(pair[0])))


def _alone(first: AuditRecord) -> Fields:
    fields = _common(first)
    if first.type == "SYSTEM_BOOT":
        return fields | {"rank": 0}  # whatever was open before has ended
    if (reader := _READERS.get(first.type)) is not None:
        return reader(fields, first)
    if first.type == "EXECVE":
        fields["command"] = _arguments(first)
    elif first.type == "PATH":
        fields["path"] = first.fields.get("name", "")
    elif first.type == "PROCTITLE":
        fields["command"] = first.fields.get("proctitle", "")
    elif first.type == "SOFTWARE_UPDATE":
        fields.setdefault("extra", {})["package.name"] = first.fields.get("sw", "")
    return fields


_SYSLOG = re.compile(r"^(?:\[ *\d{1,9}\.\d{1,9}\] )?(?:audit: )?", re.ASCII)


def _lines(record: RawRecord) -> Iterator[AuditRecord]:
    texts = audit_record.records(record.text)
    if len(texts) > MAX_RECORDS:
        raise Unreadable("too_large", f"{len(texts)} audit records in one, the limit is {MAX_RECORDS}")
    for text in texts:
        found = audit_record.read(text)
        if found is None:
            line = syslog.split(text)  # forwarded by audispd's syslog plugin, or a message of the kernel
            found = audit_record.read(_SYSLOG.sub("", line.message, count=1))
            if found is None:
                raise Unreadable("bad_header", f"expected 'type=X msg=audit(...)', got {text[:64]!r}")
            found = found._replace(node=found.node or line.host)
        yield found._replace(type=audit_types.NUMBERS.get(found.type, found.type))


def parse(record: RawRecord) -> Iterator[SecurityEvent]:
    """Events of one audit record, or of the records of one event.

    Raises:
        Unreadable: bad_header, bad_time, too_large.

    """
    groups: dict[tuple[str, int | None, int], list[AuditRecord]] = {}
    for found in _lines(record):
        groups.setdefault((found.node, found.t, found.serial), []).append(found)
    for members in groups.values():
        t = members[0].t
        if t is not None and t > FOREVER:
            raise Unreadable("bad_time", f"audit({t // 1_000_000}...) is after the year 9999")
        base: dict[str, Any] = {"t": values.arrival(record) if t is None else t}
        call = next((member for member in members if member.type == "SYSCALL"), None)
        if call is not None:
            for fields in _call(call, [member for member in members if member is not call]):
                yield record.event(**base, **fields)
        else:
            for member in members:
                yield record.event(**base, **_alone(member))


def starts(line: str) -> bool:
    """Whether ``line`` begins an event: the paths, arguments and title of a system call belong to the one before."""
    return not line.startswith(_FOLLOWERS) and not (line.startswith("node=") and line.partition(" ")[2].startswith(_FOLLOWERS))


feed = Feed(
    title="Linux audit log (auditd)",
    kinds=("siem", "idp", "fim", "pam"),
    parse=parse,
    aliases=("auditd.log", "wazuh.auditd", "wazuh.audit_scp", "crowdsec.auditd"),
    starts=starts,
    reference="auditd(8), audit-userspace specification of fields and record types, linux/audit.h",
)
