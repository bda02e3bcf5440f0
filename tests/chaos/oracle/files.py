"""Detector 4 by its text: files changed without an announced deployment, or to other content than was released.

Changes are those of watched files, told with their new content.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from tests.chaos.oracle import names
from tests.chaos.oracle.document import Document, document, evidence
from tests.chaos.oracle.duties import Use
from tests.chaos.oracle.firm import SKEW, Firm
from tests.chaos.oracle.requests import Act, Verdict, verdict
from tests.chaos.oracle.said import HOUR, MINUTE, Altered, Filed, Row, Said

NAME = "unannounced_web_or_program_change"
MEMORY = 26 * HOUR
DUTIES = (("NOT_NOTIFIED", "notified", 15 * MINUTE), ("NOT_HANDLED", "handled", 24 * HOUR))
CLAUSES = ("CC-17010.f.b", "CC-19000.10.b")
_ITS_OWN = {"LATE_APPROVAL", "BACKDATED_APPROVAL", "EMERGENCY_RATIFIED", "EMERGENCY_UNRATIFIED"}


def judge(firm: Firm, events: Iterable[Said], uses: list[Use]) -> Iterator[tuple[int, Document]]:
    """Anchor time and document of each violation; adds the uses of approvals to ``uses``."""
    files: dict[tuple[str, str], list[Altered]] = defaultdict(list)
    for event in sorted(events, key=lambda event: (event.t, event.id)):
        if isinstance(event, Altered) and event.o - event.t <= MEMORY and not event.path.endswith(".log"):
            files[(event.host, event.path)].append(event)
    for changes in files.values():
        content = ""
        for change in changes:
            if change.after != content:  # else another monitor tells what is known
                content = change.after
                yield from _change(firm, change, uses)


def _change(firm: Firm, change: Altered, uses: list[Use]) -> Iterator[tuple[int, Document]]:
    person = firm.person(change.user, change.t)
    targets = tuple(firm.names(change.host, change.t))
    act = Act(
        t=change.t, o=change.o, host=change.host, targets=targets, account=change.user, persons=(person,) if person else (),
        objects=(change.path,), hashes=(change.after,), role="release_approver", since=change.since,
    )  # fmt: skip
    incidents = [row for name in targets for row in firm.incidents[name] if not row.get("path") or fnmatchcase(change.path, row["path"])]
    begin = change.t if change.since is None else change.since
    for row in incidents:
        if row.get("approved_drill") and row["from"] - SKEW <= change.t and begin <= row["to"] + SKEW:
            return
    filed = [_with_releases(firm, firm.filed[number]) for number in firm.naming(targets)]
    said, apart = verdict(firm, act, filed), verdict(firm, replace(act, hashes=()), filed)
    wrong = bool(said.rows) and said.rows[0] not in _ITS_OWN and apart.rows in ((), ("EMERGENCY_RATIFIED",))
    grave = "critical" if any("ordering" in firm.tags(name) for name in targets) else "high"
    told = apart if wrong else said
    rows = tuple("UNANNOUNCED" if row == "UNAPPROVED" else row for row in told.rows)
    if said.used and not wrong:
        uses.append(Use(NAME, said.approval or "", change.user, act.persons, change, change.user))
    if not wrong and not rows:
        return
    subtype = "WRONG_HASH" if wrong else rows[0]
    plain = wrong or subtype == "UNANNOUNCED"

    def written(subtype: str, more: dict[str, str], **rest: Any) -> tuple[int, Document]:
        return change.t, document(
            NAME, subtype, kind="watched_file", key=(change.host, change.path), anchor=change.id, anchor_time=change.t,
            subject={"host": change.host, "path": change.path}, first=begin, last=change.t, persons=act.persons,
            approval=told.approval, user=change.user, host=change.host,
            proofs=[evidence(change, _values(firm, change, told) | more)], **rest,
        )  # fmt: skip

    yield written(
        subtype, {}, controls=CLAUSES, severity=grave if plain else said.severity("high"), state=said.state,
        settle=max(said.settle, told.settle), reasons=("WRONG_HASH", *rows) if wrong else rows, ambiguous=told.ambiguous,
    )  # fmt: skip
    if plain and not said.retracted:
        for missed, more, settle in _missed(change, begin, incidents):
            yield written(
                missed, more, controls=("CC-17010.f.b",), severity="high", settle=settle, reasons=(missed, subtype),
            )  # fmt: skip


def _missed(change: Altered, begin: int, incidents: list[Row]) -> Iterator[tuple[str, dict[str, str], int]]:
    """Duties that nobody did in time after the detection."""
    for subtype, what, within in DUTIES:
        due = change.t + within
        done = [row[what] for row in incidents if not row.get("approved_drill") and row.get(what, -1) >= begin - SKEW]
        if not done or min(done) > due + SKEW:
            yield subtype, {"due": names.text(due)} | ({what: names.text(min(done))} if done else {}), due + SKEW


def _values(firm: Firm, change: Altered, told: Verdict) -> dict[str, str]:
    released = firm.releases[told.approval] if told.approval else []
    return {
        "action": change.action, "user": change.user, "hash_before": change.before, "hash_after": change.after, **told.values,
        "release": ", ".join(sorted(row["release"] for row in released)),
        "released_hash": ", ".join(sorted({item["sha256"] for row in released for item in row["artefacts"]})[:4]),
        "scan_before": "" if change.since is None else names.text(change.since),
    }  # fmt: skip


def _with_releases(firm: Firm, states: list[Filed]) -> list[Filed]:
    """Each state with the contents released under the request as its hashes."""
    if not states:
        return states
    every = [item["sha256"] for row in firm.releases[states[0].request["approval"]] for item in row["artefacts"]]
    if not every:
        return states
    return [replace(state, request={**state.request, "hashes": [*state.request.get("hashes", ()), *every]}) for state in states]
