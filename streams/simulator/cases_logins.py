"""Planted log-ins (detector 1): control failures, attacks over sessions, guessed passwords, hard cases and traps.

Whether three failures inside one session are also an attack "over sessions" is left open by the text. So each case with
three or more failures in one session has one failure from another session beside them, or spreads them over more than
15 minutes: the answer is then the same in both readings.
"""

from streams.simulator.clock import H, M, S
from streams.simulator.registry import case
from streams.simulator.scene import Scene
from streams.simulator.truth import LOGINS, Subject
from streams.simulator.writers import linux, windows

RELAY = "linux@relay-1"
COLLECTED = "windows@wec-1"


class Login:
    """One account, one address, one host, and the attempts between them."""

    def __init__(self, scene: Scene, *, user: str = "", ip: str = "", host: str = "") -> None:
        self.scene = scene
        self.user = user or scene.person().account
        self.ip = ip or scene.firm.outside()
        self.host = host or scene.firm.server()
        self.session()

    def session(self) -> None:
        """A new connection: new sshd process, new port."""
        self.pid = self.scene.firm.next("pid", 100001)
        self.port = 40000 + self.pid % 20000

    @property
    def subject(self) -> Subject:
        """Subject of a control failure or guess here."""
        return {"host": self.host, "user": self.user, "source_ip": self.ip}

    def fail(self, t: int, *, invalid: bool = False) -> None:
        """Sshd evaluates a wrong password."""
        self.scene.log(RELAY, t, linux.failed(t, self.host, self.pid, self.user, self.ip, self.port, invalid=invalid))

    def pass_(self, t: int, *, observed: int | None = None) -> None:
        """Sshd accepts the password."""
        line = linux.accepted(t, self.host, self.pid, self.user, self.ip, self.port)
        self.scene.log(RELAY, t, line, observed)

    def cut(self, t: int) -> None:
        """Sshd ends the connection."""
        self.scene.log(RELAY, t, linux.too_many(t, self.host, self.pid, self.user, self.ip, self.port))

    def leave(self, t: int) -> None:
        """The client ends the connection."""
        self.scene.log(RELAY, t, linux.gave_up(t, self.host, self.pid, self.user, self.ip, self.port))

    def once(self, t: int, *, invalid: bool = False) -> None:
        """One attempt in a connection of its own."""
        self.session()
        self.fail(t, invalid=invalid)
        self.leave(t + 3 * S)

    def elsewhere(self, t: int) -> None:
        """One attempt on the same account from another address and host."""
        Login(self.scene, user=self.user).once(t)

    def deny(self, t: int, *, status: str = windows.WRONG_PASSWORD, observed: int | None = None) -> None:
        """Windows refuses a log-on; there is no session id."""
        self.scene.log(COLLECTED, t, windows.failed(t, self.host, self._record(), self.user, self.ip, status=status), observed)

    def allow(self, t: int, *, observed: int | None = None) -> None:
        """Windows accepts a log-on."""
        self.scene.log(COLLECTED, t, windows.accepted(t, self.host, self._record(), self.user, self.ip), observed)

    def lock(self, t: int) -> None:
        """The domain controller locks the account."""
        record = self.scene.firm.next("record dc-1", 900001)
        self.scene.log("windows@dc-1", t, windows.locked(t, "dc-1", record, self.user, self.host))

    def _record(self) -> int:
        return self.scene.firm.next(f"record {self.host}", 5001)


def beside_another(s: Scene, before: int, *seconds: int) -> Login:
    """Failures of one session at ``seconds`` from the scene's moment; ``before`` it (µs) one of another session."""
    login = Login(s)
    login.elsewhere(s.t - before)
    login.session()
    for step in seconds:
        login.fail(s.t + step * S)
    return login


@case("d1.control.no_disconnect", LOGINS)
def no_disconnect(s: Scene) -> None:
    """Third wrong password in a session, and nothing follows; one failure of another session makes it an attack too."""
    login, t = beside_another(s, 4 * M, 0, 20, 45), s.t
    s.violation("CONTROL_FAILURE", login.subject, since=t, until=t + 45 * S, note="no disconnect within 10 s")
    s.attack(login.user, None, t - 4 * M, t + 45 * S, "four failures over two sessions")


@case("d1.control.late_disconnect", LOGINS)
def late_disconnect(s: Scene) -> None:
    """The connection is ended, but five minutes after the third wrong password."""
    login, t = beside_another(s, 4 * M, 0, 15, 30), s.t
    login.cut(t + 330 * S)
    s.violation("CONTROL_FAILURE", login.subject, since=t, until=t + 30 * S, note="disconnect after five minutes")
    s.attack(login.user, None, t - 4 * M, t + 30 * S)


@case("d1.control.fourth_attempt", LOGINS)
def fourth_attempt(s: Scene) -> None:
    """A fourth wrong password is evaluated in the same session before it is cut."""
    login, t = beside_another(s, 3 * M, 0, 3, 6, 9), s.t
    login.cut(t + 10 * S)
    s.violation("CONTROL_FAILURE", login.subject, since=t, until=t + 9 * S, note="fourth attempt evaluated")
    s.attack(login.user, None, t - 3 * M, t + 9 * S)


@case("d1.control.fourth_succeeds", LOGINS)
def fourth_succeeds(s: Scene) -> None:
    """The fourth attempt of the session is accepted: control failure, attack and guessed password."""
    login, t = beside_another(s, 3 * M, 0, 4, 8), s.t
    login.pass_(t + 14 * S)
    s.violation("CONTROL_FAILURE", login.subject, since=t, until=t + 14 * S, note="success evaluated after three failures")
    s.attack(login.user, None, t - 3 * M, t + 8 * S)
    s.violation("GUESSED", login.subject, since=t + 14 * S)


def _cut_after(s: Scene, seconds: int) -> None:
    login, t = Login(s), s.t
    for step in (0, 8, 16):
        login.fail(t + step * M)
    login.cut(t + 16 * M + seconds * S)
    s.none("CONTROL_FAILURE", login.subject, since=t, until=t + 16 * M)


@case("d1.control.disconnected", LOGINS)
def disconnected(s: Scene) -> None:
    """The rule kept: third wrong password, connection ended two seconds later; never three in 15 minutes."""
    _cut_after(s, 2)


@case("d1.control.disconnected_at_limit", LOGINS)
def disconnected_at_limit(s: Scene) -> None:
    """The connection is ended exactly ten seconds after the third wrong password, which is in time."""
    _cut_after(s, 10)


@case("d1.control.locked", LOGINS)
def locked(s: Scene) -> None:
    """The account is locked three seconds after the third wrong password; the attack itself is still reported."""
    login, t = Login(s), s.t
    login.elsewhere(t - 5 * M)
    for step in (0, 30, 60):
        login.deny(t + step * S)
    login.lock(t + 63 * S)
    s.none("CONTROL_FAILURE", login.subject, since=t, until=t + 60 * S)
    s.attack(login.user, None, t - 5 * M, t + 60 * S)


@case("d1.control.success_resets", LOGINS)
def success_resets(s: Scene) -> None:
    """Two failures, a success, two failures: never three in a row, never three in 15 minutes."""
    login, t = Login(s), s.t
    login.deny(t)
    login.deny(t + 20 * S)
    login.allow(t + 40 * S)
    login.deny(t + 20 * M)
    login.deny(t + 20 * M + 30 * S)
    login.allow(t + 21 * M)
    s.none("CONTROL_FAILURE", login.subject, since=t, until=t + 21 * M)


@case("d1.attack.over_sessions", LOGINS)
def over_sessions(s: Scene) -> None:
    """Three failures on one account in three sessions from two addresses within 15 minutes."""
    login, other, t = Login(s), Login(s), s.t
    other.user = login.user
    login.once(t)
    other.once(t + 4 * M)
    login.once(t + 9 * M)
    s.attack(login.user, None, t, t + 9 * M)


@case("d1.attack.episode", LOGINS)
def episode(s: Scene) -> None:
    """Ten failures on one account, four minutes apart, each in its own session: one episode, one finding."""
    login, t = Login(s), s.t
    for step in range(10):
        login.ip = s.firm.outside()
        login.once(t + step * 4 * M + s.rng.randrange(60) * S)
    s.attack(login.user, None, t, t + 37 * M)


@case("d1.attack.too_few", LOGINS)
def too_few(s: Scene) -> None:
    """Two failures in 15 minutes, then a success: somebody mistyped."""
    login, t = Login(s), s.t
    login.once(t)
    login.once(t + 2 * M)
    login.session()
    login.pass_(t + 3 * M)
    s.none("ATTACK_SUSPECTED", {"user": login.user}, since=t, until=t + 3 * M)


@case("d1.attack.too_slow", LOGINS)
def too_slow(s: Scene) -> None:
    """Three failures in three sessions, ten minutes apart: no 15 minutes hold three."""
    login, t = Login(s), s.t
    for step in (0, 10, 20):
        login.once(t + step * M)
    s.none("ATTACK_SUSPECTED", {"user": login.user}, since=t, until=t + 20 * M)


@case("d1.attack.spray", LOGINS)
def spray(s: Scene) -> None:
    """Twelve accounts, one try each, from one address in eight minutes."""
    ip, t = s.firm.outside(), s.t
    for step in range(12):
        Login(s, ip=ip).once(t + step * 40 * S)
    s.attack(None, ip, t, t + 440 * S)


@case("d1.attack.spray_guessed", LOGINS)
def spray_guessed(s: Scene) -> None:
    """A spray over eleven accounts, and one of them is then entered from the same address."""
    ip, t = s.firm.outside(), s.t
    tries = [Login(s, ip=ip) for _ in range(11)]
    for step, login in enumerate(tries):
        login.once(t + step * 30 * S)
    hit = s.rng.choice(tries)
    hit.session()
    hit.pass_(t + 8 * M)
    s.attack(None, ip, t, t + 5 * M)
    s.violation("GUESSED", hit.subject, since=t + 8 * M)


@case("d1.attack.spray_too_few", LOGINS)
def spray_too_few(s: Scene) -> None:
    """Nine accounts from one address in ten minutes: below the limit."""
    ip, t = s.firm.outside(), s.t
    for step in range(9):
        Login(s, ip=ip).once(t + step * M)
    s.none("ATTACK_SUSPECTED", {"source_ip": ip}, since=t, until=t + 8 * M)


@case("d1.attack.slow_too_few", LOGINS, lead=H, tail=21 * H)
def slow_too_few(s: Scene) -> None:
    """Nineteen failures in twenty hours: below the daily limit."""
    login, t = Login(s), s.t
    for step in range(19):
        login.ip = s.firm.outside()
        login.once(t + step * H + s.rng.randrange(30 * 60) * S)
    s.none("ATTACK_SUSPECTED", {"user": login.user}, since=t, until=t + 19 * H)


def attacked_then_entered(s: Scene, minutes: int, *, observed: int | None = None) -> Login:
    """Three failures in six minutes, each in its own session, and a success ``minutes`` after the first."""
    login, t = Login(s), s.t
    for step in (0, 3, 6):
        login.once(t + step * M)
    login.session()
    login.pass_(t + minutes * M, observed=observed)
    s.attack(login.user, None, t, t + 6 * M)
    return login


@case("d1.guessed.after_attack", LOGINS)
def guessed(s: Scene) -> None:
    """Three failures over sessions, then a success from the same address five minutes later."""
    s.violation("GUESSED", attacked_then_entered(s, 11).subject, since=s.t + 11 * M)


@case("d1.guessed.too_late", LOGINS)
def guessed_too_late(s: Scene) -> None:
    """The success comes 25 minutes after the last failure: an attack, but not guessed."""
    s.none("GUESSED", attacked_then_entered(s, 31).subject, since=s.t + 31 * M)
