"""Lines of standard input for the commands that read them, with a progress bar where its end is known."""

import os
import stat
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import BinaryIO

from controlwatch.output import progress


def lines(stream: BinaryIO, label: str) -> Iterator[bytes]:
    """Lines of ``stream``; a bar named ``label`` counts bytes, of a file with its end, of a pipe without.

    Raises:
        OSError: it cannot be read.
    """
    with progress(label, printing=True) as tick:
        status = os.fstat(stream.fileno())
        size = status.st_size if stat.S_ISREG(status.st_mode) else 0
        done = 0
        for line in stream:
            yield line if done else line.removeprefix(BOM_UTF8)
            done += len(line)
            if size:
                tick(done, size)
