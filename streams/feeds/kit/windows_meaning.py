"""What Windows events mean: activity, account, session, changed files (feeds windows and wazuh).

``user`` is the account that logs on (4624, 4625, 4634, 4768 ...) or that acted (Subject), ``target_user`` the account changed or
locked. ``session`` is "computer/log-on id". Special privileges (4672) open privileged use unless the account is a machine or a
service of the system itself; a log-off closes it. Machine accounts end in "$"; log-on types stand in ``winlog.logon.type``.
An attempt may be told twice, by the domain controller (4771, 4776) and by the host (4625); ``code`` tells them apart.
"""

from collections.abc import Callable, Mapping

from schemas.event import Activity, Reason
from streams.feeds.kit import values, windows_events, windows_programs
from streams.feeds.kit.fields import Fields, source
from streams.feeds.kit.windows_programs import file_name, number
from streams.feeds.kit.windows_record import WindowsEvent

_SECURITY, _SYSMON = "Microsoft-Windows-Security-Auditing", "Microsoft-Windows-Sysmon"
_LOG_ONS = frozenset({4624, 4625, 4634, 4647, 4768, 4769, 4770, 4771, 4776, 4964})  # the account is the Target
_GROUPS = frozenset(range(4727, 4738)) | frozenset(range(4744, 4765))
# SYSTEM, LOCAL SERVICE, NETWORK SERVICE, anonymous; services, IIS pools, virtual machines, window and font managers
_NO_PERSON = (
    "S-1-5-18", "S-1-5-19", "S-1-5-20", "S-1-5-7", "S-1-5-80-", "S-1-5-82-", "S-1-5-83-", "S-1-5-90-", "S-1-5-96-", "S-1-0-0",
)
_WRITE, _APPEND, _DELETE = 0x2, 0x4, 0x10000


def _subject(data: Mapping[str, str]) -> Fields:
    return {
        "user": data.get("subjectusername", ""), "user_id": data.get("subjectusersid", ""),
        "user_domain": data.get("subjectdomainname", ""),
    }


def _target(data: Mapping[str, str]) -> Fields:
    # Tickets name the account "name@REALM".
    return {
        "user": data.get("targetusername", "").partition("@")[0],
        "user_id": data.get("targetusersid") or data.get("targetsid", ""), "user_domain": data.get("targetdomainname", ""),
    }


def _common(found: WindowsEvent) -> Fields:
    data = found.data
    target = found.id in _LOG_ONS
    fields: Fields = _target(data) if target else _subject(data)
    if executable := data.get("processname") or data.get("application", ""):
        fields |= {"executable": executable, "process": file_name(executable)}
    fields["pid"] = number(data.get("processid", ""))
    if address := values.address(data.get("ipaddress", "")):
        fields |= {"src_ip": address, "src_port": values.port(data.get("ipport", ""))}
    if "workstationname" in data:
        fields["src_host"] = data["workstationname"]
    log_on = data.get("targetlogonid" if target else "subjectlogonid", "")
    if log_on not in ("", "0x0"):
        fields["session"] = f"{found.computer}/{log_on.lower()}"
        fields["extra"] = {"winlog.logon.id": log_on}
    return fields


def _log_on(found: WindowsEvent, fields: Fields) -> list[Fields]:
    """Read 4624 and 4625."""
    kind = found.data.get("logontype", "")
    fields["extra"] = fields.get("extra", {}) | {"winlog.logon.type": windows_events.LOGON_TYPES.get(kind, kind)}
    fields["activity"] = Activity.LOGIN
    if found.id == 4624:
        return [fields | {"outcome": "success"}]
    status = number(found.data.get("substatus", "")) or number(found.data.get("status", ""))
    fields["extra"]["winlog.logon.failure.sub_status"] = f"0x{status:X}"
    return [fields | {"outcome": "failure", "reason": windows_events.STATUS.get(status, Reason.OTHER), "session": ""}]


def _log_off(_found: WindowsEvent, fields: Fields) -> list[Fields]:
    """Read 4634 and 4647; whether the session was a privileged one is known to who saw its 4672."""
    closed = fields | {"activity": Activity.SESSION_CLOSE}
    if not _person(fields):
        return [closed]
    return [closed, fields | {"activity": Activity.PRIVILEGE_CLOSE, "effective_user": fields["user"]}]


def _person(fields: Fields) -> bool:
    user: str = fields["user"]
    return bool(user) and not user.endswith("$") and not fields["user_id"].startswith(_NO_PERSON)


def _privileges(_found: WindowsEvent, fields: Fields) -> list[Fields]:
    """Read 4672: a log-on got special privileges."""
    if _person(fields):
        fields |= {"activity": Activity.PRIVILEGE_OPEN, "effective_user": fields["user"]}
    return [fields]


def _explicit(found: WindowsEvent, fields: Fields) -> list[Fields]:
    """Read 4648: the subject used another account's password; a log-on of that account follows where it succeeded."""
    return [fields | {"effective_user": found.data.get("targetusername", "").partition("@")[0]}]


def _kerberos(found: WindowsEvent, fields: Fields) -> list[Fields]:
    """Read 4768 and 4771 of a domain controller."""
    status = number(found.data.get("status", ""))
    if found.id == 4771 or status:
        failed = {"outcome": "failure", "reason": windows_events.KERBEROS.get(status, Reason.OTHER)}
        return [fields | failed | {"activity": Activity.LOGIN, "session": ""}]
    return [fields | {"activity": Activity.LOGIN, "outcome": "success"}]


def _ntlm(found: WindowsEvent, fields: Fields) -> list[Fields]:
    """Read 4776: credentials checked, by the domain controller or for a local account by the host."""
    fields |= source(found.data.get("workstation", "").strip("\\"))
    status = number(found.data.get("status", ""))
    fields["activity"] = Activity.LOGIN
    if status:
        return [fields | {"outcome": "failure", "reason": windows_events.STATUS.get(status, Reason.OTHER)}]
    return [fields | {"outcome": "success"}]


def _session(found: WindowsEvent, fields: Fields) -> list[Fields]:
    """Read 4778 and 4779: a window station was connected or left."""
    data = found.data
    fields |= source(data.get("clientaddress", ""))
    fields |= {"user": data.get("accountname", ""), "user_domain": data.get("accountdomain", "")}
    if "logonid" in data:
        fields["session"] = f"{found.computer}/{data['logonid'].lower()}"
    return [fields | {"src_host": data.get("clientname", "")}]


def _account(found: WindowsEvent, fields: Fields) -> list[Fields]:
    """Read a change of an account or a group."""
    data = found.data
    extra = fields.setdefault("extra", {})
    if found.id in _GROUPS:
        extra |= {"group.name": data.get("targetusername", ""), "group.id": data.get("targetsid", "")}
        member = data.get("membername", "")
        # "CN=Name,OU=..."; a local account is known by its SID only
        fields["target_user"] = member.partition(",")[0].removeprefix("CN=").removeprefix("cn=") or data.get("membersid", "")
    else:
        fields["target_user"] = (data.get("oldtargetusername") or data.get("targetusername", "")).partition("@")[0]
        if "newtargetusername" in data:
            extra["user.changes.name"] = data["newtargetusername"]
    return [fields]


def _process(found: WindowsEvent, fields: Fields) -> list[Fields]:
    """Read 4688 and 4689."""
    data = found.data
    if found.id == 4688:
        executable, parent = data.get("newprocessname", ""), data.get("parentprocessname", "")
        fields |= {
            "executable": executable, "process": file_name(executable), "pid": number(data.get("newprocessid", "")),
            "parent": file_name(parent), "ppid": number(data.get("processid", "")), "command": data.get("commandline", ""),
            "effective_user": data.get("targetusername", ""),
        }
    return [fields]


def _flow(found: WindowsEvent, fields: Fields) -> list[Fields]:
    """Read 5152 to 5159 of the filtering platform."""
    data = found.data
    return [fields | {
        "src_ip": values.address(data.get("sourceaddress", "")), "src_port": values.port(data.get("sourceport", "")),
        "dst_ip": values.address(data.get("destaddress", "")), "dst_port": values.port(data.get("destport", "")),
        "transport": values.TRANSPORT.get(data.get("protocol", ""), ""),
    }]


def _object(found: WindowsEvent, fields: Fields) -> list[Fields]:
    """Read 4656 to 4670 about an object; a write to a file or its deletion is a change of it."""
    data = found.data
    if data.get("objecttype") == "File":
        fields["path"] = data.get("objectname", "")
        access = number(data.get("accessmask", ""))
        if found.id == 4663 and fields["path"] and access & (_WRITE | _APPEND | _DELETE):
            fields |= {"activity": Activity.FILE_CHANGE, "type": ("deletion",) if access & _DELETE else ("change",)}
    return [fields]


def _share(found: WindowsEvent, fields: Fields) -> list[Fields]:
    """Read 5140 to 5145."""
    share, name = found.data.get("sharelocalpath", ""), found.data.get("relativetargetname", "")
    return [fields | {"path": f"{share}\\{name}" if share and name else ""}]


_READERS: Mapping[int, Callable[[WindowsEvent, Fields], list[Fields]]] = {
    4624: _log_on, 4625: _log_on, 4634: _log_off, 4647: _log_off, 4648: _explicit, 4672: _privileges, 4768: _kerberos,
    4771: _kerberos, 4776: _ntlm, 4778: _session, 4779: _session, 4688: _process, 4689: _process,
    **dict.fromkeys((4656, 4660, 4663, 4670), _object),
    **dict.fromkeys((5140, 5142, 5143, 5144, 5145), _share),
    **dict.fromkeys((5152, 5153, 5154, 5155, 5156, 5157, 5158, 5159), _flow),
    **dict.fromkeys((4740, 4767, 4797, 4798), _account),
    **{number: _account for number, activity in windows_events.ACTIVITIES.items() if activity == Activity.ACCOUNT_CHANGE},
}


def interpret(found: WindowsEvent) -> list[Fields]:
    """Fields of the events that ``found`` tells, by log and number."""
    code = found.id
    reader = None
    if found.provider == _SYSMON or found.channel.startswith("Microsoft-Windows-Sysmon"):
        table, activities, fields = windows_events.SYSMON, windows_events.SYSMON_ACTIVITIES, windows_programs.sysmon(found)
    elif "PowerShell" in found.provider or "PowerShell" in found.channel:
        return [windows_programs.powershell(found) | {"outcome": found.outcome}]
    elif found.provider == _SECURITY or found.channel in ("Security", "") or code in (1100, 1102, 1104, 1105, 1108):
        table, activities, fields = windows_events.SECURITY, windows_events.ACTIVITIES, _common(found)
        reader = _READERS.get(code)
    elif found.channel == "System":
        table, activities, fields = windows_events.SYSTEM, windows_events.SYSTEM_ACTIVITIES, _common(found)
    else:
        return [_common(found) | {"activity": Activity.OTHER, "outcome": found.outcome}]
    action, category, kind = table.get(code, ("", (), ()))
    fields |= {"activity": activities.get(code, Activity.OTHER), "action": action, "category": category, "type": kind}
    fields["outcome"] = found.outcome
    return [fields] if reader is None else reader(found, fields)


def complete(found: WindowsEvent, fields: Fields) -> Fields:
    """Add to ``fields`` what every event has: number, log, computer, sequence, rank, message."""
    boot = fields["activity"] == Activity.BOOT  # stands first: whatever was open before has ended
    log = {"winlog.channel": found.channel, "winlog.provider_name": found.provider}
    return {
        "seq": found.record, "host": found.computer, "message": found.message, "code": str(found.id),
        "rank": 0 if boot else values.rank(fields["activity"], fields["outcome"]),
    } | fields | {"extra": values.filled(fields.get("extra", {}) | log)}
