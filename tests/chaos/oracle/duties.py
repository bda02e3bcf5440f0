"""Detector 5 by its text: requests approved by the person who asked for or did the work, or by somebody below.

Two who approve each other's requests are not looked for: no workload has them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.chaos.oracle.document import Document, document, evidence
from tests.chaos.oracle.firm import Firm
from tests.chaos.oracle.requests import Grant, grant_of
from tests.chaos.oracle.said import Filed, Said

NAME = "self_approved_change"
CLAUSES = ("CC-17010.b.e", "CC-17020.b.c", "CC-17020.d.b", "CC-18000.5.a", "CC-19000.5")
_BY_WORK = {
    "firewall_change_unapproved": "CC-17010.b.e", "root_use_without_approval": "CC-17020.b.c",
    "unannounced_web_or_program_change": "CC-19000.5",
}  # fmt: skip
_GRAVE = {"CC-17010.b.e", "CC-17020.b.c", "CC-18000.5.a"}


@dataclass(frozen=True, slots=True)
class Use:
    """An act done under an approval: by which detector's rules, whose, and the record that tells it."""

    detector: str
    approval: str
    account: str
    persons: tuple[str, ...]
    event: Said
    actor: str


def judge(firm: Firm, events: Iterable[Said], uses: list[Use]) -> Iterator[tuple[int, Document]]:
    """Anchor time and document of each violation."""
    decided: dict[str, list[Filed]] = defaultdict(list)
    for event in events:
        if isinstance(event, Filed) and event.request["decision"] != "requested":
            decided[event.request["approval"]].append(event)
    done: dict[str, list[Use]] = defaultdict(list)
    for use in sorted(uses, key=lambda use: (use.event.t, use.event.id)):
        if all((old.detector, old.actor, old.persons) != (use.detector, use.actor, use.persons) for old in done[use.approval]):
            done[use.approval].append(use)
    for number, states in decided.items():
        grant = grant_of(firm.filed[number])
        if grant is None:
            continue
        asked = firm.person(grant.row["requester"], grant.t)
        approvers = [firm.person(name, grant.t) for name in grant.row["approvers"]]
        yield from _one(firm, grant, asked, approvers, states, done[number])


def _one(
    firm: Firm, grant: Grant, asked: str, approvers: list[str], states: list[Filed], done: list[Use]
) -> Iterator[tuple[int, Document]]:
    row = grant.row
    doers = {firm.person(row["implementer"], grant.t), *(who for use in done for who in use.persons)} - {""}
    own: list[str] = []
    below: list[str] = []
    for who in approvers:
        if who and who == asked:
            own.append("APPROVER_IS_REQUESTER")
        if who in doers:
            own.append("APPROVER_IS_IMPLEMENTER")
        if not who:
            own.append("UNRESOLVED_APPROVER")
        elif asked and firm.superior(asked, who, grant.t):
            below.append("APPROVER_REPORTS_TO_REQUESTER")
    clauses = tuple(sorted({_BY_WORK[use.detector] for use in done}))
    if not clauses and any(firm.firewalls(target) for target in row["targets"]):
        clauses = ("CC-17010.b.e",)
    elif not clauses and "root" in (*row.get("actions", ()), *row.get("accounts", ())):
        clauses = ("CC-17020.b.c",)
    proofs = {
        (state.t, state.id): evidence(state, {
            "decision": state.request["decision"], "approver": state.request["approvers"][0], "approval": row["approval"],
        })
        for state in states
    }  # fmt: skip
    for use in done:
        who = use.persons[0] if len(use.persons) == 1 else use.actor
        proofs[(use.event.t, use.event.id)] = evidence(use.event, {"implementer": who}, original="")
    for subtype, reasons in (("SELF_APPROVED", own), ("COLLUSION_HINT", below)):
        if reasons:
            grave = "critical" if {*clauses} & _GRAVE else "high"
            yield grant.t, document(
                NAME, subtype, kind="approval", key=(row["approval"],), anchor=row["approval"], anchor_time=grant.t,
                controls=clauses or CLAUSES, severity=grave if subtype == "SELF_APPROVED" else "medium",
                subject={"approval": row["approval"]}, first=grant.t, last=grant.t, approval=row["approval"],
                reasons=dict.fromkeys(reasons),
                persons=sorted({who or name for who, name in zip(approvers, row["approvers"], strict=True)}),
                proofs=[proof for _, proof in sorted(proofs.items())],
            )  # fmt: skip
