"""Acts that need approval, in three shapes with one interface, so that every verdict row is planted for each of them.

An act has a fresh target and a fresh person, and writes everything the other duties ask for (PAM check-out and session
record of a root session, incident record of a web change), so that the approval verdict is all that is judged.
"""

from typing import Any

from schemas import instant
from streams.simulator.clock import M, S
from streams.simulator.firm import Firewall, Person
from streams.simulator.scene import Scene
from streams.simulator.ticket import Ticket
from streams.simulator.truth import FIREWALL, ROOT, WEB, Subject
from streams.simulator.writers import fortigate, linux, panos, wazuh

FORTIGATES = "fortigate@fw-branches"
PANORAMA = "panos@panorama"
RELAY = "linux@relay-1"
MANAGER = "wazuh@manager-1"


class FirewallAct:
    """A configuration commit on a firewall of its own."""

    detector = FIREWALL
    unapproved = "UNAPPROVED"
    role = "firewall_approver"

    def __init__(self, scene: Scene, *, vendor: str = "", box: Firewall | None = None, pair: bool = False) -> None:
        self.scene = scene
        self.box = box or scene.firm.firewall(vendor or scene.rng.choice(("fortigate", "panos")), pair=pair)
        self.target = self.box.group
        self.person, self.account = scene.firm.firewall_admin(self.box)
        number = scene.rng.randrange(2, 90)
        self.item = self.rule(number)
        self.other = self.rule(number + 1)

    def rule(self, number: int) -> str:
        """Name of a rule as approvals write it."""
        return f"firewall.policy/{number}" if self.box.vendor == "fortigate" else f"rulebase/security/rules/allow-web-{number}"

    def ticket(self, **fields: object) -> Ticket:
        """A request that covers exactly what :meth:`do` does."""
        defaults = {"implementer": self.account, "objects": (self.item,), "title": f"Rule change on {self.target}"}
        return self.scene.ticket(self.role, target=self.target, **(defaults | fields))

    def do(
        self, t: int, *, observed: int | None = None, item: str = "", also: str = "", action: str = "edit",
        attributes: str = "service[HTTPS->HTTP]", account: str = "",
    ) -> Subject:
        """Commit at ``t`` a change of the usual object or of ``item``; ``also`` is a second object of the same commit."""
        objects = [name for name in (item or self.item, also) if name]
        account = account or self.account
        if self.box.vendor == "fortigate":
            commit = self.scene.firm.next("cfgtid", 2_162_000)
            source = "fortigate@fw-core-1" if self.target == "fw-core" else FORTIGATES
            for name in objects:
                path, _, item = name.rpartition("/")
                line = fortigate.config(
                    t, self.box.members[0], commit, account, path, item, action=action.title(), attributes=attributes,
                )
                self.scene.log(source, t, line, observed)
            return {"group": self.target, "commit": str(commit)}
        for name in objects:
            path = panos.rule(name.rpartition("/")[2])
            line = panos.config(
                t - 40 * S, self.box.members[0], self.scene.firm.next("seqno", 7_300_000), account, action, path=path,
                before="service service-https;", after="service any;",
            )
            self.scene.log(PANORAMA, t - 40 * S, line, observed)
        return self.commit(t, observed=observed, account=account)

    def commit(self, t: int, *, observed: int | None = None, account: str = "") -> Subject:
        """PAN-OS: what was edited takes effect."""
        commit = self.scene.firm.next("seqno", 7_300_000)
        line = panos.config(t, self.box.members[0], commit, account or self.account, "commit")
        self.scene.log(PANORAMA, t, line, observed)
        return {"group": self.target, "commit": str(commit)}

    def sync(self, t: int, subject: Subject, *, item: str = "", number: int = 0) -> None:
        """FortiGate: the second member of a pair logs its copy of a commit, under a ``number`` of its own if one is given."""
        path, _, item = (item or self.item).rpartition("/")
        source = "fortigate@fw-core-2" if self.target == "fw-core" else FORTIGATES
        line = fortigate.config(
            t, self.box.members[1], number or int(subject["commit"] or 0), self.account, path, item,
            attributes="service[HTTPS->HTTP]", ui="ha_daemon",
        )
        self.scene.log(source, t, line)


class RootAct:
    """A root session on a server of its own, by su, sudo or a direct log-in with a PAM check-out."""

    detector = ROOT
    unapproved = "UNAPPROVED"
    role = "root_approver"

    def __init__(self, scene: Scene, *, way: str = "", host: str = "", person: Person | None = None) -> None:
        self.scene = scene
        self.way = way or scene.rng.choice(("su", "sudo", "ssh"))
        self.target = host or scene.firm.server()
        self.person = person or scene.person()
        self.account = self.person.account

    def ticket(self, **fields: object) -> Ticket:
        """A request that covers exactly what :meth:`do` does."""
        defaults = {
            "implementer": self.account, "accounts": ("root",), "persons": (self.person.id,), "kind": "access",
            "title": f"Root on {self.target}",
        }
        return self.scene.ticket(self.role, target=self.target, **(defaults | fields))

    def do(
        self, t: int, *, observed: int | None = None, length: int = 10 * M, ends: bool = True,
        checkout: bool = True, filed: int | None = None, record: bool = True,
    ) -> Subject:
        """Be root from ``t`` for ``length``; ``filed``: when the session record is filed, by default 20 minutes after."""
        start, end = instant.text(t), t + length
        self.open(t, observed)
        if ends:
            self.close(end, None if observed is None else max(observed, end))
        if checkout:
            self.checkout(t - M, end + 5 * M)
        if record:
            self.record(t, end, end + 20 * M if filed is None else filed)
        return {"host": self.target, "account": "root", "person": self.person.id, "start": start}

    def open(self, t: int, observed: int | None = None) -> None:
        """Root is reached."""
        scene, host, by = self.scene, self.target, self.account
        self.pid = scene.firm.next("pid", 100001)
        if self.way == "su":
            lines = [linux.su(t, host, self.pid, by, "root", "pts/1"), linux.opened(t, host, "su", self.pid, "root", by)]
        elif self.way == "sudo":
            lines = [
                linux.sudo(t, host, self.pid, by, "root", "/usr/bin/bash", tty="pts/1"),
                linux.opened(t, host, "sudo", self.pid, "root", by),
            ]
        else:
            ip, port = scene.firm.address(80), 40000 + self.pid % 20000
            lines = [
                linux.accepted(t, host, self.pid, "root", ip, port, method="publickey"),
                linux.opened(t, host, "sshd", self.pid, "root"),
            ]
        for line in lines:
            scene.log(RELAY, t, line, observed)

    def close(self, t: int, observed: int | None = None) -> None:
        """Root is left."""
        program = "sshd" if self.way == "ssh" else self.way
        self.scene.log(RELAY, t, linux.closed(t, self.target, program, self.pid, "root"), observed)

    def checkout(self, since: int, until: int, person: Person | None = None) -> None:
        """PAM hands root of this host to the person."""
        self.scene.firm.state(
            "checkouts", checkout=f"CO-{self.scene.firm.next('checkout', 50001)}", account="root",
            person=(person or self.person).id, host=self.target, since=since, until=until,
        )

    def record(self, since: int, until: int, filed: int, person: Person | None = None) -> None:
        """A record of the session is filed."""
        self.scene.firm.state(
            "session_records", record=f"SR-{self.scene.firm.next('record', 70001)}", host=self.target, account="root",
            person=(person or self.person).id, since=since, until=until, recorded=instant.text(filed),
        )


class WebAct:
    """A changed file on a host of the ordering system of its own."""

    detector = WEB
    unapproved = "UNANNOUNCED"
    role = "release_approver"

    def __init__(self, scene: Scene, *, host: str = "") -> None:
        self.scene = scene
        self.target = host or scene.firm.ordering_host()
        self.person = scene.person()
        self.account = self.person.account
        self.root = f"/var/www/order/app-{scene.firm.next('app', 101)}"
        self.item = f"{self.root}/js/{scene.rng.choice(('quote', 'order', 'login', 'cart'))}.js"
        self.other = f"{self.root}/html/index.html"
        self.before, self.after = self.sha(), self.sha()

    def sha(self) -> str:
        """A fresh SHA-256 in hex."""
        return f"{self.scene.rng.getrandbits(256):064x}"

    def ticket(self, **fields: object) -> Ticket:
        """A request that covers exactly what :meth:`do` does."""
        defaults = {
            "implementer": self.account, "objects": (self.item,), "hashes": (self.after,), "kind": "release",
            "title": f"Deployment on {self.target}",
        }
        return self.scene.ticket(self.role, target=self.target, **(defaults | fields))

    def do(
        self, t: int, *, observed: int | None = None, item: str = "", host: str = "", before: str = "", after: str = "",
        event: str = "modified", mode: str = "realtime", modified: int | None = None, handled: bool = True,
    ) -> Subject:
        """Change the usual file or ``item`` at ``t``; ``handled``: people are told in time and handling is recorded."""
        path, where = item or self.item, host or self.target
        line = wazuh.changed(
            t, where, self.scene.firm.next("alert", 10001), path, before or self.before, after or self.after,
            event=event, mode=mode, modified=modified,
        )
        self.scene.log(MANAGER, t, line, observed)
        if handled:
            self.incident(path, notified=t + 6 * M, handled=t + 90 * M, host=where)
        return {"host": where, "path": path}

    def incident(self, path: str, *, notified: int | None = None, handled: int | None = None, host: str = "") -> None:
        """An incident record about the change: first that people were told, then that it was handled."""
        number = f"INC{self.scene.firm.next('incident', 20001):07d}"
        fields: dict[str, Any] = {"id": number, "incident": number, "host": host or self.target, "path": path}
        if notified is not None:
            self.scene.firm.state("incidents", **fields, notified=instant.text(notified), recorded=instant.text(notified))
            fields["notified"] = instant.text(notified)
        if handled is not None:
            self.scene.firm.state("incidents", **fields, handled=instant.text(handled), recorded=instant.text(handled))


