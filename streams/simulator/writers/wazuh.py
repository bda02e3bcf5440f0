"""Wazuh ``alerts.json`` lines: file integrity monitoring (syscheck) and the manager's own."""

import hashlib
import json
from typing import Any

from streams.simulator import clock

_RULES = {
    "modified": ("550", 7, "Integrity checksum changed.", "syscheck_integrity_changed", "syscheck_entry_modified"),
    "added": ("554", 5, "File added to the system.", "syscheck_new_entry", "syscheck_entry_added"),
    "deleted": ("553", 7, "File deleted.", "syscheck_deleted", "syscheck_entry_deleted"),
}


def stamp(t: int) -> str:
    """Time of an alert as the manager writes it."""
    return f"{clock.local(t)}.{clock.millis(t)}+0800"


def agent(host: str) -> dict[str, str]:
    """The agent of ``host``: its number, name and address."""
    number = int(hashlib.sha256(host.encode()).hexdigest()[:4], 16) % 998 + 1
    return {"id": f"{number:03d}", "name": host, "ip": f"10.40.{number // 250}.{number % 250 + 1}"}


def changed(
    t: int, host: str, serial: int, path: str, before: str, after: str, *,
    event: str = "modified", mode: str = "realtime", user: str = "deploy", modified: int | None = None,
) -> str:
    """A file changed: SHA-256 ``before`` and ``after``; ``mode`` realtime, whodata or scheduled; ``modified`` its mtime."""
    rule, level, description, decoder, group = _RULES[event]
    size = len(path) * 37
    when = t if modified is None else modified
    syscheck: dict[str, Any] = {"path": path, "mode": mode, "event": event}
    if event != "added":
        syscheck |= {"size_before": str(size), "sha256_before": before, "md5_before": before[:32], "sha1_before": before[:40]}
    if event != "deleted":
        syscheck |= {
            "size_after": str(size + 24), "perm_after": "rw-r--r--", "uid_after": "0", "gid_after": "0",
            "uname_after": "root", "gname_after": "root", "mtime_after": clock.local(when), "sha256_after": after,
            "md5_after": after[:32], "sha1_after": after[:40], "inode_after": 262144 + serial % 100000,
        }
    if event == "modified":
        syscheck |= {
            "mtime_before": "2026-01-15T10:00:00",
            "changed_attributes": ["size", "mtime", "md5", "sha1", "sha256"],
        }
    if mode == "whodata":
        syscheck["audit"] = {
            "user": {"id": "1005", "name": user}, "login_user": {"id": "1005", "name": user},
            "process": {"id": "4711", "name": "/usr/bin/vim", "cwd": "/root", "ppid": "4700"},
        }
    return json.dumps({
        "timestamp": stamp(t),
        "rule": {
            "level": level, "description": description, "id": rule, "firedtimes": 1, "mail": False,
            "groups": ["ossec", "syscheck", group, "syscheck_file"],
        },
        "agent": agent(host), "manager": {"name": "wazuh-1"}, "id": f"{t // clock.S}.{serial}",
        "full_log": f"File '{path}' {event}\nMode: {mode}\n", "syscheck": syscheck,
        "decoder": {"name": decoder}, "location": "syscheck",
    }, separators=(",", ":"))


def alert(t: int, host: str, serial: int, rule: str, description: str, full_log: str) -> str:
    """An alert of the agent or manager itself, for example about a scan."""
    return json.dumps({
        "timestamp": stamp(t),
        "rule": {"level": 3, "description": description, "id": rule, "firedtimes": 1, "mail": False, "groups": ["ossec"]},
        "agent": agent(host), "manager": {"name": "wazuh-1"}, "id": f"{t // clock.S}.{serial}", "full_log": full_log,
        "decoder": {"name": "ossec"}, "location": "rootcheck",
    }, separators=(",", ":"))
