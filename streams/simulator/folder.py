"""The replay folder: log files by source, context tables, ``sources.toml`` and ``truth.jsonl``, written as a stream."""

import json
from collections.abc import Iterable, Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Self

from streams.simulator.sources import SOURCES
from streams.simulator.truth import Truth

_BUFFER = 1 << 18


class Folder:
    """Writes one folder; use as a context manager."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise FileExistsError(f"{path} is not empty; give a new folder, so that no other run's files lie between these")
        self.path = path
        self._files: dict[str, TextIOWrapper] = {}
        self._names = {source.name: source.file for source in SOURCES}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def write(self, source: str, line: str) -> None:
        """Append a line to the file of ``source``."""
        file = self._files.get(source)
        if file is None:
            name = self.path / self._names[source]
            file = self._files[source] = name.open("w", encoding="utf-8", newline="\n", buffering=_BUFFER)
        file.write(line + "\n")

    def text(self, name: str, text: str) -> None:
        """Write a whole small file."""
        (self.path / name).write_text(text, encoding="utf-8", newline="\n")

    def context(self, tables: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
        """Write ``context/<table>.jsonl``."""
        (self.path / "context").mkdir()
        for table, records in sorted(tables.items()):
            lines = (json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in records)
            self.text(f"context/{table}.jsonl", "".join(f"{line}\n" for line in lines))

    def truth(self, truths: Iterable[Truth]) -> None:
        """Write ``truth.jsonl`` in the order of time."""
        ordered = sorted(truths, key=lambda truth: (truth.since, truth.case, truth.detector, truth.line()))
        self.text("truth.jsonl", "".join(f"{truth.line()}\n" for truth in ordered))
