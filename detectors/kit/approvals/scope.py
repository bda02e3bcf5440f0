"""What of an act lies outside an approved scope."""

from dataclasses import dataclass, fields
from fnmatch import fnmatchcase

from detectors.kit.approvals.act import Act, word
from detectors.kit.groups import folded
from schemas.approval import Scope

_SET = frozenset({"add", "edit", "set"})  # a "set" (PAN-OS) creates what is not there and changes what is
_EVERY = frozenset({"*"})


@dataclass(frozen=True, slots=True)
class Bounds:
    """A scope made ready for comparing: folded, as sets. An empty set does not restrict, but for the targets."""

    targets: frozenset[str]
    accounts: frozenset[str]
    persons: frozenset[str]
    actions: frozenset[str]
    objects: frozenset[str]
    patterns: tuple[str, ...]
    hashes: frozenset[str]


def bounds(scope: Scope) -> Bounds:
    """``scope`` made ready for comparing; ``*`` alone does not restrict."""
    objects = [folded(item) for item in scope.objects]
    actions = frozenset(word(action) for action in scope.actions)
    return Bounds(
        targets=frozenset(folded(target) for target in scope.targets),
        accounts=_free(frozenset(folded(name) for name in scope.accounts)),
        persons=_free(frozenset(folded(name) for name in scope.persons)),
        actions=_free(actions | _SET if "set" in actions else actions),
        objects=_free(frozenset(objects)),
        patterns=tuple(item for item in objects if any(sign in item for sign in "*?[")),
        hashes=_free(frozenset(folded(item) for item in scope.hashes)),
    )


def _free(names: frozenset[str]) -> frozenset[str]:
    return frozenset() if names & _EVERY else names


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Parts of the act outside the scope, by field of the scope; all empty: the scope covers it.

    ``foreign``: the approval speaks of something else (none of the objects or hashes, another account or person).
    ``silent``: it names nothing that the act is outside of, but leaves open a part that an approval of it has to name.
    """

    targets: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    foreign: bool = False
    silent: bool = False

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
            if item.name not in ("foreign", "silent") and getattr(self, item.name)
        ]
        return "; ".join(parts)


NONE = Difference()
SILENT = Difference(silent=True)


def difference(act: Act, allowed: Bounds, *, standing: bool = False) -> Difference:
    """What of ``act`` lies outside ``allowed``; only a standing approval may name every target by ``*``."""
    target_in = not allowed.targets.isdisjoint(act.targets) or (standing and "*" in allowed.targets)
    accounts = persons = actions = objects = hashes = ()  # type: tuple[str, ...]
    if allowed.accounts and allowed.accounts.isdisjoint(act.spellings):
        accounts = (act.account or "unknown account",)
    if allowed.persons:
        persons = _persons(act, allowed)
    if allowed.actions:
        actions = tuple(action for action, name in act.words if not _permitted(name, allowed.actions))
    if allowed.objects:
        objects = tuple(item for item, name, rules in act.named if not _named(act, name, rules, allowed))
    if allowed.hashes:
        hashes = tuple(item for item in act.hashes if folded(item) not in allowed.hashes)
    beyond = bool(accounts or persons or actions or objects or hashes)
    silent = not beyond and not all(getattr(allowed, part) for part in act.must_name)
    if target_in and not beyond:
        return SILENT if silent else NONE
    return Difference(
        targets=() if target_in else (act.host,), accounts=accounts, persons=persons, actions=actions, objects=objects,
        hashes=hashes, silent=silent,
        foreign=bool(
            accounts or persons or (objects and len(objects) == len(act.objects))
            or (hashes and len(hashes) == len(act.hashes))
        ),
    )  # fmt: skip


def names_object(act: Act, allowed: Bounds) -> bool:
    """Whether the scope names one of the act's objects, rather than not restricting them."""
    return any(_named(act, name, rules, allowed) for _, name, rules in act.named)


def names_actor(act: Act, allowed: Bounds) -> bool:
    """Whether the scope names the act's account or person, rather than not restricting them."""
    return not allowed.accounts.isdisjoint(act.spellings) or (bool(allowed.persons) and not _persons(act, allowed))


def _persons(act: Act, allowed: Bounds) -> tuple[str, ...]:
    if not act.who.persons:
        return (f"unknown person of {act.account or 'unknown account'}",)
    return tuple(person for person in act.who.persons if folded(person) not in allowed.persons)


def _permitted(name: str, allowed: frozenset[str]) -> bool:
    return name in allowed or (name == "set" and bool(allowed & _SET))


def _named(act: Act, name: str, rules: tuple[str, ...], allowed: Bounds) -> bool:
    return _matches(name, allowed, bare_names=act.bare_names) or (
        bool(rules) and all(_matches(rule, allowed, bare_names=act.bare_names) for rule in rules)
    )


def _matches(name: str, allowed: Bounds, *, bare_names: bool) -> bool:
    last = name.rpartition("/")[2] if bare_names else name
    if name in allowed.objects or last in allowed.objects:
        return True
    return any(
        fnmatchcase(name, pattern) or (bare_names and "/" not in pattern and fnmatchcase(last, pattern))
        for pattern in allowed.patterns
    )
