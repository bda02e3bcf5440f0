"""``controlwatch rejudge``: plan on what the runner keeps, print, and hand the corrections to the owners."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from controlwatch import options, settings
from controlwatch.actions.deadletter_list import answering, data_file, on_kafka
from controlwatch.cli import Misconfigured, Unfinished
from controlwatch.output import Output
from controlwatch.settings import Settings
from schemas import instant
from schemas.identity import Key
from sinks.sqlite_file import Readers
from streams import archive, clock
from streams.kafka.rejudging import Kept, TooLarge
from streams.rejudge import Plan, Planner, Wanted

WAIT = 30.0  # seconds for the owners
RETENTION = {True: "topic events keeps 7 days, topic late 35", False: "the data file keeps 7 days, late events for good"}


def rejudge(
    keys: Sequence[tuple[str, Key]], since: int, until: int, out: Output, *, data: Path | None, kafka: bool | None, dry_run: bool
) -> None:
    """Correct what late events change for ``keys`` (kind, parts; an empty kind: all keys with that part).

    Raises:
        Misconfigured: no such key is archived, or none of its events in the span.
        Unfinished: Kafka does not answer, no worker takes the corrections, or they are refused.
    """
    configured = settings.load()
    if on_kafka(configured, data, kafka):
        _on_kafka(configured, keys, since, until, out, dry_run=dry_run)
        return
    path = data_file(configured, data)
    readers = Readers(path)
    try:
        with readers() as connection:
            plan = Planner(options.ruleset(()), archive.Kept(connection, options.ruleset(())), since, until).plan(_wanted(keys))
    finally:
        readers.close()
    _check(plan, keys, since, until, RETENTION[False])
    _tell(plan, out)
    if plan.corrections and not dry_run:
        archive.ask(path, [record for _, record in plan.corrections], clock.now())
        out.warn("the job takes them up within seconds, or when it is started")
    _end(plan, out, "dry run" if dry_run else "asked for")


def _on_kafka(
    configured: Settings, keys: Sequence[tuple[str, Key]], since: int, until: int, out: Output, *, dry_run: bool
) -> None:
    ruleset = options.ruleset(())
    with answering(configured), Kept(configured.kafka, configured.layout, ruleset) as kept:
        places = keys if all(kind for kind, _ in keys) else None
        plan = Planner(ruleset, kept, since, until).plan(_wanted(keys), places)
        _check(plan, keys, since, until, RETENTION[True])
        _tell(plan, out)
        if dry_run or not plan.corrections:
            _end(plan, out, "dry run")
            return
        try:
            offsets = kept.send(plan.corrections)
        except TooLarge as error:
            raise Unfinished(str(error)) from error
        if not kept.taken(offsets, WAIT):
            raise Unfinished(
                f"no worker has judged the corrections within {WAIT:.0f} s; they stand in the log and are judged when one runs"
            )
        left = Planner(ruleset, kept, since, until).plan(_wanted(keys), places)
        if left.corrections:
            raise Unfinished(
                f"{len(left.corrections)} of {len(plan.corrections)} corrections are still open: an owner has let go of old"
                " events meanwhile, and refused, or more has come; run it again"
            )
        _end(plan, out, "judged")


def _wanted(keys: Iterable[tuple[str, Key]]) -> Wanted:
    exact = {(kind, key) for kind, key in keys if kind}
    parts = {key[0] for kind, key in keys if not kind}
    return lambda kind, key: (kind, key) in exact or not parts.isdisjoint(key)


def _check(plan: Plan, keys: Sequence[tuple[str, Key]], since: int, until: int, retention: str) -> None:
    names = ", ".join(f"{kind}={','.join(key)}" if kind else key[0] for kind, key in keys)
    if not plan.places:
        raise Misconfigured(
            f"no event of key {names} is archived ({retention}); '--key VALUE' finds all keys that have VALUE as a part: an"
            " account, address, host or path as the records write it"
        )
    if not plan.events:
        raise Misconfigured(
            f"no event of key {names} from {instant.text(since)} to {instant.text(until)} is archived: what is archived of it"
            f" lies from {instant.text(plan.first)} to {instant.text(plan.last)} ({retention}); older ones: see 'replay'"
        )


def _tell(plan: Plan, out: Output) -> None:
    for item in plan.changes:
        if out.human:
            step = item.transition
            out.text(f"{step.change} (transition {step.number}; {step.cause})", bold=True)
        out.violation(item)
    if plan.beyond:
        out.warn(f"{plan.beyond} late events are older than the archive: without what happened around them they are not judged")
    if plan.left:
        out.warn(f"{plan.left} violations stay as they are: what is archived does not explain how they came about")
    if plan.crashed:
        out.warn(f"{len(plan.crashed)} events crash a fold and were skipped: {', '.join(sorted(plan.crashed)[:5])}")


def _end(plan: Plan, out: Output, status: str) -> None:
    value: dict[str, Any] = {
        "status": status if plan.corrections else "nothing to correct", "corrections": len(plan.corrections),
        "transitions": len(plan.changes), "events": plan.events, "left": plan.left,
    }  # fmt: skip
    out.tell(", ".join(f"{name}: {text}" for name, text in value.items()), value)
