"""A worker's account of itself, for Prometheus and for the pages: what its partitions had done at their last commit."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from detectors.kit.registry import Ruleset
from schemas import identity, instant
from schemas.context import Source
from streams import clock
from streams.kafka.delivering import Delivery
from streams.kafka.host import Host
from streams.kafka.processor import Account
from streams.kafka.watchdog import Pace, Watchdog
from streams.layout import Layout
from streams.service import status
from streams.telemetry import StageCollector


class Watching:
    """Looks at the lanes of ``host`` and at ``delivery`` (None: this worker does not deliver); any thread may ask."""

    def __init__(
        self, host: Host, delivery: Delivery | None, *, ruleset: Ruleset, sources: Mapping[str, Source], layout: Layout
    ) -> None:
        self._host = host
        self._delivery = delivery
        self._ruleset = ruleset
        self._sources = sources
        self._layout = layout
        self.watchdog = Watchdog(self.paces)

    def metrics(self) -> StageCollector:
        """What Prometheus reads."""
        return StageCollector(
            normalize=lambda: {partition: account.counters for partition, account in self._accounts("normalize").items()},
            detect=lambda: {partition: account.counters for partition, account in self._accounts("detect").items()},
            dead=lambda: {partition: account.dead for partition, account in self._accounts("normalize").items()},
            heard=self._unheard,
            lag=self._lag,
            stalled=self.watchdog.stalled,
            keys=lambda: {partition: account.keys for partition, account in self._accounts("detect").items()},
        )

    def paces(self) -> Mapping[str, Pace]:
        """The steps of every lane and of delivery, for the watchdog."""
        found = {f"{pump.stage.name}-{part}": pace for pump in self._host.pumps for part, pace in dict(pump.paces).items()}
        return found if self._delivery is None else {**found, "deliver-0": self._delivery.pace}

    def health(self) -> dict[str, Any]:
        """What the pages show: sources of the raw partitions that this worker has, lag, dead letters, detectors."""
        now, accounts = clock.now(), self._accounts("normalize")
        heard = {source: t for account in accounts.values() for source, t in account.heard.items()}
        spoke = {source: t for account in accounts.values() for source, t in account.spoke.items()}
        own = [
            {
                "name": name, "feed": source.feed, "last_seen": heard.get(name),
                "status": status(source, heard.get(name), spoke.get(name), now),
            }
            for name, source in sorted(self._sources.items())
            if str(identity.partition("source", (name,), self._layout.raw)) in accounts
        ]  # fmt: skip
        dead: Counter[str] = Counter()
        for account in accounts.values():
            dead.update(account.dead)
        judged = self._accounts("detect").values()
        parked = any(a.counters.get(name) for a in judged for name in ("parked", "parked_anew", "parked_deadlines"))
        broken = "some events crashed a detector; see the dead letters" if parked else ""
        return {
            "sources": own,
            "lag_s": max(self._lag().values(), default=None),
            "dead_letters": dict(dead),
            "detectors": {loaded.id: broken for loaded in self._ruleset.detectors} if judged else {},
        }

    def _accounts(self, stage: str) -> dict[str, Account]:
        lanes = [dict(pump.lanes) for pump in self._host.pumps if pump.stage.name == stage]
        return {str(partition): lane.account for own in lanes for partition, lane in own.items()}

    def _unheard(self) -> dict[str, float]:
        now = clock.now()
        clocks = [account.heard for account in self._accounts("normalize").values()]
        return {source: (now - t) / instant.SECOND for each in clocks for source, t in each.items()}

    def _lag(self) -> dict[str, float]:
        now = clock.now()
        reached = [account.observed for account in self._accounts("detect").values() if account.observed]
        behind = {"detect": (now - min(reached)) / instant.SECOND} if reached else {}
        if self._delivery is not None:
            oldest = self._delivery.oldest
            behind["deliver"] = 0.0 if oldest is None else (now - oldest) / instant.SECOND
        return behind
