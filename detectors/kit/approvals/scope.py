"""What of an act lies outside an approved scope."""

from dataclasses import dataclass, fields
from fnmatch import fnmatchcase

from detectors.kit.approvals.act import Act
from detectors.kit.groups import folded
from schemas.approval import Scope

WORDS = {
    "create": "add", "new": "add", "insert": "add", "clone": "add", "modify": "edit", "change": "edit", "update": "edit",
    "rename": "edit", "remove": "delete", "del": "delete",
}
"""Words of change systems and vendors for the actions that approvals name."""

_SET = frozenset({"add", "edit", "set"})  # a "set" (PAN-OS) creates what is not there and changes what is


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Parts of the act outside the scope, by field of the scope; all empty: the scope covers it.

    ``foreign``: the approval speaks of something else (none of the objects or hashes, another account or person).
    """

    targets: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    foreign: bool = False

    @property
    def any(self) -> bool:
        """Whether anything lies outside."""
        return bool(self.targets or self.accounts or self.persons or self.actions or self.objects or self.hashes)

    @property
    def text(self) -> str:
        """The difference for a reader, for example ``objects: firewall.policy/13``."""
        parts = [
            f"{item.name}: {', '.join(getattr(self, item.name))}"
            for item in fields(self)
            if item.name != "foreign" and getattr(self, item.name)
        ]
        return "; ".join(parts)


def difference(act: Act, scope: Scope, *, standing: bool = False) -> Difference:
    """What of ``act`` lies outside ``scope``; only a standing approval may name every target by ``*``."""
    named = {folded(target) for target in scope.targets}
    target_in = bool(named & set(act.targets)) or (standing and "*" in named)
    accounts = () if _covers(scope.accounts, *_spellings(act.account)) else (act.account or "unknown account",)
    persons = _persons(act, scope)
    allowed = {_word(action) for action in scope.actions}
    if "set" in allowed:
        allowed |= _SET
    actions = tuple(a for a in act.actions if allowed and "*" not in allowed and not _permitted(_word(a), allowed))
    objects = tuple(item for item in act.objects if scope.objects and not _named(act, item, scope.objects))
    hashes = tuple(item for item in act.hashes if scope.hashes and folded(item) not in map(folded, scope.hashes))
    return Difference(
        targets=() if target_in else (act.host,), accounts=accounts, persons=persons, actions=actions, objects=objects,
        hashes=hashes,
        foreign=bool(
            accounts or persons or (objects and len(objects) == len(act.objects))
            or (hashes and len(hashes) == len(act.hashes))
        ),
    )


def names_object(act: Act, scope: Scope) -> bool:
    """Whether ``scope`` names one of the act's objects, rather than not restricting them."""
    return any(_named(act, item, scope.objects) for item in act.objects)


def names_actor(act: Act, scope: Scope) -> bool:
    """Whether ``scope`` names the act's account or person, rather than not restricting them."""
    account = bool(scope.accounts) and _covers(scope.accounts, *_spellings(act.account))
    return account or (bool(scope.persons) and not _persons(act, scope))


def _persons(act: Act, scope: Scope) -> tuple[str, ...]:
    if not scope.persons or "*" in scope.persons:
        return ()
    allowed = {folded(person) for person in scope.persons}
    if not act.who.persons:
        return (f"unknown person of {act.account or 'unknown account'}",)
    return tuple(person for person in act.who.persons if folded(person) not in allowed)


def _covers(allowed: tuple[str, ...], *names: str) -> bool:
    wanted = {folded(name) for name in allowed}
    return not wanted or "*" in wanted or bool(wanted & set(names))


def _spellings(account: str) -> tuple[str, ...]:
    name = folded(account)
    return (name, name.rpartition("\\")[2], name.partition("@")[0]) if name else ()


def _word(action: str) -> str:
    return WORDS.get(folded(action), folded(action))


def _permitted(word: str, allowed: set[str]) -> bool:
    return word in allowed or (word == "set" and bool(allowed & _SET))


def _named(act: Act, item: str, patterns: tuple[str, ...]) -> bool:
    rules = act.used_by.get(item, ())
    return _matches(item, patterns, bare_names=act.bare_names) or (
        bool(rules) and all(_matches(rule, patterns, bare_names=act.bare_names) for rule in rules)
    )


def _matches(item: str, patterns: tuple[str, ...], *, bare_names: bool) -> bool:
    name = folded(item)
    last = name.rpartition("/")[2]
    for pattern in map(folded, patterns):
        if pattern == name or fnmatchcase(name, pattern):
            return True
        if bare_names and "/" not in pattern and (pattern == last or fnmatchcase(last, pattern)):
            return True
    return False
