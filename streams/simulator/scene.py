"""A scene: what one planted case may do — write log lines, state context, open change requests, declare the truth."""

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

from schemas import instant
from streams.simulator.clock import H, M
from streams.simulator.firm import Firm, Person
from streams.simulator.ticket import Ticket
from streams.simulator.truth import LOGINS, Subject, Truth
from streams.simulator.writers import tickets


@dataclass(slots=True)
class Script:
    """Everything planted in one cycle: (observed, order of writing, source, line), silences and the truth."""

    lines: list[tuple[int, int, str, str]] = field(default_factory=list)
    quiet: list[tuple[str, int, int]] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)

    def add(self, source: str, t: int, line: str, observed: int | None = None) -> None:
        """A line of ``source`` whose own time is ``t``; ``observed`` if it was received at another time."""
        if observed is not None:
            line = json.dumps({"received": instant.text(observed), "raw": line}, separators=(",", ":"))
        self.lines.append((t if observed is None else observed, len(self.lines), source, line))


class Scene:
    """One planting of one case. ``t`` is the moment of its act; ``rng`` is its own, so cases do not disturb each other."""

    def __init__(self, firm: Firm, script: Script, rng: Random, case: str, detector: str, t: int) -> None:
        self.firm = firm
        self.script = script
        self.rng = rng
        self.case = case
        self.detector = detector
        self.t = t

    def log(self, source: str, t: int, line: str, observed: int | None = None) -> None:
        """Write a line to the file of ``source``."""
        self.script.add(source, t, line, observed)

    def violation(
        self, subtype: str, subject: Subject, *, since: int | None = None, until: int | None = None, note: str = "",
        verdict: str = "violation", detector: str = "",
    ) -> None:
        """Declare a finding that must be in the final set."""
        start = self.t if since is None else since
        self.script.truths.append(Truth(
            self.case, detector or self.detector, subtype, subject, verdict, start, start if until is None else until, note
        ))

    def none(
        self, subtype: str, subject: Subject, *, since: int | None = None, until: int | None = None, note: str = "",
        detector: str = "",
    ) -> None:
        """Declare a finding that must not be in the final set."""
        self.violation(subtype, subject, since=since, until=until, note=note, verdict="none", detector=detector)

    def attack(self, user: str | None, source_ip: str | None, since: int, until: int, note: str = "") -> None:
        """Declare ATTACK_SUSPECTED against an account (no source) or from a source (no account)."""
        subject: Subject = {"user": user, "source_ip": source_ip}
        self.violation("ATTACK_SUSPECTED", subject, since=since, until=until, note=note, detector=LOGINS)

    def ticket(self, role: str, *, target: str, **fields: Any) -> Ticket:
        """A request for work around ``t``, with a requester, implementer and approver who differ."""
        firm = self.firm
        requester = firm.person(manager=firm.manager.id)
        number = firm.next("ticket", 30001)
        channel = fields.pop("channel", "") or self.rng.choice(("servicenow", "approval"))
        defaults: dict[str, Any] = {
            "number": f"CHG{number:07d}" if channel == "servicenow" else f"REQ-{number}",
            "channel": channel, "requester": requester.account, "implementer": firm.person(manager=firm.manager.id).account,
            "approvers": (firm.approvers[role].account,), "targets": (target,), "team": f"team-{number % 7 + 1}",
            "valid_from": self.t - 15 * M, "valid_to": self.t + 2 * H,
        }
        return Ticket(**(defaults | fields))

    def export(self, ticket: Ticket, at: int, *, received: int | None = None) -> None:
        """The change system exports the state of ``ticket``; ``received`` if that arrived later."""
        writer = tickets.servicenow if ticket.channel == "servicenow" else tickets.approval
        self.log(ticket.channel, at, writer(ticket, at), received)

    def request(self, ticket: Ticket, at: int) -> None:
        """The request is entered."""
        ticket.decision, ticket.decided = "requested", None
        self.export(ticket, at)

    def decide(
        self, ticket: Ticket, at: int, *, decision: str = "approved", exported: int | None = None, received: int | None = None
    ) -> None:
        """The request is decided at ``at``; ``exported`` if the state was written later."""
        ticket.decision, ticket.decided = decision, at
        self.export(ticket, at if exported is None else exported, received=received)

    def revoke(self, ticket: Ticket, at: int) -> None:
        """The approved request is withdrawn."""
        ticket.decision = "revoked"
        self.export(ticket, at)

    def approved(self, ticket: Ticket, at: int | None = None) -> Ticket:
        """Entered and approved well before ``t`` (default an hour), known at once."""
        moment = self.t - H if at is None else at
        self.request(ticket, moment - 25 * M)
        self.decide(ticket, moment)
        return ticket

    def person(self) -> Person:
        """A fresh member of staff."""
        return self.firm.person(manager=self.firm.manager.id)
