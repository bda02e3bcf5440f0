"""Use of root and other highest-privilege accounts without a covering approval, beyond it, or without a session record.

Why: CC-17020.b.c wants the consent of the responsible supervisor to every use of a highest-privilege account, of systems and
applications, and records of it. A use is an interval: a direct log-in as root, su, sudo, pkexec, doas, a log-on to which
Windows gives special privileges, sa. All of it must lie in an approval, by a holder of the role ``root_approver``, that names
host (or a group it is in, as of the use), account and person. Account and person it has to name: one that leaves either empty,
or says ``*``, is of something else and covers no use, standing approvals and emergencies included (those may name every host by
``*``). An approval of rules, files or releases is none for using an account. Two approvals that follow each other without a gap
cover together.

The person is the first of the chain (alice, su admin, sudo root: alice). Of a shared account it is the one who checked it out
of privileged access management (PAM; a badge at a console is told as a check-out, too). If that is nobody, or one of several
of whom the approval does not name all, or if the account is handed out on that host by check-outs and the person held none within
two minutes (PAM was bypassed), the use is UNAPPROVED with person null, whatever was approved. A break-glass use beside PAM is
judged by the emergency rows.

UNAPPROVED, SCOPE_EXCEEDED, EXPIRED (medium up to 15 minutes of overrun), REVOKED, REJECTED, WRONG_APPROVER, REUSED,
LATE_APPROVAL, BACKDATED_APPROVAL, EMERGENCY_RATIFIED, EMERGENCY_UNRATIFIED: rows of the approval table; the first in precedence
is the subtype, all are in ``reasons``. NO_RECORD: no session record was filed within 24 hours of the end. A use under way is
judged as far as known: at once, and again when its approval ends. An end never told is the next boot of the host, else 12 hours
after the begin.

Not a use: what cron, service managers, agents and installers do without a session (known by program or parent, not by account),
plug-ins of monitoring that an account which is no person's (context ``accounts``) runs without a terminal, from where only root
can have put them, root in containers, root that becomes root again, listing by ``sudo -l``, what was denied.

Blind spots: a host that logs the commands of sudo but no sessions tells no ends; a command counts as an instant then. Two uses
of sudo by one person at once, logged without process numbers, end in reverse order. An audit log that is not enriched names
nobody who switched. An account that has the number of root (uid 0) under another name is known where a record says so: PAM's of
a session, the audit log's of a log-in; not where sudo or doas is logged without PAM. Database accounts are known by a list of
names.

What to do: ask the person for the request; if there is none, look at what was done in the session and have the supervisor
decide. Where person is null find out who it was (terminal, source address, PAM) and close the way around check-outs.

Subject: {host, account, person, start}: host (or, if the log names none, the source) and account as logged, the person's id or
null, begin of the use in UTC.
"""

from detectors.kit.approvals import Row, uses_fold
from detectors.kit.contract import Detector
from detectors.privilege import hosts, judge
from schemas.violation import Severity

detector = Detector(
    clauses=("CC-17020.b.c",),
    feeds=("siem", "pam"),
    requires=("change_management",),
    severity=Severity.CRITICAL,
    folds=(hosts.fold, judge.fold, uses_fold(judge.DETECTOR, stage=2)),
    subtypes=(*(str(row) for row in Row), judge.NO_RECORD),
)
