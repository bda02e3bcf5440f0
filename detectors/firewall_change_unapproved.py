"""Firewall changes without a covering approval, beyond it, or by somebody not designated.

Why: CC-17010.b.e wants every firewall setting approved by the responsible supervisor, CC-17010.b.b a designated person to
administer the firewall. Each change that takes effect (a FortiGate transaction, a PAN-OS commit with the candidate edits it
activates) is one act, judged by all approvals that name the device, its pair or another group it is in, as of the act: time,
scope, role of the approver, revocation, uses, emergency. Members of a pair (context ``groups``, kind firewall) are one; the
commit that the other member tells again within ten minutes is the same act: the same edits by the same administrator, under
whatever number. A restored configuration (FortiGate 32203, 32565) is a change of the object ``configuration``, action
``restore``. Severity is critical if the change opens any to any or a way to an asset tagged ``core``, else high; a later
approval lowers it by one, an emergency ratified in time is medium.

UNAPPROVED: no approval names the target, or none that is related to the change. SCOPE_EXCEEDED, EXPIRED, REVOKED, REJECTED,
WRONG_APPROVER, REUSED, LATE_APPROVAL, BACKDATED_APPROVAL, EMERGENCY_RATIFIED, EMERGENCY_UNRATIFIED: rows of the approval table;
the first in precedence is the subtype, all are in ``reasons``. A late arrival of an approval that was in force leaves
nothing within grace, later the finding is retracted. UNDESIGNATED_ADMIN: the administrator held no post ``firewall_admin``.

Not a change: remarks and colours, values set to what they were, content that the vendor ships, a configuration saved with an
equal hash. An edit of an address or service group is an edit of the rules that use it, as far as their records were seen:
naming the group, or all of those rules, approves it.

Blind spots: FortiGate's 32102 (Configuration changed) does not say what was changed and is not judged; the records of 44545 to
44547 beside it are. What is edited on a management server counts when it is installed on the device. Rules that use an object
are known only from records since the object came into use. PAN-OS edits without details before and after (default format up to
PAN-OS 9) cannot be told from remarks. A commit by nobody and without known edits is taken for the vendor's content. Changes
while no log came are found only where a feed delivers snapshots of the configuration; then their time is an interval, and an
approval that was in force in any part of it covers them. Roles nobody was ever given (posts ``firewall_approver``,
``firewall_admin``) are not judged.

What to do: ask the administrator for the request; if there is none, roll back (the roll-back is a change as well and is
linked by ``rolls_back``), then find out who asked for it. For WRONG_APPROVER and REUSED have the responsible supervisor
decide anew.

Subject: {group, commit}: name of the pair or of the single device; transaction number (FortiGate cfgtid), sequence number of
the commit's record (PAN-OS), else the first 12 characters of the event id.
"""

from detectors.firewalls import commits, devices, pairs
from detectors.kit.approvals import Row, uses_fold
from detectors.kit.contract import Detector
from schemas.violation import Severity

detector = Detector(
    clauses=("CC-17010.b.e", "CC-17010.b.b"),
    feeds=("firewall",),
    requires=("change_management",),
    severity=Severity.HIGH,
    folds=(devices.fold, pairs.fold, commits.fold, uses_fold(commits.DETECTOR, stage=3)),
    subtypes=(*(str(row) for row in Row), commits.UNDESIGNATED),
)
