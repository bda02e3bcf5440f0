"""PAN-OS 10 syslog lines (comma-separated): configuration, system, traffic."""

from streams.simulator import clock


def _serial(device: str) -> str:
    return f"0132{sum(ord(letter) * (place + 3) for place, letter in enumerate(device)) % 100_000_000:08d}"


def _stamps(t: int) -> tuple[str, str]:
    return clock.syslog(t // clock.S), clock.local(t).replace("-", "/").replace("T", " ")


def config(
    t: int, device: str, sequence: int, user: str, command: str, *, path: str = "", before: str = "", after: str = "",
) -> str:
    """CONFIG: ``command`` is set, edit, delete, move or commit; only a commit takes effect."""
    short, stamp = _stamps(t)
    return (
        f"{short} {device} 1,{stamp},{_serial(device)},CONFIG,0,2561,{stamp},10.20.0.5,,{command},{user},Web,Succeeded,"
        f'{path},"{before}","{after}",{sequence},0x8000000000000000,0,0,0,0,,{device},0,'
    )


def rule(name: str) -> str:
    """Configuration path of a security rule, as the log writes it."""
    return f" vsys  vsys1 rulebase security rules {name}"


def system(t: int, device: str, sequence: int, kind: str, message: str) -> str:
    """SYSTEM: an event of the firewall itself."""
    short, stamp = _stamps(t)
    return (
        f"{short} {device} 1,{stamp},{_serial(device)},SYSTEM,general,2561,{stamp},,{kind},,0,0,general,informational,"
        f'"{message}",{sequence},0x8000000000000000,0,0,0,0,,{device}'
    )


def authentication_failed(t: int, device: str, sequence: int, user: str, ip: str, server: str) -> str:
    """SYSTEM auth-fail: the portal before an application passed a password on to ``server``, which refused it."""
    short, stamp = _stamps(t)
    message = (
        f"failed authentication for user '{user}'. Reason: Invalid username/password. auth profile 'order-staff', vsys 'vsys1', "
        f"server profile 'order-staff', server address '{server}', From: {ip}."
    )
    return (
        f"{short} {device} 1,{stamp},{_serial(device)},SYSTEM,auth,2561,{stamp},vsys1,auth-fail,order-staff,0,0,general,medium,"
        f'"{message}",{sequence},0x8000000000000000,0,0,0,0,,{device}'
    )


def traffic(t: int, device: str, session: int, src: str, dst: str, port: int, *, allowed: bool = True) -> str:
    """TRAFFIC: a session ended, or was denied."""
    short, stamp = _stamps(t)
    subtype, action, end = ("end", "allow", "tcp-fin") if allowed else ("drop", "deny", "policy-deny")
    return (
        f"{short} {device} 1,{stamp},{_serial(device)},TRAFFIC,{subtype},2561,{stamp},{src},{dst},0.0.0.0,0.0.0.0,"
        f"branch-out,,,ssl,vsys1,trust,untrust,ethernet1/2,ethernet1/1,syslog,{stamp},{session},1,{20000 + session % 40000},"
        f"{port},0,0,0x1c,tcp,{action},4231,1312,2919,21,{stamp},15,any,0,{7_100_000_000 + session},0x0,10.0.0.0-10.255.255.255,"
        f"Taiwan,0,9,12,{end},0,0,0,0,,{device},from-policy"
    )
