"""The firm: persons, accounts, posts, branches, hosts and firewalls, each stated in the context tables as it is founded.

Planted cases get people and machines of their own, so that no approval, failure or record of one can reach another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from schemas import instant
from streams.simulator import clock

_FAMILY = ("chen", "lin", "huang", "chang", "li", "wang", "wu", "liu", "tsai", "yang", "hsu", "cheng", "hsieh", "kuo", "hung")
_GIVEN = ("yu", "mei", "wei", "ting", "hao", "jun", "ling", "ming", "han", "shan", "kai", "an", "rui", "xin", "jie", "fang")


@dataclass(frozen=True, slots=True)
class Person:
    """A natural person: ``id`` in HR, ``account`` in the directory and the change systems."""

    id: str
    account: str


@dataclass(frozen=True, slots=True)
class Firewall:
    """A firewall group: a standalone device or an HA pair. ``vendor`` is fortigate or panos."""

    group: str
    vendor: str
    members: tuple[str, ...]


class Firm:
    """Founds people and machines, and keeps what is stated of them for ``context/*.jsonl``."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.context: dict[str, list[dict[str, Any]]] = {}
        self._counters: dict[str, int] = {}
        self.head = self.person(department="management")
        self.manager = self.person(department="it", manager=self.head.id)
        # The approvers of the firm hold their role everywhere and never ask for anything themselves.
        self.approvers = {
            role: self._approver(role) for role in ("firewall_approver", "root_approver", "release_approver")
        }
        self.second_approver = self._approver("root_approver")
        self.core = self.firewall("fortigate", group="fw-core", pair=True)
        self.branch = self.firewall("panos", group="fw-branch")
        self.farm = tuple(self.ordering_host(f"web-{number}") for number in (1, 2, 3))
        for host in self.farm:
            self.state("groups", group="web-farm", member=host, kind="host", since=clock.BEFORE)
        self.staff = tuple(self.person(department="trading", manager=self.manager.id) for _ in range(200))

    def state(self, table: str, *, since: int | None = None, until: int | None = None, **fields: Any) -> None:
        """Add a record to a context table; ``since`` and ``until`` are its from and to."""
        record = {name: value for name, value in fields.items() if value not in ("", None)}
        if since is not None:
            record["from"] = instant.text(since)
        if until is not None:
            record["to"] = instant.text(until)
        self.context.setdefault(table, []).append(record)

    def next(self, kind: str, first: int = 1) -> int:
        """The next number of a kind, from ``first`` on."""
        number = self._counters.get(kind, first - 1) + 1
        self._counters[kind] = number
        return number

    def person(self, *, manager: str = "", vendor: str = "", department: str = "it", since: int = clock.BEFORE) -> Person:
        """A new person with one personal account that is valid everywhere."""
        number = self.next("person", 10001)
        name = f"{self.rng.choice(_GIVEN)}.{self.rng.choice(_FAMILY)}{number - 10000}"
        person = Person(f"{'V' if vendor else 'E'}{number}", name)
        self.state(
            "persons", person=person.id, name=name.replace(".", " ").title(), department=department, manager=manager,
            vendor=vendor, since=since,
        )
        self.account(person.account, person, since=since)
        return person

    def account(
        self, name: str, person: Person | None, *, kind: str = "personal", since: int = clock.BEFORE, until: int | None = None
    ) -> str:
        """A further account of ``person``, or a shared or service account of nobody."""
        self.state("accounts", account=name, person=person.id if person else "", kind=kind, since=since, until=until)
        return name

    def post(
        self, role: str, person: Person, *, objects: Sequence[str] = ("*",), deputy: bool = False,
        since: int = clock.BEFORE, until: int | None = None,
    ) -> None:
        """``person`` holds ``role`` for ``objects``."""
        self.state(
            "posts", role=role, person=person.id, objects=list(objects), deputy=deputy or None, since=since, until=until
        )

    def _approver(self, role: str) -> Person:
        person = self.person(department="it", manager=self.head.id)
        self.post(role, person)
        return person

    def address(self, net: int) -> str:
        """A fresh address in 10.``net``.0.0/16."""
        number = self.next(f"net{net}")
        return f"10.{net}.{number // 250}.{number % 250 + 1}"

    def outside(self) -> str:
        """A fresh address on the internet (documentation and benchmark ranges)."""
        number = self.next("outside")
        return f"198.{18 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}"

    def firewall(self, vendor: str, *, group: str = "", pair: bool = False) -> Firewall:
        """A firewall of a branch; ``pair``: two members that carry one configuration."""
        name = group or f"fw-br{self.next('firewall'):04d}"
        members = tuple(f"{name}-{member}" for member in ((1, 2) if pair else (1,)))
        for member in members:
            self.state("assets", asset=member, addresses=[self.address(20)], tags=["firewall"], since=clock.BEFORE)
            self.state("groups", group=name, member=member, kind="firewall", since=clock.BEFORE)
        return Firewall(name, vendor, members)

    def firewall_admin(self, box: Firewall) -> tuple[Person, str]:
        """A person on the list of designated administrators of ``box``, and the account used there."""
        person = self.person(manager=self.manager.id, department="network")
        account = self.account(f"adm-{person.account.replace('.', '-')}", person)
        self.post("firewall_admin", person, objects=(box.group,))
        return person, account

    def server(self, name: str = "", *, tags: Sequence[str] = ("server",)) -> str:
        """A Linux server."""
        host = name or f"srv-{self.next('server'):04d}"
        self.state("assets", asset=host, addresses=[self.address(30)], tags=list(tags), since=clock.BEFORE)
        return host

    def ordering_host(self, name: str = "") -> str:
        """A host of the online ordering system."""
        host = name or f"ord-{self.next('ordering'):04d}"
        self.state("assets", asset=host, addresses=[self.address(40)], system="ordering", tags=["ordering"], since=clock.BEFORE)
        return host
