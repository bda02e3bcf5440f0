"""Detector 2 by its text: changes of firewalls without a covering approval, and by somebody not designated."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.chaos.oracle.document import Document, document, evidence
from tests.chaos.oracle.duties import Use
from tests.chaos.oracle.firm import SKEW, Firm
from tests.chaos.oracle.requests import Act, Verdict, ordered, verdict
from tests.chaos.oracle.said import HOUR, MINUTE, Edited, Said

NAME = "firewall_change_unapproved"
MEMORY = 26 * HOUR
COPY = 10 * MINUTE  # within it the other member of a pair tells the same commit
CLAUSES = ("CC-17010.b.e", "CC-17010.b.b")
_REMARKS = {"comments", "comment", "color", "description"}


@dataclass(frozen=True, slots=True)
class Judged:
    """A change with its verdict, ready to be written."""

    edits: list[Edited]
    group: str
    act: Act
    verdict: Verdict
    base: str

    def written(self, subtype: str, *, reasons: Iterable[str], severity: str, **rest: object) -> tuple[int, Document]:
        """The document of ``subtype``."""
        first = self.edits[0]
        rest = {"kind": "firewall_act", "key": (first.id,), "controls": CLAUSES, "approval": self.verdict.approval} | rest
        opened = _open_to_all(self.edits)
        proofs = []
        for edit in self.edits:
            values = {"action": edit.action, "object": edit.object, "user": edit.user}
            own = values | self.verdict.values | {"open_to_all": opened} if edit is first else values
            proofs.append(evidence(edit, own))
        return first.t, document(
            NAME, subtype, anchor=first.id, anchor_time=first.t, severity=severity,
            subject={"group": self.group, "commit": first.transaction}, first=first.t, last=self.edits[-1].t,
            count=len(self.act.objects), persons=self.act.persons, reasons=reasons, user=first.user, host=first.device,
            proofs=proofs, **rest,
        )  # fmt: skip


def judge(firm: Firm, events: Iterable[Said], uses: list[Use]) -> Iterator[tuple[int, Document]]:
    """Anchor time and document of each violation; adds the uses of approvals to ``uses``."""
    limited: dict[str, list[Judged]] = defaultdict(list)
    for edits, group, members in _commits(firm, events):
        found = _judged(firm, edits, group, members)
        yield from _undesignated(firm, found)
        rows = found.verdict.rows
        if found.verdict.used:
            uses.append(Use(
                NAME, found.verdict.approval or "", found.act.account, found.act.persons, found.edits[0], found.act.account
            ))  # fmt: skip
        if found.verdict.used and found.verdict.max_uses is not None:
            limited[found.verdict.approval or ""].append(found)
        elif rows:
            yield found.written(
                rows[0], reasons=rows, severity=found.verdict.severity(found.base), state=found.verdict.state,
                settle=found.verdict.settle, ambiguous=found.verdict.ambiguous,
            )  # fmt: skip
    for number, acts in limited.items():
        yield from _counted(number, acts)


def _counted(number: str, acts: list[Judged]) -> Iterator[tuple[int, Document]]:
    """Acts under an approval for so many uses; every commit here is a use of its own."""
    done = 0
    for found in sorted(acts, key=lambda found: found.edits[0].t):
        rows = {*found.verdict.rows}
        severity = found.verdict.severity(found.base)
        state = found.verdict.state
        if rows <= {"BACKDATED_APPROVAL", "LATE_APPROVAL", "EMERGENCY_RATIFIED"}:
            done += 1
            if done > (found.verdict.max_uses or 0):
                rows = (rows | {"REUSED"}) - {"EMERGENCY_RATIFIED"}
                severity, state = found.base, "open"
        if rows:
            reasons = ordered(rows)
            yield found.written(
                reasons[0], reasons=reasons, severity=severity, state=state, settle=found.verdict.settle,
                ambiguous=found.verdict.ambiguous, kind="approval", key=(number,),
            )  # fmt: skip


def _commits(firm: Firm, events: Iterable[Said]) -> Iterator[tuple[list[Edited], str, list[str]]]:
    """The edits of each transaction that alter something; one that both members of a pair tell is told once."""
    told: dict[tuple[str, str], list[Edited]] = defaultdict(list)
    for event in sorted(events, key=lambda event: (event.t, event.id)):
        if isinstance(event, Edited) and event.o - event.t <= MEMORY and not _harmless(event):
            told[(event.device, event.transaction)].append(event)
    known: dict[tuple[object, ...], tuple[int, set[str]]] = {}
    for edits in sorted(told.values(), key=lambda edits: edits[0].t):
        first = edits[0]
        group, members = firm.pair(first.device, first.t)
        # What the other member does the same by the same administrator is its copy; its numbers are its own.
        done = (group, first.user, *((edit.object, edit.action, *edit.before.items(), *edit.after.items()) for edit in edits))
        begun, told_by = known.get(done, (0, set()))
        if told_by and first.device not in told_by and first.t - begun <= COPY:
            told_by.add(first.device)
            continue
        known[done] = (first.t, {first.device})
        yield edits, group, members


def _harmless(edit: Edited) -> bool:
    changed = {name for name in edit.after if edit.before.get(name) != edit.after[name]}
    return edit.action == "edit" and bool(edit.after) and changed <= _REMARKS


def _open_to_all(edits: list[Edited]) -> str:
    return next((e.object for e in edits if e.after.get("srcaddr") == "all" and e.after.get("dstaddr") == "all"), "")


def _judged(firm: Firm, edits: list[Edited], group: str, members: list[str]) -> Judged:
    first = edits[0]
    targets = tuple(dict.fromkeys([*firm.names(first.device, first.t), *members]))
    person = firm.person(first.user, first.t)
    act = Act(
        t=first.t, o=first.o, host=first.device, targets=targets, account=first.user, persons=(person,) if person else (),
        actions=tuple(dict.fromkeys(edit.action for edit in edits)), rules=True, role="firewall_approver",
        objects=tuple(dict.fromkeys(edit.object for edit in edits)),
    )  # fmt: skip
    core = any("core" in firm.tags(word) for edit in edits for word in edit.after.get("dstaddr", "").split())
    requests = [firm.filed[number] for number in firm.naming(targets)]
    return Judged(edits, group, act, verdict(firm, act, requests), "critical" if core or _open_to_all(edits) else "high")


def _undesignated(firm: Firm, found: Judged) -> Iterator[tuple[int, Document]]:
    if not any(firm.holds("firewall_admin", who, found.act.targets, found.act.t) for who in found.act.persons):
        yield found.written(
            "UNDESIGNATED_ADMIN", reasons=(), severity="high", controls=("CC-17010.b.b",), settle=found.act.t + SKEW, approval=None
        )
