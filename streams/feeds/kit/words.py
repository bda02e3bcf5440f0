"""What happened, told by words: names of events, actions and results in formats that have no codes for it.

Looks at the fields that name an event; free text is left to :mod:`streams.feeds.kit.freetext`, which is stricter.
"""

import re
from collections.abc import Mapping
from typing import Any

from schemas.event import Activity, Reason

LIMIT = 512

_LOCK = re.compile(r"account[ _-]?(?:is |was |has been )?lock|locked[ _-]out|lock[ _-]?out|user[ _-]?locked")
_LOGOUT = re.compile(r"log(?:ged)?[ _-]?(?:out|off)|sign(?:ed)?[ _-]?out|session[ _-](?:clos|end|terminat|destroy)")
_LOGIN = re.compile(
    r"log(?:ged)?[ _-]?(?:in|on)(?![a-z])|logins?(?![a-z])|logon|sign(?:ed)?[ _-]?in(?![a-z])|authenti(?:cat|fi)"
    r"|(?<![a-z])auth(?![a-z])"
)
_FAILED = re.compile(
    r"fail|invalid|incorrect|wrong|denied|deny|reject|refus|unsuccess|unauthori[sz]|not[ _-]allowed|mismatch|unknown[ _-]user"
    r"|no such user|not[ _-]found|does ?n[o']t exist|bad[ _-](?:user|pass|cred)|error|block"
)
_PASSED = re.compile(r"succe|accept|grant|passed|(?<![a-z])ok(?![a-z])|allow|logged[ _-](?:in|on)|permit|valid")
_CONFIG = re.compile(
    r"config|polic(?:y|ies)[ _-](?:chang|add|edit|delet|modif|updat|install|push)|rule[ _-](?:chang|add|edit|delet|modif)"
)
_ACCOUNT = re.compile(
    r"(?:user|account|group|member|role|privilege|permission|password)s?[ _-](?:\w{1,16}[ _-])?"
    r"(?:add|creat|delet|remov|chang|modif|reset|grant|revok|enabl|disabl|assign|updat)"
    r"|(?:add|creat|delet|remov|chang|modif|reset|enabl|disabl|updat)\w{0,3}[ _-](?:\w{1,16}[ _-])?"
    r"(?:user|account|group|member|role|password)"
)
_FILE = re.compile(
    r"(?:file|checksum|integrity|registry)s?[ _-](?:\w{1,16}[ _-])?"
    r"(?:add|creat|delet|remov|chang|modif|renam|writ|updat|mismatch)"
)
_ALERT = re.compile(
    r"malware|virus|trojan|exploit|attack|intrusion|botnet|callback|phish|ransom|spyware|(?<![a-z])i[dp]s(?![a-z])|threat|infect"
    r"|injection|scan(?:ner|ning)|brute"
)
_FIREWALL = re.compile(
    r"firewall|fortigate|pan-os|vpn-1|netscreen|(?<![a-z])(?:asa|srx|ngfw|utm)(?![a-z])|sonicwall|firepower|sophos xg"
)
_DENY = re.compile(r"den(?:y|ied)|drop|block|reject|reset|discard")
_ALLOW = re.compile(r"allow|accept|permit|pass|built|close|teardown|start|end|established|forward")

_REASONS = (
    (re.compile(r"lock"), Reason.LOCKED),
    (re.compile(r"disabl|suspend|inactive"), Reason.DISABLED),
    (re.compile(r"expir"), Reason.EXPIRED),
    (re.compile(r"(?<![a-z])(?:otp|totp|mfa|2fa)(?![a-z])|one.?time|second factor|token|two.?factor"), Reason.OTP),
    (
        re.compile(
            r"unknown.user|no.such.user|user.{0,16}(?:not.found|not.exist|n't exist|unknown)|bad.user|invalidaccount|name_invalid"
            r"|invalid.(?:user(?!name (?:or|/))|account)"
        ),
        Reason.UNKNOWN_USER,
    ),
    (re.compile(r"not.(?:allowed|permitted|authori[sz]ed)|policy|no access|forbidden"), Reason.NOT_ALLOWED),
)


def reason(text: str) -> str:
    """Why a log-in failed; a failure without a cause that is known counts as a wrong password."""
    words = text[:LIMIT].lower()
    return next((value for pattern, value in _REASONS if pattern.search(words) is not None), Reason.WRONG_PASSWORD)


def outcome(text: str) -> str:
    """Success or failure if ``text`` says so, else ""."""
    words = text[:LIMIT].lower()
    return "failure" if _FAILED.search(words) is not None else "success" if _PASSED.search(words) is not None else ""


def judge(name: str, product: str, action: str, result: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Event fields for an event called ``name`` of ``product``, its action and result; ``fields`` tell who met whom.

    Nothing is guessed where the words say nothing: the event is then of activity ``other``.
    """
    said = f"{name} {action}"[:LIMIT].lower()
    ended = outcome(result) or outcome(said)
    if _LOCK.search(said) is not None:
        return {
            "activity": Activity.LOCK, "category": ("authentication",), "type": ("denied",), "outcome": "failure",
            "reason": Reason.LOCKED,
        }
    if _LOGOUT.search(said) is not None:
        return {"activity": Activity.SESSION_CLOSE, "category": ("authentication",), "type": ("end",), "outcome": ended}
    if _ACCOUNT.search(said) is not None:
        return {"activity": Activity.ACCOUNT_CHANGE, "category": ("iam",), "type": ("change",), "outcome": ended}
    if _LOGIN.search(said) is not None and ended:
        return {
            "activity": Activity.LOGIN, "category": ("authentication",), "type": ("start",), "outcome": ended,
            "reason": reason(f"{result} {said}") if ended == "failure" else "",
        }
    if _CONFIG.search(said) is not None:
        firewall = _FIREWALL.search(product.lower()) is not None
        return {
            "activity": Activity.FIREWALL_CHANGE if firewall else Activity.CONFIG_CHANGE, "category": ("configuration",),
            "type": ("change",), "outcome": ended,
        }
    if _FILE.search(said) is not None and "path" in fields:
        made, gone = "creat" in said or "add" in said, "delet" in said or "remov" in said
        kind = "creation" if made else "deletion" if gone else "change"
        return {"activity": Activity.FILE_CHANGE, "category": ("file",), "type": (kind,)}
    return _network(said, action.lower(), fields)


def _network(said: str, action: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    denied = _DENY.search(action) is not None
    met = "src_ip" in fields and "dst_ip" in fields
    if _ALERT.search(said) is not None:
        return {
            "activity": Activity.ALERT, "kind": "alert", "category": ("intrusion_detection",),
            "type": ("denied" if denied else "info",),
        }
    if met and (denied or _ALLOW.search(action) is not None):
        return {"activity": Activity.FLOW, "category": ("network",), "type": ("connection", "denied" if denied else "allowed")}
    if "method" in fields and "url" in fields:
        return {"activity": Activity.WEB_REQUEST, "category": ("web",), "type": ("access",)}
    return {"category": ("network",)} if met else {}
