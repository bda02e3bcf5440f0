"""Configuration paths of PAN-OS into names of objects: ``rulebase/security/rules/<name>``, ``address-group/<name>``.

PAN-OS writes the path of a change either as an XPath (``…/rules/entry[@name='web']``) or as words, in which the name of an
entry stands after two blanks (``vsys  vsys1 rulebase security rules  web``).
"""

import re

_ENTRY = re.compile(r"/entry\[@name=(?:'([^']*)'|\"([^\"]*)\")\]")
# Lists whose entries are objects of the policy; what follows the name of an entry is a part of it.
_LISTS = frozenset((
    "rules", "address", "address-group", "service", "service-group", "application", "application-group",
    "application-filter", "tag", "external-list", "zone", "schedule", "users", "certificate", "region",
))
_PARTS = frozenset((
    "source", "destination", "service", "application", "action", "from", "to", "disabled", "description", "tag", "static",
    "dynamic", "members", "log-setting", "log-start", "log-end", "profile-setting", "source-user", "category", "ip-netmask",
    "ip-range", "fqdn", "protocol", "schedule", "hip-profiles", "negate-source", "negate-destination", "phash",
))
# Where an object stands, not what it is; of a device group the name is kept.
_PLACES = ("devices", "vsys", "template", "template-stack")
_GAP = re.compile(r" {2,}")


def configured_object(path: str) -> str:
    """Name of the object that a configuration path points to or into, "" for an empty path."""
    steps = _from_xpath(path) if "/entry[" in path else _from_words(path)
    kept: list[str] = []
    index = 0
    while index < len(steps):
        step = steps[index]
        if step in _PLACES and index + 1 < len(steps) and not _inside(kept):
            index += 2
            continue
        if step not in ("config", "shared", "readonly", "mgt-config") or kept:
            kept.append(step)
            if step in _LISTS and index + 1 < len(steps):
                kept.append(steps[index + 1])
                break
        index += 1
    return "/".join(kept)


def _inside(kept: list[str]) -> bool:
    """Whether the steps before belong to an object already (a device group only leads to objects)."""
    return bool(kept) and kept[0] != "device-group"


def _from_xpath(path: str) -> list[str]:
    marked = _ENTRY.sub(lambda match: "/" + (match[1] or match[2] or "").replace("/", "%2F"), path)
    return [step for step in marked.split("/") if step]


def _from_words(path: str) -> list[str]:
    """Steps of a path of words: after a gap of two blanks comes a name, which may hold single blanks itself."""
    first, *rest = _GAP.split(path.strip())
    steps = first.split()
    for part in rest:
        words = part.split(" ")
        if steps and steps[-1] in _LISTS:
            while len(words) > 1 and words[-1] in _PARTS:
                words.pop()
            steps.append(" ".join(words).strip("\"'"))
        else:
            steps.extend(words)
    return steps
