"""Detector 1 by its text: connections not cut after the third wrong password, guessing at accounts, sprays, guessed passwords.

Attempts are those of connections with an id, whose accounts are known to the system, told once each.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from schemas.control import parameter
from tests.chaos.oracle.document import Document, document, evidence
from tests.chaos.oracle.said import HOUR, MINUTE, SECOND, Attempt, Cut, Lock, Row, Said

NAME = "repeated_failed_logins"
MEMORY = 26 * HOUR
THIRD: int = parameter("CC-18000.3.e", "disconnect_at_wrong_passwords")
CUT_WITHIN = 10 * SECOND
SESSION = 60 * MINUTE
WINDOW = 15 * MINUTE
SPRAY_WINDOW, SPRAYED = 10 * MINUTE, 10
SHOWN = 9  # newest attempts shown beside the first
FROM_SPRAY = 3  # attempts of a spray shown beside a success from its address


@dataclass(slots=True)
class Run:
    """Attempts that belong together."""

    failures: list[Attempt] = field(default_factory=list)
    raised: bool = False

    def shown(self) -> list[Attempt]:
        first, rest = self.failures[0], self.failures[1:]
        return [first, *rest[-SHOWN:]]


def judge(events: Iterable[Said], tables: dict[str, list[Row]]) -> Iterator[tuple[int, Document]]:
    """Anchor time and document of each violation."""
    sessions: dict[str, list[Said]] = defaultdict(list)
    accounts: dict[str, list[Attempt]] = defaultdict(list)
    clients: dict[str, list[Attempt]] = defaultdict(list)
    locks: dict[str, list[Lock]] = defaultdict(list)
    for event in sorted(events, key=lambda event: (event.t, event.id)):
        if event.o - event.t > MEMORY:
            continue
        if isinstance(event, Attempt):
            sessions[event.session].append(event)
            accounts[event.user].append(event)
            clients[event.client].append(event)
        elif isinstance(event, Cut):
            sessions[event.session].append(event)
        elif isinstance(event, Lock):
            locks[event.user].append(event)
    for session, said in sessions.items():
        for user in {event.user for event in said if isinstance(event, Attempt)}:
            mine = [*said, *locks[user]]
            yield from _not_cut(session, user, sorted(mine, key=lambda event: (event.t, event.id)))
    exempt = {address for row in tables["assets"] if {"nat", "branch"} & {*row["tags"]} for address in row["addresses"]}
    guessed: dict[str, list[tuple[Attempt, list[Attempt]]]] = defaultdict(list)
    for client, attempts in clients.items():
        if client not in exempt:
            yield from _sprays(client, attempts, guessed)
    for user, attempts in accounts.items():
        yield from _guessing(user, attempts, guessed[user])


def _proof(item: Attempt) -> Document:
    return evidence(
        item, {"reason": item.reason or "success", "user": item.user, "source_ip": item.client, "session": item.session}
    )


def _proofs(items: Iterable[Attempt]) -> list[Document]:
    each = {item.id: item for item in items}
    return [_proof(item) for item in sorted(each.values(), key=lambda item: (item.t, item.id))]


def _not_cut(session: str, user: str, said: list[Said]) -> Iterator[tuple[int, Document]]:
    """One account in one connection: from the first wrong password to a success, cut, lock or an hour's pause."""
    run: list[Attempt] = []
    further: Attempt | None = None  # the last attempt evaluated after the third wrong password

    def finding(ended: int | None) -> Iterator[tuple[int, Document]]:
        if len(run) < THIRD:
            return
        due = run[THIRD - 1].t + CUT_WITHIN
        if further is None and ended is not None and ended <= due:
            return
        shown = Run(run).shown()
        last = run[-1] if further is None else further
        yield run[0].t, document(
            NAME, "CONTROL_FAILURE", kind="login_session", key=("session", session), anchor=run[0].id, anchor_time=run[0].t,
            controls=("CC-18000.3.e",), severity="high", count=len(run), settle=due if further is None else 0,
            subject={"host": run[0].host, "user": user, "source_ip": run[0].client}, first=run[0].t, last=last.t,
            proofs=_proofs([*shown, last]),
        )  # fmt: skip

    for event in said:
        if run and event.t > run[-1].t + SESSION:
            yield from finding(None)
            run, further = [], None
        if isinstance(event, Attempt):
            if len(run) >= THIRD:
                further = event
            if event.user == user:
                if event.reason:
                    run.append(event)
                else:
                    yield from finding(event.t)
                    run, further = [], None
        else:
            yield from finding(event.t)
            run, further = [], None
    yield from finding(None)


def _guessing(
    user: str, attempts: list[Attempt], sprayed: list[tuple[Attempt, list[Attempt]]]
) -> Iterator[tuple[int, Document]]:
    """Three failures of one account in 15 minutes, and a success within 15 minutes of the last of them."""
    burst: Run | None = None
    bursts: list[Run] = []
    recent: list[Attempt] = []
    used: dict[str, int] = {}  # client -> its first success
    told: dict[tuple[str, str], int] = {}
    after_spray = {success.id: before for success, before in sprayed}
    for event in attempts:
        if event.reason:
            if burst is None or event.t - burst.failures[-1].t > WINDOW:
                burst = Run()
                bursts.append(burst)
            burst.failures.append(event)
            recent = [old for old in recent if event.t - old.t <= WINDOW] + [event]
            burst.raised = burst.raised or len(recent) >= THIRD
            continue
        before: list[Attempt] | None = after_spray.get(event.id)
        if before is None and burst is not None and burst.raised and event.t - burst.failures[-1].t <= WINDOW:
            part = {item.client for item in burst.failures}
            if event.client in part or used.get(event.client, event.t) >= burst.failures[0].t:
                before = burst.shown()
        if before is not None:
            place = (event.host, event.client)
            if event.t - told.get(place, -WINDOW - 1) > WINDOW:
                yield event.t, _guessed(user, event, before)
            told[place] = event.t
        used.setdefault(event.client, event.t)
        recent = [old for old in recent if old.client != event.client]
        if burst is not None and not burst.raised:
            burst.failures[:] = [old for old in burst.failures if old.client != event.client]
            if not burst.failures:
                bursts.remove(burst)
                burst = None
    for run in bursts:
        if run.raised:
            first = run.failures[0]
            alone = len({item.client for item in run.failures}) == 1
            yield first.t, document(
                NAME, "ATTACK_SUSPECTED", part="account", kind="login_account", key=(user,), anchor=first.id,
                anchor_time=first.t, controls=("CC-17010.i.c",), severity="medium", count=len(run.failures),
                subject={"host": None, "user": user, "source_ip": None}, first=first.t, last=run.failures[-1].t,
                proofs=_proofs(run.shown()), client=first.client if alone else None,
            )  # fmt: skip


def _guessed(user: str, success: Attempt, before: list[Attempt]) -> Document:
    return document(
        NAME, "GUESSED", kind="login_account", key=(user,), anchor=success.id, anchor_time=success.t,
        controls=("CC-17010.i.c",), severity="critical",
        subject={"host": success.host, "user": user, "source_ip": success.client}, first=min(item.t for item in before),
        last=success.t, proofs=_proofs([*before, success]),
    )  # fmt: skip


def _sprays(
    client: str, attempts: list[Attempt], guessed: dict[str, list[tuple[Attempt, list[Attempt]]]]
) -> Iterator[tuple[int, Document]]:
    """Ten accounts from one address in ten minutes."""
    run: Run | None = None
    runs: list[Run] = []
    for event in attempts:
        if not event.reason:
            if run is not None and run.raised and event.t - run.failures[-1].t <= WINDOW:
                guessed[event.user].append((event, run.shown()[:FROM_SPRAY]))
            continue
        if run is None or event.t - run.failures[-1].t > SPRAY_WINDOW:
            run = Run()
            runs.append(run)
        run.failures.append(event)
        tried = {old.user for old in run.failures if event.t - old.t <= SPRAY_WINDOW}
        run.raised = run.raised or len(tried) >= SPRAYED
    for run in runs:
        if run.raised:
            first = run.failures[0]
            yield first.t, document(
                NAME, "ATTACK_SUSPECTED", part="spray", kind="login_source", key=(client,), anchor=first.id,
                anchor_time=first.t, controls=("CC-17010.i.c",), severity="medium", count=len(run.failures),
                subject={"host": None, "user": None, "source_ip": client}, first=first.t, last=run.failures[-1].t,
                proofs=_proofs(run.shown()),
            )  # fmt: skip
