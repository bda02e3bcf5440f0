"""Cases of detector 3: root shells through sudo and su, each on a host of its own."""

from collections.abc import Callable
from functools import partial

from tests.chaos.oracle.said import HOUR, MINUTE, Became, Ceased
from tests.chaos.planting import acts, firm
from tests.chaos.planting.acts import Act
from tests.chaos.planting.field import BEGIN, SECOND, Field, local, stamp


def _use(field: Field, *, waived: bool = False, t: int | None = None, doer: str = "") -> tuple[Act, str]:
    """A use to come, on a host of its own; approvals name the host or the group it is in."""
    n = field.number()
    host = f"{'waived' if waived else 'root'}-{n:06d}"
    targets = [host]
    if field.chance.random() < 0.3:
        targets = [f"farm-{host}"]
        field.state("groups", {"group": targets[0], "member": host, "kind": "host"})
    t = field.moment(room=8 * HOUR) if t is None else t
    t -= t % SECOND
    end = t + field.gap(1200, 4 * 3600)
    doer = doer or firm.staff(field)
    return Act(field, targets, t, end - end % SECOND, doer, {"accounts": ["root"], "persons": [firm.person(doer)]}), host


def _told(act: Act, host: str, *, closed: bool = True, denied: bool = False, lag: int | None = None) -> None:
    """The records of a use: the line of sudo or su, the session opened just after, and its end."""
    field, pid = act.field, 1000 + int(host[-6:])
    program, command = ("su", "") if pid % 3 == 0 and not denied else ("sudo", "/bin/bash")
    session = f"{host}/{program}[{pid}]"
    source = f"linux@relay-{pid % 12}"

    def write(t: int, text: str) -> dict:
        header = f"{stamp(t)} {host}" if pid % 2 else f"<86>{local(t, '%b %e %H:%M:%S')} {host}"
        return field.write(source, "linux", f"{header} {program}[{pid}]: {text}", t + (field.lag() if lag is None else lag))

    why = "command not allowed ; " if denied else ""
    sudo = f"{act.doer} : {why}TTY=pts/3 ; PWD=/home ; USER=root ; COMMAND={command}"
    told = write(act.t, sudo if program == "sudo" else f"(to root) {act.doer} on pts/3")
    if denied:
        return
    opened = Became(**told, t=act.t, host=host, account="root", actor=act.doer, session=session, tty="pts/3", command=command)
    field.say(opened)
    told = write(act.t + SECOND, f"pam_unix({program}:session): session opened for user root(uid=0) by {act.doer}(uid=1000)")
    field.say(Became(**told, t=act.t + SECOND, host=host, account="root", actor=act.doer, session=session))
    if closed:
        told = write(act.end, f"pam_unix({program}:session): session closed for user root")
        field.say(Ceased(**told, t=act.end, host=host, account="root", session=session))


def _recorded(act: Act, host: str, *, at: int | None = None) -> None:
    """The record of the session is filed, at latest in time."""
    at = act.end + act.field.gap(600, 20 * 3600) if at is None else at
    act.field.state("session_records", {
        "record": f"SR-{host}", "host": host, "account": "root", "person": firm.person(act.doer), "from": act.t,
        "to": act.end + SECOND, "recorded": at,
    })  # fmt: skip


def _request(situation: Callable[[Act], int], field: Field) -> int:
    """A use under a request in some situation, with its record filed."""
    act, host = _use(field)
    _told(act, host, lag=SECOND if situation in acts.PROMPT else None)
    _recorded(act, host)
    return situation(act)


def unrecorded(field: Field) -> int:
    """Approved, but no record was filed, or a day and more too late."""
    act, host = _use(field)
    _told(act, host)
    if field.chance.random() < 0.5:
        _recorded(act, host, at=act.end + 24 * HOUR + field.chance.randrange(121 * SECOND, 3 * HOUR))
    return 1 + acts.in_time(act)


def open_to_anybody(field: Field) -> int:
    """Approved in time, but for whichever account or person: such a request speaks of something else."""
    act, host = _use(field)
    _told(act, host)
    _recorded(act, host)
    part = field.chance.choice(("accounts", "persons"))
    if field.chance.random() < 0.5:
        act.scope[part] = ["*"]
    else:
        del act.scope[part]
    return 1 + acts.in_time(act)


def end_never_told(field: Field) -> int:
    """No end was told: after twelve hours the use has ended, long after its approval."""
    act, host = _use(field)
    _told(act, host, closed=False)
    _recorded(act, host)
    act.approve()
    return 1


def unknown_person(field: Field) -> int:
    """Whose account it is nobody knows: whatever was approved, it is not for them."""
    act, host = _use(field, doer="nobodys")
    _told(act, host)
    _recorded(act, host)
    act.approve()
    return 1


def excepted(field: Field) -> int:
    """Unapproved, with an exception in force."""
    act, host = _use(field, waived=True, t=BEGIN + field.gap(9 * 3600, 31 * 3600))
    _told(act, host)
    _recorded(act, host)
    return 1


def exception_expired(field: Field) -> int:
    """Unapproved, with an exception that has expired."""
    act, host = _use(field, waived=True, t=BEGIN + field.gap(32 * 3600, 50 * 3600))
    _told(act, host)
    _recorded(act, host)
    return 1


def recorded_at_the_last_moment(field: Field) -> int:
    """The record is filed at exactly the end of the day it had."""
    act, host = _use(field)
    _told(act, host)
    _recorded(act, host, at=act.end + 24 * HOUR)
    return acts.in_time(act)


def denied(field: Field) -> int:
    """What sudo did not run was no use."""
    act, host = _use(field)
    _told(act, host, denied=True)
    return 0


def use_beyond_memory(field: Field) -> int:
    """The records are observed beyond the memory of 26 hours."""
    act, host = _use(field)
    _told(act, host, lag=field.chance.randrange(26 * HOUR + MINUTE, 30 * HOUR))
    return 0


VIOLATIONS = (
    *(partial(_request, situation) for situation in acts.VIOLATIONS), unrecorded, open_to_anybody, end_never_told, unknown_person, excepted,
    exception_expired,
)  # fmt: skip
NEAR_MISSES = (
    *(partial(_request, situation) for situation in acts.NEAR_MISSES), recorded_at_the_last_moment, denied, use_beyond_memory,
)  # fmt: skip
