"""``controlwatch doctor``: configuration, brokers, topics, Elasticsearch, clocks, sources; what is wrong and the mend."""

import shutil
import socket
from pathlib import Path
from typing import NamedTuple

from kafka.errors import KafkaError

from controlwatch import configuration, settings, wiring
from controlwatch.cli import Failed
from controlwatch.output import Output, progress
from controlwatch.settings import Settings
from detectors.kit import registry
from schemas import instant
from sinks.contract import Busy
from streams import clock, topics
from streams.collect import names
from streams.collect.sources import Configured, Files, Folder, Listen

SOUND_AFTER = instant.parse("2026-01-01T00:00:00Z")
LEAST_FREE = 1 << 30


class Check(NamedTuple):
    """One thing looked at: ``mend`` is empty when it is well."""

    name: str
    finding: str
    mend: str = ""


def doctor(inputs: tuple[str, ...], out: Output, *, kafka: bool | None) -> None:
    """Look at everything and print what was found; ``kafka``: the servers, too (None: if Elasticsearch is configured).

    Raises:
        Failed: something needs mending.
        Misconfigured: the configuration cannot be read.
    """
    configured = settings.load()
    what = configuration.load(configured, inputs)
    with progress("looking"):
        checks = [*_machine(configured), *_detectors(), *(_source(item) for item in what.configured)]
        if kafka or (kafka is None and configured.elasticsearch):
            checks += [*_kafka(configured), _elasticsearch(configured)]
    for check in checks:
        if out.human:
            out.text(f"{'mend' if check.mend else 'ok':5} {check.name}: {check.finding}")
            if check.mend:
                out.text(f"      {check.mend}", bold=True)
        else:
            out.line({"check": check.name, "ok": not check.mend, "finding": check.finding, "mend": check.mend})
    bad = sum(1 for check in checks if check.mend)
    if bad:
        raise Failed(f"{bad} of {len(checks)} checks need mending")


def _machine(configured: Settings) -> list[Check]:
    now = clock.now()
    sound = "" if now > SOUND_AFTER else "set the clock (chrony or systemd-timesyncd): event times are compared with it"
    folder = configured.data if configured.data.exists() else Path.cwd()
    free = shutil.disk_usage(folder).free
    room = "" if free > LEAST_FREE else "free some disk space, or set CONTROLWATCH_DATA to a larger disk"
    return [
        Check("clock", instant.text(now), sound),
        Check("disk", f"{free >> 20} MiB free for {configured.data}", room),
        Check("dashboard", f"{configured.host}:{configured.port}", _port(configured)),
    ]


def _port(configured: Settings) -> str:
    with socket.socket() as probe:
        try:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((configured.host, configured.port))
        except OSError as error:
            return f"{error.strerror}: set CONTROLWATCH_PORT to a free port, or stop what uses it"
    return ""


def _detectors() -> list[Check]:
    return [Check("detectors", f"{len(registry.load())} loaded: {', '.join(registry.load())}")]


def _source(item: Configured) -> Check:
    name, where = f"source {item.source.source}", item.input
    if isinstance(where, Files):
        base, pattern = (Path("/"), where.pattern.lstrip("/")) if where.pattern.startswith("/") else (Path(), where.pattern)
        found = sorted(path for path in base.glob(pattern) if path.is_file())
        unreadable = [path for path in found if not _readable(path)]
        if unreadable:
            refused = f"{names.shown(unreadable[0])} cannot be read"
            return Check(name, refused, "run as a user who may read it (for example in group adm)")
        missing = f"no file matches {names.shown(where.pattern)}; check the path, or wait until it is written"
        mend = "" if found else missing
        return Check(name, f"{len(found)} files", mend)
    if isinstance(where, Folder):
        mend = "" if Path(where.path).is_dir() else "the folder does not exist; create it or mend the path"
        return Check(name, f"folder {names.shown(where.path)}", mend)
    return Check(name, f"listens on {where.transport} {where.host}:{where.port}" if isinstance(where, Listen) else str(where))


def _readable(path: Path) -> bool:
    try:
        with path.open("rb"):
            return True
    except OSError:
        return False


def _kafka(configured: Settings) -> list[Check]:
    try:
        found = topics.differences(configured.kafka, configured.layout)
    except KafkaError as error:
        return [Check("kafka", f"{configured.kafka}: {error}", "start Kafka, or set CONTROLWATCH_KAFKA to its address")]
    return [Check("kafka", f"{configured.kafka} answers"), *(Check("topics", item, item.rpartition("; ")[2]) for item in found)]


def _elasticsearch(configured: Settings) -> Check:
    if not configured.elasticsearch:
        return Check("elasticsearch", "none configured", "set CONTROLWATCH_ELASTICSEARCH to its URL, or use the embedded store")
    store = wiring.elasticsearch(configured)
    try:
        ready = store.ready()
    except Busy:
        ready = False
    finally:
        store.close()
    mend = "" if ready else "start Elasticsearch, or check CONTROLWATCH_ELASTICSEARCH and its API key"
    return Check("elasticsearch", f"{configured.elasticsearch} {'answers' if ready else 'does not answer'}", mend)
