"""Linux syslog lines (RFC 3164, no priority, local time): sshd, su, sudo, cron, PAM, kernel."""

from streams.simulator import clock

_S = clock.S


def line(t: int, host: str, tag: str, message: str) -> str:
    """One line; ``tag`` is the program, with its process id in brackets where it has one."""
    return f"{clock.syslog(t // _S)} {host} {tag}: {message}"


def failed(t: int, host: str, pid: int, user: str, ip: str, port: int, *, invalid: bool = False) -> str:
    """A wrong password that sshd evaluated; ``invalid``: no such user."""
    name = f"invalid user {user}" if invalid else user
    return line(t, host, f"sshd[{pid}]", f"Failed password for {name} from {ip} port {port} ssh2")


def invalid_user(t: int, host: str, pid: int, user: str, ip: str, port: int) -> str:
    """The second line of sshd about the same attempt of an unknown user."""
    return line(t, host, f"sshd[{pid}]", f"Invalid user {user} from {ip} port {port}")


def accepted(t: int, host: str, pid: int, user: str, ip: str, port: int, *, method: str = "password") -> str:
    """A user whom sshd let in."""
    key = ": ED25519 SHA256:q8tLPCFT0tSBbGsOXgZ0nJbnFvBvKq2sAdd5sHnGLdU" if method == "publickey" else ""
    return line(t, host, f"sshd[{pid}]", f"Accepted {method} for {user} from {ip} port {port} ssh2{key}")


def too_many(t: int, host: str, pid: int, user: str, ip: str, port: int) -> str:
    """The end of a connection by sshd after too many failures."""
    message = f"Disconnecting authenticating user {user} {ip} port {port}: Too many authentication failures [preauth]"
    return line(t, host, f"sshd[{pid}]", message)


def gave_up(t: int, host: str, pid: int, user: str, ip: str, port: int) -> str:
    """The client closed the connection before it was let in."""
    return line(t, host, f"sshd[{pid}]", f"Connection closed by authenticating user {user} {ip} port {port} [preauth]")


def pam_failure(t: int, host: str, pid: int, user: str, ip: str) -> str:
    """PAM's own line about an attempt that sshd logs as well."""
    message = f"pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={ip}  user={user}"
    return line(t, host, f"sshd[{pid}]", message)


def opened(t: int, host: str, program: str, pid: int, user: str, by: str = "", *, service: str = "") -> str:
    """PAM opened a session of ``user``; ``by`` is who asked, empty for a daemon."""
    target = "root(uid=0)" if user == "root" else f"{user}(uid={1000 + len(user)})"
    origin = f"{by}(uid={1000 + len(by)})" if by else "(uid=0)"
    message = f"pam_unix({service or program.casefold()}:session): session opened for user {target} by {origin}"
    return line(t, host, f"{program}[{pid}]", message)


def closed(t: int, host: str, program: str, pid: int, user: str, *, service: str = "") -> str:
    """PAM closed a session of ``user``."""
    message = f"pam_unix({service or program.casefold()}:session): session closed for user {user}"
    return line(t, host, f"{program}[{pid}]", message)


def su(t: int, host: str, pid: int, by: str, user: str, tty: str) -> str:
    """The own line of su; the PAM session line of the same second and process follows it."""
    return line(t, host, f"su[{pid}]", f"(to {user}) {by} on {tty}")


def sudo(t: int, host: str, pid: int, by: str, user: str, command: str, *, tty: str = "pts/0", note: str = "") -> str:
    """The own line of sudo; ``note`` stands first where the command was refused."""
    reason = f"{note} ; " if note else ""
    message = f"{by:>8} : {reason}TTY={tty} ; PWD=/home/{by} ; USER={user} ; COMMAND={command}"
    return line(t, host, f"sudo[{pid}]", message)


def cron(t: int, host: str, pid: int, user: str, command: str) -> str:
    """A job that cron starts."""
    return line(t, host, f"CRON[{pid}]", f"({user}) CMD ({command})")


def boot(t: int, host: str) -> str:
    """The kernel's first line after a start."""
    message = "[    0.000000] Linux version 5.14.0-427.13.1.el9_4.x86_64 (mockbuild@x86-64-02) #1 SMP PREEMPT_DYNAMIC"
    return line(t, host, "kernel", message)
