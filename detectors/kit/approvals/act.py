"""The act that is judged: who did what to which target, when, and when we saw it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from detectors.kit.identity import NOBODY, Who


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act. Instants are µs UTC.

    ``t``: when it happened; where only an interval is known (between two scans), its end, and ``earliest`` its begin: the
    act is covered if any part is. ``until``: end of an act that lasts (a session): all of it must be covered. ``o``: when it
    was first observed. ``targets``: every name of ``host`` an approval may use, folded (``detectors/kit/groups.py``).
    ``role``: the approving role to be held for it; empty = not judged. ``cites``: numbers of requests the act itself names.
    ``bare_names``: an object in a scope without slash names the last part of an object (a firewall rule by its name); not
    for files, where ``index.html`` would then allow every directory. ``used_by``: an object of the act -> the rules it
    alters without touching them; a scope that names all of those names the object. What is empty does not restrict.
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

    @property
    def last(self) -> int:
        """The instant that must not lie after an approval's end."""
        if self.until is not None:
            return self.until
        return self.t if self.earliest is None else self.earliest
