"""Lines of sensors: auditd (host calls), Suricata EVE (network), ModSecurity audit log (web)."""

import json

from streams.simulator import clock


def audit(t: int, host: str, serial: int, kind: str, rest: str) -> str:
    """One auditd record; records of one call share time and ``serial``."""
    return f"node={host} type={kind} msg=audit({t // clock.S}.{clock.millis(t)}:{serial}): {rest}"


def audit_cron(t: int, host: str, serial: int) -> str:
    """auditd: the daily noise of a quiet server."""
    rest = (
        "pid=2211 uid=0 auid=4294967295 ses=4294967295 msg='op=PAM:accounting grantors=pam_access,pam_unix "
        'acct="root" exe="/usr/sbin/crond" hostname=? addr=? terminal=cron res=success\''
    )
    return audit(t, host, serial, "USER_ACCT", rest)


def suricata(t: int, sensor: str, flow: int, src: str, dst: str, port: int) -> str:
    """A flow record of Suricata."""
    stamp = f"{clock.local(t)}.{clock.micros(t)}+0800"
    return json.dumps({
        "timestamp": stamp, "flow_id": flow, "host": sensor, "in_iface": "ens5f0", "event_type": "flow", "src_ip": src,
        "src_port": 20000 + flow % 40000, "dest_ip": dst, "dest_port": port, "proto": "TCP", "app_proto": "tls",
        "flow": {
            "pkts_toserver": 12, "pkts_toclient": 15, "bytes_toserver": 1890, "bytes_toclient": 8201, "start": stamp,
            "end": stamp, "age": 3, "state": "closed", "reason": "timeout", "alerted": False,
        },
    }, separators=(",", ":"))


def modsecurity(t: int, number: int, client: str, path: str) -> str:
    """A transaction in ModSecurity's JSON audit log: a request that was let through."""
    value = clock.syslog(t // clock.S)
    date = f"{int(value[4:6]):02d}/{value[:3]}/{clock.local(t)[:4]}:{value[7:]}"
    return json.dumps({
        "transaction": {
            "time": f"{date} +0800", "transaction_id": f"Z{number:023d}AAA", "remote_address": client,
            "remote_port": 20000 + number % 40000, "local_address": "10.40.0.11", "local_port": 443,
        },
        "request": {
            "request_line": f"GET {path} HTTP/1.1",
            "headers": {"Host": "order.shanan-securities.example", "User-Agent": "Mozilla/5.0", "Accept": "*/*"},
        },
        "response": {"protocol": "HTTP/1.1", "status": 200, "headers": {"Content-Type": "text/html"}},
        "audit_data": {
            "action": {}, "stopwatch": {"p1": 400, "p2": 900, "p3": 10, "p4": 20, "p5": 50},
            "producer": ["ModSecurity for Apache/2.9.7 (http://www.modsecurity.org/)", "OWASP_CRS/3.3.4"],
            "server": "Apache", "engine_mode": "ENABLED",
        },
    }, separators=(",", ":"))
