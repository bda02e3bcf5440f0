"""Numbers of the approval verdict that are ours, not the regulation's, in one place; durations in µs."""

from pydantic import model_validator

from detectors.kit.contract import GRACE_MAX, SKEW
from schemas import instant
from schemas.approval import ANNOUNCED, AWAITED, RELATED
from schemas.context import Duration, Record


class Limits(Record):
    """Graces and windows of the verdict table.

    ``skew`` widens both ends of every interval in the firm's favour. ``grace_max``: how long after the act an approval in
    force may be observed without a trace. ``ratify_within``: N h, from the act, for the later decision of an emergency.
    ``backdated_after``: added to the ticket source's own delay; a decision older than that at its export is backdated.
    ``related``: how long after its end or refusal a request still speaks of an act; beyond it the request is another matter
    and the act unapproved. ``awaited``: how long before its decision, where it has no window. ``announced``: how long before
    its window opens an approval is still named as the one that was not waited for.
    """

    skew: Duration = SKEW
    grace_max: Duration = GRACE_MAX
    ratify_within: Duration = 24 * instant.HOUR
    backdated_after: Duration = 4 * instant.HOUR
    related: Duration = RELATED
    awaited: Duration = AWAITED
    announced: Duration = ANNOUNCED

    @model_validator(mode="after")
    def _findable(self) -> "Limits":
        for name, most in (("related", RELATED), ("awaited", AWAITED), ("announced", ANNOUNCED)):
            if getattr(self, name) > most:
                days = most // instant.DAY
                raise ValueError(f"{name} is at most {days} days: approvals are looked up by the days they may concern")
        return self


LIMITS = Limits()
