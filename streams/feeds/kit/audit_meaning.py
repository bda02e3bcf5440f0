"""What records of the Linux audit system mean: activity, account, session, changed files (feeds auditd and auditd_manager).

``fields`` are those of the event so far, ``first`` the record that names the audit event. PAM's USER_AUTH
("op=PAM:authentication") and sshd's USER_LOGIN are attempts to log in, told apart by ``code``; what sshd reports as USER_AUTH of
its own ("op=password") accompanies them. ``session`` is that of feed linux: "node/sudo[pid]".
"""

import posixpath
from collections.abc import Callable, Iterable, Mapping

from schemas.event import Activity, Rank, Reason
from streams.feeds.kit import audit_types
from streams.feeds.kit.audit_record import AuditRecord
from streams.feeds.kit.fields import LOGIN_FAILED, Fields

UNSET_ID = "4294967295"
_OUTCOMES = dict.fromkeys(("success", "1", "yes"), "success") | dict.fromkeys(("failed", "fail", "0", "no"), "failure")
_UNKNOWN_USERS = frozenset({"?", "(unknown)", "(unknown user)", "(invalid user)", "UNKNOWN", "unset", "unknown"})
_SWITCHES = frozenset({"su", "sudo", "pkexec", "runuser", "doas"})
_LOGINS = frozenset({"sshd", "login"})
_ROOT, _ROOT_ID = "root", "0"
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


def outcome(result: str) -> str:
    """ECS outcome of the words that records use for a result, "" if it is none of them."""
    return _OUTCOMES.get(result, "")


def account(name: str) -> str:
    """Name of an account; "" for what stands there when it is not known."""
    return "" if name in _UNKNOWN_USERS else name


def interpret(fields: Fields, first: AuditRecord) -> Fields:
    """Complete ``fields`` (code, outcome, user, executable and pid are set) with what the record type means."""
    kind = first.type
    fields["activity"] = _ACTIVITIES.get(kind, Activity.OTHER)
    if kind == "SYSTEM_BOOT":
        fields["rank"] = 0  # whatever was open before has ended
    reader = _READERS.get(kind)
    return fields if reader is None else reader(fields, first)


def _session(fields: Fields, first: AuditRecord) -> str:
    program = _program(fields)
    return f"{first.node}/{program}[{fields['pid']}]" if program and fields.get("pid") else ""


def _program(fields: Fields) -> str:
    executable: str = fields.get("executable", "")
    return executable.rpartition("/")[2].removesuffix("-session")


def _auth(fields: Fields, first: AuditRecord) -> Fields:
    """Read USER_AUTH and USER_LOGIN."""
    fields["session"] = _session(fields, first)
    if fields["outcome"] == "failure":
        if first.fields.get("op", "").startswith("PAM:authentication") or first.type == "USER_LOGIN":
            fields["activity"] = LOGIN_FAILED["activity"]
            fields["reason"] = Reason.WRONG_PASSWORD if fields["user"] else Reason.UNKNOWN_USER
    elif fields["outcome"] == "success":
        if fields["user"]:
            fields |= {"activity": Activity.LOGIN, "rank": Rank.SUCCESS}
        elif first.type == "USER_LOGIN":  # "id=1000": the name stands in the USER_AUTH before it
            fields |= {"activity": Activity.SESSION_OPEN, "rank": Rank.OPEN}
    return fields


def _begin_or_end(fields: Fields, first: AuditRecord) -> Fields:
    """Read USER_START and USER_END: a session of PAM begins or ends."""
    fields["session"] = _session(fields, first)
    if fields["outcome"] == "failure":
        return fields
    opened = first.type == "USER_START"
    target, actor = account(first.fields.get("acct", "")) or fields["user"], account(first.resolved.get("AUID", ""))
    switches = _program(fields) in _SWITCHES
    lesser = first.fields.get("auid") in ("0", UNSET_ID) or actor == target  # root gives up privilege
    # Programs of log-in set auid to the number of who logs in: 0 is root, whatever the account is called.
    number = first.fields.get("auid") == _ROOT_ID and _program(fields) in _LOGINS
    if number:
        fields["extra"] = fields.get("extra", {}) | {"user.effective.id": _ROOT_ID}
    if target == _ROOT or number or (switches and not lesser):
        fields["activity"] = Activity.PRIVILEGE_OPEN if opened else Activity.PRIVILEGE_CLOSE
        fields["effective_user"] = target
        if switches and actor:
            fields["user"] = actor
    else:
        fields["activity"] = Activity.SESSION_OPEN if opened else Activity.SESSION_CLOSE
    fields["rank"] = Rank.OPEN if opened else Rank.CLOSE
    return fields


def _logout(fields: Fields, first: AuditRecord) -> Fields:
    """Read USER_LOGOUT: the session that USER_LOGIN told of has ended."""
    fields["session"] = _session(fields, first)
    if fields["outcome"] == "success":
        fields |= {"activity": Activity.SESSION_CLOSE, "rank": Rank.CLOSE}
    return fields


def _command(fields: Fields, first: AuditRecord) -> Fields:
    """Read USER_CMD, sudo's record of a command; for which account it ran, the USER_START of the same process tells."""
    fields |= {"command": first.fields.get("cmd", ""), "session": _session(fields, first), "activity": Activity.PROCESS}
    if actor := account(first.resolved.get("AUID", "")) or account(first.resolved.get("UID", "")):
        fields["user"] = actor
    if fields["outcome"] == "failure":
        fields["activity"] = Activity.PRIVILEGE_DENIED
    return fields


def _account_change(fields: Fields, first: AuditRecord) -> Fields:
    """Read a change of an account or group; the account is the target."""
    if first.type in ("ADD_GROUP", "DEL_GROUP", "GRP_MGMT", "GRP_CHAUTHTOK"):
        if "id" in first.fields:
            fields.setdefault("extra", {})["group.id"] = first.fields["id"]
    elif not fields.get("target_user"):
        fields["target_user"] = account(first.fields.get("acct", "")) or first.fields.get("id", "")
    if fields["activity"] == Activity.LOCK:
        fields["rank"] = Rank.LOCK
    if group := first.fields.get("grp") or first.fields.get("new_group", ""):
        fields.setdefault("extra", {})["group.name"] = group
    return fields


def _virtual(fields: Fields, first: AuditRecord) -> Fields:
    return fields | {"type": _VIRT.get(first.fields.get("op", ""), fields["type"])}


_OF_ACCOUNTS = (Activity.ACCOUNT_CHANGE, Activity.LOCK, Activity.UNLOCK)
_READERS: Mapping[str, Callable[[Fields, AuditRecord], Fields]] = {
    "USER_AUTH": _auth, "USER_LOGIN": _auth, "USER_START": _begin_or_end, "USER_END": _begin_or_end,
    "USER_LOGOUT": _logout, "USER_CMD": _command, "VIRT_CONTROL": _virtual,
    **dict.fromkeys((name for name, activity in _ACTIVITIES.items() if activity in _OF_ACCOUNTS), _account_change),
}


def file_changes(fields: Fields, arguments: Mapping[str, str], paths: Iterable[Mapping[str, str]], cwd: str) -> list[Fields]:
    """Changes of watched files that a system call made: one set of fields a changed path.

    ``fields`` hold the call's name as ``action``, the watch's key as ``rule`` and the outcome. A successful call that can change
    a file changed the paths created, deleted or, where it was opened for writing, named.
    """
    name = fields["action"]
    if not fields.get("rule") or fields["outcome"] != "success" or name not in audit_types.CHANGES_FILE:
        return []
    kinds = {"CREATE": "creation", "DELETE": "deletion"} | ({"NORMAL": "change"} if _writable(name, arguments) else {})
    changes = []
    for item in paths:
        kind, path = kinds.get(item.get("nametype", "")), item.get("name", "")
        if kind and path:
            path = posixpath.normpath(posixpath.join(cwd, path)) if cwd or path[0] == "/" else path
            changed: Fields = {"activity": Activity.FILE_CHANGE, "category": ("file",), "type": (kind,), "path": path}
            changes.append(fields | changed)
    return changes


def _writable(name: str, arguments: Mapping[str, str]) -> bool:
    """Whether the call writes: all but open without O_WRONLY and O_RDWR do."""
    index = audit_types.CHANGES_FILE[name]
    if index is None:
        return name != "openat2"  # its flags stand in memory, not in the record
    try:
        return int(arguments.get(f"a{index}", "0"), 16) & 3 != 0
    except ValueError:
        return False
