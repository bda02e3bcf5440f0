"""Wazuh alerts (alerts.json) and agent log (ossec.log) -> events: file integrity, scans, and alerts in general.

File integrity (syscheck): an addition, deletion or change of content is a file change; a change of attributes alone is not. A
file found changed by a scheduled scan changed at some time since the scan before: ``last_scan`` is the earliest it can have
been, as far as the alert itself tells (the old content's modification time, at most the default scan period of 12 hours back;
the end of the scan before, where it is logged, tells more). With modes realtime and whodata the time is exact and ``last_scan``
0. A baseline made anew (action ``baseline-reset``) is told by the API's log (api.log: ``DELETE /syscheck/{agent_id}`` and
``DELETE /experimental/syscheck``, Wazuh API reference, "Clear FIM scan results", for agents before 3.12; the host is the number
of the agent) and by alerts about commands (``kit/integrity``). The start of an agent and its first scan are none. Alerts about
log lines and Windows events mean what the line or event means (``kit/unix``, ``kit/windows_meaning``), so that an attempt is
not counted twice; any other is an alert with its rule.
"""

import re
from collections.abc import Iterator, Mapping

from schemas import instant
from schemas.event import Activity, SecurityEvent
from streams.feeds.kit import ecs_document, integrity, syslog, unix, values, windows_meaning, windows_record
from streams.feeds.kit.contract import Feed, RawRecord, Unreadable
from streams.feeds.kit.ecs_document import Document
from streams.feeds.kit.fields import Fields, source

MAX_ARGUMENTS = 32  # of a command in an alert

SCAN_PERIOD = 12 * instant.HOUR  # default of <syscheck><frequency>, Wazuh reference "syscheck"

_ENDED = re.compile(r"(?:Ending syscheck scan|[Ff]ile integrity monitoring scan ended|fim-db-end-(?:first-)?scan)")
_LOG = re.compile(
    r"(\d{4})/(\d\d)/(\d\d) (\d\d:\d\d:\d\d) (?:([A-Za-z][\w:.-]{0,63})"
    r"(?:\[\d{1,10}\])?(?:\((\d{1,6})\))?(?: \S{1,64} at \S{1,64})?: )?"
    r"(INFO|WARNING|ERROR|CRITICAL|DEBUG): (?:\((\d{1,6})\): )?",
    re.ASCII,
)
# Request of the API's log (Wazuh, api/alogging.py): user [(hash)] address "METHOD path" with parameters {...} ... : status
_CLEARED = re.compile(
    r"(\S{1,64})(?: \([0-9a-f]{1,64}\))? (\S{1,64}) \"DELETE /(?:experimental/syscheck|syscheck/(\d{1,6}))\" with parameters "
    r"(?:\{[^{}]{0,4096}?\"agents_list\": \"([\d,]{1,2048})\")?[^\r\n]{0,4096}done in [\d.]{1,16}s: 200$", re.ASCII,
)  # fmt: skip
_SEPARATOR = re.compile(r"[\\/]")
_CHANGES: Mapping[str, str] = {"added": "creation", "modified": "change", "deleted": "deletion"}
_WATCHED: Mapping[str, str] = {"audit_watch_create": "creation", "audit_watch_write": "change", "audit_watch_delete": "deletion"}
_OBJECTS = (
    "rule", "agent", "data", "decoder", "manager", "predecoder", "syscheck", "syscheck.audit", "syscheck.audit.user",
    "syscheck.audit.login_user", "syscheck.audit.effective_user", "syscheck.audit.process", "data.audit", "data.audit.file",
)
_CONTENT = frozenset({"md5", "sha1", "sha256", "size"})
# Rule groups -> what ECS calls it; the first that fits counts.
_GROUPS: tuple[tuple[str, Fields], ...] = (
    ("authentication_failed", {"category": ("authentication",), "outcome": "failure"}),
    ("authentication_failures", {"category": ("authentication",), "outcome": "failure"}),
    ("invalid_login", {"category": ("authentication",), "outcome": "failure"}),
    ("authentication_success", {"category": ("authentication",), "outcome": "success"}),
    ("adduser", {"category": ("iam",), "type": ("user", "creation")}),
    ("account_changed", {"category": ("iam",), "type": ("user", "change")}),
    ("policy_changed", {"category": ("configuration",), "type": ("change",)}),
    ("logs_cleared", {"category": ("iam",), "type": ("change",)}),
    ("firewall_drop", {"category": ("network",), "type": ("denied",)}),
    ("rootcheck", {"category": ("intrusion_detection",), "type": ("info",)}),
    ("virus", {"category": ("malware",), "type": ("info",)}),
    ("vulnerability-detector", {"category": ("vulnerability",), "type": ("info",)}),
    ("attack", {"category": ("intrusion_detection",), "type": ("info",)}),
    ("web", {"category": ("web",), "type": ("access",)}),
)


def _host(document: Document) -> str:
    """Name of the machine: the agent, or for a device that logs to the manager its name in the log."""
    agent = document.text("agent.name")
    if document.label("agent.id") in ("", "000"):
        return document.text("predecoder.hostname") or agent or document.text("manager.name")
    return agent


def _rule(document: Document) -> Fields:
    extra = {
        "rule.level": document.number("rule.level"), "rule.groups": list(document.texts("rule.groups")),
        "threat.technique.id": list(document.labels("rule.mitre.id")), "observer.vendor": "Wazuh",
        "log.file.path": document.text("location"),
    }
    return {
        "rule": document.text("rule.description"), "rule_id": document.label("rule.id"),
        "code": document.label("rule.id"), "observer": document.text("manager.name"), "host": _host(document),
        "message": document.text("full_log")[: unix.LIMIT], "extra": values.filled(extra),
    }


def _integrity(document: Document, t: int, record: RawRecord) -> Fields:
    """Read the object "syscheck" (Wazuh reference, "File integrity monitoring alerts")."""
    event, path = document.text("syscheck.event"), document.text("syscheck.path")
    if not path:
        raise Unreadable("missing_field", "a syscheck alert without syscheck.path")
    groups = document.texts("rule.groups")
    if event not in _CHANGES:
        event = next((name for name in _CHANGES if f"syscheck_entry_{name}" in groups), "modified")
    before, after = document.text("syscheck.sha256_before").lower(), document.text("syscheck.sha256_after").lower()
    attributes = document.texts("syscheck.changed_attributes")
    same = event == "modified" and ((attributes and _CONTENT.isdisjoint(attributes)) or bool(before and before == after))
    registry = path.startswith("HKEY_")
    process = document.text("syscheck.audit.process.name")
    fields: Fields = {
        "activity": Activity.OTHER if same else Activity.CONFIG_CHANGE if registry else Activity.FILE_CHANGE,
        "category": ("registry", "configuration") if registry else ("file",), "type": (_CHANGES[event],), "action": event,
        "path": path, "hash": after, "hash_before": before,
        "last_scan": _earliest(document, t, record) if document.text("syscheck.mode") == "scheduled" else 0,
        "user": document.text("syscheck.audit.login_user.name") or document.text("syscheck.audit.user.name"),
        "user_id": document.label("syscheck.audit.login_user.id") or document.label("syscheck.audit.user.id"),
        "effective_user": document.text("syscheck.audit.effective_user.name"),
        "executable": process, "process": _SEPARATOR.split(process)[-1],
        "pid": document.number("syscheck.audit.process.id"),
        "ppid": document.number("syscheck.audit.process.ppid"),
        "parent": _SEPARATOR.split(document.text("syscheck.audit.process.parent_name"))[-1],
    }
    extra = {
        "file.mtime": document.text("syscheck.mtime_after"), "file.owner": document.text("syscheck.uname_after"),
        "file.size": document.label("syscheck.size_after"), "wazuh.syscheck.mode": document.text("syscheck.mode"),
        "wazuh.syscheck.changed_attributes": list(attributes),
    }
    return fields | {"extra": values.filled(extra)}


def _earliest(document: Document, t: int, record: RawRecord) -> int:
    """Earliest time of a change that a scheduled scan found at ``t``."""
    earliest = t - SCAN_PERIOD
    if stamp := document.text("syscheck.mtime_before"):
        try:
            earliest = max(earliest, record.time(stamp))
        except Unreadable:
            return earliest
    return min(earliest, t)


def _line(document: Document, t: int, record: RawRecord) -> list[Fields]:
    """Meaning of the alert's log line, of its Windows event or audit record, or of its rule's groups."""
    if "data.win.system.eventID" in document:
        found = windows_record.read(record)._replace(t=t)
        return [windows_meaning.complete(found, fields) for fields in windows_meaning.interpret(found)]
    groups = document.texts("rule.groups")
    for group, kind in _WATCHED.items():
        if group in groups and (path := document.text("data.audit.file.name")):
            return [{
                "activity": Activity.FILE_CHANGE, "category": ("file",), "type": (kind,), "path": path,
                "executable": document.text("data.audit.exe"), "user_id": document.label("data.audit.auid"),
            }]
    if "audit_command" in groups:
        command = " ".join(document.label(f"data.audit.execve.a{place}") for place in range(MAX_ARGUMENTS)).strip()
        executable, auid = document.text("data.audit.exe"), document.label("data.audit.auid")
        if integrity.resets(command, executable, document.text("data.audit.command")):
            return [integrity.reset() | {"command": command, "executable": executable, "user_id": auid}]
    composite = "rule.frequency" in document
    line = syslog.split(document.text("full_log"))
    if line.app and not composite and (known := [fields for fields in unix.read(line) if fields]):
        own = {"process": line.app, "pid": line.pid}
        known = [own | {"rank": values.rank(fields.get("activity", ""), fields.get("outcome", ""))} | fields for fields in known]
        return list(integrity.completed(known))
    fields = next((told for group, told in _GROUPS if group in groups), {})
    # Several lines together, or a line whose wording only the manager knows: its verdict.
    return [{"activity": Activity.ALERT, "kind": "alert"} | fields | _named(document)]


def _named(document: Document) -> Fields:
    """Who and where, as Wazuh's decoders name it."""
    fields: Fields = {
        "user": document.text("data.dstuser") or document.text("data.srcuser"), "url": document.text("data.url"),
        "src_port": document.port("data.srcport"), "dst_port": document.port("data.dstport"),
        "dst_ip": values.address(document.text("data.dstip")), "transport": document.text("data.protocol").lower(),
        "process": document.text("predecoder.program_name"),
    }
    return {**fields, **source(document.text("data.srcip"))}


def _alert(record: RawRecord) -> Iterator[SecurityEvent]:
    document = ecs_document.read(record.text)
    document.within(*_OBJECTS)
    if "rule.id" not in document and "syscheck.path" not in document:
        raise Unreadable("missing_field", "expected a Wazuh alert with rule.id or syscheck.path")
    stamp = document.text("timestamp") or document.text("@timestamp")
    t = record.time(stamp) if stamp else values.arrival(record)
    number = document.label("id")  # seconds, a dot, the place in the day's file
    own = f"{document.text('manager.name')}/{number}" if number else ""
    common = _rule(document)
    # Only the agent's and manager's own words: any program may log such a line.
    if document.text("decoder.name") in ("ossec", "wazuh") and _ENDED.search(common["message"]):
        told: list[Fields] = [{"activity": Activity.FILE_SCAN, "category": ("file",), "type": ("info",), "action": "scan-ended"}]
    elif any(name.startswith("syscheck.") for name in document):
        told = [_integrity(document, t, record)]
    else:
        told = _line(document, t, record)
    seq = values.number(number.partition(".")[2])
    for fields in told:
        extra = common["extra"] | fields.get("extra", {})
        merged = common | {name: value for name, value in fields.items() if value not in ("", None)}
        yield record.event(t=t, own_id=own, **(merged | {"extra": extra, "seq": seq, "host": common["host"]}))


def _log(record: RawRecord, match: re.Match[str]) -> Iterator[SecurityEvent]:
    """Read a line of ossec.log, such as "2026/03/02 09:00:00 wazuh-syscheckd: INFO: (6009): ... scan ended.", or of api.log."""
    year, month, day, clock, program, _, level, number = match.groups()
    ended = _ENDED.search(record.text, match.end(), match.end() + 256) is not None
    fields: Fields = {"category": ("file",), "type": ("info",), "action": "scan-ended"} if ended else {}
    told: list[Fields] = [{"activity": Activity.FILE_SCAN if ended else Activity.OTHER} | fields]
    if not program and (cleared := _CLEARED.match(record.text, match.end())) is not None:
        user, address, one_agent, several = cleared.groups()
        caller: Fields = {"user": user, "src_ip": values.address(address)}
        # No agent named: all of them.
        told = [integrity.reset() | caller | {"host": agent} for agent in sorted({*(one_agent or several or "").split(",")})]
    for fields in told:
        yield record.event(
            t=record.time(f"{year}-{month}-{day}T{clock}"), process=program or "", code=number or "",
            message=record.text[match.end() :][: unix.LIMIT], extra={"log.level": level.lower()}, **fields,
        )


def parse(record: RawRecord) -> Iterator[SecurityEvent]:
    """Events of one alert, or of one line of the agent's own log.

    Raises:
        Unreadable: bad JSON, missing_field, bad_time, bad_header.

    """
    if (match := _LOG.match(record.text)) is not None:
        yield from _log(record, match)
        return
    if not record.text.lstrip()[:1] == "{":
        raise Unreadable("bad_header", f"expected a JSON alert or a line of ossec.log, got {record.text[:64]!r}")
    yield from _alert(record)


feed = Feed(
    title="Wazuh alerts: file integrity and others",
    kinds=("fim", "siem", "idp"),
    parse=parse,
    aliases=("wazuh.alerts", "wazuh.syscheck", "wazuh.ossec", "wazuh.api"),
    reference="Wazuh documentation: alerts.json, File integrity monitoring, Reference syscheck",
)
