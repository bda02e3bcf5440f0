"""Linux audit log (audit.log) -> events: authentication, use of root, accounts, watched files, commands, boots.

The records of one audit event share time and serial; where several come as one raw record (see ``starts``), the system call,
its arguments and its paths are read together, else each for itself. A watched file changed when a successful call that can
change it carries a rule's key and names the path. A command that makes the baseline of an integrity monitor anew is told twice,
as what ran and as ``baseline-reset`` (``kit/integrity``). What the record types mean stands in ``kit/audit_meaning``.
``user`` is the account named, or who began the audit session (AUID) where another account is taken on and the log is enriched.
"""

import re
from collections.abc import Iterator
from typing import Any

from schemas.context import FOREVER
from schemas.event import SecurityEvent
from streams.feeds.kit import audit_meaning, audit_record, audit_types, integrity, syslog, values
from streams.feeds.kit.audit_record import AuditRecord
from streams.feeds.kit.contract import Feed, RawRecord, Unreadable
from streams.feeds.kit.fields import Fields, source

MAX_RECORDS = 256  # of one raw record; an execve with long arguments has some dozens

# Records that follow the first one of an event.
_FOLLOWERS = tuple(
    f"type={name} " for name in ("CWD", "PATH", "PROCTITLE", "EXECVE", "SOCKADDR", "EOE", "BPRM_FCAPS", "FD_PAIR", "MMAP")
)
_SYSLOG = re.compile(r"^(?:\[ *\d{1,9}\.\d{1,9}\] )?(?:audit: )?", re.ASCII)


def _common(first: AuditRecord) -> Fields:
    """Fields that any record may have."""
    found, kind = first.fields, first.type
    action, category, types = audit_types.TYPES.get(kind, (kind.lower(), (), ()))
    exe = found.get("exe", "")
    auid = found.get("auid", audit_meaning.UNSET_ID)
    fields: Fields = {
        "code": kind, "action": action, "category": category, "type": types, "host": first.node, "seq": first.serial,
        "outcome": audit_meaning.outcome(found.get("res") or found.get("success", "")),
        "user": audit_meaning.account(found.get("acct") or found.get("user", "")),
        "user_id": auid if auid != audit_meaning.UNSET_ID else found.get("uid", ""),
        "executable": exe, "process": found.get("comm") or exe.rpartition("/")[2], "pid": values.number(found.get("pid", "")),
        "ppid": values.number(found.get("ppid", "")), "tty": found.get("tty") or found.get("terminal", ""),
    }
    if address := values.address(found.get("addr") or found.get("src") or found.get("hostname", "")):
        fields["src_ip"] = address
    elif "addr" in found:
        fields |= source(found["addr"])
    if "rport" in found:
        fields["src_port"] = values.port(found["rport"])
    if found.get("ses", audit_meaning.UNSET_ID) != audit_meaning.UNSET_ID:
        fields["extra"] = {"auditd.session": found["ses"]}
    return fields


def _call(first: AuditRecord, others: list[AuditRecord]) -> list[Fields]:
    """Read a system call with the records that follow it."""
    found, resolved = first.fields, first.resolved
    fields = audit_meaning.interpret(_common(first), first)
    name = resolved.get("SYSCALL") or audit_types.call_name(found.get("arch", ""), found.get("syscall", ""))
    fields |= {"category": ("process",), "type": ("start",) if name.startswith("execve") else ("info",)}
    extra = fields.setdefault("extra", {})
    extra["auditd.syscall"] = name
    fields["rule"] = found.get("key", "").replace("\x01", ",")
    fields["user"] = audit_meaning.account(resolved.get("AUID", "")) or audit_meaning.account(resolved.get("UID", ""))
    effective = audit_meaning.account(resolved.get("EUID", ""))
    fields["effective_user"] = effective if effective != fields["user"] else ""
    cwd = next((other.fields.get("cwd", "") for other in others if other.type == "CWD"), "")
    if cwd:
        extra["process.working_directory"] = cwd
    for other in others:
        if other.type == "EXECVE":
            fields["command"] = _arguments(other)
    paths = [other.fields for other in others if other.type == "PATH"]
    return audit_meaning.file_changes(fields | {"action": name}, found, paths, cwd) or [fields]


def _arguments(record: AuditRecord) -> str:
    """Command line of an EXECVE record."""
    numbered = ((name[1:], value) for name, value in record.fields.items() if name[0] == "a" and name[1:].isdecimal())
    return " ".join(value for _, value in sorted(numbered, key=lambda pair: int(pair[0])))


def _alone(first: AuditRecord) -> Fields:
    fields = audit_meaning.interpret(_common(first), first)
    if first.type == "EXECVE":
        fields["command"] = _arguments(first)
    elif first.type == "PATH":
        fields["path"] = first.fields.get("name", "")
    elif first.type == "PROCTITLE":
        fields["command"] = first.fields.get("proctitle", "")
    elif first.type == "SOFTWARE_UPDATE":
        fields.setdefault("extra", {})["package.name"] = first.fields.get("sw", "")
    return fields


def _records(record: RawRecord) -> Iterator[AuditRecord]:
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
    for found in _records(record):
        groups.setdefault((found.node, found.t, found.serial), []).append(found)
    for members in groups.values():
        t = members[0].t
        if t is not None and t > FOREVER:
            raise Unreadable("bad_time", f"audit({t // 1_000_000}...) is after the year 9999")
        base: dict[str, Any] = {"t": values.arrival(record) if t is None else t}
        call = next((member for member in members if member.type == "SYSCALL"), None)
        if call is None:
            told = [_alone(member) for member in members]
        else:
            told = _call(call, [member for member in members if member is not call])
        for fields in integrity.completed(told):
            yield record.event(**base, **fields)


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
