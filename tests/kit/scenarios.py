"""Reads ``tests/scenarios/<detector>.yaml``: cases that an auditor can read, as recordings of raw lines."""

from pathlib import Path
from typing import Any, NamedTuple

import orjson
import yaml

from schemas import instant, tables
from schemas.context import Source
from schemas.violation import Violation
from streams.recording import Recording, read_lines

FOLDER = Path(__file__).parent.parent / "scenarios"


class Scenario(NamedTuple):
    """One case: what was recorded, the truth time, and the final set that is due."""

    detector: str
    case: str
    recording: Recording
    until: int
    expect: list[dict[str, Any]]
    unreadable: int

    def __str__(self) -> str:
        return f"{self.detector}: {self.case}"


def load() -> list[Scenario]:
    return [scenario for path in sorted(FOLDER.glob("*.yaml")) for scenario in read(path)]


def read(path: Path) -> list[Scenario]:
    cases = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    found = []
    for case in cases:
        unknown = set(case) - {"case", "why", "sources", "context", "records", "until", "expect", "unreadable"}
        assert not unknown, f"{path.name}: {case['case']}: unknown keys {unknown}"
        recording = Recording()
        for name, fields in case["sources"].items():
            recording.sources[name] = Source.model_validate({"source": name, **_plain(fields)})
        for name, source in recording.sources.items():
            lines = [_line(record) for record in case["records"] if record["source"] == name]
            recording.raws += read_lines(lines, source)
            recording.context.append(
                tables.envelope("sources", source.model_dump(mode="json", by_alias=True, exclude_defaults=True))
            )
        known = {record["source"] for record in case["records"]}
        assert known <= set(recording.sources), f"{path.name}: {case['case']}: unknown sources {known - set(recording.sources)}"
        for table, rows in (case.get("context") or {}).items():
            recording.context += [tables.envelope(table, _plain(row)) for row in rows]
        until = instant.parse(str(_plain(case["until"])))
        found.append(Scenario(path.stem, case["case"], recording, until, [_plain(item) for item in case["expect"] or []],
                              case.get("unreadable", 0)))  # fmt: skip
    return found


def _line(record: dict[str, Any]) -> bytes:
    raw = record["raw"]
    text = raw if isinstance(raw, str) else orjson.dumps(_plain(raw)).decode()
    text = text.rstrip("\n")
    if "received" in record:
        return orjson.dumps({"received": _plain(record["received"]), "raw": text})
    return orjson.dumps(text) if "\n" in text else text.encode()


def _plain(value: Any) -> Any:
    """YAML reads times as datetimes; the product reads text."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if hasattr(value, "isoformat"):
        return value.isoformat() + ("" if getattr(value, "tzinfo", None) else "Z" if hasattr(value, "hour") else "")
    return value


def found(violations: list[Violation]) -> list[dict[str, Any]]:
    """What the expectations speak of."""
    return [
        {"subtype": v.subtype, "subject": {n: s for n, s in v.subject.items() if s is not None}, "state": v.state.value,
         "severity": v.severity.value}
        for v in violations
    ]  # fmt: skip


def differences(scenario: Scenario, violations: list[Violation]) -> list[str]:
    """Expectations that were not met, and findings nobody expected; of this scenario's detector."""
    have = found([v for v in violations if v.detector == scenario.detector])
    wrong = []
    for item in scenario.expect:
        want = {**item, "subject": {n: s for n, s in item["subject"].items() if s is not None}, "state": item.get("state", "open")}
        match = next((h for h in have if all(h[name] == value for name, value in want.items())), None)
        if match is None:
            wrong.append(f"missing: {want}")
        else:
            have.remove(match)
    return wrong + [f"unexpected: {item}" for item in have]
