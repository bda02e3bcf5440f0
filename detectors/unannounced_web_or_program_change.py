r"""Files of web pages and programs changed without an announced deployment, or to other content than was released.

Why: CC-17010.f.b wants changes of pages and programs of the ordering system detected, recorded and told to those who handle
them, CC-19000.10.b an effective check of programs' integrity. Each change of a watched file is one act, judged by every request
that names the host or a group or system it is in as of the change: path (shell wildcards in ``scope.objects``), time, role of
the approver (posts ``release_approver``), revocation, uses, emergency. A request with released hashes (``scope.hashes``, or
context ``releases`` that name it) announces only these contents, and what the release's ``signers`` packed anew: content told
as signed by one of them with a valid and trusted signature (ECS ``file.code_signature.*``), unless the file held it before, or
listed by a further record of that release that names such a signer. Where a scan found the change, its time is the interval
since the scan before, and any part of it inside the window is enough.

UNANNOUNCED: no request covers the change. WRONG_HASH: one covers host, path and time, but the new content is none of its
release. SCOPE_EXCEEDED, EXPIRED, REVOKED, REJECTED, WRONG_APPROVER, REUSED, LATE_APPROVAL, BACKDATED_APPROVAL,
EMERGENCY_RATIFIED, EMERGENCY_UNRATIFIED: rows of the approval table. UNANNOUNCED and WRONG_HASH are critical on assets tagged
``ordering``, all others high unless the table says else. For these two also NOT_NOTIFIED: no incident names the host (and the
path, or no path) as ``notified`` within 15 minutes after the detection; NOT_HANDLED: none as ``handled`` within 24 hours. Without
any incident on record both follow every such change.

BASELINE_RESET, path null: what the integrity monitor of a host compares with was made anew (``aide --init``, ``tripwire
--update`` and the like in audit log or sudo's log, a written ``aide.db``, a removed store of Wazuh or Auditbeat, a request to
Wazuh's API that clears an agent's results, a first scan by Auditbeat of a directory it had scanned before), and no request
covers host and whole time, from the first telling to the last within an hour of the one before. Any row of the table is this
subtype, the rows are its reasons. Requests for paths or releases on that host count; a ``downtimes`` record excuses silence and
approves nothing.

Not judged: logs and their rotation, caches, certificates, account files, uploads, unless the file is a program by its name;
AIDE's new database until it takes the place of the old one (patterns in ``detectors/deployments/limits.py``); tests of the
monitor (an incident with ``approved_drill`` over the time of the change); writing without changing; a change told again by
another monitor. Audit logs tell a write without its content: a monitor that tells the content within a minute, or the next
scan, completes it, and writes less than a minute apart are one change.

Blind spots: a change and its undoing between two scans are seen only by the host's audit log or a monitor in real time. Content
nobody tells is not compared with the release. Whether pages as served are those on disk (dynamic parts, content delivery) is a
page watcher's matter. A node left out of a roll-out changes nothing; one that gets it after the window is EXPIRED. A roll-back
is a change: to a release that the request in force does not name it is WRONG_HASH, ``rolls_back`` tells when that content was
left. Silent monitors (the text's MONITOR_SILENT) are told by ``log_source_silent`` alone
(``docs/decisions/0014-silent-monitors.md``); a monitor silent on one host of many that share a source is not. Wazuh's manager
knows agents by number: a group of the host's name with the number as its member joins the two. The first baseline of a new host
is judged like any other, but for Auditbeat. An agent that builds its baseline at each start tells nothing but its start. A
request for one path covers the reset of the whole host. A write by an unknown account is not compared with accounts named in a
scope.

What to do: compare the file with the release, restore it if it is not, and keep the changed one as evidence; ask the release
manager for the announcement. After a reset compare with the baseline before it, from a backup. Tell the persons in charge at
once, record it as an incident, and record there what was done.

Subject: {host, path}: as the monitor names them; path is null for BASELINE_RESET.
"""

from detectors.deployments import baselines, files, scans
from detectors.deployments.handling import NOT_HANDLED, NOT_NOTIFIED
from detectors.kit.approvals import Row, uses_fold
from detectors.kit.contract import Detector
from schemas.violation import Severity

detector = Detector(
    clauses=("CC-17010.f.b", "CC-19000.10.b"),
    feeds=("fim", "web_monitor"),
    requires=("change_management",),
    severity=Severity.HIGH,
    folds=(scans.fold, baselines.fold, files.fold, uses_fold(files.DETECTOR, stage=2)),
    subtypes=(
        files.UNANNOUNCED, files.WRONG_HASH, *(str(row) for row in Row if row is not Row.UNAPPROVED), NOT_NOTIFIED, NOT_HANDLED,
        baselines.BASELINE_RESET,
    ),
)  # fmt: skip
