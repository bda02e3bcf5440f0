"""Settings: environment variables ``CONTROLWATCH_<NAME>``, or a file ``controlwatch.env``. An unknown name is an error.

Secrets are read from the environment, from ``controlwatch.env`` or from ``/run/secrets/controlwatch_<name>`` (where container
engines put them), and never printed.
"""

import difflib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from controlwatch.cli import Misconfigured
from schemas.faults import nearest, unfit
from schemas.fields import described
from schemas.violation import Severity
from streams import failpoints
from streams.layout import Layout

PREFIX = "CONTROLWATCH_"
# Read elsewhere: by the command line itself, and by the tests.
OTHERS = {"TRACEBACK", "CORPORA", "SEEDS"}
SECRETS = Path("/run/secrets")
_SECRET = {"elasticsearch_api_key"}
_PLACES = "environment or controlwatch.env"


class Settings(BaseSettings):
    """Where services are and how the job is cut. Every field has a unit in its name or description."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file="controlwatch.env", frozen=True, extra="forbid")

    data: Path = Field(
        default=Path("var"), description="folder of the embedded job's data file, and of a worker's copy of its partitions' state"
    )  # fmt: skip
    in_memory: int = Field(
        default=200_000, ge=1,
        description="keys and buffered events of one partition in memory (some 1.5 kB each); quiet keys beyond rest in `data`",
    )  # fmt: skip
    sources: Path = Field(default=Path("sources.toml"), description="file that names the sources")
    context: Path = Field(default=Path("context"), description="folder of context files, <table>.jsonl")
    zone: str = Field(default="Asia/Taipei", description="zone of pages, reports and month boundaries")
    host: str = Field(default="127.0.0.1", description="address of the dashboard; there is no login, keep it on loopback")
    port: int = Field(default=8080, ge=0, le=65535, description="port of the dashboard; 0 chooses a free one")
    metrics_port: int = Field(default=9108, ge=0, le=65535, description="port of /metrics, on metrics_host; 0: none")
    metrics_host: str = Field(default="127.0.0.1", description="address of /metrics")
    public_url: str = Field(default="", description="base of links in alerts; default: the dashboard's own address")
    worker: str = Field(default="1", pattern="^[A-Za-z0-9_-]{1,40}$", description="name of this worker, unique among workers")
    kafka: str = Field(default="127.0.0.1:9092", description="bootstrap servers of Kafka")
    prefix: str = Field(default="", pattern="^[a-z0-9._-]*$", description="prefix of topics, groups and indices")
    generation: str = Field(
        default="", pattern="^[a-z0-9-]{0,20}$",
        description="generation of topics and groups, which stands after the prefix; `topics migrate` makes another one",
    )  # fmt: skip
    raw_partitions: int = Field(default=4, ge=1, description="partitions of topic raw; changed by `topics migrate` only")
    keyed_partitions: int = Field(default=8, ge=1, description="partitions of the keyed topics; likewise")
    replication: int = Field(default=1, ge=1, description="copies of each topic")
    elasticsearch: str = Field(default="", description="URL of Elasticsearch; empty: none")
    elasticsearch_api_key: SecretStr | None = Field(default=None, description="API key for Elasticsearch")
    failpoint: Annotated[str, AfterValidator(failpoints.checked)] = Field(
        default="", description="tests only: <point>:<passage>[:hang] at which a worker kills itself or hangs; see reliability.md"
    )
    alertmanager: str = Field(default="", description="URL of Prometheus Alertmanager; empty: no alerts")
    alert_severities: tuple[Severity, ...] = Field(
        default=(Severity.CRITICAL, Severity.HIGH), description="severities that go to Alertmanager"
    )

    @property
    def layout(self) -> Layout:
        """Partitions, copies and prefix of the topics."""
        return self.migrated(self.generation, raw=self.raw_partitions, keyed=self.keyed_partitions)

    def migrated(self, generation: str, *, raw: int, keyed: int) -> Layout:
        """The same for another ``generation`` of the topics."""
        prefix = f"{self.prefix}{generation}." if generation else self.prefix
        return Layout(raw=raw, keyed=keyed, replication=self.replication, prefix=prefix)


def load() -> Settings:
    """The settings of this process.

    Raises:
        Misconfigured: a value does not fit, or a variable with our prefix is not a setting; names the nearest one.
    """
    known = {name.upper() for name in Settings.model_fields} | OTHERS
    for variable in os.environ:
        name = variable.removeprefix(PREFIX)
        if variable.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {PREFIX}{near[0]}?" if near else ""
            raise Misconfigured(f"environment variable {variable} is not a setting{hint}")
    try:
        return Settings(_secrets_dir=SECRETS if SECRETS.is_dir() else None)
    except ValidationError as error:
        raise Misconfigured(f"{_PLACES}: {'; '.join(_faults(error))} (all settings: docs/settings.md)") from error
    except SettingsError as error:
        (name,) = re.findall('"([a-z_]+)"', str(error)) or [""]
        mend = """write a JSON list such as ["critical","high"]"""
        raise Misconfigured(f"{_PLACES}: {PREFIX}{name.upper()} is no list; {mend}") from error


def _faults(error: ValidationError) -> Iterator[str]:
    fields = {field.attribute: field for field in described(Settings)}
    for fault in error.errors(include_url=False):
        name = str(fault["loc"][0]).upper().removeprefix(PREFIX)
        field = fields.get(name.lower())
        if field is None:
            known = [f"{PREFIX}{each.upper()}" for each in fields]
            yield f"{str(fault['loc'][0]).upper()} is not a setting; {nearest(f'{PREFIX}{name}', known)}"
        else:
            given, context = "(not shown)" if field.attribute in _SECRET else fault["input"], fault.get("ctx") or {}
            why = f"; {context['error']}" if "error" in context else ""  # a check of ours
            yield f"{PREFIX}{name} {unfit(field, given, context)}{why}"
