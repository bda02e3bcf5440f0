"""Names of files as text: what a path is called in positions, records and messages, also where it is not UTF-8.

A name on a POSIX file system is any bytes but ``/`` and NUL; Python reads those that are not UTF-8 as lone surrogates (PEP 383),
which no encoder takes.
"""

import os
import re

_UNDECODED = re.compile("[\udc80-\udcff]")


def key(path: str | os.PathLike[str]) -> str:
    """``path`` as encodable text, a name of its own for each path: NUL and two hex digits for each byte that is not UTF-8."""
    return _UNDECODED.sub(lambda match: f"\0{ord(match[0]) - 0xDC00:02x}", os.fspath(path))


def shown(path: str | os.PathLike[str]) -> str:
    r"""``path`` as records and people see it: ``\xff`` for each byte that is not UTF-8 (another file may be called so)."""
    return key(path).replace("\0", "\\x")
