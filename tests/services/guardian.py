"""Ends the servers of a test session that died without ending them (SIGKILL, a crash of the interpreter).

Run as a program: reads ``+PID`` and ``-PID`` lines on standard input; at the end of the input, which comes when the
test session is gone however it went, kills the processes still listed, if they are still the ones it was told of.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path


def birth(pid: int) -> str:
    """Start time of process ``pid`` in clock ticks since boot (proc(5), stat field 22); "" if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return ""


class Guardian:
    """The test session's end of the pipe to the guarding process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        atexit.register(self.close)

    def guard(self, pid: int) -> None:
        self._tell(f"+{pid}")

    def release(self, pid: int) -> None:
        self._tell(f"-{pid}")

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """Lets the guarding process kill what is still listed, and end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)


def main() -> None:
    guarded: dict[int, str] = {}
    for line in sys.stdin:
        pid = int(line[1:])
        if line[0] == "+":
            guarded[pid] = birth(pid)
        else:
            guarded.pop(pid, None)
    for pid, born in guarded.items():
        if born and birth(pid) == born:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
