"""The record files of a replay folder: which there are, in which order they were written, what else lies there, their lines."""

import gzip
import re
import zlib
from codecs import BOM_UTF8
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from streams.collect import names

LONGEST = 8 << 20  # bytes of a line that are kept: a record of the greatest size (1 MiB), escaped and in its envelope, is smaller

_KNOWN = {"sources.toml", "truth.jsonl", "exceptions.jsonl", "context"}
_RECORDS = re.compile(r"(?P<name>.+)\.(?:log|jsonl)(?:[.-](?P<age>\d[\dT.-]*))?(?:\.gz)?", re.DOTALL)
_CURRENT = 1 << 80


def find(folder: Path, skipped: list[str]) -> Mapping[str, list[Path]]:
    """Source name -> its files, rotated ones (``linux.log.2.gz``, ``linux.log-20260302``) first, the oldest before all.

    ``skipped`` is told what else lies in the folder, and why it is not read. Raises OSError.
    """
    found: defaultdict[str, list[tuple[int, Path]]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        if path.name in _KNOWN:
            continue
        match = _RECORDS.fullmatch(path.name)
        why = unread(path)
        if not why and match is None:
            why = "records stand in <NAME>[@<instance>].log or .jsonl, packed ones in .log.gz or .jsonl.gz"
        elif not why and path.suffix == ".gz" and path.with_suffix("").exists():
            why = f"{names.shown(path.with_suffix('').name)} stands beside it"
        if match is None or why:
            skipped.append(f"{names.shown(path)}: skipped: {why}")
        else:
            found[names.shown(match["name"])].append((_order(match["age"]), path))
    return {name: [path for _, path in sorted(files)] for name, files in sorted(found.items())}


def unread(path: Path) -> str:
    """Why ``path`` is no file that can be read to its end; empty if it is one."""
    if path.is_file():
        return ""
    if path.is_symlink():
        return "a symbolic link to no file"
    return "a folder" if path.is_dir() else "no ordinary file"


def lines(files: Iterable[Path]) -> Iterator[bytes]:
    """The lines of ``files``, one file after the other, without a byte order mark; of a longer line the first 8 MiB.

    Raises:
        OSError: a file cannot be read, or is no intact gzip file.
    """
    for path in files:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            try:
                line = file.readline(LONGEST).removeprefix(BOM_UTF8)
                while line:
                    yield line
                    while not line.endswith(b"\n") and (line := file.readline(LONGEST)):
                        pass
                    line = file.readline(LONGEST)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                told = f"is no intact gzip file ({error}); copy it again, or unpack what can be unpacked"
                raise OSError(0, told, str(path)) from error


def _order(age: str | None) -> int:
    """Names tell the age: .2 is older than .1, dates are as they come, and the file without either is the newest."""
    if age is None:
        return _CURRENT
    digits = re.sub(r"\D", "", age)
    return int(digits) if len(digits) >= 6 else -int(digits)
