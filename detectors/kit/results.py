"""What one fold has put out for one key: collections that most keys never need, so each is there once it is asked for."""

from typing import Any

from detectors.kit.context import View
from detectors.kit.contract import Finding
from detectors.kit.named import Out
from detectors.kit.registry import Rule
from detectors.kit.stepping import Park, Stepping
from schemas.event import SecurityEvent
from schemas.identity import Key
from schemas.violation import State, Violation

_KINDS: dict[str, type[dict[Any, Any]] | type[set[Any]]] = {
    "findings": dict, "facts": dict, "sent": dict, "published": dict, "shown": dict, "carried": dict,
    "sealed": set, "forced": set,
}  # fmt: skip


class Results(Stepping):
    """Results of a fold for its key. ``used``: whether any collection is there; where none is, all are empty."""

    findings: dict[str, Finding]
    facts: dict[str, SecurityEvent]
    sent: dict[str, SecurityEvent]
    published: dict[str, Violation]
    shown: dict[str, tuple[Finding, State, str | None]]
    sealed: set[str]
    carried: dict[str, Finding | SecurityEvent]  # sealed, but not told yet, pending, or to be told anew
    forced: set[str]  # of these, sealed because there were too many events

    __slots__ = (*_KINDS, "used")

    def __init__(self, rule: Rule, key: Key, view: View, park: Park) -> None:
        super().__init__(rule, key, view, park)
        self.used = False

    def __getattr__(self, name: str) -> Any:
        """An empty collection, when it is first asked for."""
        if name not in _KINDS:
            raise AttributeError(name)
        made = _KINDS[name]()
        setattr(self, name, made)
        self.used = True
        return made

    def _seal(self, outs: tuple[Out, ...]) -> None:
        """Results that no event can take back any more."""
        for id_, item in outs:
            self.sealed.add(id_)
            if isinstance(item, Finding):
                self.carried[id_] = item
            elif id_ not in self.sent:
                self.carried.setdefault(id_, item)

    def _gather(self, outs: tuple[Out, ...]) -> None:
        """Of a finding told several times the last in the order counts, of a fact the first: its cause."""
        for id_, item in outs:
            if isinstance(item, Finding):
                self.findings[id_] = item
            else:
                self.facts.setdefault(id_, item)

    def _known(self, id_: str, item: Finding | SecurityEvent) -> bool:
        """Whether ``item`` has been told as it stands and waits for nothing.

        It has not where a later event changed it: once that one is revised, what was sealed holds again.
        """
        if isinstance(item, SecurityEvent):
            return id_ in self.sent
        published, shown = self.published.get(id_), self.shown.get(id_)
        return published is not None and published.state is not State.PENDING and shown is not None and shown[0] == item
