"""Numbers of ``firewall_change_unapproved`` that are ours; durations in µs."""

from schemas import instant
from schemas.context import Duration, Record


class Limits(Record):
    """Windows of one commit.

    ``commit_gap``: pause after which the records of one FortiGate transaction have ended. ``copy_window``: within it the
    other member of a pair, or the job that did a commit, tells the same commit again. ``roll_back``: how long a change is
    remembered so that its undoing is linked to it. ``edits`` and ``references``: most candidate edits, and most references
    of rules to objects, remembered for a device. ``shown``: most records of one commit cited as evidence.
    """

    commit_gap: Duration = 2 * instant.MINUTE
    copy_window: Duration = 10 * instant.MINUTE
    roll_back: Duration = 7 * instant.DAY
    edits: int = 512
    references: int = 2048
    shown: int = 64


LIMITS = Limits()
