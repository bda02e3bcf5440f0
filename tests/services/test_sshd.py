"""The real sshd refuses wrong passwords and says so in its log."""

from __future__ import annotations

import pytest

from tests.services.sshd import Sshd

pytestmark = pytest.mark.services


@pytest.mark.parametrize(("user", "named"), [("nobody", "nobody"), ("no-such-user", "invalid user no-such-user")])
def test_three_wrong_passwords_are_three_lines_of_the_log(sshd: Sshd, user: str, named: str) -> None:
    sshd.type_passwords(user, ["one", "two", "three"])
    failed = [line for line in sshd.log_text().splitlines() if line.startswith("Failed password")]
    assert len(failed) == 3
    assert all(line.startswith(f"Failed password for {named} from 127.0.0.1 port ") for line in failed)
