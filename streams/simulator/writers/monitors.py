"""What makes the baseline of a file integrity monitor anew: audit records, Wazuh's alerts about commands, its API's log."""

import json

from streams.simulator import clock
from streams.simulator.writers import sensors, wazuh

_IDS = "gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0"
_PROGRAM = "dev=fd:00 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL"
_NOBODY = "auid=4294967295 uid=0"  # a daemon's child: nobody logged in for it


def command(t: int, host: str, serial: int, path: str, *arguments: str) -> str:
    """auditd: a daemon (configuration management) ran a program; the records of one audit event."""
    name = path.rpartition("/")[2]
    words = " ".join(f'a{place}="{word}"' for place, word in enumerate((path, *arguments)))
    title = "\0".join((path, *arguments)).encode().hex().upper()
    return "\n".join(
        sensors.audit(t, host, serial, kind, rest)
        for kind, rest in (
            ("SYSCALL", _call(59, "55c1a0 55c1c8 55c1f0 8", serial, name, path, items=2)),
            ("EXECVE", f"argc={len(arguments) + 1} {words}"),
            ("CWD", 'cwd="/"'),
            ("PATH", f'item=0 name="{path}" inode=1311 {_PROGRAM}'),
            ("PATH", f'item=1 name="/lib64/ld-linux-x86-64.so.2" inode=902 {_PROGRAM}'),
            ("PROCTITLE", f"proctitle={title}"),
        )
    )


def installed(t: int, host: str, serial: int) -> str:
    """auditd: AIDE's new database is copied over the old one (cp aide.db.new.gz aide.db.gz), which is a watched file."""
    path = "/var/lib/aide/aide.db.gz"
    return "\n".join(
        sensors.audit(t, host, serial, kind, text)
        for kind, text in (
            ("SYSCALL", _call(257, "ffffff9c 7ffe31 201 0", serial, "cp", "/usr/bin/cp", items=1, result=4)),
            ("CWD", 'cwd="/"'),
            ("PATH", f'item=0 name="{path}" inode=7002 dev=fd:00 mode=0100600 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL'),
        )
    )


def moved(t: int, host: str, serial: int) -> str:
    """auditd: AIDE's new database takes the place of the old one (mv aide.db.new.gz aide.db.gz, as the manual says)."""
    folder, new, used = "/var/lib/aide", "/var/lib/aide/aide.db.new.gz", "/var/lib/aide/aide.db.gz"
    paths = (
        (f"{folder}/", 7000, "040700", "PARENT"), (f"{folder}/", 7000, "040700", "PARENT"), (new, 7003, "0100600", "DELETE"),
        (used, 7002, "0100600", "DELETE"), (used, 7003, "0100600", "CREATE"),
    )  # fmt: skip
    texts = [("SYSCALL", _call(82, "7ffe31 7ffe4e 0 0", serial, "mv", "/usr/bin/mv", items=len(paths))), ("CWD", 'cwd="/"')]
    texts += [
        ("PATH", f'item={item} name="{path}" inode={inode} dev=fd:00 mode={mode} ouid=0 ogid=0 rdev=00:00 nametype={kind}')
        for item, (path, inode, mode, kind) in enumerate(paths)
    ]
    return "\n".join(sensors.audit(t, host, serial, kind, text) for kind, text in texts)


def _call(number: int, arguments: str, serial: int, name: str, path: str, *, items: int, result: int = 0) -> str:
    given = " ".join(f"a{place}={value}" for place, value in enumerate(arguments.split()))
    return (
        f"arch=c000003e syscall={number} success=yes exit={result} {given} items={items} ppid=1840 pid={3000 + serial % 20000} "
        f'{_NOBODY} {_IDS} tty=(none) ses=4294967295 comm="{name}" exe="{path}" key="integrity"'
    )


def reported(t: int, host: str, serial: int, path: str, *arguments: str) -> str:
    """Wazuh rule 80792: a command that the host's audit log tells."""
    name = path.rpartition("/")[2]
    return json.dumps({
        "timestamp": wazuh.stamp(t),
        "rule": {
            "level": 3, "description": f"Audit: Command: {path}.", "id": "80792", "firedtimes": 1, "mail": False,
            "groups": ["audit", "audit_command"],
        },
        "agent": wazuh.agent(host), "manager": {"name": "wazuh-1"}, "id": f"{t // clock.S}.{serial}",
        "full_log": command(t, host, serial, path, *arguments).partition("\n")[0].partition(" ")[2],
        "decoder": {"parent": "auditd", "name": "auditd"},
        "data": {"audit": {
            "type": "SYSCALL", "id": str(serial), "arch": "c000003e", "syscall": "59", "success": "yes", "exit": "0",
            "ppid": "1840", "pid": str(3000 + serial % 20000), "auid": "4294967295", "uid": "0", "gid": "0", "euid": "0",
            "tty": "(none)", "session": "4294967295", "command": name, "exe": path, "key": "audit-wazuh-c", "cwd": "/",
            "execve": {f"a{place}": word for place, word in enumerate((path, *arguments))},
            "file": {"name": path, "inode": "1311", "mode": "0100755"},
        }},
        "location": "/var/log/audit/audit.log",
    }, separators=(",", ":"))


def request(t: int, method: str, path: str, *, status: int = 200) -> str:
    """Wazuh's api.log: one request to the manager's API."""
    stamp = clock.local(t).replace("-", "/").replace("T", " ")
    return f'{stamp} INFO: wazuh-wui 10.20.0.7 "{method} {path}" with parameters {{}} and body {{}} done in 0.083s: {status}'
