"""Elastic's auditd_manager and Auditbeat (modules auditd and file_integrity) -> events of hosts and of file integrity.

The documents are in ECS terms already; activity, session and changed files are worked out as for the raw audit log
(``kit/audit_meaning``, ``kit/integrity``). File integrity: actions created, updated, deleted and moved change a file;
attributes_modified alone, found and initial_scan alone state what is there. ``initial_scan`` is what the module calls everything
under a configured path that its store does not know (Auditbeat reference, "How it works": at first start a baseline is made of
locally persisted data): for a directory it is told as a scan, so that a second one shows that the store was lost.
"""

import re
from collections.abc import Iterator
from typing import Any

from schemas import instant
from schemas.event import Activity, SecurityEvent
from streams.feeds.kit import audit_meaning, audit_record, ecs_document, integrity, typed, values
from streams.feeds.kit.audit_record import AuditRecord
from streams.feeds.kit.contract import Feed, RawRecord, Unreadable
from streams.feeds.kit.ecs_document import Document
from streams.feeds.kit.fields import Fields

MAX_PATHS = 256  # of one document; a system call names a handful

_STAMP = re.compile(r"audit\(\d{1,12}(?:\.\d{1,9})?:\d{1,19}\)", re.ASCII)
_CHANGES = frozenset({"created", "updated", "deleted", "moved"})


def _paths(document: Document) -> list[dict[str, str]]:
    """Return the items of ``auditd.paths``, name by name."""
    items = typed.parts("auditd.paths", document.raw("auditd.paths"))
    if len(items) > MAX_PATHS:
        raise Unreadable("too_large", f"{len(items)} paths of one system call, the limit is {MAX_PATHS}")
    return [{name: typed.label(f"auditd.paths.{name}", value) for name, value in item.items()} for item in items]


def _data(document: Document) -> dict[str, str]:
    prefix = "auditd.data."
    document.within("auditd", "auditd.data")
    if nested := next((name for name in document.objects if name.startswith(prefix)), None):
        raise typed.wrong(nested, "text or a number", {})
    return {name.removeprefix(prefix): document.label(name) for name in document if name.startswith(prefix)}


def _when(document: Document, record: RawRecord) -> int:
    """Return the time of the document, else that of the raw audit records it was made of, else of its arrival."""
    t = ecs_document.time(document, record)
    if t is not None:
        return t
    for line in ecs_document.many(document.get("event.original", [])):
        if _STAMP.search(line[:256]) and (raw := audit_record.read(line)) is not None and raw.t is not None:
            return raw.t
    return values.arrival(record)


def _audit(document: Document) -> list[Fields]:
    fields, data = ecs_document.fields(document), _data(document)
    data["auid"] = document.label("user.audit.id") or audit_meaning.UNSET_ID
    kind = document.text("auditd.message_type").upper()
    resolved = {"AUID": document.text("user.audit.name")}
    result = fields.get("outcome") or document.text("auditd.result")
    fields["outcome"] = {"fail": "failure"}.get(result, result)
    fields["user"] = fields.get("user") or audit_meaning.account(data.get("acct", ""))
    fields["code"] = kind
    fields["seq"] = document.number("auditd.sequence") or document.number("event.sequence")
    fields.setdefault("process", fields.get("executable", "").rpartition("/")[2])
    fields["tty"] = data.get("tty") or data.get("terminal", "")
    first = AuditRecord(kind, fields["host"], None, 0, data, resolved, "")
    fields = audit_meaning.interpret(fields, first)
    extra = fields.setdefault("extra", {})
    for name, field in (("auditd.session", "auditd.session"), ("group.name", "group.name"), ("group.id", "group.id")):
        if field in document:
            extra[name] = document.label(field)
    if kind != "SYSCALL":
        return [fields]
    name = data.get("syscall", "")
    extra["auditd.syscall"] = name
    fields["rule"] = ",".join(document.texts("tags"))
    fields["command"] = fields.get("command") or " ".join(document.texts("process.args"))
    cwd = document.text("process.working_directory")
    told = fields.get("action", "")
    changes = audit_meaning.file_changes(fields | {"action": name}, data, _paths(document), cwd)
    return [change | {"action": told or name} for change in changes] or [fields]


def _integrity(document: Document) -> list[Fields]:
    """Read a document of module file_integrity."""
    fields = ecs_document.fields(document)
    actions = document.texts("event.action")
    fields["action"] = ",".join(actions)
    changed = not _CHANGES.isdisjoint(actions)
    begun = actions == ("initial_scan",) and document.text("file.type") == "dir"
    fields["activity"] = Activity.FILE_CHANGE if changed else Activity.FILE_SCAN if begun else Activity.OTHER
    if not fields.get("path"):
        raise Unreadable("missing_field", "a file_integrity document without file.path")
    fields["hash"] = (document.text("file.hash.sha256") or document.text("hash.sha256")).lower()
    fields["hash_before"] = document.text("controlwatch.hash_before").lower()
    fields["last_scan"] = _scanned(document)
    fields.setdefault("category", ("file",))
    fields["extra"] = {
        name: document.label(name)
        for name in ("file.mtime", "file.owner", "file.uid", "file.type", "file.target_path", "file.size") if name in document
    } | {name: value for name, value in document.items() if name.startswith("file.code_signature.")}
    return [fields]


def _scanned(document: Document) -> int:
    """Start of the interval in which a polled change happened, as our own folder watch states it; 0: the time is exact."""
    told = document.text("controlwatch.last_scan")
    try:
        return instant.parse(told) if told else 0
    except (ValueError, OverflowError) as error:
        raise Unreadable("bad_time", f"controlwatch.last_scan: expected RFC 3339 time, got {told[:64]!r}") from error


def parse(record: RawRecord) -> Iterator[SecurityEvent]:
    """Events of one JSON document.

    Raises:
        Unreadable: bad JSON, bad_time, missing_field, wrong_type, too_large.

    """
    document = ecs_document.read(record.text)
    base: dict[str, Any] = {"t": _when(document, record)}
    module = document.get("event.module", "")
    if module == "file_integrity" or document.get("event.dataset") in ("file", "fim.event"):
        told = _integrity(document)
    elif any(name.startswith("auditd.") for name in document):
        told = _audit(document)
    else:
        raise Unreadable("missing_field", "expected a document of module auditd or file_integrity, found no field auditd.*")
    for fields in integrity.completed(told):
        yield record.event(**base, **fields)


feed = Feed(
    title="Elastic auditd_manager and Auditbeat (auditd, file_integrity)",
    kinds=("siem", "idp", "fim", "pam"),
    parse=parse,
    aliases=("auditd_manager.auditd", "auditbeat", "fim", "fim.event"),
    reference="Auditbeat reference: exported fields of modules auditd and file_integrity",
)
