"""Windows security events as winlogbeat ships them, one JSON object a line."""

import json
from typing import Any

from streams.simulator import clock

WRONG_PASSWORD = "0xc000006a"  # noqa: S105 - a status code of Windows, not a secret
UNKNOWN_USER = "0xc0000064"
DISABLED = "0xc0000072"
EXPIRED = "0xc0000193"
PASSWORD_EXPIRED = "0xc0000071"  # noqa: S105 - a status code of Windows, not a secret

_NAMES = {
    4624: ("logged-in", "success", "Audit Success", "An account was successfully logged on."),
    4625: ("logon-failed", "failure", "Audit Failure", "An account failed to log on."),
    4634: ("logged-out", "success", "Audit Success", "An account was logged off."),
    4771: ("kerberos-preauth-failed", "failure", "Audit Failure", "Kerberos pre-authentication failed."),
    4672: ("logged-in-special", "success", "Audit Success", "Special privileges assigned to new logon."),
    4740: ("locked-out-user-account", "success", "Audit Success", "A user account was locked out."),
}
_TASKS = {4672: "Special Logon", 4740: "User Account Management", 4771: "Kerberos Authentication Service"}


def _event(t: int, host: str, record: int, code: int, data: dict[str, str]) -> str:
    action, outcome, keyword, message = _NAMES[code]
    document: dict[str, Any] = {
        "@timestamp": f"{clock.utc(t)}.{clock.millis(t)}Z",
        "event": {
            "action": action, "code": str(code), "kind": "event", "outcome": outcome,
            "provider": "Microsoft-Windows-Security-Auditing",
        },
        "host": {"name": host},
        "log": {"level": "information"},
        "message": message,
        "winlog": {
            "channel": "Security", "computer_name": host, "event_data": data, "event_id": str(code),
            "keywords": [keyword], "opcode": "Info", "process": {"pid": 656, "thread": {"id": 712}},
            "provider_name": "Microsoft-Windows-Security-Auditing", "record_id": record,
            "task": _TASKS.get(code, "Logon"),
        },
    }
    return json.dumps(document, separators=(",", ":"))


def failed(t: int, host: str, record: int, user: str, ip: str, *, status: str = WRONG_PASSWORD, kind: int = 3) -> str:
    """4625: a log-on that failed; ``status`` is the sub status, ``kind`` the log-on type."""
    top = "0xc000006d" if status in (WRONG_PASSWORD, UNKNOWN_USER) else status
    return _event(t, host, record, 4625, {
        "SubjectUserSid": "S-1-0-0", "SubjectUserName": "-", "SubjectDomainName": "-", "SubjectLogonId": "0x0",
        "TargetUserSid": "S-1-0-0", "TargetUserName": user, "TargetDomainName": "SHANAN", "Status": top,
        "SubStatus": status, "FailureReason": "%%2313", "LogonType": str(kind), "LogonProcessName": "NtLmSsp ",
        "AuthenticationPackageName": "NTLM", "WorkstationName": "-", "IpAddress": ip, "IpPort": "0",
    })


def preauthentication_failed(t: int, host: str, record: int, user: str, ip: str) -> str:
    """4771: a domain controller refuses a ticket for a wrong password (Kerberos error 0x18)."""
    return _event(t, host, record, 4771, {
        "TargetUserName": user, "TargetSid": "S-1-5-21-1717121054-434620538-60925301-2794", "ServiceName": "krbtgt/SHANAN",
        "TicketOptions": "0x40810010", "Status": "0x18", "PreAuthType": "2", "IpAddress": f"::ffff:{ip}", "IpPort": "50112",
    })


def accepted(t: int, host: str, record: int, user: str, ip: str, *, kind: int = 3) -> str:
    """4624: a log-on that succeeded."""
    return _event(t, host, record, 4624, {
        "SubjectUserSid": "S-1-0-0", "SubjectUserName": "-", "SubjectDomainName": "-", "SubjectLogonId": "0x0",
        "TargetUserSid": "S-1-5-21-1717121054-434620538-60925301-2794", "TargetUserName": user,
        "TargetDomainName": "SHANAN", "TargetLogonId": hex(0x400000 + record), "LogonType": str(kind),
        "LogonProcessName": "NtLmSsp ", "AuthenticationPackageName": "NTLM", "WorkstationName": "-", "IpAddress": ip,
        "IpPort": "0", "ElevatedToken": "%%1843",
    })


def elevated(t: int, host: str, record: int, user: str, *, logon: int) -> str:
    """4672: a log-on with a token of special privileges; ``logon`` is the record of its 4624."""
    return _event(t, host, record, 4672, {
        "SubjectUserSid": "S-1-5-21-1717121054-434620538-60925301-2794", "SubjectUserName": user, "SubjectDomainName": "SHANAN",
        "SubjectLogonId": hex(0x400000 + logon),
        "PrivilegeList": "SeSecurityPrivilege\n\t\t\tSeDebugPrivilege\n\t\t\tSeImpersonatePrivilege",
    })


def logoff(t: int, host: str, record: int, user: str, *, kind: int = 3, logon: int | None = None) -> str:
    """4634: a log-off; ``logon`` is the record of its 4624, if that was told."""
    return _event(t, host, record, 4634, {
        "TargetUserSid": "S-1-5-21-1717121054-434620538-60925301-2794", "TargetUserName": user,
        "TargetDomainName": "SHANAN", "TargetLogonId": hex(0x400000 + (record if logon is None else logon)),
        "LogonType": str(kind),
    })


def locked(t: int, host: str, record: int, user: str, caller: str) -> str:
    """4740: a domain controller locked an account; ``caller`` is the computer the attempts came through."""
    return _event(t, host, record, 4740, {
        "TargetUserName": user, "TargetDomainName": caller, "TargetSid": "S-1-5-21-1717121054-434620538-60925301-2794",
        "SubjectUserSid": "S-1-5-18", "SubjectUserName": f"{host.upper()}$", "SubjectDomainName": "SHANAN",
        "SubjectLogonId": "0x3e7",
    })
