"""The truth beside the logs: one line a planted case, in the subjects and verdicts of the command line's contract."""

import json
from dataclasses import dataclass

from schemas import instant

LOGINS = "repeated_failed_logins"
FIREWALL = "firewall_change_unapproved"
ROOT = "root_use_without_approval"
WEB = "unannounced_web_or_program_change"
SELF = "self_approved_change"
SILENT = "log_source_silent"

Subject = dict[str, str | None]

SUBJECTS = {
    LOGINS: ("host", "user", "source_ip"),
    FIREWALL: ("group", "commit"),
    ROOT: ("host", "account", "person", "start"),
    WEB: ("host", "path"),
    SELF: ("approval",),
    SILENT: ("source",),
}
VERDICTS = ("violation", "excepted", "retracted", "none")


@dataclass(frozen=True, slots=True)
class Truth:
    """What must be found (verdict violation, excepted or retracted) or must not (none)."""

    case: str
    detector: str
    subtype: str
    subject: Subject
    verdict: str
    since: int
    until: int
    note: str

    def line(self) -> str:
        """The line of ``truth.jsonl``."""
        subject = {name: self.subject.get(name) for name in SUBJECTS[self.detector]}
        return json.dumps({
            "case": self.case, "detector": self.detector, "subtype": self.subtype, "subject": subject,
            "verdict": self.verdict, "from": instant.text(self.since), "to": instant.text(self.until), "note": self.note,
        }, ensure_ascii=False, separators=(",", ":"))
