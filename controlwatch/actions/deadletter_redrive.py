"""``controlwatch deadletter redrive``: parked records sent again."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from controlwatch import configuration, settings, wiring
from controlwatch.actions.deadletter_list import answering, data_file, on_kafka, opened
from controlwatch.cli import Misconfigured, Unfinished
from controlwatch.output import Output
from controlwatch.settings import Settings
from sinks import redriven
from sinks.contract import Busy
from sinks.deadletter import DeadLetter
from sinks.redriven import FAILED
from streams import clock
from streams.kafka.redriving import Redriving

MANY = 1_000_000_000


def deadletter_redrive(ids: Sequence[str], data: Path | None, out: Output, *, reason: str, kafka: bool | None) -> None:
    """Send again the letters of ``ids`` (or their beginnings), else all of ``reason`` (empty: any).

    Raises:
        Misconfigured: an id is of no letter, or of several.
        Unfinished: a letter cannot be sent again, or Kafka or the store does not answer.
    """
    configured = settings.load()
    chosen: list[DeadLetter] = []
    with opened(data, kafka=kafka) as (letters, marks):
        for id_ in ids:
            letter = letters.get(id_)
            if letter is None:
                raise Misconfigured(f"no dead letter, or several, have an id that begins with {id_!r}; see 'deadletter list'")
            chosen.append(letter)
        if not on_kafka(configured, data, kafka):
            chosen = chosen or list(letters.list(reason=reason, limit=MANY))
            done = {id_: mark.result for id_, mark in marks.items() if not mark.result.startswith(FAILED)}
            redriven.ask(data_file(configured, data), [letter.id for letter in chosen], clock.now())
            for letter in chosen:
                state = f"{done[letter.id]} already" if done.get(letter.id) else "asked for"
                out.tell(f"{letter.id[:12]}  {state}", {"id": letter.id, "status": state})
            out.warn("the job takes them within seconds, or when it is started; 'deadletter list' tells the results")
            return
    _on_kafka(configured, {letter.id for letter in chosen}, out, reason)


def _on_kafka(configured: Settings, ids: set[str], out: Output, reason: str) -> None:
    failed: list[str] = []

    def told(letter: DeadLetter, done: bool, result: str) -> None:  # noqa: FBT001 - a callback
        out.tell(f"{letter.id[:12]}  {result}", {"id": letter.id, "status": result, "done": done})
        if not done:
            failed.append(letter.id)

    store = wiring.elasticsearch(configured) if configured.elasticsearch else None
    sources = configuration.load(configured, (), collecting=False).sources
    redriving = Redriving(configured.kafka, configured.layout, sources=sources, store=store, told=told)
    try:
        with answering(configured):
            asyncio.run(redriving.run(lambda letter: letter.id in ids if ids else reason in {"", letter.reason}))
    except Busy as error:
        raise Unfinished(f"{error}; run it again when Elasticsearch answers: what was sent is not sent twice") from error
    finally:
        if store is not None:
            store.close()
    if failed:
        raise Unfinished(f"{len(failed)} letters could not be sent again; the reasons stand above")
