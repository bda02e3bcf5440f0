"""Messages of OpenSSH's sshd -> fields of events (feed linux).

The wording is that of OpenSSH's auth.c, auth-pam.c, monitor.c, packet.c and sshd-session.c; which line counts as an
attempt: "Failed METHOD for USER", except that with PAM's challenge-response ("keyboard-interactive/pam") the line
"error: PAM: ... for USER" is written for every attempt and "Failed" for some, so there the former counts. "Failed none"
is the client's question for methods, no attempt. "Invalid user" and pam_unix lines accompany an attempt.
User names are the client's choice and may look like anything; the address is read from the fixed end of a line.
"""

import re
from collections.abc import Callable, Mapping

from schemas.event import Activity, Rank, Reason
from streams.feeds.kit import values
from streams.feeds.kit.fields import (
    AUTHENTICATION_FAILED,
    DISCONNECTED,
    LOGIN_FAILED,
    LOGIN_SUCCEEDED,
    PRIVILEGE_CLOSED,
    PRIVILEGE_OPENED,
    Fields,
    source,
)

Result = tuple[Fields, ...]

_FAILED: Fields = LOGIN_FAILED | {"action": "ssh_login", "protocol": "ssh"}
_ACCEPTED: Fields = LOGIN_SUCCEEDED | {"action": "ssh_login", "protocol": "ssh"}
_TOLD: Fields = AUTHENTICATION_FAILED | {"action": "ssh_login", "protocol": "ssh"}
_DISCONNECTED: Fields = DISCONNECTED | {"protocol": "ssh"}
_REFUSED: Fields = {"category": ("network",), "type": ("connection", "info"), "outcome": "failure", "protocol": "ssh"}
_ROOT = "root"

# The usual attempt, whose user name holds no blank: "password for [invalid user ]alice from 192.0.2.7 port 5 ssh2[: key]"
_USUAL = re.compile(
    r"(\S{1,64}) for (invalid user |illegal user )?(\S{1,255}) from (\S{1,255}) port (\d{1,5})(?: ssh\d)?"
    r"(?:: [A-Z\d-]{2,32} \S{1,255})?$",
    re.ASCII,
)
_END = re.compile(r"(\S{1,255}) port (\d{1,5})(?: ssh\d)?\s*$", re.ASCII)
_MID = re.compile(r" from (\S{1,255}) port (\d{1,5})(?: ssh\d)?: ", re.ASCII)
_NAMED = re.compile(r"(?:(?:authenticating |invalid )?user )", re.ASCII)
_PEER = re.compile(r"(?:^| )(\S{1,255}) port (\d{1,5})(?=:|$)", re.ASCII)
_RECEIVED = re.compile(r"from (\S{1,255})(?: port (\d{1,5}): ?|: )(\d{1,5}): ?(.*)", re.ASCII | re.DOTALL)
_CLIENT = re.compile(r"\b(?:from|with|by|for) (\S{1,255}?)(?: port (\d{1,5})|[:,]? |[:,]?$)", re.ASCII)
_WRAPPER = re.compile(r"\(([0-9A-Fa-f:.]{2,64})\)", re.ASCII)


def _from(text: str) -> tuple[str, Mapping[str, str], int]:
    """Cut "... from ADDRESS port N ssh2[: key]" into what stands before, the client's fields and port."""
    head, found, tail = text.rpartition(" from ")
    if found and (match := _END.match(tail)) is not None:
        return head, source(match[1]), int(match[2])
    if (match := _MID.search(text)) is not None:
        return text[: match.start()], source(match[1]), int(match[2])
    if found:
        return head, source(tail.split(" ", 1)[0]), 0
    return text, {}, 0


def _target(text: str) -> tuple[str, bool]:
    """User name of "for [invalid user ]NAME", and whether it is known."""
    for prefix in ("invalid user ", "illegal user "):
        if text.startswith(prefix):
            return text[len(prefix) :], False
    return ("", False) if text == "<invalid username>" else (text, True)


def _attempt(rest: str) -> tuple[str, str, bool, Fields]:
    """Method, user, whether known, and client of "METHOD for USER from ADDRESS port N ssh2"."""
    if (match := _USUAL.match(rest)) is not None and match[3] != "<invalid":
        return match[1], match[3], match[2] is None, {**source(match[4]), "src_port": int(match[5]), "user": match[3]}
    head, client, port = _from(rest)
    method, _, who = head.partition(" for ")
    user, known = _target(who)
    return method, user, known, {**client, "src_port": port, "user": user}


def _failed(rest: str, session: str) -> Result:
    method, _, known, fields = _attempt(rest)
    if method == "none" or method.startswith("keyboard-interactive/pam"):
        return ({**_TOLD, **fields, "session": session},)
    if method.startswith(("publickey", "hostbased", "gssapi")):
        reason = Reason.OTHER
    else:
        reason = Reason.WRONG_PASSWORD if known else Reason.UNKNOWN_USER
    return ({**_FAILED, **fields, "session": session, "reason": reason},)


def _accepted(rest: str, session: str) -> Result:
    _, user, _, fields = _attempt(rest)
    login = {**_ACCEPTED, **fields, "session": session}
    if user == _ROOT:
        return login, {**PRIVILEGE_OPENED, **fields, "session": session, "effective_user": user, "protocol": "ssh"}
    return (login,)


def _unknown(rest: str, session: str) -> Result:
    """Read "Invalid user NAME from ADDRESS port N"."""
    if not rest.startswith("user "):
        return _other("Invalid " + rest, session)
    head, client, port = _from(rest)
    user = head[5:]
    fields = {**client, "src_port": port, "user": user, "session": session}
    return ({**_TOLD, **fields, "reason": Reason.UNKNOWN_USER},)


def _pam(rest: str, session: str) -> Result:
    """Read "PAM: ERROR for [illegal user ]NAME from HOST[ via ADDRESS]"."""
    head, found, tail = rest.rpartition(" from ")
    what, named, who = head.partition(" for ")
    if not found or not named:
        return ({"session": session},)
    user, known = _target(who)
    words = what.lower()
    if "authentication failure" in words or "authentication error" in words:
        reason = Reason.WRONG_PASSWORD if known else Reason.UNKNOWN_USER
    elif "user not known" in words:
        reason = Reason.UNKNOWN_USER
    elif "expired" in words:
        reason = Reason.EXPIRED
    elif "permission denied" in words:
        reason = Reason.NOT_ALLOWED
    else:
        reason = Reason.OTHER
    return ({**_FAILED, **source(tail.split(" ", 1)[0]), "user": user, "session": session, "reason": reason},)


def _ended(rest: str, session: str) -> Result:
    """Read "[authenticating |invalid ]user NAME ADDRESS port N[: why]" or "ADDRESS port N"."""
    head, found, tail = rest.rpartition(" port ")
    port = 0
    if found and tail.isdecimal() and len(tail) < 6:
        rest, port = head, int(tail)
    elif (match := _PEER.search(rest)) is not None:
        rest, port = rest[: match.end(1)], int(match[2])
    fields: Fields = {**_DISCONNECTED, "src_port": port, "session": session}
    if (match := _NAMED.match(rest)) is None:
        fields |= source(rest.rpartition(" ")[2])
        return (fields,)
    user, _, address = rest[match.end() :].rpartition(" ")
    fields |= source(address)
    fields["user"] = user
    fields |= _why(known=not match[0].startswith("invalid"))
    if not match[0].startswith("user"):
        return (fields | {"category": ("authentication",), "type": ("info",), "outcome": "failure"},)
    return _closed(fields)


def _why(*, known: bool) -> Fields:
    """Reason in a record that ends the connection of a name: tells names that exist from invented ones."""
    return {} if known else {"reason": Reason.UNKNOWN_USER}


def _closed(fields: Fields) -> Result:
    if fields["user"] != _ROOT:
        return (fields,)
    return fields, fields | PRIVILEGE_CLOSED | {"effective_user": _ROOT}


def _disconnecting(rest: str, session: str) -> Result:
    """Read "Disconnecting[ invalid user NAME ADDRESS port N]: WHY"."""
    if (match := _NAMED.match(rest)) is not None and (peer := _PEER.search(rest, match.end() - 1)) is not None:
        fields = {**source(peer[1]), "src_port": int(peer[2]), "user": rest[match.end() : peer.start()]}
        fields |= _why(known=not match[0].startswith("invalid"))
        authentication = True
    else:
        fields = {}
        authentication = rest.startswith("Too many authentication failures")
        head, named, who = rest.partition(" for ")
        if authentication and named and head == "Too many authentication failures":
            fields["user"], known = _target(who)
            fields |= _why(known=known)
    told = {"category": ("authentication",), "type": ("info",)} if authentication else {}
    return ({**_DISCONNECTED, **told, **fields, "session": session, "outcome": "failure"},)


def _exceeded(rest: str, session: str) -> Result:
    """Read "maximum authentication attempts exceeded for [invalid user ]NAME from ADDRESS port N ssh2"."""
    head, client, port = _from(rest)
    user, known = _target(head.partition(" for ")[2])
    fields = {**client, "src_port": port, "user": user, "session": session}
    return ({**_DISCONNECTED, **AUTHENTICATION_FAILED, **fields, **_why(known=known)},)


def _connection(rest: str, session: str) -> Result:
    for prefix in ("closed by ", "reset by "):
        if rest.startswith(prefix) and not rest.endswith(("remote host", "peer")):
            return _ended(rest[len(prefix) :], session)
    return _other("Connection " + rest, session)


def _disconnected(rest: str, session: str) -> Result:
    return _ended(rest.removeprefix("from "), session)


def _received(rest: str, session: str) -> Result:
    """Read "Received disconnect from ADDRESS port N:CODE: WHY" (RFC 4253 section 11.1 has the codes)."""
    match = _RECEIVED.match(rest.removeprefix("disconnect "))
    if match is None:
        return _other("Received " + rest, session)
    fields = {**_DISCONNECTED, **source(match[1]), "src_port": int(match[2] or 0), "session": session}
    if match[3] == "14" or "Auth fail" in match[4]:
        fields["outcome"] = "failure"
    return (fields,)


def _user(rest: str, session: str) -> Result:
    """Read "User NAME [from HOST ]not allowed because WHY"."""
    head, found, why = rest.rpartition(" not allowed because ")
    if not found:
        return _other("User " + rest, session)
    user, named, host = head.rpartition(" from ")
    locked = why.startswith("account is locked")
    reason = Reason.LOCKED if locked else Reason.NOT_ALLOWED
    client = source(host) if named else {}
    return ({**_TOLD, **client, "user": user if named else head, "session": session, "reason": reason},)


def _root(rest: str, session: str) -> Result:
    """Read "ROOT LOGIN REFUSED FROM ADDRESS[ port N]"."""
    client, _, port = rest.rpartition("REFUSED FROM ")[2].partition(" port ")
    fields = {**source(client.strip()), "src_port": int(port) if port.strip().isdigit() else 0}
    return ({**_TOLD, **fields, "user": _ROOT, "session": session, "reason": Reason.NOT_ALLOWED},)


def _not_accepted(rest: str, session: str) -> Result:
    """Read "Authentication refused: WHY", such as the modes of a key file."""
    return ({**_TOLD, **_client(rest), "session": session},)


def _refused(rest: str, session: str) -> Result:
    """Read a line about a connection that came to nothing before authentication."""
    return ({**_REFUSED, **_client(rest), "session": session},)


def _client(text: str) -> Fields:
    """Address and port of the first "from|with|by|for ADDRESS[ port N]"."""
    for match in _CLIENT.finditer(text[:1024]):
        if address := values.address(match[1]):
            return {"src_ip": address, "src_port": int(match[2] or 0)}
    wrapped = _WRAPPER.search(text[:1024])
    return {"src_ip": values.address(wrapped[1])} if wrapped is not None else {}


def _other(message: str, session: str) -> Result:
    return ({**_client(message), "session": session},)


_FIRST: Mapping[str, Callable[[str, str], Result]] = {
    "Failed": _failed,
    "Accepted": _accepted,
    "Invalid": _unknown,
    "Illegal": _unknown,
    "maximum": _exceeded,
    "Connection": _connection,
    "Disconnected": _disconnected,
    "Disconnecting": _disconnecting,
    "Disconnecting:": _disconnecting,
    "Received": _received,
    "User": _user,
    "ROOT": _root,
    "Authentication": _not_accepted,
    "Did": _refused,
    "Bad": _refused,
    "Unable": _refused,
    "Timeout": _refused,
    "Magic": _refused,
    "refused": _refused,
    "banner": _refused,
    "no": _refused,
    "Read": _refused,
    "ssh_dispatch_run_fatal:": _refused,
    "kex_exchange_identification:": _refused,
}


def read(message: str, session: str) -> Result:
    """Fields of the events that ``message`` tells; ``session`` names the connection (one process serves one)."""
    first, _, rest = message.partition(" ")
    preauth = rest.endswith("[preauth]")
    if preauth:
        rest = rest[:-9].rstrip()
    fatal = first == "fatal:"
    if fatal or first == "error:":
        first, _, rest = rest.partition(" ")
        if first == "PAM:":
            return _pam(rest.rstrip(), session)
    handler = _FIRST.get(first)
    result = handler(rest, session) if handler is not None else _other(rest, session)
    if preauth and result[0].get("activity") == Activity.DISCONNECT:
        return tuple(fields | {"outcome": "failure"} for fields in result)
    if fatal:  # the process that served the connection has ended
        ended = {"activity": Activity.DISCONNECT, "rank": Rank.LOCK, "outcome": "failure"}
        return tuple(_REFUSED | fields | ended for fields in result)
    return result
