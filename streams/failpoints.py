"""Named points at which a worker kills itself, for tests of crashes: ``CONTROLWATCH_FAILPOINT=detect:before-commit:3``.

With ``hang`` after that (``detect:after-fold:3:hang``) it stands still there for ever instead, its event loop with it.

Every point stands once a batch, never once a record, and is one comparison while nothing is armed.
"""

import logging
import os
import signal
import threading

log = logging.getLogger(__name__)

LANE = ("after-poll", "after-fold", "mid-write", "after-enqueue", "before-commit", "after-commit")
"""In the order in which a batch of normalize or detect passes them; ``mid-write``: before each partition's rows, state last."""
DELIVER = ("before-write", "after-write", "after-commit")
"""In the order in which a batch passes them on its way into the store."""
POINTS = (*(f"{stage}:{step}" for stage in ("normalize", "detect") for step in LANE), *(f"deliver:{step}" for step in DELIVER))

HANG = ":hang"

_armed: dict[str, int] = {}
_hanging: set[str] = set()


def checked(text: str) -> str:
    """``text`` itself, if it is empty or ``<stage>:<step>:<passage>[:hang]``. Raises ValueError if there is no such point."""
    point, _, passage = text.removesuffix(HANG).rpartition(":")
    if text and (point not in POINTS or not passage.isdecimal() or int(passage) < 1):
        raise ValueError(
            f"{text!r} is no fail-point; write <point>:<passage>, such as detect:before-commit:3; points are {', '.join(POINTS)}"
        )
    return text


def arm(text: str) -> None:
    """Arm what ``text`` says: the process ends (SIGKILL) or hangs when it passes the point for the n-th time; empty disarms."""
    _armed.clear()
    _hanging.clear()
    if not checked(text):
        return
    point, _, passage = text.removesuffix(HANG).rpartition(":")
    _armed[point] = int(passage)
    if text.endswith(HANG):
        _hanging.add(point)
    log.warning("fail-point %s is armed: this worker will end or hang there; unset CONTROLWATCH_FAILPOINT outside tests", text)


def reach(stage: str, step: str) -> None:
    """The process passes ``<stage>:<step>``."""
    if not _armed:
        return
    point = f"{stage}:{step}"
    if point not in _armed:
        return
    _armed[point] -= 1
    if not _armed[point] and point in _hanging:
        threading.Event().wait()
    elif not _armed[point]:
        os.kill(os.getpid(), signal.SIGKILL)
