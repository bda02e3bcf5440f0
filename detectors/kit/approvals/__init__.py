"""Approvals: the verdict over an act, from the snapshots of every request that names it. ``judge`` is the way in."""

from detectors.kit.approvals.act import Act
from detectors.kit.approvals.limits import LIMITS, Limits
from detectors.kit.approvals.table import Row
from detectors.kit.approvals.uses import BY_APPROVAL, USE, conclude, uses_fold
from detectors.kit.approvals.verdict import Verdict, judge

__all__ = ["BY_APPROVAL", "LIMITS", "USE", "Act", "Limits", "Row", "Verdict", "conclude", "judge", "uses_fold"]
