"""Repeated failed log-ins: a connection that is not cut after the third wrong password, and guessing as such.

Why: CC-18000.3.e wants the connection cut when a wrong password has been entered three times. Failing itself is no violation
of the firm, the missing disconnect is (CONTROL_FAILURE). Guessing, in one session or spread over sessions, accounts and
addresses, is reported as ATTACK_SUSPECTED; a log-in that succeeds within 15 minutes of it as GUESSED.

CONTROL_FAILURE: the third consecutive wrong password of one account in one session (without session id: of one account from
one client, with no pause of 15 minutes) was not followed by a disconnect, end of session or lock within 10 seconds, or a
further attempt of any account was evaluated in that session; a disconnect after that does not heal it. Only a success of the
same account resets its count: alternating accounts hides nothing. Nodes of one system (context ``assets``) count together.
ATTACK_SUSPECTED, part ``account``: three failures of one account in 15 minutes, in one session or over several, cut or not
(``docs/decisions/0011-three-in-one-session.md``).
Part ``slow``: 20 in 24 hours that no raised burst covers. Part ``spray``: ten accounts from one address in 10 minutes. GUESSED:
a success of that account, or from that address, within 15 minutes of the last failure; not from a client that the account had
used before and that took no part in the guessing. An episode ends when no attempt came for the window; a success takes the
failures of its own client out of an episode that has not been raised. One attempt told by two kinds of record within a second
counts once.

A service or mail client that repeats an old password at an even pace of a minute or more from one client is hygiene, not
attack: no finding if the account is a declared service (context ``accounts``) or the client had logged in with it within seven
days; else the finding falls to severity low at the eighth even attempt.

Blind spots: feeds that log no disconnects make every third failure a finding. A lock stamped more than 10 seconds late by
another clock does not excuse. Sprays from addresses whose asset is tagged ``nat`` or ``branch`` and whatever comes from an
announced scan (context ``downtimes``, reason ``scanner-announced…``) are not attacks here, though a missing disconnect stays
one. Names unknown to the system are counted per address, so one such name tried from many addresses is not seen. A feed that
cannot tell an unknown name from a wrong password counts the name as an account. Validations by a domain controller that name
only the client's computer (Windows 4776) count as guessing but are no session. Of one key at most 64 accounts are followed.
A line without record id that a relay delivers twice counts as two attempts (``docs/decisions/0012-identical-lines.md``).

What to do: set the log-in component to cut or lock at the third wrong password (sshd MaxAuthTries 3, lock-out policy) and
check that it logs the disconnect. For attacks: block the address, tell the account's owner; for GUESSED: end its sessions and
reset the password at once.

Subject: CONTROL_FAILURE {host, user, source_ip}; ATTACK_SUSPECTED {user} or, for sprays, {source_ip}; GUESSED {host, user,
source_ip} of the success. Absent parts are null.
"""

from detectors.kit.contract import Detector
from detectors.logins import accounts, sessions, sprays
from detectors.logins.limits import FEEDS
from schemas.violation import Severity

detector = Detector(
    clauses=("CC-18000.3.e", "CC-17010.i.c"),
    feeds=FEEDS,
    severity=Severity.HIGH,
    folds=(sprays.fold, accounts.fold, sessions.fold),
    subtypes=("CONTROL_FAILURE", "ATTACK_SUSPECTED", "GUESSED"),
)
