"""What each type of PAN-OS log says, from its fields in the default order; used by the feed ``panos``.

The places of the fields are those of "Syslog Field Descriptions" in the PAN-OS administrator's guide (8.1 to 11.2).
"""

import re
from typing import Any

from schemas.event import Activity, Reason
from streams.feeds.kit.panos_path import configured_object
from streams.feeds.kit.values import account, address, filled, port

Row = list[str]
Result = dict[str, Any]

_NETWORK = ("network",)
_SUBTYPE = {"start": "start", "end": "end", "drop": "denied", "deny": "denied"}
_FLOW_ACTION = {"start": "flow_started", "end": "flow_terminated", "drop": "flow_dropped", "deny": "flow_denied"}
_ALLOWED = frozenset(("allow", "alert", "continue", "override", "wildcard", "syncookie-sent"))
_DENIED = ("deny", "drop", "reset", "block", "random-drop", "sinkhole")
_THREAT_ACTION = {
    "vulnerability": "exploit_detected", "virus": "virus_detected", "wildfire": "wildfire_verdict",
    "wildfire-virus": "wildfire_virus_detected", "spyware": "spyware_detected", "scan": "scan_detected",
    "flood": "flood_detected", "url": "url_filtering", "file": "file_match", "data": "data_match", "packet": "packet_detected",
}
_CONFIG_TYPE = {"add": "creation", "set": "change", "clone": "creation", "delete": "deletion"}

# In the description of SYSTEM logs. A user name may hold anything: what stands before it comes first, then what stands last.
_USER = re.compile(r"[Uu]ser(?: name:)? '([^']{1,255})'|User name: ([^,]{1,255})|User (\S{1,255}) logged")
_LOGIN_FROM = re.compile(r"[^,']{0,200}Login from: ([0-9A-Fa-f.:]{2,45}),")
_FROM = re.compile(r".*[Ff]rom:? ([0-9A-Fa-f.:]{2,45})", re.DOTALL)
_REASON = re.compile(r"Reason: ([^,]{1,128})")
_REASONS = (
    ("locked", Reason.LOCKED), ("expired", Reason.EXPIRED), ("disabled", Reason.DISABLED), ("otp", Reason.OTP),
    ("not in allow", Reason.NOT_ALLOWED), ("allow list", Reason.NOT_ALLOWED), ("not allowed", Reason.NOT_ALLOWED),
    ("unknown user", Reason.UNKNOWN_USER), ("not found", Reason.UNKNOWN_USER),
)
_COMMIT_DONE = re.compile(r"Commit(?:-all)? job succeeded(?: for user ([^.\s]{1,128}))?")


def _session(row: Row) -> Result:
    """The fields that all logs of sessions have in common."""
    domain, user = account(row[12])
    return {
        "category": _NETWORK, "src_ip": address(row[7]), "dst_ip": address(row[8]), "rule": row[11], "user": user,
        "user_domain": domain, "src_port": port(row[24]), "dst_port": port(row[25]), "transport": row[29].lower(),
    }


def _verdict(action: str) -> tuple[tuple[str, ...], str]:
    if action in _ALLOWED:
        return ("allowed",), "success"
    return (("denied",) if action.startswith(_DENIED) else ()), "failure"


def traffic(row: Row) -> Result:
    """Read the start or end of a session, or one that was refused."""
    types, outcome = _verdict(row[30])
    subtype = row[4]
    if subtype in _SUBTYPE:
        types = tuple(dict.fromkeys((*types, _SUBTYPE[subtype], "connection")))
    extra = {"network.application": row[14], "observer.ingress.zone": row[16], "observer.egress.zone": row[17]}
    return _session(row) | {
        "activity": Activity.FLOW, "type": types, "action": _FLOW_ACTION.get(subtype, ""), "outcome": outcome,
        "extra": filled(extra),
    }


def decryption(row: Row) -> Result:
    """Read a TLS session that was, or should have been, decrypted."""
    types, outcome = _verdict(row[30])
    failed = len(row) > 64 and row[64] != ""
    return _session(row) | {"activity": Activity.FLOW, "type": types, "outcome": "failure" if failed else outcome}


def threat(row: Row) -> Result:
    """Read what a security profile found in a session."""
    types, outcome = _verdict(row[30])
    subtype = row[4]
    result = _session(row) | {
        "activity": Activity.FLOW if subtype == "url" and outcome == "success" else Activity.ALERT, "kind": "alert",
        "category": ("intrusion_detection", "threat", "network"), "type": types, "outcome": outcome,
        "action": _THREAT_ACTION.get(subtype, subtype),
    }
    named = {"panw.panos.threat.name": row[32], "log.level": row[34], "network.application": row[14]}
    if subtype == "url":
        result["url"] = row[31]
        result["url_path"] = "/" + row[31].partition("?")[0].partition("/")[2]
    else:
        named["file.name"] = row[31]
    return result | {"extra": filled(named)}


def config(row: Row) -> Result:
    """Read a change of the candidate configuration, or a commit, which makes it the running one."""
    command, outcome = row[9].lower(), row[12].lower()
    result: Result = {
        "activity": Activity.OTHER, "category": ("configuration",), "type": ("change",), "action": command,
        "outcome": "success" if outcome == "succeeded" else "failure" if outcome in ("failed", "unauthorized") else "",
        "user": row[10], "src_ip": address(row[7]),
    }
    extra = {"panw.panos.client": row[11], "panw.panos.result": row[12], "panw.panos.path": row[13]}
    if len(row) > 15 and not without_details(row):
        extra |= {"panw.panos.before_change_detail": row[14], "panw.panos.after_change_detail": row[15]}
    if command.startswith("commit"):
        if outcome == "succeeded":
            result["activity"] = Activity.FIREWALL_COMMIT
    elif outcome not in ("failed", "unauthorized"):
        result["activity"] = Activity.FIREWALL_CHANGE
        result["type"] = (_CONFIG_TYPE.get(command, "change"),)
    name = configured_object(row[13])
    return result | {"objects": (name,) if name else (), "extra": filled(extra)}


def without_details(row: Row) -> bool:
    """Whether the details before and after the change are left out, as in the default format up to PAN-OS 9."""
    return row[15].startswith("0x")


def system(row: Row) -> Result:
    """Read a system log: log-ins, commit and update jobs, the rest."""
    event, description = row[8].lower(), row[14]
    result: Result = {"category": ("host",), "type": ("info",), "action": row[8], "message": description}
    committed = _COMMIT_DONE.match(description)
    if committed is not None:
        return result | {
            "activity": Activity.FIREWALL_COMMIT, "category": ("configuration",), "type": ("change",), "action": "commit",
            "outcome": "success", "user": committed[1] or "",
        }
    if "update job succeeded" in description or "install job succeeded" in description:
        return result | {"activity": Activity.CONFIG_CHANGE, "category": ("configuration",), "type": ("change",)}
    failed = "auth-fail" in event or description.startswith("failed authentication")
    if failed or "auth-succ" in event:
        return result | _login(description, "failure" if failed else "success")
    opened = " logged in via " in description
    if opened or " logged out via " in description:
        return result | _login(description, "success") | {
            "activity": Activity.SESSION_OPEN if opened else Activity.SESSION_CLOSE,
            "type": ("start" if opened else "end",), "reason": "",
        }
    if row[4] == "ha":
        result["extra"] = {"panw.panos.object": row[9], "panw.panos.module": row[12]}
    return result


def _login(description: str, outcome: str) -> Result:
    user = _USER.search(description)
    source = _LOGIN_FROM.match(description) or _FROM.match(description)
    name = "" if user is None else user[1] or user[2] or user[3]
    domain, name = account(name) if "\\" in name else ("", name)
    return {
        "activity": Activity.LOGIN, "category": ("authentication",), "type": ("start",), "outcome": outcome,
        "reason": _reason(description) if outcome == "failure" else "", "user": name, "user_domain": domain,
        "src_ip": address(source[1].rstrip(".")) if source is not None else "",
    }


def _reason(text: str) -> str:
    """Why it failed; "Invalid username/password", and a failure without a cause, count as a wrong password."""
    match = _REASON.search(text)
    words = (match[1] if match is not None else text).casefold()
    return next((reason for word, reason in _REASONS if word in words), Reason.WRONG_PASSWORD)


def globalprotect(row: Row) -> Result:
    """Read a step of a client's connection. The steps portal-auth and gateway-auth are its log-ins.

    Of a log-in the public address counts, of other steps the private one, as the client reports it.
    """
    event, status = row[8], row[28].lower() if len(row) > 28 else ""
    public = address(row[15]) or address(row[16])
    private = address(row[17]) or address(row[18])
    domain, user = account(row[12])
    outcome = {"success": "success", "failure": "failure"}.get(status, "")
    result: Result = {
        "category": _NETWORK, "code": event, "action": event, "outcome": outcome, "user": user, "user_domain": domain,
        "src_ip": public if private in ("", "0.0.0.0", "::") else private,  # noqa: S104 - no address was given
        "src_host": row[14], "host": row[14], "extra": filled({"source.nat.ip": public, "panw.panos.stage": row[9]}),
    }
    if event in ("portal-auth", "gateway-auth") and outcome:
        result |= {
            "activity": Activity.LOGIN, "category": ("authentication",), "type": ("start",), "src_ip": public or private,
            "host": "", "reason": _reason(row[25] or row[26]) if outcome == "failure" else "",
        }
    elif event == "gateway-connected":
        result["activity"] = Activity.SESSION_OPEN
    elif event == "gateway-logout":
        result["activity"] = Activity.SESSION_CLOSE
    return result


def userid(row: Row) -> Result:
    """Read a mapping of an address to a user, as learned elsewhere: no log-in at this firewall."""
    domain, user = account(row[9])
    return {
        "category": ("network", "iam"), "code": row[11], "action": row[4], "user": user, "user_domain": domain,
        "src_ip": address(row[8]), "extra": filled({"panw.panos.data_source": row[17] if len(row) > 17 else ""}),
    }


def authentication(row: Row) -> Result:
    """Read a log of authentication policy (captive portal, multi-factor): its event type or description says how it ended."""
    words = f"{row[20]} {row[18]}".casefold()
    failed = any(word in words for word in ("fail", "den", "reject", "invalid", "lock", "timeout", "time out"))
    domain, user = account(row[9] or row[10])
    return {
        "activity": Activity.LOGIN, "category": ("authentication",), "outcome": "failure" if failed else "success",
        "reason": _reason(words) if failed else "", "user": user, "user_domain": domain, "src_ip": address(row[8]),
        "action": row[20], "message": row[18],
    }


def hipmatch(row: Row) -> Result:
    """Read a match of a client's host information profile."""
    domain, user = account(row[7])
    return {
        "category": ("host",), "type": ("info",), "user": user, "user_domain": domain, "src_ip": address(row[11]),
        "src_host": row[9], "rule": row[12], "action": row[14],
    }


def iptag(row: Row) -> Result:
    """Read the tagging of an address."""
    return {"category": _NETWORK, "code": row[10], "src_ip": address(row[8]), "extra": filled({"panw.panos.tag": row[9]})}


def correlation(row: Row) -> Result:
    """Read a verdict over several logs."""
    domain, user = account(row[8])
    return {
        "activity": Activity.ALERT, "kind": "alert", "category": ("intrusion_detection",), "src_ip": address(row[7]),
        "user": user, "user_domain": domain, "rule": row[19] if len(row) > 19 else "", "type": ("info",),
    }
