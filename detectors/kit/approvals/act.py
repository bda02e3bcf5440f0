"""The act that is judged: who did what to which target, when, and when we saw it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from detectors.kit.groups import folded
from detectors.kit.identity import NOBODY, Who

WORDS = {
    "create": "add", "new": "add", "insert": "add", "clone": "add", "modify": "edit", "change": "edit", "update": "edit",
    "rename": "edit", "remove": "delete", "del": "delete",
}  # fmt: skip
"""Words of change systems and vendors for the actions that approvals name."""


def word(action: str) -> str:
    """``action`` in the words that scopes are compared in."""
    name = folded(action)
    return WORDS.get(name, name)


@dataclass(frozen=True, kw_only=True)
class Act:
    """One act. Instants are µs UTC.

    ``t``: when it happened; where only an interval is known (between two scans), its end, and ``earliest`` its begin: the
    act is covered if any part is. ``until``: end of an act that lasts (a session): all of it must be covered. ``o``: when it
    was first observed. ``targets``: every name of ``host`` an approval may use, folded (``detectors/kit/groups.py``).
    ``role``: the approving role to be held for it; empty = not judged. ``cites``: numbers of requests the act itself names.
    ``bare_names``: an object in a scope without slash names the last part of an object (a firewall rule by its name); not
    for files, where ``index.html`` would then allow every directory. ``used_by``: an object of the act -> the rules it
    alters without touching them; a scope that names all of those names the object. What is empty does not restrict.
    ``must_name``: parts of a scope (``accounts``, ``persons``) that an approval of this act has to name: one that leaves them
    empty or says ``*`` is an approval of something else.
    """

    t: int
    o: int
    host: str
    targets: tuple[str, ...]
    who: Who = NOBODY
    account: str = ""
    actions: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    role: str = ""
    earliest: int | None = None
    until: int | None = None
    cites: tuple[str, ...] = ()
    bare_names: bool = False
    used_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    must_name: frozenset[str] = frozenset()

    @property
    def last(self) -> int:
        """The instant that must not lie after an approval's end."""
        if self.until is not None:
            return self.until
        return self.t if self.earliest is None else self.earliest

    @cached_property
    def spellings(self) -> frozenset[str]:
        """The account as a scope may write it: with and without its domain."""
        name = folded(self.account)
        return frozenset((name, name.rpartition("\\")[2], name.partition("@")[0])) if name else frozenset()

    @cached_property
    def named(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """Each object with its folded name and the folded names of the rules it alters."""
        return tuple(
            (item, folded(item), tuple(folded(rule) for rule in self.used_by.get(item, ()))) for item in self.objects
        )

    @cached_property
    def words(self) -> tuple[tuple[str, str], ...]:
        """Each action with the word it is compared by."""
        return tuple((action, word(action)) for action in self.actions)
