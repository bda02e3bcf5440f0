"""Hard cases and false-positive traps of detector 1 (repeated failed log-ins)."""

from schemas import instant
from streams.simulator.cases_logins import RELAY, Login, attacked_then_entered, beside_another
from streams.simulator.clock import DAY, H, M, S
from streams.simulator.registry import case
from streams.simulator.scene import Scene
from streams.simulator.truth import LOGINS
from streams.simulator.writers import linux, panos, windows


@case("d1.hard.late_success", LOGINS)
def late_success(s: Scene) -> None:
    """A success between the second and third failure arrives half an hour late and still resets the count."""
    login, t = Login(s), s.t
    login.deny(t)
    login.deny(t + 7 * M)
    login.allow(t + 10 * M, observed=t + 46 * M)
    login.deny(t + 16 * M)
    s.none("CONTROL_FAILURE", login.subject, since=t, until=t + 16 * M, note="success observed after the third failure")


@case("d1.hard.late_success_guessed", LOGINS)
def late_success_guessed(s: Scene) -> None:
    """The success after an attack is observed an hour late; by its own time it is within 15 minutes."""
    login = attacked_then_entered(s, 12, observed=s.t + 72 * M)
    s.violation("GUESSED", login.subject, since=s.t + 12 * M, note="observed an hour later")


@case("d1.hard.late_failure", LOGINS)
def late_failure(s: Scene) -> None:
    """The first of four failures arrives last, after an hour: the order of event times counts."""
    login, t = Login(s), s.t
    login.elsewhere(t - 2 * M)
    login.deny(t, observed=t + 61 * M)
    login.deny(t + 40 * S)
    login.deny(t + 80 * S)
    s.violation("CONTROL_FAILURE", login.subject, since=t, until=t + 80 * S)
    s.attack(login.user, None, t - 2 * M, t + 80 * S)


@case("d1.hard.lock_before_third", LOGINS)
def lock_before_third(s: Scene) -> None:
    """The domain controller's clock is behind: its lock stands 25 seconds before the third failure."""
    login, t = Login(s), s.t
    login.elsewhere(t - 5 * M)
    login.deny(t)
    login.deny(t + 40 * S)
    login.lock(t + 55 * S)
    login.deny(t + 80 * S)
    s.none("CONTROL_FAILURE", login.subject, since=t, until=t + 80 * S, note="lock within the skew tolerance")
    s.attack(login.user, None, t - 5 * M, t + 80 * S)


@case("d1.hard.no_session_id", LOGINS)
def no_session_id(s: Scene) -> None:
    """Windows log-ons carry no session: account and source stand for it. Three failures, no lock."""
    login, t = Login(s), s.t
    login.elsewhere(t - 3 * M)
    for step in (0, 50, 110):
        login.deny(t + step * S)
    s.violation("CONTROL_FAILURE", login.subject, since=t, until=t + 110 * S)
    s.attack(login.user, None, t - 3 * M, t + 110 * S)


@case("d1.hard.worker_restart", LOGINS, lead=H, tail=18 * H)
def worker_restart(s: Scene) -> None:
    """Twenty-four failures at uneven times over half a day, from many addresses: a counter that must outlive restarts."""
    login, t = Login(s), s.t
    at = t
    for _ in range(24):
        login.ip = s.firm.outside()
        login.once(at)
        last, at = at, at + s.rng.randrange(22 * 60, 42 * 60) * S
    s.attack(login.user, None, t, last, "slow: 24 failures in less than 24 h, never three in 15 min")


@case("d1.hard.unknown_users", LOGINS)
def unknown_users(s: Scene) -> None:
    """Sixty names that do not exist, one try each, from one address: one finding about the source, not sixty keys."""
    ip, host, t = s.firm.outside(), s.firm.server(), s.t
    for step in range(60):
        login = Login(s, user=f"{s.rng.choice(('oracle', 'test', 'guest', 'ftp', 'web'))}{step:02d}", ip=ip, host=host)
        at = t + step * 9 * S
        s.log(RELAY, at, linux.invalid_user(at, host, login.pid, login.user, ip, login.port))
        login.fail(at, invalid=True)
        login.leave(at + 2 * S)
    s.attack(None, ip, t, t + 59 * 9 * S)


@case("d1.hard.alternating_accounts", LOGINS)
def alternating_accounts(s: Scene) -> None:
    """One address alternates two accounts; the first gets its third wrong password in between, and no lock follows."""
    first, t = Login(s), s.t
    second = Login(s, ip=first.ip, host=first.host)
    first.elsewhere(t - 2 * M)
    first.deny(t)
    second.deny(t + 20 * S)
    first.deny(t + 40 * S)
    second.deny(t + 60 * S)
    first.deny(t + 80 * S)
    s.violation("CONTROL_FAILURE", first.subject, since=t, until=t + 80 * S)
    s.attack(first.user, None, t - 2 * M, t + 80 * S)
    s.none("CONTROL_FAILURE", second.subject, since=t + 20 * S, until=t + 60 * S, note="two failures only")
    s.none("ATTACK_SUSPECTED", {"user": second.user}, since=t + 20 * S, until=t + 60 * S)


@case("d1.hard.two_nodes", LOGINS)
def two_nodes(s: Scene) -> None:
    """Failures on one account are split over two nodes of one system, fewer than three on each."""
    first, t = Login(s), s.t
    second = Login(s, user=first.user, ip=first.ip)
    first.once(t)
    second.once(t + 2 * M)
    first.once(t + 4 * M)
    second.once(t + 6 * M)
    s.attack(first.user, None, t, t + 6 * M)


@case("d1.hard.repeated_line", LOGINS)
def repeated_line(s: Scene) -> None:
    """Syslog folds the second and third wrong password of a session into "message repeated 2 times"; no disconnect."""
    login, t = beside_another(s, 4 * M, 0), s.t
    again = f"message repeated 2 times: [ Failed password for {login.user} from {login.ip} port {login.port} ssh2]"
    s.log(RELAY, t + 12 * S, linux.line(t + 12 * S, login.host, f"sshd[{login.pid}]", again))
    s.violation("CONTROL_FAILURE", login.subject, since=t, until=t + 12 * S)
    s.attack(login.user, None, t - 4 * M, t + 12 * S)


@case("d1.trap.logged_twice", LOGINS)
def logged_twice(s: Scene) -> None:
    """Two attempts, each logged by PAM and by sshd within the same second: two failures, not four."""
    login, t = Login(s), s.t
    for step in (0, 4):
        at = t + step * M
        login.session()
        s.log(RELAY, at, linux.pam_failure(at, login.host, login.pid, login.user, login.ip))
        login.fail(at)
        login.leave(at + 3 * S)
    s.none("ATTACK_SUSPECTED", {"user": login.user}, since=t, until=t + 4 * M)
    s.none("CONTROL_FAILURE", login.subject, since=t, until=t + 4 * M)


@case("d1.trap.preauthentication", LOGINS)
def preauthentication(s: Scene) -> None:
    """Two attempts, each told by the domain controller (Kerberos pre-authentication) and by the host: two, not four."""
    login, t = Login(s), s.t
    for step in (0, 4):
        at = t + step * M
        record = s.firm.next("record dc-1", 900001)
        s.log("windows@dc-1", at, windows.preauthentication_failed(at, "dc-1", record, login.user, login.ip))
        login.deny(at)
    s.none("ATTACK_SUSPECTED", {"user": login.user}, since=t, until=t + 4 * M)
    s.none("CONTROL_FAILURE", login.subject, since=t, until=t + 4 * M)


@case("d1.trap.logged_twice_by_proxy", LOGINS)
def logged_twice_by_proxy(s: Scene) -> None:
    """Two attempts through a portal, each told by it (PAN-OS) and by the application behind it: two failures, not four."""
    login, t = Login(s), s.t
    portal, server = "fw-branch-1", s.firm.address(30)
    for step in (0, 4):
        at = t + step * M
        line = panos.authentication_failed(at, portal, s.firm.next("seqno", 7_300_000), login.user, login.ip, server)
        s.log("panos@fw-branch-1", at, line)
        login.deny(at)
    s.none("ATTACK_SUSPECTED", {"user": login.user}, since=t, until=t + 4 * M)
    for host in (login.host, portal):
        s.none("CONTROL_FAILURE", login.subject | {"host": host}, since=t, until=t + 4 * M)


@case("d1.trap.stale_password", LOGINS, tail=4 * H)
def stale_password(s: Scene) -> None:
    """A service keeps its old password after rotation: one device, exactly every five minutes. Hygiene, not an attack."""
    login, t = Login(s, ip=s.firm.address(50)), s.t
    login.user = s.firm.account(f"svc-report{s.firm.next('service')}", None, kind="service")
    for step in range(30):
        login.once(t + step * 5 * M)
    s.none("ATTACK_SUSPECTED", {"user": login.user}, since=t, until=t + 145 * M)


@case("d1.trap.nat_branch", LOGINS)
def nat_branch(s: Scene) -> None:
    """Fourteen people of one branch behind one address (tagged nat in assets) mistype once each, then get in."""
    t = s.t
    ip = s.firm.address(60)
    s.firm.state("assets", asset=f"nat-{s.firm.next('nat'):04d}", addresses=[ip], tags=["nat"], since=t - 30 * H)
    for step in range(14):
        login = Login(s, ip=ip)
        at = t + step * 40 * S
        login.session()
        login.fail(at)
        login.pass_(at + 8 * S)
    s.none("ATTACK_SUSPECTED", {"source_ip": ip}, since=t, until=t + 9 * M)


@case("d1.trap.announced_scan", LOGINS)
def announced_scan(s: Scene) -> None:
    """A vulnerability scan announced by change tries fifteen accounts on three hosts inside its window."""
    t = s.t
    ip, name = s.firm.address(70), f"scanner-{s.firm.next('scanner'):04d}"
    s.firm.state("assets", asset=name, addresses=[ip], tags=["scanner"], since=t - 30 * H)
    hosts = [s.firm.server() for _ in range(3)]
    ticket = s.ticket("root_approver", target=hosts[0], channel="approval", kind="vulnerability_scan")
    ticket.targets, ticket.objects = (*hosts, name), (ip,)
    s.approved(ticket)
    s.firm.state(
        "downtimes", source=name, reason=f"scanner-announced {ticket.number}", since=ticket.valid_from, until=ticket.valid_to,
        recorded=instant.text(t - H),
    )
    for step in range(15):
        Login(s, ip=ip, host=hosts[step % 3]).once(t + step * 30 * S)
    s.none("ATTACK_SUSPECTED", {"source_ip": ip}, since=t, until=t + 7 * M, note=f"announced by {ticket.number}")


@case("d1.trap.not_wrong_passwords", LOGINS)
def not_wrong_passwords(s: Scene) -> None:
    """Expired and disabled accounts, an expired password and wrong one-time codes are not wrong passwords."""
    t = s.t
    for status in (windows.DISABLED, windows.EXPIRED, windows.PASSWORD_EXPIRED):
        login = Login(s)
        for step in range(5):
            login.deny(t + step * 40 * S, status=status)
        s.none("CONTROL_FAILURE", login.subject, since=t, until=t + 160 * S)
        s.none("ATTACK_SUSPECTED", {"user": login.user}, since=t, until=t + 160 * S)
    login = Login(s)
    for step in range(5):
        at = t + step * 30 * S
        message = f"Invalid verification code for {login.user}"
        s.log(RELAY, at, linux.line(at, login.host, f"sshd(pam_google_authenticator)[{login.pid}]", message))
    s.none("CONTROL_FAILURE", login.subject, since=t, until=t + 120 * S, note="one-time codes")


@case("d1.implausible_time", LOGINS)
def implausible_time(s: Scene) -> None:
    """Failures dated three hours after they were observed are dead-lettered and used for nothing."""
    login, t = Login(s), s.t
    for step in range(4):
        at = t + 3 * H + step * M
        login.session()
        line = linux.failed(at, login.host, login.pid, login.user, login.ip, login.port)
        s.log(RELAY, at, line, observed=t + step * M)
    note = f"dated {instant.text(t + 3 * H)}"
    s.none("ATTACK_SUSPECTED", {"user": login.user}, since=t, until=t + 4 * M, note=note)


@case("d1.implausible_age", LOGINS)
def implausible_age(s: Scene) -> None:
    """Failures that come more than 400 days after their own time are dead-lettered and used for nothing."""
    login, t = Login(s), s.t
    for step in range(4):
        at = t - 401 * DAY + step * M
        login.deny(at, observed=t + step * M)
    s.none("ATTACK_SUSPECTED", {"user": login.user}, since=t, until=t + 4 * M, note=f"dated {instant.text(t - 401 * DAY)}")
