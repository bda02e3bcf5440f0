"""Who reads facts keeps them as long as those who tell them may take them back; else what was taken back would still count."""

from detectors.kit import registry
from detectors.kit.engine import Engine
from detectors.kit.registry import Ruleset
from schemas.event import Activity
from schemas.log import Progress
from streams import replay
from tests.kit import scenarios

RULESET = Ruleset(registry.load().values())


def told():
    """(fold that tells, kind of fact) in all scenarios together."""
    found = set()
    for case in scenarios.load():
        engine = Engine(RULESET)
        for item in replay.ordered(case.recording, RULESET, replay.Verdict(), to=case.until).items:
            engine.apply(item.record)
        engine.apply(Progress(part=0, parts=1, observed=case.until))
        engine.drain()
        found |= {(keyed.rule.index, fact.action) for keyed in engine.keys.values() if keyed.used for fact in keyed.facts.values()}
    return found


def test_readers_of_facts_keep_them_at_least_as_long_as_their_tellers_keep_events():
    facts = told()
    read = {kind for rule in RULESET.rules if Activity.FACT in rule.fold.activities for kind in rule.fold.facts}
    assert {kind for _, kind in facts} == read, "each kind that is read is told in some scenario"
    short = [
        (RULESET.rules[teller].id, kind, reader.id)
        for teller, kind in facts for reader in RULESET.rules
        if kind in reader.fold.facts and reader.fold.retention < RULESET.rules[teller].fold.retention
    ]  # fmt: skip
    assert not short
