"""What a line of an unknown program says: requests, refused log-ins, who and whence; for the generic feed only.

Looser than :mod:`streams.feeds.kit.freetext`, which it asks first: here nothing is known but that the line is a log.
"""

import re
from typing import Any

from schemas.event import Activity
from streams.feeds.kit import freetext, words
from streams.feeds.kit.fields import LOGIN_FAILED, LOGIN_SUCCEEDED
from streams.feeds.kit.values import address

LIMIT = 2048

_V4 = r"(?<![\w.:])(?:::ffff:)?(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})(?![\w]|\.\d)"
_V6 = r"(?<![\w:.])([0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w:])"
_ADDRESS = re.compile(f"{_V4}|{_V6}")
_METHODS = r"GET|POST|PUT|DELETE|HEAD|OPTIONS|PATCH|CONNECT|TRACE|PROPFIND|REPORT|MKCOL"
_REQUEST = re.compile(rf"(?<![\w/])({_METHODS}) [^/\"]{{0,64}}\"?((?:https?:/)?/[^\s\"]{{0,2048}})")
_STATUS = re.compile(r"(?<![\w.:/-])([1-5]\d\d)(?![\w.:/-])")
_LOGIN_PATH = re.compile(r"log-?in|sign-?in|auth|session|token", re.IGNORECASE)

_LOGIN = r"(?:log[io]n|logon|sign-?in|auth\w{0,14})"
_BAD = r"(?:denied|reject\w{0,2}|refused|fail\w{0,3}|error|unsuccessful)"
_FAILED = re.compile(
    rf"access denied for user|{_LOGIN}[ _-](?:\S{{1,64}} ){{0,8}}{_BAD}|{_LOGIN}[ _:-]{{1,3}}{_BAD}"
    r"|(?:denied|rejected|unsuccessful|unauthorized|bad|invalid|wrong) (?:\S{1,32} ){0,3}"
    r"(?:log[io]n|logon|password|credentials|passwd)"
    r"|user(?:name)? (?:\S{1,128} ){0,3}(?:not found|unknown|denied|does not exist|doesn't exist)"
    r"|wrongpass|bad_password|no_such_user",
    re.IGNORECASE,
)
_PASSED = re.compile(
    rf"(?<!un)(?:successful(?:ly)?|accepted|succeeded) (?:\S{{1,32}} ){{0,3}}(?:{_LOGIN}|logged in)"
    rf"|{_LOGIN} (?:\S{{1,64}} ){{0,6}}(?:succe\w{{1,6}}|accepted)|logged in successfully",
    re.IGNORECASE,
)
_USER = re.compile(
    r"(?:\buser(?:name)?|\blogin|\bacct|\baccount|\bfor user(?:name)?|\blogin as|principal|\bmail)(?: name| input)?[ =:]{1,2}"
    r"[`'\"<\[]?(?:\[?[\w.-]{1,64}\]?\\\[?)?([^\s`'\"<>\[\](),;|]{1,128})",
    re.IGNORECASE,
)
_NOT_NAMES = frozenset((
    "failed", "name", "not", "was", "is", "has", "with", "from", "and", "or", "attempt", "error", "username", "user", "null",
    "none", "denied", "unknown", "using", "ip", "for", "to", "in", "the", "password", "by", "request", "input",
))


def read(message: str) -> dict[str, Any]:
    """Event fields of ``message``: a request, a refused log-in, at least the first address in it."""
    text = message[:LIMIT]
    told: dict[str, Any] = dict(freetext.read(text))
    request = _request(text)
    if not told:
        failed = _FAILED.search(text) is not None
        if failed:
            told = {**LOGIN_FAILED, "action": "authentication_failure", "reason": words.reason(text)}
        elif _PASSED.search(text) is not None:
            told = {**LOGIN_SUCCEEDED}
        elif request:
            told = request
    if "src_ip" not in told and (source := first_address(text)):
        told["src_ip"] = source
    if told.get("activity") == Activity.LOGIN and "user" not in told and (user := user_in(text)):
        told["user"] = user
    if told.get("activity") == Activity.LOGIN and not ("user" in told or "src_ip" in told):
        return {}
    return request | told if request else told


def first_address(text: str) -> str:
    """The first address in ``text`` that is one of a host, "" if there is none."""
    for match in _ADDRESS.finditer(text):
        found = address(match[1] or match[2])
        if found and found not in ("0.0.0.0", "::"):  # noqa: S104 - the address of no host
            return found
    return ""


def user_in(text: str) -> str:
    """The first word in ``text`` that is called a user, "" if there is none."""
    names = (match[1].rstrip(".:!") for match in _USER.finditer(text))
    return next((name for name in names if name and name.lower() not in _NOT_NAMES and not address(name)), "")


def _request(text: str) -> dict[str, Any]:
    """A web request: method, path and status; one that is refused (401) is a failed authentication (RFC 9110, 15.5.2)."""
    match = _REQUEST.search(text)
    if match is None:
        return {}
    after, before = _STATUS.search(text, match.end()), _STATUS.search(text[: match.start()])
    found = after or before
    status = int(found[1]) if found is not None else 0
    url = match[2]
    path = url.partition("://")[2].partition("/")[2] if "://" in url else url[1:]
    fields: dict[str, Any] = {
        "activity": Activity.WEB_REQUEST, "category": ("web",), "type": ("access",), "method": match[1], "url": url,
        "url_path": "/" + path.partition("?")[0], "status": status,
        "outcome": ("failure" if status >= 400 else "success") if status else "",
    }
    if status == 401 or (status == 403 and _LOGIN_PATH.search(fields["url_path"])):
        # A 401 may be the first half of a challenge: only where credentials are sent to a page of their own is it an attempt.
        fields["category"] = ("web", "authentication")
        if match[1] == "POST" and _LOGIN_PATH.search(fields["url_path"]):
            fields |= {"activity": Activity.LOGIN, "reason": words.reason(""), "category": ("authentication",)}
    return fields
