"""Who is who and what belongs to what, from the rows of context; and the exported states of each request."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from tests.chaos.oracle.said import MINUTE, Filed, Row, Said

SKEW = 2 * MINUTE
FOREVER = 1 << 62


class Firm:
    """Context as of a time, and requests by number and by target."""

    def __init__(self, events: Iterable[Said], tables: Mapping[str, list[Row]]) -> None:
        self._accounts = _by(tables["accounts"], "account")
        self._posts = _by(tables["posts"], "role")
        self._persons = _by(tables["persons"], "person")
        self._members = _by(tables["groups"], "member")
        self._groups = _by(tables["groups"], "group")
        self._assets = _by(tables["assets"], "asset")
        self.session_records = _by(tables["session_records"], "host")
        self.incidents = _by(tables["incidents"], "host")
        self.releases = _by(tables["releases"], "approval")
        self.filed: dict[str, list[Filed]] = defaultdict(list)
        self._naming: dict[str, set[str]] = defaultdict(set)
        for event in events:
            if isinstance(event, Filed):
                number = event.request["approval"]
                self.filed[number].append(event)
                for target in event.request["targets"]:
                    self._naming[target].add(number)

    def person(self, account: str, t: int) -> str:
        """The person whose account it is at ``t``; empty if it is nobody's."""
        owners = {row["person"] for row in self._accounts[account] if _holds(row, t)}
        return owners.pop() if len(owners) == 1 else ""

    def holds(self, role: str, person: str, names: Iterable[str], t: int) -> int:
        """Whether ``person`` held ``role`` for one of ``names`` at ``t``: 2 yes, 1 only within the tolerance, 0 no."""
        best = 0
        for row in self._posts[role]:
            if row["person"] == person and any(fnmatchcase(name, p) for p in row.get("objects", ("*",)) for name in names):
                best = max(best, inside(t, row["from"], row.get("to", FOREVER) - 1))
        return best

    def superior(self, upper: str, person: str, t: int) -> bool:
        """Whether ``upper`` stands above ``person``."""
        for _ in range(16):
            rows = [row for row in self._persons[person] if _holds(row, t) and row.get("manager")]
            if not rows:
                return False
            person = rows[-1]["manager"]
            if person == upper:
                return True
        return False

    def names(self, host: str, t: int) -> list[str]:
        """``host`` and the groups it is in, which approvals may name instead."""
        return [host, *(row["group"] for row in self._members[host] if _holds(row, t))]

    def pair(self, device: str, t: int) -> tuple[str, list[str]]:
        """Name of the pair or cluster of firewalls that ``device`` is in, and its members; without one, itself."""
        for row in self._members[device]:
            if row["kind"] == "firewall" and _holds(row, t):
                return row["group"], [other["member"] for other in self._groups[row["group"]] if _holds(other, t)]
        return device, [device]

    def firewalls(self, name: str) -> bool:
        """Whether ``name`` is a pair of firewalls or one of its members."""
        return any(row["kind"] == "firewall" for row in (*self._members[name], *self._groups[name]))

    def tags(self, name: str) -> set[str]:
        """Tags of an asset."""
        return {tag for row in self._assets[name] for tag in row.get("tags", ())}

    def naming(self, names: Iterable[str]) -> list[str]:
        """Numbers of the requests that name one of ``names``."""
        return sorted({number for name in names for number in self._naming[name]})


def inside(t: int, since: int | None, until: int | None) -> int:
    """2: ``since`` <= t <= ``until``; 1: only with the tolerance of clocks; 0: not at all. None has no bound."""
    low = FOREVER if since is None else t - since
    high = FOREVER if until is None else until - t
    worst = min(low, high)
    return 2 if worst >= 0 else 1 if worst >= -SKEW else 0


def _holds(row: Row, t: int) -> bool:
    return row["from"] <= t < row.get("to", FOREVER)


def _by(rows: Iterable[Row], name: str) -> defaultdict[str, list[Row]]:
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if name in row:
            found[row[name]].append(row)
    return found
