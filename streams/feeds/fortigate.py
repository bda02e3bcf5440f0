"""FortiGate (FortiOS) logs: key=value lines of traffic, UTM and events, with or without a syslog header.

What a line means is decided by type, subtype, the last six digits of ``logid`` (the message id of the "FortiOS Log
Message Reference") and ``action``.
"""

import re
from typing import Any

from schemas.event import Activity, Reason
from streams.feeds.kit import fortios_time, syslog
from streams.feeds.kit.contract import Feed, Parsed, RawRecord, Unreadable
from streams.feeds.kit.keyvalue import pairs
from streams.feeds.kit.values import TRANSPORT, address, port, rank

Fields = dict[str, str]

_EMPTY = ("N/A", "(null)")
_UI_ADDRESS = re.compile(r"[\w-]{1,32}\(([0-9A-Fa-f.:]{2,45})\)?")
_NETWORK = ("network",)

# FortiOS 4, 5 and the VoIP profile write other names.
_OLD_NAMES = (
    ("srcip", "src"), ("dstip", "dst"), ("srcport", "src_port"), ("dstport", "dst_port"), ("logid", "log_id"),
    ("devid", "device_id"), ("policyid", "policy_id"),
)

_LOGIN_FAILED = ("32002", "43009", "39426", "32038")  # administrator, user, SSL VPN, administrator by token
_LOGIN_ACTIONS = ("login", "authentication", "auth-logon", "ssl-login-fail")
_OPEN_ACTIONS = ("fsso-logon", "tunnel-up")
_CLOSE_ACTIONS = ("logout", "auth-logout", "fsso-logoff", "tunnel-down", "auth-timeout")
_LOCKED = ("32021", "43010")  # administrators' log-in disabled for an address, user locked out
_REASONS = (
    ("passwd_invalid", Reason.WRONG_PASSWORD), ("password", Reason.WRONG_PASSWORD),
    ("credential", Reason.WRONG_PASSWORD), ("login_permission_denied", Reason.WRONG_PASSWORD),
    ("name_invalid", Reason.UNKNOWN_USER), ("unknown_user", Reason.UNKNOWN_USER), ("invalid user", Reason.UNKNOWN_USER),
    ("exceed_limit", Reason.LOCKED), ("block", Reason.LOCKED), ("lock", Reason.LOCKED),
    ("token", Reason.OTP), ("two-factor", Reason.OTP), ("otp", Reason.OTP),
    ("expire", Reason.EXPIRED), ("disable", Reason.DISABLED), ("trust", Reason.NOT_ALLOWED),
    ("not allowed", Reason.NOT_ALLOWED), ("denied", Reason.NOT_ALLOWED), ("no_matching", Reason.NOT_ALLOWED),
)

# LOG_ID_RESTORE_CONF and LOG_ID_RESTORE_CONF_BY_MGMT: the configuration as a whole was replaced by a saved one.
_RESTORED = ("32203", "32565")
_CONFIG_TYPE = {"add": "creation", "delete": "deletion"}
_DENIED = frozenset((
    "deny", "denied", "block", "blocked", "blocked_login", "drop", "dropped", "drop_session", "reset", "reset_client",
    "reset_server", "clear_session", "quarantine", "redirect", "ip-blocked", "infected",
))
_ALERTS = {
    "ips": ("network", "intrusion_detection"), "anomaly": ("network", "intrusion_detection"),
    "waf": ("network", "intrusion_detection"), "virus": ("network", "malware"), "dlp": _NETWORK,
}
# FortiOS 4 and 5.0 gave each security profile a type of its own.
_FLOWS = frozenset((*_ALERTS, "traffic", "utm", "webfilter", "app-ctrl", "emailfilter", "voip", "dns", "attack"))
# How FortiOS 6.2 and later begin a line of traffic: what tells that it is one, and when it was.
_TRAFFIC = re.compile(
    r'date=(\d{4}-\d\d-\d\d) time=(\d\d:\d\d:\d\d) devname="[^"\\]*" devid="[^"\\]*" eventtime=(\d{9,19}) '
    r'tz="([^"\\]*)" logid="\d*" type="traffic" ',
    re.ASCII,
)
_KNOWN = ("logid", "log_id", "devname", "date", "eventtime")
_DIRECTION = {"outgoing": "outbound", "incoming": "inbound"}
_VENDOR = (
    ("cfgattr", "fortinet.firewall.cfgattr"), ("cfgpath", "fortinet.firewall.cfgpath"),
    ("cfgobj", "fortinet.firewall.cfgobj"), ("cfgcomment", "fortinet.firewall.cfgcomment"),
    ("ui", "fortinet.firewall.ui"), ("vd", "fortinet.firewall.vd"), ("logdesc", "rule.description"),
    ("level", "log.level"), ("devid", "observer.serial_number"),
)


def _admin(fields: Fields) -> str:
    """Address an administrator came from: ``srcip``, else the one in ``ui``, for example ``ssh(192.0.2.7)``."""
    source = fields.get("srcip")
    if source:
        return address(source)
    match = _UI_ADDRESS.match(fields.get("ui", ""))
    return address(match[1]) if match else ""


def _reason(fields: Fields) -> str:
    """Why a log-in failed; a failure without a cause counts as a wrong password."""
    words = fields.get("reason", "").casefold()
    if words in ("", "n/a", "none", "failed", "authentication failed", "auth failed"):
        words = fields.get("msg", "").casefold()
        return next((reason for word, reason in _REASONS if word in words), Reason.WRONG_PASSWORD)
    return next((reason for word, reason in _REASONS if word in words), Reason.OTHER)


def _config(fields: Fields) -> dict[str, Any]:
    """An object of the configuration was changed (message ids 44545 to 44547)."""
    action = fields.get("action", "").casefold()
    transaction = fields.get("cfgtid", "")
    path, name = fields["cfgpath"], fields.get("cfgobj", "")
    return {
        "activity": Activity.FIREWALL_CHANGE, "category": ("configuration",),
        "type": (_CONFIG_TYPE.get(action, "change"),), "action": action, "outcome": "success",
        "src_ip": _admin(fields), "ref": "" if transaction == "0" else transaction,
        "objects": (f"{path}/{name}" if name else path,),
    }


def _restored(fields: Fields) -> dict[str, Any]:
    """All of the configuration was replaced at once; the records of single objects do not tell what came with it."""
    return {
        "activity": Activity.FIREWALL_CHANGE, "category": ("configuration",), "type": ("change",), "action": "restore",
        "outcome": "success", "src_ip": _admin(fields), "objects": ("configuration",),
    }


def _login(fields: Fields, message: str, action: str) -> dict[str, Any] | None:
    """Log-ins, log-outs and locks of administrators and users, None for any other event."""
    if message in _LOCKED:
        return {
            "activity": Activity.LOCK, "category": ("authentication",), "type": ("denied",), "action": action,
            "outcome": "failure", "reason": Reason.LOCKED, "src_ip": _admin(fields),
        }
    if action in _LOGIN_ACTIONS or message in _LOGIN_FAILED or (
        action == "tunnel-up" and fields.get("tunneltype") == "ssl-web"
    ):
        failed = message in _LOGIN_FAILED or "fail" in action or "fail" in fields.get("status", "success")
        return {
            "activity": Activity.LOGIN, "category": ("authentication",), "type": ("start",), "action": action,
            "outcome": "failure" if failed else "success", "reason": _reason(fields) if failed else "",
            "src_ip": address(fields.get("remip", "")) or _admin(fields),
        }
    if action in _OPEN_ACTIONS or action in _CLOSE_ACTIONS:
        opened = action in _OPEN_ACTIONS
        tunnel = action.startswith("tunnel")
        return {
            "activity": Activity.SESSION_OPEN if opened else Activity.SESSION_CLOSE,
            "category": _NETWORK if tunnel else ("authentication",),
            "type": ("connection",) if tunnel else ("start" if opened else "end",), "action": action,
            "src_ip": address(fields.get("remip", "")) or _admin(fields),
        }
    return None


def _event(fields: Fields) -> dict[str, Any]:
    """A line of type event: configuration, log-ins, VPN, system."""
    if "cfgpath" in fields:
        return _config(fields)
    message = fields.get("logid", "")[-5:]
    action = fields.get("action", "").casefold()
    if message in _RESTORED:
        return _restored(fields)
    login = _login(fields, message, action)
    if login is not None:
        return login
    status = fields.get("status", "").casefold()
    outcome = "failure" if "fail" in status or "error" in status else "success" if status == "success" else ""
    result: dict[str, Any] = {"action": action, "outcome": outcome}
    subtype = fields.get("subtype", "")
    if subtype == "vpn":
        # Of a tunnel between gateways "rem" is the peer and "loc" this firewall.
        result |= {
            "category": _NETWORK, "type": ("connection",), "src_ip": address(fields.get("locip", "")),
            "src_port": port(fields.get("locport", "")), "dst_ip": address(fields.get("remip", "")),
            "dst_port": port(fields.get("remport", "")),
        }
    elif message.startswith("41"):
        # 41000 to 41999: packages and databases of FortiGuard, not the rules of the firewall.
        result |= {"activity": Activity.CONFIG_CHANGE, "category": ("configuration",), "type": ("change",)}
    elif message == "32102":
        # Says that something was changed in a session: what, stands in the records of 44545 to 44547 beside it.
        result |= {"activity": Activity.CONFIG_CHANGE, "category": ("configuration",), "type": ("change",)}
        result["src_ip"] = _admin(fields)
    elif action == "perf-stats":
        result |= {"category": ("host",), "type": ("info",)}
    elif subtype == "system":
        result["src_ip"] = _admin(fields)
    if subtype == "ha":
        result["extra"] = {f"fortinet.firewall.{name}": value for name, value in fields.items()}
    return result


def _flow(fields: Fields, kind: str) -> dict[str, Any]:
    """A line of type traffic or utm: a session, or what a security profile found in it."""
    action = fields.get("action") or fields.get("status", "")
    subtype = kind if kind in _ALERTS else fields.get("subtype", "")
    verdict = "denied" if action.casefold() in _DENIED else "allowed"
    activity: str = Activity.FLOW
    category: tuple[str, ...] = _NETWORK
    types: tuple[str, ...]
    if kind == "traffic":
        types = ("connection", "start" if action == "start" else "end", verdict)
        if "app" in fields:
            types = (*types[:2], "protocol", verdict)
    else:
        action = fields.get("eventtype") or action
        types = ("info", verdict) if subtype == "dns" else (verdict,)
        if subtype in _ALERTS:
            activity, category = Activity.ALERT, _ALERTS[subtype]
    name = fields.get("attack") or fields.get("virus") or fields.get("policyname", "")
    extra = {}
    if "hostname" in fields:
        extra["url.domain"] = fields["hostname"]
    if "direction" in fields:
        extra["network.direction"] = _DIRECTION.get(fields["direction"], fields["direction"])
    result = {
        "activity": activity, "category": category, "type": types, "action": action, "outcome": "success",
        "kind": "alert" if activity == Activity.ALERT else "event",
        "src_ip": address(fields.get("srcip", "")), "src_port": port(fields.get("srcport", "")),
        "dst_ip": address(fields.get("dstip", "")), "dst_port": port(fields.get("dstport", "")),
        "transport": TRANSPORT.get(fields.get("proto", ""), ""), "protocol": fields.get("service", "").lower(),
        "rule": name, "rule_id": fields.get("policyid", ""), "extra": extra,
    }
    if "url" in fields:
        result["url_path"] = fields["url"].partition("?")[0]
    return result


def parse(record: RawRecord) -> Parsed:
    """The event of one line; raises Unreadable if it has no field of FortiOS or no readable time."""
    text = record.text
    start = text.find(">", 0, 6) + 1 if text[:1] == "<" else 0
    if Activity.FLOW not in record.asked and (begun := _TRAFFIC.match(text, start)) is not None:
        t, _ = fortios_time.time(record, dict(zip(("date", "time", "eventtime", "tz"), begun.groups(), strict=True)))
        yield record.event(t=t, activity=Activity.FLOW)
        return
    fields = pairs(text[start:] if start else text)
    if "type" not in fields and not any(name in fields for name in _KNOWN):
        raise Unreadable("missing_field", f"expected key=value with date, devname, logid or type, got {text[:64]!r}")
    if "log_id" in fields or "src_port" in fields:
        for name, old in _OLD_NAMES:
            if old in fields:
                fields.setdefault(name, fields[old])
    kind = fields.get("type", "")
    if kind in _FLOWS:
        result = _flow(fields, kind)
    else:
        result = _event(fields)
        named = {name: fields[field] for field, name in _VENDOR if field in fields}
        result["extra"] = result["extra"] | named if "extra" in result else named
    host = fields.get("devname") or fields.get("devid") or syslog.split(text).host
    user = fields.get("user", "")
    if user in _EMPTY:
        user = fields.get("xauthuser", "")
    t, rest = fortios_time.time(record, fields)
    yield record.event(
        t=t, seq=rest, rank=rank(result.get("activity", ""), result.get("outcome", "")), host=host, observer=host,
        user="" if user in _EMPTY else user, code=fields.get("logid", ""),
        message=fields.get("msg") or fields.get("logdesc") or fields.get("desc", ""), **result,
    )


feed = Feed(
    title="Fortinet FortiGate (FortiOS)",
    kinds=("firewall", "ids", "vpn", "proxy", "waf"),
    parse=parse,
    aliases=("fortinet", "fortinet_fortigate.log", "fortinet_fortigate", "wazuh.fortigate"),
    reference="https://docs.fortinet.com/document/fortigate/7.6.5/fortios-log-message-reference",
)
