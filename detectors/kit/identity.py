"""Accounts to persons as of the event, roles and superiors: segregation of duties always compares persons.

Source: ``accounts`` (whose account), ``checkouts`` (who held a shared account), ``persons`` (superiors), ``posts`` (roles,
deputies with an interval of their own). An unresolved actor never counts as "a different person".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from detectors.kit.contract import SKEW, Context, Entry
from detectors.kit.groups import folded
from detectors.kit.tolerance import Fit, within

CHAIN = 16
"""How many superiors are followed upwards; also what ends a circle in the data."""


class Kind(StrEnum):
    """What an account turned out to be at an instant."""

    PERSON = "person"  # exactly one person's own
    SERVICE = "service"  # a declared service account: no person
    SHARED = "shared"  # a shared account checked out to the persons named
    UNRESOLVED = "unresolved"  # unknown, ambiguous, or shared and not checked out


class Relation(StrEnum):
    """Whether two actors are one person; unknown never satisfies "different"."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Who:
    """An account and the person or persons behind it. ``person`` is empty unless it is exactly one."""

    account: str
    kind: Kind
    persons: tuple[str, ...] = ()

    @property
    def person(self) -> str:
        """The one person, or empty."""
        return self.persons[0] if len(self.persons) == 1 else ""

    @property
    def label(self) -> str:
        """Person if known, else account: what a reader is shown."""
        return self.person or self.account


NOBODY = Who("", Kind.UNRESOLVED)


def who(ctx: Context, account: str, t: int, systems: Iterable[str] | None = None) -> Who:
    r"""Who acts as ``account`` at ``t``.

    ``systems``: names under which the account's system is known (host, groups, directory); a record for one of them goes
    before one for ``*``. None: the system is not known (accounts named in a request), any record counts.
    ``DOMAIN\name`` and ``name@domain`` are tried as written, then as name with the domain as a further system. A name
    without account record that is a person's id, or the name of exactly one person, is that person.
    """
    if not account.strip():
        return NOBODY
    places = None if systems is None else {folded(name) for name in systems}
    for name, domain in _spellings(account):
        wanted = places if places is None or not domain else places | {domain}
        found = _resolve(ctx, account, name, t, wanted)
        if found is not None:
            return found
    person = account.strip()
    if ctx.as_of("persons", person, t):
        return Who(account, Kind.PERSON, (person,))
    # Change systems export the name they display; it tells a person if exactly one bears it.
    named = {entry.data.person for entry in ctx.as_of("persons", f"name:{folded(account)}", t)}
    if len(named) == 1:
        return Who(account, Kind.PERSON, tuple(named))
    return Who(account, Kind.UNRESOLVED)


def party(ctx: Context, t: int, *, account: str = "", person: str = "") -> Who:
    """Who an approval names: ``person`` where the change system knows persons, else its ``account``."""
    return Who(account or person, Kind.PERSON, (person,)) if person else who(ctx, account, t)


def relation(one: Who, other: Who) -> Relation:
    """Whether two actors are the same person. Equal accounts are, even if nobody knows whose."""
    if set(one.persons) & set(other.persons):
        return Relation.SAME
    if one.account and folded(one.account) == folded(other.account) and not (one.person and other.person):
        return Relation.SAME
    if one.person and other.person:
        return Relation.DIFFERENT
    return Relation.UNKNOWN


def same_person(one: Who, other: Who) -> bool:
    """Whether both are certainly one person."""
    return relation(one, other) is Relation.SAME


def role_known(ctx: Context, role: str) -> bool:
    """Whether anybody was ever declared to hold ``role``; if not, holding it cannot be judged."""
    return bool(ctx.all("posts", f"role:{role}"))


def holds_role(
    ctx: Context, role: str, person: str, objects: Iterable[str], t: int, *, skew: int = SKEW
) -> Fit:
    """Whether ``person`` held ``role``, as holder or deputy, for one of ``objects`` (host, its groups, systems) at ``t``."""
    names = tuple(folded(name) for name in objects)
    best = Fit.OUTSIDE
    for entry in ctx.all("posts", f"role:{role}"):
        post = entry.data
        if post.person != person:
            continue
        patterns = [folded(pattern) for pattern in post.objects]
        if "*" in patterns or any(fnmatchcase(name, pattern) for pattern in patterns for name in names):
            best = max(best, within(t, post.since, post.until - 1, skew=skew))
    return best


def superior_of(ctx: Context, superior: str, person: str, t: int) -> bool:
    """Whether ``superior`` stands above ``person`` at ``t``, directly or through others."""
    at, seen = person, {person}
    for _ in range(CHAIN):
        managers = [entry.data.manager for entry in ctx.as_of("persons", at, t) if entry.data.manager]
        if not managers:
            return False
        at = managers[-1]
        if at == superior:
            return True
        if at in seen:
            return False
        seen.add(at)
    return False


def _spellings(account: str) -> Iterable[tuple[str, str]]:
    name = folded(account)
    yield name, ""
    domain, slash, rest = name.partition("\\")
    if slash and rest:
        yield rest, domain
    rest, at, domain = name.partition("@")
    if at and rest:
        yield rest, domain


def _resolve(ctx: Context, account: str, name: str, t: int, systems: set[str] | None) -> Who | None:
    records = _nearest(ctx.as_of("accounts", f"account:{name}", t), systems)
    kinds = {entry.data.kind for entry in records}
    if kinds == {"service"}:
        return Who(account, Kind.SERVICE)
    if "personal" in kinds:
        owners = {entry.data.person for entry in records if entry.data.person}
        # Two owners at one time, or an owner beside a shared record, is a contradiction, not a person.
        if len(owners) == 1 and kinds == {"personal"}:
            return Who(account, Kind.PERSON, tuple(owners))
        return Who(account, Kind.UNRESOLVED)
    holders = _holders(ctx, name, t, systems)
    if holders:
        return Who(account, Kind.SHARED, holders)
    return Who(account, Kind.UNRESOLVED) if records else None


def _nearest(entries: tuple[Entry, ...], systems: set[str] | None) -> list[Entry]:
    everywhere = [entry for entry in entries if entry.data.system == "*"]
    if systems is None:
        return everywhere or list(entries)
    return [entry for entry in entries if folded(entry.data.system) in systems] or everywhere


def _holders(ctx: Context, name: str, t: int, systems: set[str] | None) -> tuple[str, ...]:
    fits: dict[str, Fit] = {}
    for entry in ctx.all("checkouts", f"account:{name}"):
        checkout = entry.data
        if checkout.host != "*" and systems is not None and folded(checkout.host) not in systems:
            continue
        fit = within(t, checkout.since, checkout.until - 1)
        fits[checkout.person] = max(fit, fits.get(checkout.person, Fit.OUTSIDE))
    best = max(fits.values(), default=Fit.OUTSIDE)
    # Tolerance helps only where nobody held the account exactly then: a hand-over has one holder.
    return tuple(sorted(person for person, fit in fits.items() if fit is best)) if best > Fit.OUTSIDE else ()
