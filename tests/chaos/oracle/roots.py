"""Detector 3 by its text: uses of root without a covering approval over the whole of them, or without a session record.

Uses are those of sudo and su, each with a process number of its own, by an account that is a person's or nobody's.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from tests.chaos.oracle import names
from tests.chaos.oracle.document import Document, document, evidence
from tests.chaos.oracle.duties import Use
from tests.chaos.oracle.firm import SKEW, Firm, inside
from tests.chaos.oracle.requests import Act, Verdict, verdict
from tests.chaos.oracle.said import HOUR, MINUTE, Became, Ceased, Row, Said

NAME = "root_use_without_approval"
MEMORY = 26 * HOUR
LONGEST = 12 * HOUR  # a use whose end was never told
RECORDED = 24 * HOUR
BRIEF = 15 * MINUTE


def judge(firm: Firm, events: Iterable[Said], uses: list[Use]) -> Iterator[tuple[int, Document]]:
    """Anchor time and document of each violation; adds the uses of approvals to ``uses``."""
    told: dict[str, list[Became | Ceased]] = defaultdict(list)
    for event in sorted(events, key=lambda event: (event.t, event.id)):
        if isinstance(event, Became | Ceased) and event.o - event.t <= MEMORY:
            told[event.session].append(event)
    for said in told.values():
        opened = [event for event in said if isinstance(event, Became)]
        closed = [event for event in said if isinstance(event, Ceased)]
        if opened and opened[0].account == "root":
            yield from _use(firm, opened, closed[0] if closed else None, uses)


def _use(firm: Firm, opened: list[Became], closed: Ceased | None, uses: list[Use]) -> Iterator[tuple[int, Document]]:
    first = opened[0]
    start = first.t
    end = start + LONGEST if closed is None else closed.t
    person = firm.person(first.actor, start)
    persons = (person,) if person else ()
    targets = tuple(firm.names(first.host, start))
    act = Act(
        t=start, o=first.o, host=first.host, targets=targets, account=first.account, persons=persons, role="root_approver",
        until=end, named=("accounts", "persons"),
    )  # fmt: skip
    said = verdict(firm, act, [firm.filed[number] for number in firm.naming(targets)])
    settle = said.settle if said.settle > end + SKEW else max(start + SKEW, end)
    values = {"person": person, "begin": names.text(start), "end": names.text(end), "end_told": "closed" if closed else "timeout"}
    if not person:
        said = Verdict(rows=("UNAPPROVED",), settle=start + SKEW)
        settle = said.settle
        values |= {"holders": "unresolved"}
    if said.used:
        uses.append(Use(NAME, said.approval or "", first.account, persons, first, first.actor))

    def written(subtype: str, compared: dict[str, str], **rest: object) -> tuple[int, Document]:
        lines = [*opened, closed] if closed else opened
        return start, document(
            NAME, subtype, kind="privileged_use", key=(first.host, first.account, first.id), anchor=first.id,
            anchor_time=start, controls=("CC-17020.b.c",), first=start, last=end, persons=persons, user=first.account,
            subject={"host": first.host, "account": first.account, "person": person or None, "start": names.text(start)},
            host=first.host, proofs=[evidence(line, _values(line) | (compared if line is first else {})) for line in lines],
            **rest,
        )  # fmt: skip

    if said.rows:
        brief = said.rows[0] == "EXPIRED" and said.overrun <= BRIEF
        yield written(
            said.rows[0], values | said.values, severity=said.severity("medium" if brief else "critical"), state=said.state,
            settle=settle, approval=said.approval, reasons=said.rows, ambiguous=said.ambiguous,
        )  # fmt: skip
    due = end + RECORDED
    if not any(_filed(row, start, due, persons) for row in firm.session_records[first.host] if row["account"] == first.account):
        compared = {"begin": names.text(start), "end": names.text(end), "record_due": names.text(due)}
        yield written("NO_RECORD", compared, severity="critical", settle=due)


def _values(line: Became | Ceased) -> dict[str, str]:
    if isinstance(line, Ceased):
        return {"account": line.account, "actor": line.account, "session": line.session}
    return {
        "account": line.account, "actor": line.actor, "tty": line.tty, "command": line.command, "session": line.session,
    }  # fmt: skip


def _filed(row: Row, start: int, due: int, persons: tuple[str, ...]) -> bool:
    theirs = not row.get("person") or not persons or row["person"] in persons
    return theirs and row["recorded"] <= due + SKEW and inside(start, row["from"], row["to"] - 1) > 0
