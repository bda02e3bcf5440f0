"""Cases of detector 1: log-ins over ssh. Each has a host, client and accounts of its own."""

from dataclasses import dataclass

from tests.chaos.oracle.said import HOUR, MINUTE, Attempt, Cut, Lock
from tests.chaos.planting.field import BEGIN, SECOND, Field, local, stamp

FEED = "linux"


@dataclass(slots=True)
class Ssh:
    """One ssh connection, its accounts and address."""

    field: Field
    host: str
    pid: int
    client: str
    source: str
    t: int

    def wait(self, least: int, most: int) -> "Ssh":
        """Let between ``least`` and ``most`` seconds pass."""
        self.t += self.field.gap(least, most)
        return self

    def _line(self, text: str) -> str:
        program = f"sshd[{self.pid}]"
        if self.pid % 3 == 0:
            self.t -= self.t % SECOND
            return f"<38>{local(self.t, '%b %e %H:%M:%S')} {self.host} {program}: {text}"
        if self.pid % 3 == 1:
            return f"<38>1 {stamp(self.t)} {self.host} sshd {self.pid} - - {text}"
        return f"{stamp(self.t)} {self.host} {program}: {text}"

    def attempt(self, user: str, *, fails: bool = True, lag: int | None = None) -> None:
        """One attempt, now."""
        word = "Failed" if fails else "Accepted"
        line = self._line(f"{word} password for {user} from {self.client} port {20_000 + self.pid % 40_000} ssh2")
        told = self.field.write(self.source, FEED, line, self.t + (self.field.lag() if lag is None else lag))
        self.field.say(Attempt(
            **told, t=self.t, host=self.host, session=f"{self.host}/sshd[{self.pid}]", user=user, client=self.client,
            reason="wrong_password" if fails else "",
        ))  # fmt: skip

    def cut(self, user: str) -> None:
        """The server ends the connection, now."""
        line = self._line(
            f"Disconnecting authenticating user {user} {self.client} port {20_000 + self.pid % 40_000}: "
            "Too many authentication failures [preauth]"
        )
        told = self.field.write(self.source, FEED, line, self.t + self.field.lag())
        self.field.say(Cut(**told, t=self.t, host=self.host, session=f"{self.host}/sshd[{self.pid}]"))

    def lock(self, user: str) -> None:
        """The account is locked, now."""
        line = self._line(f"pam_faillock(sshd:auth): Consecutive login failures for user {user} account temporarily locked")
        told = self.field.write(self.source, FEED, line, self.t + self.field.lag())
        self.field.say(Lock(**told, t=self.t, user=user))


def ssh(field: Field, *, t: int | None = None, like: Ssh | None = None) -> Ssh:
    """A connection to a host and from a client of its own, or to and from those of ``like``."""
    n = field.number()
    host, source = f"ssh-{n:06d}", f"linux@relay-{n % 12}"
    client = f"10.{64 + n // 62_500}.{n // 250 % 250}.{n % 250 + 1}"
    if like is not None:
        host, client, source = like.host, like.client, like.source
    return Ssh(field, host, 1000 + n, client, source, field.moment(room=2 * HOUR) if t is None else t)


def _name(field: Field) -> str:
    return f"user{field.number():06d}"


def _tries(place: Ssh, user: str, number: int, *, least: int = 2, most: int = 9) -> None:
    for _ in range(number):
        place.wait(least, most).attempt(user)


def not_cut(field: Field) -> int:
    """Three wrong passwords and nothing follows. Two violations: not cut, and guessing."""
    _tries(ssh(field), _name(field), 3)
    return 2


def cut_too_late(field: Field) -> int:
    """The disconnect comes more than ten seconds after the third."""
    place, user = ssh(field), _name(field)
    _tries(place, user, 3)
    place.wait(12, 40).cut(user)
    return 2


def fourth_attempt(field: Field) -> int:
    """A fourth attempt is evaluated, then more; the disconnect after that heals nothing."""
    place, user = ssh(field), _name(field)
    _tries(place, user, field.chance.randrange(4, 14), most=5)
    place.wait(1, 3).cut(user)
    return 2


def other_account_tried(field: Field) -> int:
    """After three wrong passwords another account is tried in the same connection."""
    place, user = ssh(field), _name(field)
    _tries(place, user, 3, most=5)
    place.wait(1, 3).attempt(_name(field))
    place.wait(1, 3).cut(user)
    return 2


def guessed(field: Field) -> int:
    """The fourth attempt succeeds."""
    place, user = ssh(field), _name(field)
    _tries(place, user, 3)
    place.wait(1, 5).attempt(user, fails=False)
    return 3


def spray(field: Field) -> int:
    """Ten or more accounts from one address, one of which then lets the client in."""
    place = ssh(field)
    users = [_name(field) for _ in range(field.chance.randrange(10, 15))]
    for user in users:
        place = ssh(field, t=place.t, like=place).wait(5, 40)
        place.attempt(user)
        place.wait(1, 3).cut(user)
    if field.chance.random() < 0.5:
        ssh(field, t=place.t + 5 * SECOND, like=place).attempt(users[0], fails=False)
        return 2
    return 1


def attacked_over_connections(field: Field) -> int:
    """Three failures within fifteen minutes, each in a connection of its own: guessing, but nothing to cut."""
    place, user = ssh(field), _name(field)
    for _ in range(3):
        place = ssh(field, t=place.t, like=place).wait(30, 300)
        place.attempt(user)
    return 1


def cut_in_time(field: Field) -> int:
    """Cut within ten seconds, at latest at exactly ten: only the guessing remains."""
    place, user = ssh(field), _name(field)
    _tries(place, user, 3)
    exactly = place.t + 10 * SECOND
    place.wait(1, 9)
    if field.chance.random() < 0.5:
        place.t = exactly
    place.cut(user)
    return 1


def locked_in_time(field: Field) -> int:
    """Locked within ten seconds."""
    place, user = ssh(field), _name(field)
    _tries(place, user, 3)
    place.wait(1, 9).lock(user)
    return 1


def excepted(field: Field) -> int:
    """Not cut, on a host with an exception in force; the guessing is not excepted, for it is of no host."""
    place = ssh(field, t=BEGIN + field.gap(9 * 3600, 31 * 3600))
    place.host = f"waived-{place.pid}"
    _tries(place, _name(field), 3)
    return 2


def two_failures(field: Field) -> int:
    """Two wrong passwords are no violation."""
    _tries(ssh(field), _name(field), 2)
    return 0


def reset_by_success(field: Field) -> int:
    """Two wrong, one right, two wrong: never three in a row."""
    place, user = ssh(field), _name(field)
    _tries(place, user, 2)
    place.wait(2, 9).attempt(user, fails=False)
    _tries(ssh(field, t=place.t + MINUTE, like=place), user, 2)
    return 0


def spread_out(field: Field) -> int:
    """Three failures over more than fifteen minutes, in connections of their own."""
    place, user = ssh(field), _name(field)
    for _ in range(3):
        place = ssh(field, t=place.t, like=place).wait(460, 840)
        place.attempt(user)
    return 0


def third_too_late(field: Field) -> int:
    """The record of the third failure is observed beyond the memory of 26 hours: it does not count."""
    place, user = ssh(field), _name(field)
    _tries(place, user, 2)
    place.wait(2, 9).attempt(user, lag=field.chance.randrange(26 * HOUR + SECOND, 30 * HOUR))
    return 0


def same_record_thrice(field: Field) -> int:
    """One failure whose record is sent three times is one failure."""
    place, user = ssh(field), _name(field)
    _tries(place, user, 2)
    sent = field.raws[-1]
    field.raws += [type(sent)(sent.source, sent.feed, sent.data, sent.o + k * SECOND, sent.ordinal) for k in (1, 2)]
    return 0


VIOLATIONS = (
    not_cut, cut_too_late, fourth_attempt, other_account_tried, guessed, spray, attacked_over_connections, cut_in_time,
    locked_in_time, excepted,
)  # fmt: skip
NEAR_MISSES = (two_failures, reset_by_success, spread_out, third_too_late, same_record_thrice)
