"""Which file a position speaks of: identity by inode and by content, also after rotation, truncation and compression."""

import gzip
import os
import re
import shutil
import tempfile
import zlib
from hashlib import blake2b
from pathlib import Path
from typing import IO

import msgspec

HEAD = 1024  # bytes of the beginning that tell a file
_NEWEST = 1 << 80
MARK = 256  # bytes before the position that tell that it is the same content


class Position(msgspec.Struct, frozen=True, array_like=True):
    """How far one path has been read.

    ``head`` and ``mark`` are hashes of the first ``head_size`` bytes and of the last before ``offset``. ``bare``: bytes that
    stood in the file when it was first seen; they were not observed as they were written. ``lines``: of this file;
    ``records``: of the reader altogether; ``ordinals``: :class:`streams.collect.ordinal.Ordinals`.
    """

    inode: int = 0
    offset: int = 0
    head_size: int = 0
    head: bytes = b""
    mark: bytes = b""
    bare: int = 0
    lines: int = 0
    records: int = 0
    ordinals: bytes = b""


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Position).decode


class Opened:
    """One open file, read at given places; a gzip file by its content, unpacked into a temporary file."""

    def __init__(self, path: Path) -> None:
        """Open ``path``.

        Raises:
            OSError: it cannot be opened, or is no intact gzip file.
        """
        self.path = path
        self._file: IO[bytes] = path.open("rb", buffering=0)
        self._status = os.fstat(self._file.fileno())
        self.inode = self._status.st_ino
        self.packed = path.suffix == ".gz"
        if self.packed:
            with self._file as packed:
                self._file = _unpacked(packed)

    def read(self, size: int, offset: int) -> bytes:
        """Up to ``size`` bytes at ``offset``; raises OSError."""
        return os.pread(self._file.fileno(), size, offset)

    def written(self) -> tuple[int, int]:
        """Size and when last written (ns): equal values mean that nothing has been written."""
        status = self._status if self.packed else os.fstat(self._file.fileno())
        return status.st_size, status.st_mtime_ns

    def holds(self, position: Position) -> bool:
        """Whether what ``position`` says was read is what stands here."""
        if not position.offset:
            return self.inode == position.inode
        head = self.read(position.head_size, 0)
        mark = self.mark(position.offset)
        return len(head) == position.head_size and digest(head) == position.head and mark == position.mark

    def mark(self, offset: int) -> bytes:
        """Hash of the bytes before ``offset``; empty if the file is shorter."""
        start = max(0, offset - MARK)
        before = self.read(offset - start, start)
        return digest(before) if len(before) == offset - start else b""

    def close(self) -> None:
        """Close."""
        self._file.close()


def _unpacked(packed: IO[bytes]) -> IO[bytes]:
    plain = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as Opened
    try:
        with gzip.GzipFile(fileobj=packed, mode="rb") as content:
            shutil.copyfileobj(content, plain)
        plain.flush()
    except (EOFError, zlib.error) as error:
        plain.close()
        raise OSError(f"no intact gzip file: {error}") from error
    except OSError:
        plain.close()
        raise
    return plain


def digest(data: bytes) -> bytes:
    """Hash by which contents are compared."""
    return blake2b(data, digest_size=8).digest()


def rotated(path: Path, after: tuple[int, int] | None = None) -> list[tuple[int, Path]]:
    """Inode and name of what may be earlier contents of ``path`` (``path.1``, ``path-20260302.gz``), oldest first.

    ``after``: only what is later than the file of this inode, last written then (ns).
    """
    found: list[tuple[tuple[int, int], int, Path]] = []
    for other in path.parent.iterdir():
        name = rotation(other, path)
        if name is None:
            continue
        try:
            status = other.stat()
        except OSError:  # removed meanwhile
            continue
        # Names decide where times do not: .2 is older than .1, dates are as they come.
        order = int(name) if len(name) >= 6 else -int(name)
        found.append(((status.st_mtime_ns, order), status.st_ino, other))
    found.sort()
    if after is not None:
        own = next((age for age, inode, _ in found if inode == after[0]), (after[1], _NEWEST))
        found = [item for item in found if item[0] > own]
    return [(inode, other) for _, inode, other in found]


def rotation(other: Path, path: Path) -> str | None:
    """Number or date, digits only, by which the name ``other`` says that it is an earlier content of ``path``; else None."""
    for prefix, suffix in ((path.name, ""), (path.stem, path.suffix)):
        rest = other.name.removeprefix(prefix)
        match = re.fullmatch(rf"[.-](\d[\dT.-]*){re.escape(suffix)}(?:\.gz)?", rest)
        if match is not None and rest != other.name:
            return re.sub(r"\D", "", match[1])
    return None
