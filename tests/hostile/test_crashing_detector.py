"""A detector that crashes on one event: that event is parked, for that fold only, once, also across refold, restart and replay."""

import asyncio

import pytest

from detectors.kit import registry
from detectors.kit.contract import Detector, Finding, Fold, FoldState, Keying, Step, evidence
from detectors.kit.registry import Loaded, Ruleset
from schemas import instant
from schemas.context import Source
from schemas.event import Activity
from schemas.violation import Severity, final
from sinks.deadletter import DeadLetters
from streams.embedded import Embedded, file_of
from streams.layout import Layout
from streams.recording import Recording
from streams.replay import judge
from streams.stage import EVERYTHING, Heartbeat, Raw
from tests.conformance import onkafka, runners

NINE = instant.parse("2026-03-02T09:00:00Z")
SOURCES = {"linux@web": Source(source="linux@web", feed="linux")}


class Seen(FoldState, frozen=True):
    """How many log-ins came."""

    number: int = 0


def _by_host(event):
    return (event.host,)


def _step(state: Seen, event, ctx) -> Step:
    if event.user == "crash":
        raise ZeroDivisionError(f"on purpose \x1b[31m{'x' * 10_000}")
    found = Finding(
        subtype="SEEN", anchor=event.id, anchor_time=event.t, subject={"user": event.user, "number": str(state.number)},
        first_time=event.t, last_time=event.t, evidence=(evidence(event),),
    )  # fmt: skip
    return Step(Seen(number=state.number + 1), (found,))


def loaded(name: str, step) -> Loaded:
    fold = Fold(
        name="host", keying=Keying("test.host", _by_host), activities=frozenset({Activity.LOGIN}), init=Seen(), step=step
    )
    detector = Detector(
        clauses=("CC-18000.3.e",), feeds=("siem",), severity=Severity.LOW, folds=(fold,), subtypes=("SEEN",)
    )
    return Loaded(id=name, detector=detector, title=name, doc=name, version="1")


RULESET = Ruleset([*registry.load().values(), loaded("crashing", _step)])
WITHOUT = Ruleset(registry.load().values())
USERS = ["root", "crash", "root", "anna", "root"]


def raws(users=USERS) -> list[Raw]:
    """Failed log-ins, a second apart."""
    return [
        Raw("linux@web", "linux", (
            f"{instant.text(NINE + n * instant.SECOND)} web sshd[7]: Failed password for {user} from 10.0.0.9 port 41000 ssh2"
        ).encode(), NINE + n * instant.SECOND, 0, n + 1)
        for n, user in enumerate(users)
    ]  # fmt: skip


END = Heartbeat(EVERYTHING, NINE + instant.DAY)


def split(violations):
    own = [v.canonical() for v in violations if v.detector == "crashing"]
    return own, [v.canonical() for v in violations if v.detector != "crashing"]


def check(violations) -> None:
    """The crashing fold judges all but one event; the others do not notice."""
    own, others = split(final(violations))
    assert sorted((v["subject"]["number"], v["subject"]["user"]) for v in own) == [
        ("0", "root"), ("1", "root"), ("2", "anna"), ("3", "root")
    ]  # fmt: skip
    alone = judge(Recording(sources=SOURCES, raws=raws()), WITHOUT, to=END.caught_up)
    assert others == runners.canonical(alone.final)
    assert others


def test_in_a_replay_of_any_order():
    for order in (raws(), raws()[::-1]):
        verdict = judge(Recording(sources=SOURCES, raws=order), RULESET, to=END.caught_up)
        check(verdict.history)
        [parked] = verdict.parked
        assert parked.rule == "crashing/host"
        assert len(parked.error) < 1000
        runners.conserved(verdict.counters)
        assert verdict.counters["parked"] == 1


def test_in_the_embedded_runner_through_refold_and_restart(tmp_path):
    history = []
    first, crash, *rest = raws()
    # The crash comes first; what is older then refolds it, after a restart each time.
    for batch in ([crash], [*rest, first], [crash], [END]):
        runner = Embedded(file_of(tmp_path), RULESET, SOURCES)
        history += runner.take(batch, {}, now=None)
        runners.conserved(runner.engine.counters)
        counters = runner.engine.counters
        runner.close()
    check(history)
    assert counters["parked"] == 1
    [letter] = DeadLetters(file_of(tmp_path)).list()
    assert (letter.reason, letter.stage) == ("fold_crashed", "detect")
    assert "crashing/host" in letter.part


@pytest.mark.services
def test_on_kafka_through_refold_and_restart(kafka, topic_prefix):
    layout = Layout(raw=2, keyed=3, prefix=topic_prefix)
    first, crash, *rest = raws()

    async def halves() -> onkafka.Run:
        placed = (await onkafka.run([crash], RULESET, SOURCES, bootstrap=kafka.bootstrap, layout=layout)).placed
        again = [*rest, first, crash, END]
        run = await onkafka.run(again, RULESET, SOURCES, bootstrap=kafka.bootstrap, layout=layout)
        run.placed |= placed
        return run

    run = asyncio.run(halves())
    check(run.violations)
    run.conserved()
    [letter] = run.letters
    assert (letter.reason, letter.stage, letter.topic) == ("fold_crashed", "detect", layout.name("events"))
    assert sum(engine.counters["parked"] for engine in run.engines.values()) == 1
