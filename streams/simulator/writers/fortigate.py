"""FortiGate (FortiOS 7) lines: configuration and system events, traffic."""

from streams.simulator import clock


def _head(t: int, device: str, logid: str, kind: str, subtype: str) -> str:
    stamp = clock.local(t)
    level = "notice" if kind == "traffic" else "information"
    return (
        f'date={stamp[:10]} time={stamp[11:]} devname="{device}" devid="FG10E0TB20{_serial(device):06d}" eventtime={t * 1000} '
        f'tz="+0800" logid="{logid}" type="{kind}" subtype="{subtype}" level="{level}" '
        f'vd="root" '
    )


def _serial(device: str) -> int:
    return sum(ord(letter) * (place + 7) for place, letter in enumerate(device)) % 1_000_000


def config(
    t: int, device: str, transaction: int, user: str, path: str, name: str, *,
    action: str = "Edit", attributes: str = "service[HTTPS->HTTP]", ui: str = "https(10.20.0.5)",
) -> str:
    """0100044547: an object was configured; lines of one commit share ``transaction`` (cfgtid)."""
    return (
        _head(t, device, "0100044547", "event", "system")
        + f'logdesc="Object attribute configured" user="{user}" ui="{ui}" action="{action}" cfgtid={transaction} '
        f'cfgpath="{path}" cfgobj="{name}" cfgattr="{attributes}" msg="{action} {path} {name}"'
    )


def setting(t: int, device: str, transaction: int, user: str, path: str, attributes: str) -> str:
    """0100044546: an attribute of a section without objects was configured."""
    return (
        _head(t, device, "0100044546", "event", "system")
        + f'logdesc="Attribute configured" user="{user}" ui="https(10.20.0.5)" action="Edit" cfgtid={transaction} '
        f'cfgpath="{path}" cfgattr="{attributes}" msg="Edit {path} "'
    )


def system(t: int, device: str, logid: str, subtype: str, description: str, rest: str) -> str:
    """Any other event line."""
    return _head(t, device, logid, "event", subtype) + f'logdesc="{description}" {rest}'


def traffic(t: int, device: str, session: int, src: str, dst: str, port: int, policy: int, *, allowed: bool = True) -> str:
    """0000000013: a forwarded session ended, or was denied."""
    action, sent = ("close", 1500 + port) if allowed else ("deny", 0)
    return (
        _head(t, device, "0000000013", "traffic", "forward")
        + f'srcip={src} srcport={20000 + session % 40000} srcintf="port2" srcintfrole="lan" dstip={dst} dstport={port} '
        f'dstintf="port1" dstintfrole="wan" sessionid={session} proto=6 action="{action}" policyid={policy} '
        f'policytype="policy" service="{"HTTPS" if port == 443 else "tcp/" + str(port)}" trandisp="noop" duration=12 '
        f"sentbyte={sent} rcvdbyte={sent * 3} sentpkt=9 rcvdpkt=14"
    )
