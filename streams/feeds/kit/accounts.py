"""Messages of the shadow suite (useradd, usermod, passwd, gpasswd ...) -> fields of events (feed linux).

The wording is that of the shadow-utils sources; the account or group changed stands in ``user``/``target_user`` and
``group.name``, who did it only where the line tells.
"""

import re

from schemas.event import Activity, Rank
from streams.feeds.kit.fields import Fields

Result = tuple[Fields, ...]

_QUOTED = re.compile(r"[`'\"]([^`'\"]{1,255})['\"]")
_NEW = re.compile(r"new (user|group): name=([^,\s]{1,255})(?:, UID=(\d{1,10}))?(?:, GID=(\d{1,10}))?")
_GROUP_FILE = re.compile(r"group added to /etc/g(?:roup|shadow): name=([^,\s]{1,255})(?:, GID=(\d{1,10}))?")
_GROUP_GONE = re.compile(r"group '([^']{1,255})' removed")
_MEMBER = re.compile(r"(add|delete|remove) '([^']{1,255})' (?:to|from) (?:shadow )?group '([^']{1,255})'")
_GPASSWD = re.compile(r"user (\S{1,255}) (added|removed) by (\S{1,255}) (?:to|from) group (\S{1,255})")
_PASSWORD = re.compile(r"password for '?([^\s']{1,255})'? changed by '?([^\s']{1,255})'?")
_EXPIRY = re.compile(r"changed? (?:password expiry|user|information) (?:for )?'?([^\s']{1,255})")


def _changed(kind: str, change: str, action: str, outcome: str = "success") -> Fields:
    return {
        "activity": Activity.ACCOUNT_CHANGE, "category": ("iam",), "type": (kind, change), "action": action,
        "outcome": outcome,
    }


_FAILED_VERBS = (("add", "creation"), ("delet", "deletion"), ("remov", "deletion"))


def _failed(message: str, kind: str) -> Fields:
    change = next((word for verb, word in _FAILED_VERBS if verb in message), "change")
    return _changed(kind, change, "account-change-failed", "failure")


def _named(fields: Fields, user: str) -> Result:
    return ({**fields, "user": user, "target_user": user},)


def read(message: str, app: str) -> Result:
    """Fields of the account change that ``message`` of ``app`` tells."""
    kind = "group" if app.startswith("group") else "user"
    if (match := _NEW.match(message)) is not None:
        extra = {"group.id": match[4]} if match[4] else {}
        if match[1] == "group":
            return ({**_changed("group", "creation", "added-group-account"), "extra": {"group.name": match[2], **extra}},)
        fields = {**_changed("user", "creation", "added-user-account"), "user_id": match[3] or "", "extra": extra}
        return _named(fields, match[2])
    if message.startswith("failed "):
        quoted = _QUOTED.search(message)
        return _named(_failed(message, kind), quoted[1] if quoted else "")
    if (match := _MEMBER.match(message)) is not None:
        action = "added-user-to-group" if match[1] == "add" else "removed-user-from-group"
        return _named({**_changed("group", "change", action), "extra": {"group.name": match[3]}}, match[2])
    if (match := _GPASSWD.match(message)) is not None:
        action = "added-user-to-group" if match[2] == "added" else "removed-user-from-group"
        fields = {**_changed("group", "change", action), "extra": {"group.name": match[4]}}
        return ({**fields, "user": match[3], "target_user": match[1]},)
    if (match := _GROUP_FILE.match(message)) is not None:
        return ({**_changed("group", "creation", "added-group-account"), "extra": {"group.name": match[1]}},)
    if (match := _GROUP_GONE.match(message)) is not None or message.startswith("removed "):
        quoted = match or _QUOTED.search(message)
        extra = {"group.name": quoted[1]} if quoted else {}
        return ({**_changed("group", "deletion", "deleted-group-account"), "extra": extra},)
    if (match := _PASSWORD.match(message)) is not None:
        return ({**_changed("user", "change", "changed-password"), "user": match[2], "target_user": match[1]},)
    quoted = _QUOTED.search(message)
    user = quoted[1] if quoted else ""
    if message.startswith("delete user "):
        return _named(_changed("user", "deletion", "deleted-user-account"), user)
    if message.startswith("lock user "):
        return _named(_changed("user", "change", "locked-user-account") | {"activity": Activity.LOCK, "rank": Rank.LOCK}, user)
    if message.startswith("unlock user "):
        return _named(_changed("user", "change", "unlocked-user-account") | {"activity": Activity.UNLOCK}, user)
    if message.startswith(("change user ", "set user ")):
        return _named(_changed("user", "change", "modified-user-account"), user)
    if (match := _EXPIRY.match(message)) is not None:
        return _named(_changed("user", "change", "modified-user-account"), match[1])
    if message.startswith("group changed in "):
        return ({**_changed("group", "change", "modified-group-account")},)
    return ({"category": ("iam",), "type": (kind, "info")},)
