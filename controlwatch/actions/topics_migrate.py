"""``controlwatch topics migrate``: the topics' content into a new generation with other numbers of partitions."""

import asyncio

from aiokafka.errors import KafkaError as ClientError
from kafka.errors import KafkaError

from controlwatch import options, settings
from controlwatch.cli import Failed, Misconfigured, Unfinished
from controlwatch.output import Output, progress
from schemas.log import Incompatible
from streams.kafka.atrest import Unready
from streams.kafka.migrating import Migration


def topics_migrate(out: Output, *, keyed: int | None, raw: int | None, generation: str) -> None:
    """Migrate from the configured topics; print what to set then.

    Args:
        out: where the result goes.
        keyed: partitions of the keyed topics; None: as many as now.
        raw: partitions of topic raw; None: as many as now.
        generation: name of the new generation.

    Raises:
        Misconfigured: the generation is the one that is configured.
        Failed: something stands in the way: workers run, records are unread, the new topics are in use.
        Unfinished: Kafka does not answer, or another version wrote the state.
    """
    configured = settings.load()
    if generation == configured.generation:
        raise Misconfigured(
            f"--generation {generation}: that is the one to migrate from (CONTROLWATCH_GENERATION); name another one, such as v2"
        )
    old = configured.layout
    new = configured.migrated(generation, raw=raw or old.raw, keyed=keyed or old.keyed)
    try:
        with progress("migrating") as told:
            written = asyncio.run(Migration(configured.kafka, old, new, options.ruleset(()), told=told).run())
    except Unready as error:
        raise Failed(str(error)) from error
    except Incompatible as error:
        raise Unfinished(str(error)) from error
    except (KafkaError, ClientError) as error:
        raise Unfinished(f"Kafka at {configured.kafka}: {error!r}; is it running? set CONTROLWATCH_KAFKA") from error
    for topic, count in sorted(written.items()):
        out.tell(f"{new.name(topic)}: {count} records", {"topic": new.name(topic), "records": count})
    change = {
        "CONTROLWATCH_GENERATION": generation, "CONTROLWATCH_RAW_PARTITIONS": str(new.raw),
        "CONTROLWATCH_KEYED_PARTITIONS": str(new.keyed),
    }  # fmt: skip
    shown = "".join(f"\n  {name}={value}" for name, value in change.items())
    out.tell(
        f"Migrated. Set for every worker and command, then start the workers:{shown}\n"
        "The topics before are as they were. As long as no worker has been started with these settings you may go back to them; "
        "delete them when you no longer need their archive (35 days).",
        {"status": "migrated", "set": change},
    )
