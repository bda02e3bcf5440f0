"""A real sshd (Debian's OpenSSH) on a free port, with host keys and a configuration of its own.

It serves wrong passwords: the log of a refused login is what the product reads. Its log has the message without the
syslog header, as ``sshd -E`` writes it.
"""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

from tests.services.ports import free_port
from tests.services.requirement import program
from tests.services.server import Server

# ssh runs it once per prompt; it answers with the next line of the list.
_ASKPASS = """\
#!/bin/sh
head -n 1 "$CONTROLWATCH_PASSWORDS"
sed -i 1d "$CONTROLWATCH_PASSWORDS"
"""


class Sshd(Server):
    """One sshd that takes passwords; ``auth_log`` is what it wrote about logins."""

    name = "sshd"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._program = program("sshd", "openssh-server")
        self._client = program("ssh", "openssh-client")
        self.port = free_port()
        self.auth_log = directory / "auth.log"

    def prepare(self) -> None:
        """Makes the host key and the configuration."""
        key = self.directory / "host_key"
        if not key.exists():
            keygen = program("ssh-keygen", "openssh-client")
            subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # root's sshd wants it; usually systemd makes it
        (self.directory / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1:{self.port}\n"
            f"HostKey {key}\n"
            "PidFile none\n"
            "PasswordAuthentication yes\n"
            "KbdInteractiveAuthentication no\n"
            "PubkeyAuthentication no\n"
            "PermitRootLogin yes\n"  # else root's passwords are refused with another message
            "UsePAM no\n"  # PAM's own delay and messages depend on the machine
            "UseDNS no\n"
            "MaxAuthTries 6\n"
        )

    def command(self) -> list[str | Path]:
        return [self._program, "-D", "-f", self.directory / "sshd_config", "-E", self.auth_log]

    def ready(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def log_text(self) -> str:
        """What sshd wrote: its log goes to a file of its own."""
        return self.auth_log.read_text() if self.auth_log.exists() else ""

    def type_passwords(self, user: str, passwords: list[str]) -> None:
        """Opens one connection as ``user`` and types ``passwords`` at the prompts; none is right.

        Raises:
            AssertionError: ssh was let in, or could not connect.
        """
        askpass = self.directory / "askpass"
        askpass.write_text(_ASKPASS)
        askpass.chmod(0o700)
        answers = self.directory / "passwords"
        answers.write_text("".join(f"{password}\n" for password in passwords))
        options = [
            "-oStrictHostKeyChecking=no",
            "-oUserKnownHostsFile=/dev/null",
            "-oPreferredAuthentications=password",
            f"-oNumberOfPasswordPrompts={len(passwords)}",
            "-oLogLevel=ERROR",
        ]
        done = subprocess.run(
            [self._client, "-F", "none", *options, "-p", str(self.port), f"{user}@127.0.0.1", "true"],
            env={
                **os.environ,
                "SSH_ASKPASS": str(askpass),
                "SSH_ASKPASS_REQUIRE": "force",  # ask the script although there is no display
                "CONTROLWATCH_PASSWORDS": str(answers),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode != 255 or "Permission denied" not in done.stderr:
            raise AssertionError(f"ssh ended with {done.returncode} instead of a refusal:\n{done.stderr}")
