"""Green means watched: what the pages say about the watching itself, from the running job's own account of it.

The caller's ``health()`` returns a mapping of this shape; whatever is missing counts as unknown, never as good:

``sources``        sequence of ``{"name", "feed", "status", "last_seen", "lag_s"}``; status ``watched``, ``silent`` (sends
                   less than expected) or ``blind`` (its collector is not heard); last_seen in microseconds UTC or None
``lag_s``          seconds between observing and judging, of the slowest stage
``dead_letters``   reason → number of parked records
``detectors``      detector → "" when it runs, else why it is degraded
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dashboards.texts import Texts
from dashboards.visible import plain
from dashboards.when import Clockface

Verdict = Literal["watched", "partly", "blind", "unknown"]
LAG_LIMIT_S = 60.0  # judging later than this is shown as degraded
_STATUS = ("watched", "silent", "blind")
_NAME_LIMIT = 80


@dataclass(frozen=True)
class SourceHealth:
    """One source as shown."""

    name: str
    feed: str
    status: str
    last_seen: int | None
    lag_s: float | None


@dataclass(frozen=True)
class HealthView:
    """The whole account: what is watched, what is not, and the verdict over all."""

    verdict: Verdict
    sources: tuple[SourceHealth, ...]
    lag_s: float | None
    dead_letters: tuple[tuple[str, int], ...]
    degraded: tuple[tuple[str, str], ...]
    detectors: int

    @property
    def watched(self) -> int:
        """Number of sources that are watched."""
        return sum(source.status == "watched" for source in self.sources)

    @property
    def parked(self) -> int:
        """Number of dead letters."""
        return sum(number for _, number in self.dead_letters)

    @property
    def late(self) -> bool:
        """Whether judging lags behind, or nobody knows."""
        return self.lag_s is None or self.lag_s > LAG_LIMIT_S


def _source(entry: Mapping[str, Any]) -> SourceHealth:
    last_seen = entry.get("last_seen")
    status = entry.get("status")
    known = status in _STATUS and (status != "watched" or last_seen is not None)
    return SourceHealth(
        name=plain(str(entry.get("name", "")), _NAME_LIMIT),
        feed=plain(str(entry.get("feed", "")), _NAME_LIMIT),
        status=str(status) if known else "unknown",
        last_seen=last_seen,
        lag_s=entry.get("lag_s"),
    )


def view(health: Mapping[str, Any]) -> HealthView:
    """What to show of ``health``; worst sources first, then by name."""
    sources = sorted(
        (_source(entry) for entry in health.get("sources", ())),
        key=lambda source: (source.status == "watched", source.name),
    )
    detectors: Mapping[str, str] = health.get("detectors", {})
    found = HealthView(
        verdict="unknown",
        sources=tuple(sources),
        lag_s=health.get("lag_s"),
        dead_letters=tuple(sorted((plain(str(k), _NAME_LIMIT), int(n)) for k, n in health.get("dead_letters", {}).items() if n)),
        degraded=tuple(sorted((name, plain(str(why), 200)) for name, why in detectors.items() if why)),
        detectors=len(detectors),
    )
    return HealthView(**{**vars(found), "verdict": _verdict(found)})


def _verdict(found: HealthView) -> Verdict:
    if not found.sources or not found.detectors:
        return "unknown"
    if found.watched == 0:
        return "blind"
    whole = found.watched == len(found.sources) and not (found.degraded or found.dead_letters or found.late)
    return "watched" if whole else "partly"


def ago(at: int | None, now: int, words: Texts) -> str:
    """How long before ``now``, in the largest fitting unit; "never" for None."""
    if at is None:
        return words("health.never")
    seconds = max(0, (now - at) // 1_000_000)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return words(f"ago.{unit}", n=seconds // size)
    return words("ago.s", n=seconds)


def strip(found: HealthView, words: Texts, clock: Clockface, now: int) -> dict[str, Any]:
    """Texts of the strip, for the template and for the live stream alike."""
    lag = words("health.lag_unknown") if found.lag_s is None else words("health.seconds", n=f"{found.lag_s:.1f}")
    return {
        "verdict": found.verdict,
        "title": words(f"health.{found.verdict}"),
        "explain": words(f"health.{found.verdict}_explain"),
        "sources_text": words("health.sources_count", n=found.watched, all=len(found.sources)),
        "sources_ok": bool(found.sources) and found.watched == len(found.sources),
        "detectors_text": words("health.detectors_count", n=found.detectors - len(found.degraded), all=found.detectors),
        "detectors_ok": bool(found.detectors) and not found.degraded,
        "lag_text": lag,
        "lag_ok": not found.late,
        "dead_text": str(found.parked),
        "dead_ok": not found.dead_letters,
        "sources": [
            {
                "name": source.name,
                "feed": source.feed,
                "status": source.status,
                "status_text": words(f"source.{source.status}"),
                "seen": ago(source.last_seen, now, words),
                "seen_utc": "" if source.last_seen is None else clock.utc(source.last_seen),
                "seen_local": "" if source.last_seen is None else clock.local(source.last_seen),
            }
            for source in found.sources
        ],
        "dead": [{"name": reason, "text": str(number)} for reason, number in found.dead_letters],
        "degraded": [{"name": plain(words.name("detector", name), _NAME_LIMIT), "text": why} for name, why in found.degraded],
    }
