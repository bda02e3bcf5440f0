"""One use of an account: which records tell it, whose it is, and whether anybody was there."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

import msgspec

from detectors.kit.groups import folded
from detectors.privilege.limits import LIMITS
from schemas.event import Activity, SecurityEvent

UNATTENDED = frozenset({"Service", "Batch"})  # log-on types of Windows that nobody sits at
_SWITCHES = frozenset({"su", "sudo", "pkexec", "doas", "runuser"})
_NO_END = frozenset({"doas", "pkexec"})  # these never log an end
_NAMES = {"polkit-1": "pkexec", "su-l": "su", "sudo-i": "sudo", "runuser-l": "runuser", "sshd-session": "sshd"}
_NO_TERMINAL = frozenset({"", "?", "unknown", "none", "(none)", "(null)", "cron"})
_SPECIAL = "4672"  # Windows: special privileges assigned to a new log-on
_DEPTH = 8
_NUMBER = "user.effective.id"  # as the feeds write the number of the account that is made use of


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One record that tells of a use; ``line``, its position in the file, is no part of what it says."""

    id: str
    t: int
    source: str
    original: str = ""
    line: int = 0
    values: dict[str, str] = {}


class Use(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A use of ``account`` on ``host`` from ``start`` to ``end`` (µs UTC; None: not ended as far as known).

    ``actor``: the account that took it on, the same for a direct log-in. ``lasting``: a session was opened, not just a
    command told. ``unattended``: told by a program or in a way that needs nobody. ``actors``: first accounts of the chain
    that leads here, known once it is ``told``. ``nested``: a part of another use. ``last``: its newest record but the end.
    """

    id: str
    host: str
    account: str
    actor: str
    start: int
    o: int
    last: int
    domain: str = ""
    program: str = ""
    tty: str = ""
    src_ip: str = ""
    sessions: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    privileged: bool = False
    lasting: bool = False
    unattended: bool = False
    probing: bool = False
    commands: bool = False
    end: int | None = None
    ended_by: str = ""
    told: bool = False
    nested: bool = False
    actors: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()

    @property
    def direct(self) -> bool:
        """Whether nobody is named who took the account on."""
        return folded(self.actor) == folded(self.account)

    @property
    def probe(self) -> bool:
        """Whether it ran nothing but commands of monitoring and nobody sat there: no use if a service account's."""
        return self.probing and not self.tty

    @property
    def judged(self) -> bool:
        """Whether it is a person's use of a privileged account, and no part of another."""
        if not self.privileged or self.nested or self.unattended:
            return False
        # Root that takes on root again without a terminal is a daemon or an installer: nobody gained anything.
        return not (self.direct and self.program in _SWITCHES and not self.tty)


def system(event: SecurityEvent) -> str:
    """Name of the host, system or service that ``event`` tells of; its source, if it names none."""
    return event.host or event.observer or event.source


def account_of(event: SecurityEvent) -> str:
    """The account used."""
    return event.effective_user or event.user


def known_privileged(account: str) -> bool:
    """Whether ``account`` is by its name one of the highest privilege."""
    return folded(account).rpartition("\\")[2] in LIMITS.accounts


def root_number(event: SecurityEvent) -> bool:
    """Whether ``event`` itself says that the account it makes use of has the number of root, whatever its name."""
    return event.extra.get(_NUMBER) == "0"


def concerns(event: SecurityEvent) -> bool:
    """Whether ``event`` may begin, name or end a use."""
    if event.activity == Activity.LOGIN:
        unattended = event.extra.get("winlog.logon.type") in UNATTENDED
        return event.outcome == "success" and (unattended or known_privileged(event.user))
    if event.activity == Activity.SESSION_CLOSE:
        # The end of a session of PAM does not say which number the account has.
        return known_privileged(event.user) or _numbered_process(event.session)
    return event.outcome != "failure"


def begin(event: SecurityEvent) -> Use:
    """The use that ``event`` opens, as far as it tells."""
    account, program, tty = account_of(event), _program(event), _terminal(event.tty)
    commanded = bool(event.command)
    login = event.activity == Activity.LOGIN
    return Use(
        id=event.id, host=system(event), account=account, actor=event.user or account, start=event.t, o=event.o, last=event.t,
        domain=event.user_domain, program=program, tty=tty, src_ip=event.src_ip,
        sessions=(event.session,) if event.session else (), feeds=(event.feed,),
        privileged=known_privileged(account) or root_number(event) or event.code == _SPECIAL,
        lasting=bool(event.session) if login else not commanded and program not in _NO_END,
        unattended=_unattended(event, program), commands=commanded,
        probing=commanded and _probe(event.command), lines=(_line(event, event.tty if tty else ""),),
    )  # fmt: skip


def same(use: Use, new: Use) -> bool:
    """Whether ``new``, of one record, tells of ``use`` again."""
    near = new.start - use.start <= LIMITS.join
    shared = not set(use.sessions).isdisjoint(new.sessions)
    if not (near or shared) or folded(use.account) != folded(new.account):
        return False
    if shared:
        return use.end is None and (near or _numbered(new.sessions))
    if _numbered(use.sessions) and _numbered(new.sessions):
        return False
    alike = folded(use.actor) == folded(new.actor) or use.direct or new.direct
    if not alike or use.program != new.program:
        return False
    # Another log of the same; or PAM, that did not know who or by which number, beside the program, that did.
    return new.feeds[0] not in use.feeds or use.end is None


def joined(use: Use, new: Use) -> Use:
    """``use`` with what one more record of it tells."""
    return msgspec.structs.replace(
        use, actor=new.actor if use.direct else use.actor, last=max(use.last, new.start), domain=use.domain or new.domain,
        tty=use.tty or new.tty, src_ip=use.src_ip or new.src_ip, sessions=_union(use.sessions, new.sessions),
        feeds=_union(use.feeds, new.feeds), privileged=use.privileged or new.privileged, lasting=use.lasting or new.lasting,
        unattended=use.unattended or new.unattended, commands=use.commands or new.commands,
        probing=new.probing if not use.commands else use.probing and (new.probing or not new.commands),
        lines=(*use.lines, *new.lines)[: LIMITS.shown], o=min(use.o, new.o) if new.start == use.start else use.o,
    )  # fmt: skip


def closes(use: Use, event: SecurityEvent) -> bool:
    """Whether ``event`` ends ``use``: by its session or, if it names none, by program and account."""
    if event.session:
        return use.end is None and event.session in use.sessions
    program = _program(event)
    alike = not program or not use.program or program == use.program
    return use.end is None and alike and folded(account_of(event)) == folded(use.account)


def ended(use: Use, t: int, how: str, event: SecurityEvent | None = None) -> Use:
    """``use`` ended at ``t``; one that no session was told of lasted as long as its records say."""
    certain = use.lasting or how == "closed"
    lines = use.lines if event is None else (*use.lines, _line(event, ""))
    return msgspec.structs.replace(use, end=t if certain else use.last, ended_by=how if certain else "untold", lines=lines)


def placed(use: Use, uses: Iterable[Use]) -> Use:
    """``use`` with its place among the others of the host: whose chain it ends, or of which it is a part."""
    others = [other for other in uses if other.id != use.id]
    switch = use.program in _SWITCHES
    if switch and use.direct and _origins(use, others):
        return msgspec.structs.replace(use, nested=True, actors=(use.actor,))
    again = switch and any(
        folded(other.account) == folded(use.account) and folded(other.actor) == folded(use.actor)
        and other.program != use.program and other.tty == use.tty != "" and _around(other, use)
        for other in others
    )  # fmt: skip
    return msgspec.structs.replace(use, nested=again, actors=tuple(sorted(_first(use, others, _DEPTH))))


def _first(use: Use, others: list[Use], depth: int) -> set[str]:
    """Accounts with which the chain of switches that leads to ``use`` began; several if it cannot be told which."""
    origins = [] if use.direct or depth == 0 else _origins(use, others)
    found: set[str] = set()
    for origin in origins:
        found |= _first(origin, [other for other in others if other.id != origin.id], depth - 1)
    return found or {use.actor}


def _origins(use: Use, others: list[Use]) -> list[Use]:
    """Uses of the account that took ``use`` on, under way when it began; those of the same terminal, if known, go first."""
    found = [
        other for other in others
        if folded(other.account) == folded(use.actor) and not other.unattended and _around(other, use)
        and (use.direct or not use.tty or not other.tty or use.tty == other.tty)
    ]  # fmt: skip
    exact = [other for other in found if use.tty and other.tty == use.tty]
    return exact or found


def _around(outer: Use, inner: Use) -> bool:
    before = (outer.start, outer.id) < (inner.start, inner.id) or outer.start <= inner.start - LIMITS.join
    near = abs(outer.start - inner.start) <= LIMITS.join and outer.program != inner.program
    return (before or near) and (outer.end is None or outer.end >= inner.start)


def _union(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))[:8]


def _numbered(sessions: tuple[str, ...]) -> bool:
    """Whether a session is named by a number of its own, not by who runs which program."""
    return any(_numbered_process(name) or "/0x" in name for name in sessions)


def _numbered_process(session: str) -> bool:
    return session.endswith("]")


def _program(event: SecurityEvent) -> str:
    name = event.session.rpartition("/")[2].partition("[")[0].partition(":")[0] if "/0x" not in event.session else ""
    name = folded(name or event.process.partition("(")[0])
    return _NAMES.get(name, name)


def _terminal(tty: str) -> str:
    return "" if tty in _NO_TERMINAL else tty.removeprefix("/dev/").replace("/", "")


def _unattended(event: SecurityEvent, program: str) -> bool:
    executable = event.executable.replace("\\", "/").rpartition("/")[2]
    names = {program, folded(event.process), folded(executable), folded(event.parent)}
    contained = bool(event.extra.get("container.id"))
    return bool(names & LIMITS.programs) or contained or event.extra.get("winlog.logon.type") in UNATTENDED


def _probe(command: str) -> bool:
    program = command.partition(" ")[0]
    return "/../" not in program and any(fnmatchcase(program, pattern) for pattern in LIMITS.probes)


def _line(event: SecurityEvent, tty: str) -> Line:
    values = {
        "account": account_of(event), "actor": event.user, "tty": tty, "command": event.command, "session": event.session,
        "source_ip": event.src_ip,
    }  # fmt: skip
    return Line(
        id=event.id, t=event.t, source=event.source, original=event.original, line=event.line,
        values={name: value[:512] for name, value in values.items() if value},
    )  # fmt: skip
