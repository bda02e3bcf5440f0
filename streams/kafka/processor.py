"""What a stage does with one partition, apart from Kafka: records in, outputs and state changes out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from streams.stored import Stored


@dataclass(frozen=True, slots=True)
class Record:
    """One consumed record."""

    offset: int
    timestamp: int
    value: bytes | None


@dataclass(slots=True)
class Result:
    """What one batch adds: (topic, partition, key, value) outputs, and state records (None deletes)."""

    outputs: list[tuple[str, int, bytes | None, bytes]] = field(default_factory=list)
    state: list[tuple[str, bytes | None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Account:
    """What one partition has done up to its last commit, for telemetry.

    ``counters``: by fate; ``dead``: dead letters by reason; ``heard``: how far each source was heard (µs); ``spoke``: when
    each last sent a record rather than a heartbeat (µs); ``observed``: everything observed before it has been worked off
    (µs; 0: not known). ``keys``: how many are in memory, and how many rest.
    """

    counters: Mapping[str, int] = field(default_factory=dict)
    dead: Mapping[str, int] = field(default_factory=dict)
    heard: Mapping[str, int] = field(default_factory=dict)
    spoke: Mapping[str, int] = field(default_factory=dict)
    observed: int = 0
    keys: Mapping[str, int] = field(default_factory=dict)


class Processor(Protocol):
    """The work of one partition, synchronous.

    Its state never runs ahead of a committed transaction: after an error the lane throws it away and restores another
    from the changelog.
    """

    def restore(self, records: Stored) -> None:
        """Take up the state that the changelog holds; it stays there for as long as the processor is at work."""
        ...

    def missed(self) -> None:
        """Called before ``work``: records were deleted between those that the state knows and those that now come."""
        ...

    def work(self, records: Sequence[Record]) -> Iterator[None]:
        """Take records; yields now and then so that the host can breathe."""
        ...

    def tick(self, now: int) -> None:
        """Called about once a second with the wall clock (µs)."""
        ...

    def result(self) -> Result:
        """Everything since the last call."""
        ...

    def account(self) -> Account:
        """What has been done so far."""
        ...


class Stage(Protocol):
    """One stage of the pipeline: where it reads, where its state lives, what does the work."""

    @property
    def name(self) -> str:
        """Name of the stage, of its consumer group and of its agent."""
        ...

    @property
    def source(self) -> str:
        """Topic it reads."""
        ...

    @property
    def changelog(self) -> str:
        """Topic that holds its state, partitioned as the source; empty if the stage has none but its group's offsets."""
        ...

    def open(self, partition: int) -> Processor:
        """A fresh processor for one source partition."""
        ...
