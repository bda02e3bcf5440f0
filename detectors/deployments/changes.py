"""A told change of one file: what integrity monitors and audit logs say of it, in one form."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import msgspec

from detectors.deployments.limits import LIMITS
from detectors.kit.approvals.uses import packed_evidence, unpacked_evidence
from detectors.kit.contract import evidence
from detectors.kit.groups import folded
from schemas.event import Activity, SecurityEvent
from schemas.identity import Key
from schemas.violation import Evidence

FOUND = "file_found_changed"
"""Kind of the facts in which a scan's finding travels, with the earliest time of the change."""

FIRST_SCAN = "initial_scan"
BASELINES = frozenset({"baseline-reset", FIRST_SCAN})
"""Actions of scans that make a baseline rather than compare with it: anew, or of a directory that had none."""

DELETED = "deleted"
SIGNATURE = "file.code_signature"
SIGNER = ("subject_name", "thumbprint_sha256")
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""SHA-256 of nothing: what a monitor in real time sees of a file that is being written anew."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One telling of a change of ``path`` on ``host``; instants are µs UTC.

    ``t``: when it happened, or was found by a scan; then ``earliest`` is the scan before. ``content``: SHA-256 of the new
    content, ``deleted``, or empty where the source tells none (audit logs). ``account``: who wrote it, where that is told.
    ``signers``: names of who signed the content, where the source has checked that.
    """

    id: str
    t: int
    o: int
    host: str
    path: str
    content: str
    before: str
    account: str
    earliest: int | None
    evidence: dict[str, Any]
    line: int = 0
    signers: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        """SHA-256 of the new content; empty if there is none."""
        return "" if self.content == DELETED else self.content

    def proof(self, values: Mapping[str, str]) -> Evidence:
        """This telling as evidence, with the ``values`` that were compared."""
        item = unpacked_evidence(self.evidence, {"lines": {self.id: self.line}})
        return item.model_copy(update={"values": {**item.values, **values}})


@lru_cache(maxsize=65_536)
def ordinary(path: str) -> bool:
    """Whether ``path`` changes in ordinary operation: a log, cache, upload, certificate, but no program among them."""
    name = folded(path).replace("\\", "/")
    return _any(name, (*LIMITS.moving, *LIMITS.delivered)) and not _any(name, LIMITS.programs)


@lru_cache(maxsize=65_536)
def baseline(path: str) -> tuple[bool, bool]:
    """Whether ``path`` is the database of an integrity monitor, and if so whether any writing makes the baseline anew."""
    name = folded(path).replace("\\", "/")
    anew = _any(name, LIMITS.baselines)
    return anew or _any(name, LIMITS.stores), anew


def _any(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def watched(event: SecurityEvent) -> bool:
    """Whether ``event`` tells the change of a file that is to be judged."""
    if event.activity != Activity.FILE_CHANGE or not event.path or ordinary(event.path) or baseline(event.path)[0]:
        return False
    return not event.hash or event.hash != event.hash_before


def by_file(event: SecurityEvent) -> Key | None:
    """Host and path of a change told with its time, or of one a scan found."""
    if event.activity == Activity.FACT:
        return (folded(event.extra["host"]), event.extra["path"]) if event.action == FOUND else None
    return (folded(event.host), event.path) if not event.last_scan and watched(event) else None


def read(event: SecurityEvent) -> Change:
    """The change that ``event`` (of an exact time) tells."""
    gone = "deletion" in event.type
    return Change(
        id=event.id, t=event.t, o=event.o, host=event.host, path=event.path, content=DELETED if gone else event.hash,
        before=event.hash_before, account=event.user, earliest=None, line=event.line, signers=signers(event),
        evidence=packed_evidence(
            evidence(event, action=event.action, user=event.user, hash_before=event.hash_before, hash_after=event.hash)
        ),
    )  # fmt: skip


def signers(event: SecurityEvent) -> tuple[str, ...]:
    """Who signed the content, as the source checked it (ECS fields ``file.code_signature.*``); none unless valid and trusted."""
    told = {name: event.extra.get(f"{SIGNATURE}.{name}") for name in ("valid", "trusted", *SIGNER)}
    if str(told["valid"]).lower() != "true" or str(told["trusted"]).lower() != "true":
        return ()
    return tuple(sorted({folded(name) for field in SIGNER if isinstance(name := told[field], str) and name.strip()}))


def payload(change: Change) -> dict[str, Any]:
    """What a fact tells of ``change``: all but its position in a file."""
    told: dict[str, Any] = msgspec.to_builtins(change)
    del told["line"]
    return told


def unpacked(told: Mapping[str, Any]) -> Change:
    """The change that the fact with the content ``told`` tells."""
    return msgspec.convert(told, Change)
