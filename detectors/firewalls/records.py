"""What one record of a firewall's configuration log altered: attributes, the rules behind an object, what alters nothing.

FortiOS writes ``cfgattr="srcaddr[all->lan]comments[a->b]"``; PAN-OS the configuration before and after, where its log format
has them. Read from the fields that the feeds keep under the
vendors' names.
"""

import re
from collections.abc import Iterable

import msgspec

from schemas import identity
from schemas.event import SecurityEvent

Names = tuple[str, ...]

_ATTRIBUTE = re.compile(r"([\w.-]{1,64})\[([^\[\]]*)\]")
_REMARKS = frozenset({
    "comment", "comments", "description", "color", "label", "global-label", "cfgcomment", "hit-count", "last-used", "uuid",
})  # fmt: skip
_REFERENCES = frozenset({"srcaddr", "dstaddr", "service", "poolname", "member", "source", "destination", "static", "members"})
_DETAIL = re.compile(r"\b(source|destination|service|static|members|action)\s+(?:\[\s*([^\]]*)\]|([^;{}\[\]]+))")
_REMARK = re.compile(r"\bdescription\s+(?:\"[^\"]*\"|[^;{}]*);?\s*")
_VENDOR_PATHS = (
    "system.autoupdate", "firewall.internet-service", "system.external-resource", "ips.rule", "application.name",
    "antivirus.signature",
)  # fmt: skip
_VENDOR_USERS = frozenset({"", "fortiguard", "autoupdate", "system"})
_INVERSE = {"add": "delete", "delete": "add", "set": "delete"}
_NUMBER = re.compile(r"\b[A-Z]{2,10}-?\d{3,12}\b")
_KEPT = 2000  # characters kept of one attribute; the hash of the whole stands for the rest
_MOST = 200  # attributes kept of one record; the hash of the others stands for them
_OTHERS = "others"
_ANY = frozenset({"all", "any"})


class Edit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Digest of one record: what was done to which object. ``before``/``after``: names or text of each attribute told."""

    id: str
    t: int
    o: int
    source: str
    line: int = 0
    original: str = ""
    host: str = ""
    user: str = ""
    domain: str = ""
    action: str = ""
    object: str = ""
    comment: str = ""
    before: dict[str, str] = {}
    after: dict[str, str] = {}

    @property
    def names(self) -> Names:
        """Names that this object now refers to."""
        return tuple(word.strip('"') for name in self.after if name in _REFERENCES for word in self.after[name].split())


def edit(event: SecurityEvent) -> Edit:
    """Digest of ``event`` (activity firewall_change or firewall_commit)."""
    before, after = _attributes(event)
    return Edit(
        id=event.id, t=event.t, o=event.o, source=event.source, line=event.line, original=event.original, user=event.user,
        domain=event.user_domain, action=event.action, object=event.objects[0] if event.objects else "", before=before,
        after=after, host=event.host,
        comment=str(event.extra.get("fortinet.firewall.cfgcomment", ""))[:256],
    )  # fmt: skip


def _attributes(event: SecurityEvent) -> tuple[dict[str, str], dict[str, str]]:
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    told = _ATTRIBUTE.findall(str(event.extra.get("fortinet.firewall.cfgattr", "")))
    if len(told) > _MOST:
        after[_OTHERS] = identity.digest(word for pair in told[_MOST:] for word in pair)
    for name, value in told[:_MOST]:
        old, arrow, new = value.partition("->")
        if arrow:
            before[name] = _short(old)
        after[name] = _short(new if arrow else old)
    for detail, held in (("before_change_detail", before), ("after_change_detail", after)):
        text = str(event.extra.get(f"panw.panos.{detail}", ""))
        if text:
            held["text"] = _short(" ".join(_REMARK.sub("", text).split()))
            held.update((name, _short((group or single).strip())) for name, group, single in _DETAIL.findall(text))
    return before, after


def _short(value: str) -> str:
    """``value``, bounded: two that differ anywhere stay different, and one that means everything still says so."""
    if len(value) <= _KEPT:
        return value
    widest = _ANY.intersection(value.split())
    return " ".join((*sorted(widest), value[:_KEPT], identity.digest((value,))))


def harmless(event: SecurityEvent, record: Edit) -> bool:
    """Whether the record alters no traffic: remarks only, a save of what was there, or content the vendor ships."""
    if event.hash and event.hash == event.hash_before:
        return True
    if "controlwatch.length" in event.extra:
        return False  # the record was cut: what it altered may be in what is missing
    if record.user.casefold() in _VENDOR_USERS and record.object.startswith(_VENDOR_PATHS):
        return True
    if record.action not in ("edit", "set"):
        return False
    path = str(event.extra.get("panw.panos.path", ""))
    if path and re.split(r"[/ ]", path.strip())[-1] == "description":
        return True
    if "text" in record.before and "text" in record.after:
        return record.before["text"] == record.after["text"]
    names = set(record.after) | set(record.before)
    changed = {name for name in names if name not in record.before or record.before[name] != record.after.get(name)}
    return bool(names) and changed <= _REMARKS


def open_to_all(edits: Iterable[Edit]) -> str:
    """The rule that the edits open from anywhere to anywhere, empty if there is none."""
    rules: dict[str, dict[str, str]] = {}
    for item in edits:
        rules.setdefault(item.object, {}).update(item.after)
    for rule, told in rules.items():
        source = (told.get("srcaddr") or told.get("source") or "").split()
        target = (told.get("dstaddr") or told.get("destination") or "").split()
        denied = told.get("action", "accept") not in ("accept", "allow")
        if not denied and _ANY.intersection(source) and _ANY.intersection(target):
            return rule
    return ""


def destinations(edits: Iterable[Edit]) -> Names:
    """Names the edits open a way to, sorted, at most 32."""
    found = {
        word for item in edits for name in ("dstaddr", "destination") for word in item.after.get(name, "").split()
        if item.after.get("action", "accept") in ("accept", "allow")
    }  # fmt: skip
    return tuple(sorted(found))[:32]


def cited(edits: Iterable[Edit]) -> Names:
    """Numbers of requests that the administrator wrote into the comment of the change."""
    return tuple(dict.fromkeys(number for item in edits for number in _NUMBER.findall(item.comment)))[:8]


def content(edits: Iterable[Edit], *, inverse: bool = False) -> str:
    """Hash of what the edits do, whoever logs it; ``inverse``: of what would undo them."""
    parts: list[str] = []
    for item in sorted(edits, key=lambda item: (item.object, item.action, item.t, item.id)):
        before, after = (item.after, item.before) if inverse else (item.before, item.after)
        action = _INVERSE.get(item.action, item.action) if inverse else item.action
        parts += (item.object, "add" if action == "set" else action)
        if item.action not in ("add", "delete", "set"):
            parts += (f"{name}={before.get(name, '')}>{after.get(name, '')}" for name in sorted({*before, *after} - _REMARKS))
    return identity.digest(parts, size=8)


def last_name(item: str) -> str:
    """Name of an object without the path that leads to it."""
    return item.rpartition("/")[2]


def users(known: Iterable[tuple[str, str]], item: str) -> Names:
    """Rules that use ``item``, directly or through groups; ``known``: (name, object that refers to it)."""
    by_name: dict[str, list[str]] = {}
    for name, user in known:
        by_name.setdefault(name, []).append(user)
    rules: set[str] = set()
    level, seen = [item], {item}
    while level:
        above = {user for lower in level for user in by_name.get(last_name(lower), ())} - seen
        seen |= above
        rules |= {user for user in above if _is_rule(user)}
        level = [user for user in above if not _is_rule(user)]
    return tuple(sorted(rules))


def _is_rule(item: str) -> bool:
    return item.startswith(("firewall.policy", "firewall.proxy-policy", "firewall.shaping-policy")) or "/rules/" in item
