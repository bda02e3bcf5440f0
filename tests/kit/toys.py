"""Small detectors that use everything the engine offers: deadlines, absence, context, facts over three stages, forgetting."""

import msgspec

from detectors.kit.contract import Detector, Fact, Finding, Fold, FoldState, Keying, Step, evidence
from detectors.kit.registry import Loaded, Ruleset
from schemas import instant, tables
from schemas.event import Activity, Rank, SecurityEvent
from schemas.violation import Severity

S = instant.SECOND
BASE = 1_770_000_000 * S
USERS = ("a", "b", "c", "d", "e")


class Tries(FoldState):
    """Failures of a user in a row."""

    failures: tuple[SecurityEvent, ...] = ()


def failing(state, event, ctx):
    """From the third failure on: one finding, told again with each further one; the subtype depends on context."""
    if event.outcome == "success":
        return Step(None)
    held = (*state.failures, event)
    out = []
    if len(held) >= 2:
        # Told again by each further failure, always the same: the fact is that of the first who told it.
        out.append(Fact(kind="started", key="all", t=held[0].t, payload={"user": event.user}))
    if len(held) >= 3:
        known = ctx.as_of("accounts", f"account:{event.user}", event.t)
        owners = sorted({entry.data.person for entry in known})
        out.append(
            Finding(
                subtype="KNOWN" if known else "UNKNOWN", anchor=held[0].id, anchor_time=held[0].t,
                subject={"user": event.user, "owner": ",".join(owners)}, first_time=held[0].t, last_time=event.t,
                count=len(held), evidence=tuple(evidence(item) for item in held),
            )
        )
        out.append(Fact(kind="many", key="xy"[event.user > "b"], t=event.t, payload={"user": event.user, "n": len(held)}))
    return Step(Tries(failures=held, deadline=event.t + 60 * S), tuple(out))


def quiet(state, at, ctx):
    """After a minute of quiet: a finding of absence unless the account has an owner by then; the failures are forgotten later."""
    last = state.failures[-1]
    if last.t + 60 * S < at:
        return Step(None, (Fact(kind="forgotten", key="all", t=at, payload={"user": last.user}),))
    out = []
    if not ctx.as_of("accounts", f"account:{last.user}", at):
        out.append(
            Finding(
                subtype="QUIET", anchor=last.id, anchor_time=last.t, subject={"user": last.user}, first_time=last.t,
                last_time=at, evidence=(evidence(last),), settle_at=at + 20 * S, awaits=("idp",),
            )
        )
    return Step(msgspec.structs.replace(state, deadline=at + 40 * S), tuple(out))


class Team(FoldState):
    """Who of a team has failed often, since when it is waited for that it ends."""

    users: tuple[str, ...] = ()


def team(state, event, ctx):
    """A fact each for the stage above; a deadline by which anything else must have come."""
    posted = ctx.as_of("posts", "role:watchman", event.t)
    fact = Fact(kind="team", key="all", t=event.t, payload={"users": [*state.users, event.extra["user"]], "posted": len(posted)})
    return Step(Team(users=(*state.users, event.extra["user"])[-4:], deadline=event.t + 90 * S), (fact,))


def nothing_more(state, at, ctx):
    """Nobody failed any more within 90 seconds."""
    return Step(None, (Fact(kind="calm", key="all", t=at, payload={"users": list(state.users)}),))


class Told(FoldState):
    """Everything told, in order."""

    kinds: tuple[str, ...] = ()


def tell(state, event, ctx):
    """Each fact is a finding that shows what was told before; what it knows of context depends on when it was observed."""
    kinds = (*state.kinds, event.action)[-6:]
    known = ctx.all("accounts", f"account:{event.extra.get('user', 'a')}")
    finding = Finding(
        subtype="TOLD", anchor=event.id, anchor_time=event.t, subject={"kinds": ",".join(kinds), "known": str(len(known))},
        first_time=event.t, last_time=event.t, evidence=(evidence(event, **event.extra),), settle_at=event.t + 30 * S,
    )
    return Step(Told(kinds=kinds), (finding,))


LOGINS = frozenset({Activity.LOGIN})
FACTS = frozenset({Activity.FACT})
FOLDS = (
    Fold(name="user", keying=Keying("user", lambda event: (event.user,)), activities=LOGINS, init=Tries(), step=failing,
         overdue=quiet, memory=200 * S, lookback=100 * S),
    Fold(name="team", keying=Keying("team", lambda event: (event.ref,) if event.ref in "xy" else None), activities=FACTS,
         init=Team(), step=team, overdue=nothing_more, stage=1, facts=frozenset({"many"}), memory=300 * S, lookback=200 * S),
    Fold(name="all", keying=Keying("ref", lambda event: (event.ref,)), activities=FACTS, init=Told(), step=tell, stage=2,
         facts=frozenset({"many", "team", "calm", "started", "forgotten"}), memory=400 * S, lookback=200 * S),
)  # fmt: skip
DETECTOR = Detector(clauses=("CC-18000.3.e",), feeds=("idp",), severity=Severity.HIGH, folds=FOLDS, subtypes=())
RULES = Ruleset([Loaded(id="toy", detector=DETECTOR, title="", doc="", version="1")])


def login(number, t, user="a", outcome="failure", *, delay=0, seq=0):
    """Event ``e<number>`` at second ``t``, observed ``delay`` seconds later."""
    at = BASE + t * S
    return SecurityEvent(
        id=f"e{number:04}", t=at, o=at + delay * S, feed="x", source="s", activity=Activity.LOGIN, user=user, outcome=outcome,
        rank=Rank.SUCCESS if outcome == "success" else Rank.ACT, seq=seq,
    )  # fmt: skip


def account(user, since, *, until=None, owner="P", observed=None, stated=None, own=""):
    """Account of ``user`` from second ``since`` to ``until``; stated and observed when it begins unless told otherwise."""
    data = {"account": user, "person": owner, "from": text(since), "id": own}
    if until is not None:
        data["to"] = text(until)
    if stated is not None:
        data["recorded"] = text(stated)
    return tables.envelope("accounts", data, o=None if observed is None else BASE + observed * S)


def post(since, *, observed=None):
    """Somebody is watchman from second ``since`` on."""
    data = {"role": "watchman", "person": f"P{since}", "from": text(since)}
    return tables.envelope("posts", data, o=None if observed is None else BASE + observed * S)


def waiver(number, *, since, until, user="*", observed=None, subtypes=()):
    """An exception for findings about ``user`` between two seconds."""
    data = {
        "exception": f"X{number}", "detector": "toy", "subject": {"user": user}, "from": text(since), "to": text(until),
        "reason": "test", "approver": "P", "subtypes": list(subtypes),
    }  # fmt: skip
    return tables.envelope("exceptions", data, o=None if observed is None else BASE + observed * S)


def text(second):
    return instant.text(BASE + second * S)
