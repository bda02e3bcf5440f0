"""Failed log-ins in the free text of programs without a grammar of their own -> fields of events.

A line counts as a log-in attempt only if it says that authentication failed and names an account or a client.
"""

import re

from schemas.event import Reason
from streams.feeds.kit import values
from streams.feeds.kit.fields import LOGIN_FAILED, Fields, source

LIMIT = 2048  # characters looked at; what a log says about a failure stands at its beginning

_FAILED = re.compile(
    r"auth(?:entication|orization|enticator)?[ _-](?:\w{1,16} )?(?:failed|failure|error)"
    r"|(?:failed|invalid|incorrect|wrong|bad|unsuccessful|illegal) (?:\w{1,16} )?"
    r"(?:log[io]n|logon|auth|password|credential|username|user name)"
    r"|(?:log[io]n|logon|sign-?in|password|verification) (?:attempt )?(?:\w{1,16} )?"
    r"(?:failed|failure|error|incorrect|mismatch|invalid|disabled)"
    r"|(?:excessive|repeated) login failures|\bauth failed|no such user|unknown user",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    # An address in "([...])" is what a client calls itself.
    r"(?:\b(?:rip|rhost|remote_ip|remote|client|src|source|srcip|addr|address|host|ip|from)[=: ]{1,2}[\[<(\"']?"
    r"|(?<!\()\[|[(,])(?:ipv[46]:)?([0-9A-Fa-f:.]{3,45})(?=[\])>\"',:;\s]|$)",
    re.IGNORECASE,
)
_RHOST = re.compile(
    r"\b(?:rhost|host|from)[=: ]{1,2}[\[<(\"']?([A-Za-z0-9][A-Za-z0-9.-]{0,252}\.[A-Za-z0-9-]{1,63})", re.ASCII
)
_QUOTED_NAME = (
    r"(?:<([^<>\s]{1,255})>|'([^'\s]{1,255})'|\"([^\"\s]{1,255})\"|\[([^\[\]\s]{1,255})\]"
    r"|([A-Za-z0-9][^\s,;:'\"()\[\]<>]{0,254}))"
)
_USERS = (
    re.compile(r"\b(?:user(?:name)?|acct|account|login|set_id)[=:] ?" + _QUOTED_NAME, re.IGNORECASE),
    re.compile(r"\b(?:user(?:name)?|account|for(?: (?:invalid |illegal )?user)?) " + _QUOTED_NAME, re.IGNORECASE),
)
_WORDS = frozenset({
    "failed", "failure", "from", "error", "is", "not", "was", "attempt", "for", "and", "to", "on", "by", "in", "at", "the",
    "name", "username", "input", "with", "ip", "private",
    "unknown", "login", "user", "password", "disabled", "excessive", "incorrect", "invalid", "ldap",
})


def read(message: str) -> Fields:
    """Fields of a failed log-in if ``message`` tells of one, else none."""
    text = message[:LIMIT]
    told = _FAILED.search(text)
    if told is None:
        return {}
    fields: Fields = {}
    for match in _ADDRESS.finditer(text):
        found = match[1].rstrip(".:")
        if address := values.address(found) or values.address(found.rpartition(":")[0]):  # with or without port
            fields["src_ip"] = address
            break
    else:
        if (named := _RHOST.search(text)) is not None:
            fields |= source(named[1])
    for pattern in _USERS:
        names = (next(filter(None, match.groups())) for match in pattern.finditer(text))
        if user := next((name for name in names if name.lower() not in _WORDS and not values.address(name)), ""):
            fields["user"] = user
            break
    if not fields:
        return {}
    words = told[0].lower()
    unknown = "no such user" in words or "unknown user" in words
    reason = Reason.UNKNOWN_USER if unknown else Reason.WRONG_PASSWORD
    return {**LOGIN_FAILED, "action": "authentication_failure", **fields, "reason": reason}
