"""Context: what is known about persons, accounts, posts, assets, groups and the rest, with from/to times.

Every record is bitemporal: ``from``/``to`` say when it holds, the envelope's ``t``/``o`` when it was stated and observed. It is
read as of the event's time. A later statement of the same ``id`` replaces the earlier one. Files: one JSON object a line,
``context/<table>.jsonl``; the field tables in ``docs/context.md`` are generated from these models.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from schemas import instant


def _instant(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str | datetime):
        raise ValueError(f"a time is RFC 3339 text with a zone, such as 2026-03-02T09:00:00+08:00, not {value!r}")  # noqa: TRY004 - pydantic turns ValueError into its report
    if isinstance(value, int):
        return value
    return instant.from_datetime(value) if isinstance(value, datetime) else instant.parse(value)


Time = Annotated[int, BeforeValidator(_instant), PlainSerializer(instant.text, return_type=str, when_used="json")]
Name = Annotated[str, Field(min_length=1), AfterValidator(str.strip)]

FOREVER = 253_402_300_799 * instant.SECOND  # 9999-12-31T23:59:59Z


class Record(BaseModel):
    """Frozen and strict about names: an unknown field is an error, so that a typing mistake is not silently valid."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Interval(Record):
    """A record that holds from ``from`` up to, but not including, ``to``; no ``to`` means until further notice."""

    id: str = Field(default="", description="own id of this record; default: made from its other fields")
    since: Time = Field(default=0, alias="from", description="when it begins to hold")
    until: Time = Field(default=FOREVER, alias="to", description="when it ends; itself no longer in it")
    recorded: Time | None = Field(default=None, description="when it was entered; default: from")

    @model_validator(mode="after")
    def _forward(self) -> "Interval":
        if self.until <= self.since:
            raise ValueError(f"'to' {instant.text(self.until)} is not after 'from' {instant.text(self.since)}")
        return self

    def holds(self, t: int) -> bool:
        """Whether this record is in force at ``t``."""
        return self.since <= t < self.until

    def entities(self) -> Iterator[str]:
        """Names under which a look-up finds this record."""
        raise NotImplementedError


class Person(Interval):
    """A natural person in a post of the firm or of a vendor (HR)."""

    person: Name = Field(description="person's id, for example of HR; everything else refers to it")
    name: str = Field(default="", description="name, as change systems may write it")
    department: str = Field(default="", description="for people who read")
    manager: str = Field(default="", description="person id of the direct superior")
    vendor: str = Field(default="", description="employer, if not the firm")

    def entities(self) -> Iterator[str]:  # noqa: D102 - as in Interval
        yield self.person
        if self.name:
            yield f"name:{self.name.strip().casefold()}"


class Account(Interval):
    """An account and whose it is: one person's, a declared service's, or shared (then PAM check-outs name the person)."""

    account: Name = Field(description="log-in name")
    system: str = Field(default="*", description="host, system or directory; * is everywhere")
    person: str = Field(default="", description="whose it is; of a service: who answers for it")
    kind: Annotated[str, Field(pattern="^(personal|service|shared)$")] = Field(
        default="personal", description="personal: one person's; service: a program's; shared: check-outs name the person"
    )

    def entities(self) -> Iterator[str]:  # noqa: D102 - as in Interval
        yield f"account:{self.account.casefold()}"
        if self.person:
            yield f"person:{self.person}"


class Post(Interval):
    """A role a person holds, as holder or deputy, for objects (groups, hosts, systems; * is all)."""

    role: Name = Field(description="for example firewall_approver, firewall_admin, root_approver, release_approver")
    person: Name = Field(description="person id of the holder")
    objects: tuple[str, ...] = Field(default=("*",), description="what the role is for; shell wildcards")
    deputy: bool = Field(default=False, description="stands in for the holder")

    def entities(self) -> Iterator[str]:  # noqa: D102 - as in Interval
        yield f"role:{self.role}"
        yield f"person:{self.person}"


class Asset(Interval):
    """A host, appliance or application, its addresses and the system it belongs to."""

    asset: Name = Field(description="host name")
    addresses: tuple[str, ...] = Field(default=(), description="its addresses")
    system: str = Field(default="", description="system it is a node of; its nodes count together")
    tags: tuple[str, ...] = Field(default=(), description="for example core, ordering, dmz")

    def entities(self) -> Iterator[str]:  # noqa: D102 - as in Interval
        yield self.asset.casefold()
        yield from (f"address:{address}" for address in self.addresses)


class Group(Interval):
    """Membership of one asset in a group: a firewall pair or cluster (kind firewall), or a farm of hosts (kind host)."""

    group: Name = Field(description="name by which approvals may name all members")
    member: Name = Field(description="host name")
    kind: Annotated[str, Field(pattern="^(firewall|host)$")] = Field(
        default="host", description="firewall: a pair or cluster that acts as one; host: a farm"
    )

    def entities(self) -> Iterator[str]:  # noqa: D102 - as in Interval
        yield f"member:{self.member.casefold()}"
        yield f"group:{self.group.casefold()}"


class Checkout(Interval):
    """A shared account handed to one person by privileged access management, from/to; ``host`` * is everywhere."""

    checkout: Name = Field(description="number of the check-out")
    account: Name = Field(description="the shared account")
    person: Name = Field(description="person id of who has it")
    host: str = Field(default="*", description="where; * is everywhere")
    ref: str = Field(default="", description="request under which it was handed out")

    def entities(self) -> Iterator[str]:  # noqa: D102 - as in Interval
        yield f"account:{self.account.casefold()}"


class SessionRecord(Interval):
    """The record filed of a privileged session; ``recorded`` is when it was filed, from/to the session it describes."""

    record: Name = Field(description="number of the record")
    host: Name = Field(description="host of the session")
    account: Name = Field(description="privileged account used")
    person: str = Field(default="", description="person id of who used it")

    def entities(self) -> Iterator[str]:  # noqa: D102 - as in Interval
        yield f"{self.host.casefold()}/{self.account.casefold()}"


class Artefact(Record):
    """One file of a release: ``path`` may hold shell wildcards."""

    path: Name = Field(description="file; shell wildcards")
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] = Field(description="SHA-256 of its content, hexadecimal")


class Release(Interval):
    """A built release, its hashes, and the request that announces it; signed anew: a further record without ``approval``."""

    release: Name = Field(description="number of the release")
    system: str = Field(default="", description="system it is for")
    approval: str = Field(default="", description="number of the request that announces it")
    artefacts: tuple[Artefact, ...] = Field(default=(), description="files it consists of")
    signers: tuple[Name, ...] = Field(default=(), description="who signs it: subject or SHA-256 thumbprint of the certificate")

    def entities(self) -> Iterator[str]:  # noqa: D102 - as in Interval
        yield f"release:{self.release}"
        if self.approval:
            yield f"approval:{self.approval}"


class Incident(Interval):
    """A notification or handling record: ``notified`` when people were told, ``handled`` when handling was recorded."""

    incident: Name = Field(description="number of the record")
    host: str = Field(default="", description="host it is about")
    path: str = Field(default="", description="file it is about; none: the whole host")
    ref: str = Field(default="", description="number in another system")
    notified: Time | None = Field(default=None, description="when people were told")
    handled: Time | None = Field(default=None, description="when the handling was recorded")
    approved_drill: bool = Field(default=False, description="a test of the monitor that was announced")

    def entities(self) -> Iterator[str]:  # noqa: D102 - as in Interval
        yield f"host:{self.host.casefold()}"


class Waiver(Interval):
    """An approved exception: findings it matches are written as excepted while it is in force at the act.

    ``subject`` maps subject fields to shell patterns; every named field must match. ``to`` is mandatory.
    """

    exception: Name = Field(description="number of the exception")
    detector: Name = Field(description="detector whose findings it covers")
    clause: str = Field(default="", description="clause it was granted for")
    subject: dict[str, str] = Field(min_length=1, description="subject field → shell pattern; all must match")
    subtypes: tuple[str, ...] = Field(default=(), description="subtypes it covers; none: all")
    reason: Name = Field(description="why it was granted")
    approver: Name = Field(description="who granted it")

    @model_validator(mode="after")
    def _expires(self) -> "Waiver":
        if self.until >= FOREVER:
            raise ValueError(f"exception {self.exception} has no expiry; give it a 'to'")
        return self

    def entities(self) -> Iterator[str]:  # noqa: D102 - as in Interval
        yield self.detector


class Downtime(Interval):
    """Approved downtime or holiday of a source, or of every source (*): silence in it is expected."""

    source: Name = Field(description="source name; * is every source")
    reason: str = Field(default="", description="why; `scanner-announced…` marks an announced scan")

    def entities(self) -> Iterator[str]:  # noqa: D102 - as in Interval
        yield self.source


_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


def _duration(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or not any(match.groups()):
        raise ValueError(f"a duration is ISO 8601 text of days to seconds, such as PT10M or P1D, not {value!r}")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return days * instant.DAY + hours * instant.HOUR + minutes * instant.MINUTE + seconds * instant.SECOND


def _duration_text(value: int) -> str:
    return f"PT{value // instant.SECOND}S"


Duration = Annotated[
    int, BeforeValidator(_duration), PlainSerializer(_duration_text, return_type=str, when_used="json")
]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
EVERY_DAY: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Expected(Record):
    """At least one record in every span of ``every``, on these days between these local hours of the source's zone."""

    every: Duration = Field(description="longest pause")
    days: tuple[Day, ...] = Field(default=EVERY_DAY, description="days on which it is expected")
    hours: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$")] = Field(
        default="00:00-24:00", description="from-to, in the source's zone"
    )


class Source(Interval):
    """One configured sender (a table ``[sources."<name>"]`` of ``sources.toml``).

    ``offset`` is the constant correction of its clock, ``delay`` its normal lag when it is polled, ``collector`` what stands
    between it and us (its fall silences all behind it), ``core`` a core system, ``authority`` a source of approvals.
    """

    source: Name = Field(description="name: a feed, or a feed with @instance")
    feed: Name = Field(description="format of its records; default: the name before @")
    zone: str = Field(default="UTC", description="time zone of stamps that carry none")
    collector: str = Field(default="", description="what stands between it and us")
    core: bool = Field(default=False, description="a core system: missed after a day, whatever is expected")
    authority: bool = Field(default=False, description="a source of approvals")
    expected: tuple[Expected, ...] = Field(
        default=(), description="when it should speak; none: its silence is no finding"
    )
    delay: Duration = Field(default=0, description="normal lag when it is polled")
    offset: Duration = Field(default=0, description="constant correction of its clock, added to its times")
    received_base: Time | None = Field(default=None, description="for recordings: observed time that tells the year")
    clauses: tuple[str, ...] = Field(default=(), description="clauses to cite when it is silent")

    def entities(self) -> Iterator[str]:  # noqa: D102 - as in Interval
        yield f"source:{self.source}"
        if self.collector:
            yield f"collector:{self.collector}"


class ContextRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Envelope of one context record on the wire: which table, when stated (``t``), when observed (``o``)."""

    table: str
    id: str
    t: int
    o: int
    source: str = ""
    data: dict[str, Any] = {}
