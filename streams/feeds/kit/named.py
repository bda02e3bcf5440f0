"""Named fields of any vendor (CEF, LEEF, key=value, JSON) into fields of events, by the names in common use.

Of several names for one thing the first in the table that holds a readable value counts, never the order in the record.
"""

import re
from collections.abc import Mapping
from typing import Any

from schemas.event import Activity
from streams.feeds.kit import anyline, stamps, typed, words
from streams.feeds.kit.contract import RawRecord, Unreadable
from streams.feeds.kit.ecs_document import Document
from streams.feeds.kit.values import TRANSPORT, account, address, arrival, number, port

MAX_FIELDS = 512
MAX_EXTRA = 40
MAX_VALUE = 1024

Flat = Mapping[str, str]

_NAMES: dict[str, tuple[str, ...]] = {
    "src_ip": (
        "srcip", "src", "sourceip", "sourceipaddress", "sourceaddress", "clientip", "clientipaddress", "clientaddress",
        "callerip", "calleripaddress", "remoteip", "remoteaddr", "remoteaddress", "remip", "rhost", "rip", "cip", "srcaddr",
        "attackerip", "identsrc", "ipaddress", "ipaddr", "ip", "remotehost", "remote", "client", "source", "from",
    ),
    "dst_ip": (
        "dstip", "dst", "destinationip", "destip", "destinationaddress", "dstaddr", "targetip", "serverip", "localip",
        "locip", "destination", "dest",
    ),
    "user": (
        "username", "usrname", "user", "accountname", "account", "login", "loginname", "targetusername", "duser", "suser",
        "dstuser", "srcuser", "subjectusername", "userprincipalname", "principalname", "email", "useremail", "acct", "uname",
        "principal", "userlogin", "adminname", "admin", "operator", "actor", "authenticationid", "accountid",
    ),
    "host": (
        "dvchost", "devname", "hostname", "host", "computername", "computer", "machine", "devicename", "identhostname",
        "nodename", "node", "sensor", "dvc",
    ),
    "action": ("act", "action", "eventaction", "eventid", "eventtype", "eventname", "event", "operation", "op", "type"),
    "message": ("msg", "message", "description", "desc", "eventdescription", "text"),
    "method": ("requestmethod", "httpmethod", "httprequestmethod", "method", "verb"),
    "url": ("request", "url", "requesturl", "uri", "httppath", "requesturi"),
    "path": ("filepath", "filename", "fname", "targetpath", "targetfile", "path", "file"),
    "process": ("processname", "process", "sproc", "dproc", "deviceprocessname", "program", "image"),
    "rule": ("rulename", "policyname", "signature", "attack", "threatname", "virusname", "rule", "policy"),
    "rule_id": ("ruleid", "policyid", "signatureid", "attackid"),
    "session": ("sessionid", "session"),
}
_PORTS = {
    "src_port": ("spt", "srcport", "sourceport", "clientport", "remoteport"),
    "dst_port": ("dpt", "dstport", "destport", "destinationport"),
}
_STATUS = ("statuscode", "httpstatus", "httpstatuscode", "httpresponsestatuscode", "responsecode", "status")
_TRANSPORT = ("transport", "proto", "ipprotocol", "protocol")
_RESULT = (
    "outcome", "eventoutcome", "result", "status", "success", "reason", "failurereason", "error", "errormessage", "resulttype",
)
_TIMES = (
    "eventtime", "rt", "devtime", "timestamp", "time", "datetime", "ts", "eventdatetime", "date", "createdat", "generatedtime",
    "occurred", "epochsecond", "start", "end", "t",
)
# Names of nothing but a time: where their values cannot be read, nothing else may stand for it.
_SURE_TIMES = frozenset((
    "eventtime", "rt", "devtime", "timestamp", "datetime", "eventdatetime", "createdat", "generatedtime", "occurred",
    "time", "date", "ts",
))
_DURATION = re.compile(r"\d{1,9}(?:\.\d{1,9})? ?(?:[mnuµ]?s|sec|min|h)?", re.IGNORECASE)
_SURE = {
    "src_ip": frozenset(("srcip", "sourceip", "sourceipaddress", "clientip", "remoteip", "remoteaddr", "srcaddr", "ipaddress")),
    "dst_ip": frozenset(("dstip", "destinationip", "destip", "dstaddr", "serverip")),
    "user": frozenset(("username", "user", "accountname", "loginname", "srcuser", "dstuser", "duser", "suser")),
    "path": frozenset(("filepath", "targetpath")),
}
_PEER = re.compile(r"(?:ipv[46]:)?\[?([0-9A-Fa-f:.]{2,45}?)\]?(?::(\d{1,5}))?")
_NOBODY = frozenset(("", "-", "--", "n/a", "null", "none", "(null)", "unknown", "undefined"))


def key(name: str) -> str:
    """``name`` without case and punctuation: src_ip, srcIp and SRC-IP are one name."""
    return "".join(filter(str.isalnum, name)).lower()


def flatten(value: Mapping[str, Any]) -> dict[str, str]:
    """Leaves of a JSON object under their dotted names; of a list the first element, of booleans true and false."""
    flat: dict[str, str] = {}
    stack: list[tuple[str, Any]] = [("", value)]
    while stack and len(flat) < MAX_FIELDS:
        path, item = stack.pop()
        if isinstance(item, list):
            item = item[0] if item else None
        if isinstance(item, dict):
            stack.extend((f"{path}.{name}" if path else name, part) for name, part in reversed(item.items()))
        elif isinstance(item, bool):
            flat[path] = "true" if item else "false"
        elif isinstance(item, str | int | float):
            flat[path] = str(item)
    return flat


def read(flat: Flat, record: RawRecord, *, name: str = "", product: str = "") -> tuple[int | None, dict[str, Any]]:
    """Time, if a field states one, and event fields of ``flat``; ``name`` is what the format itself calls the event."""
    known: dict[str, str] = {}
    for path, value in flat.items():
        known.setdefault(key(path), value)
    for path, value in flat.items():
        known.setdefault(key(path.rpartition(".")[2]), value)
    result: dict[str, Any] = {}
    for attribute, names in _NAMES.items():
        for candidate in names:
            value = known.get(candidate, "").strip()
            if value.lower() not in _NOBODY and _fits(attribute, value, result):
                break
    for attribute, names in _PORTS.items():
        if value_ := next((found for candidate in names if (found := port(known.get(candidate, "")))), 0):
            result[attribute] = value_
    status = next((found for candidate in _STATUS if 100 <= (found := number(known.get(candidate, ""))) <= 599), 0)
    if status:
        result["status"] = status
    transport = next((known[candidate].lower() for candidate in _TRANSPORT if candidate in known), "")
    result["transport"] = TRANSPORT.get(transport, transport) if len(transport) <= 16 else ""
    action, message = result.get("action", ""), result.get("message", "")
    ended = " ".join(_result(candidate, known[candidate]) for candidate in _RESULT if candidate in known)
    called = f"{name} {known.get('eventname', '')} {known.get('cat', '')} {message if len(message) <= 64 else ''}"
    judged = words.judge(called, product, f"{action} {known.get('type', '')}", ended, result)
    if judged.get("activity") not in (Activity.LOGIN, Activity.LOCK) and message:
        told = anyline.read(message)
        if told.get("activity") == Activity.LOGIN:
            judged = told
    if judged.get("activity") == Activity.LOGIN:
        # What the fields say about who and whence is surer than the words of the message.
        judged = {"user": anyline.user_in(message), "src_ip": anyline.first_address(message)} | judged | {
            field: result[field] for field in ("src_ip", "user", "action") if field in result
        }
    result |= judged
    result["extra"] = {path: value[:MAX_VALUE] for path, value in list(flat.items())[:MAX_EXTRA] if value and path not in _DULL}
    return _time(known, record), result


def arrived(flat: Flat, record: RawRecord) -> int:
    """When ``record`` was first seen, for fields that state no time.

    Raises:
        Unreadable: bad_time, if one of ``flat`` states a time that cannot be read, or if no observed time is known.

    """
    for path, value in flat.items():
        name = key(path.rpartition(".")[2])
        if name in _SURE_TIMES and value.strip().lower() not in _NOBODY:
            if name in ("time", "date", "ts") and _DURATION.fullmatch(value) is not None:
                continue
            raise Unreadable("bad_time", f"{path[:64]}: expected a time, got {value[:64]!r}")
    return arrival(record)


def _described(document: Document, prefix: str) -> bool:
    """Whether the object of ``prefix`` says in words or by a number what it is, under other names than are known here."""
    return any(
        name.startswith(prefix) and (isinstance(value, str) or name.endswith((".id", ".uid"))) for name, value in document.items()
    )


def check(document: Document, t: int | None, result: Mapping[str, Any]) -> None:
    """Raise Unreadable (wrong_type) if a field that can only be a time, an account, an address or a path is of another type.

    ``t`` and ``result`` are what :func:`read` made of ``document``.
    """
    for path, value in document.items():
        if isinstance(value, str) or (isinstance(value, list) and len(value) == 1 and isinstance(value[0], str)):
            continue
        name = key(path.rpartition(".")[2])
        if name in _SURE_TIMES and t is None and isinstance(value, bool | list):
            raise typed.wrong(path, "a time", value)
        for attribute, names in _SURE.items():
            if name in names and (attribute != "user" or isinstance(value, bool | list)):
                raise typed.wrong(path, "text", value)
    for path in document.objects:
        name = key(path.rpartition(".")[2])
        if name in _SURE_TIMES and t is None:
            raise typed.wrong(path, "a time", {})
        for attribute, names in _SURE.items():
            if name in names and not result.get(attribute) and not _described(document, f"{path}."):
                raise typed.wrong(path, "text", {})


_DULL = frozenset(("msg", "message", "@timestamp", "timestamp", "date", "time", "rt"))


def _result(name: str, value: str) -> str:
    """A result in words: success=false is a failure, and an error that is empty or "none" is none."""
    lower = value.lower()
    if name == "success":
        return "success" if lower in ("true", "yes", "1") else "failure" if lower in ("false", "no", "0") else ""
    if name in ("error", "errormessage", "reason", "failurereason"):
        return "" if lower in _NOBODY or lower in ("0", "false") else f"error {value}" if name != "reason" else value
    return value


def _fits(attribute: str, value: str, result: dict[str, Any]) -> bool:
    """Put ``value`` into ``result`` if it is one for ``attribute``."""
    if attribute in ("src_ip", "dst_ip"):
        match = _PEER.fullmatch(value)
        ip = address(value) or (address(match[1]) if match is not None else "")
        if not ip:
            return False
        if match is not None and match[2] and ip != value:
            result["src_port" if attribute == "src_ip" else "dst_port"] = port(match[2])
        result[attribute] = ip
    elif attribute == "user":
        domain, name = account(value) if "\\" in value else ("", value)
        if len(name) > 256:
            return False
        result |= {"user": name, "user_domain": domain} if domain else {"user": name}
    elif attribute == "url":
        if not (value.startswith("/") or "://" in value):
            return False
        path = value.partition("://")[2].partition("/")[2] if "://" in value else value[1:]
        result |= {"url": value[:MAX_VALUE], "url_path": "/" + path.partition("?")[0][:MAX_VALUE]}
    else:
        result[attribute] = value[:MAX_VALUE]
    return True


def _time(known: Mapping[str, str], record: RawRecord) -> int | None:
    if "date" in known and "time" in known:
        t = stamps.moment(f"{known['date']} {known['time']}", record)
        if t is not None:
            return t
    for candidate in _TIMES:
        if candidate in known:
            t = stamps.moment(known[candidate], record)
            if t is not None:
                return t
    return None
