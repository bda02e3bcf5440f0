"""What the account fold reports: guessing, and the success that follows it."""

import msgspec

from detectors.kit.contract import Finding
from detectors.logins.attempts import Episode, Proof, evidence_of
from schemas.violation import Severity


class Digest(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A failure of the last 24 hours."""

    t: int
    id: str
    src: str
    source: str
    line: int


def attack(part: str, episode: Episode, *, low: bool, digests: tuple[Digest, ...] = ()) -> Finding:
    """Guessing at one account. ``part``: account or slow; ``low``: a machine at an even pace; ``digests``: further proof."""
    first = episode.first
    kept = {item.id: item for item in episode.proofs()}
    bare = (
        Proof(id=d.id, t=d.t, source=d.source, line=d.line, host="", user=first.user, src=d.src, reason="failure", session="",
              original="")
        for d in digests
        if d.id not in kept
    )  # fmt: skip
    return Finding(
        subtype="ATTACK_SUSPECTED", part=part, anchor=first.id, anchor_time=first.t, count=episode.count,
        subject={"host": None, "user": first.user, "source_ip": None}, first_time=first.t, last_time=episode.last,
        severity=Severity.LOW if low else Severity.MEDIUM, evidence=evidence_of((*kept.values(), *bare)),
        reasons=("even_pace",) if low else (), source_ip=first.src if episode.sources == (first.src,) else None,
        clauses=("CC-17010.i.c",),
    )  # fmt: skip


def guessed(item: Proof, before: tuple[Proof, ...]) -> Finding:
    """A success after guessing: ``item`` after ``before``."""
    return Finding(
        subtype="GUESSED", anchor=item.id, anchor_time=item.t, severity=Severity.CRITICAL,
        subject={"host": item.host or None, "user": item.user, "source_ip": item.src or None},
        first_time=min((old.t for old in before), default=item.t), last_time=item.t, evidence=evidence_of((*before, item)),
        clauses=("CC-17010.i.c",),
    )  # fmt: skip
