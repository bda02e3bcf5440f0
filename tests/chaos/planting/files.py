"""Cases of detector 4: changed files of web servers, told by Auditbeat or by Wazuh, each on a host of its own."""

import json
from collections.abc import Callable
from functools import partial
from hashlib import sha256

from tests.chaos.oracle.names import text
from tests.chaos.oracle.said import HOUR, MINUTE, Altered
from tests.chaos.planting import acts, firm
from tests.chaos.planting.acts import Act
from tests.chaos.planting.field import BEGIN, SECOND, Field, stamp


def _change(field: Field, *, waived: bool = False, t: int | None = None) -> tuple[Act, str]:
    """A change to come, on a host of its own; approvals name the host or the farm it is in."""
    n = field.number()
    host = f"{'waived' if waived else 'web'}-{n:06d}"
    targets = [host]
    if field.chance.random() < 0.3:
        targets = [f"farm-{host}"]
        field.state("groups", {"group": targets[0], "member": host, "kind": "host"})
    if field.chance.random() < 0.3:
        field.state("assets", {"asset": host, "tags": ["ordering"]})
    t = field.moment(room=2 * HOUR) if t is None else t
    t -= t % SECOND
    return Act(field, targets, t, t, firm.staff(field), {"objects": [f"/srv/www/{n}/*"]}), host


def _content(act: Act, host: str, version: int = 1) -> str:
    return sha256(f"{host} {version}".encode()).hexdigest()


def _told(
    act: Act, host: str, *, lag: int | None = None, since: int | None = None, wazuh: bool | None = None, name: str = "index.html",
    at: int = 0,
) -> None:  # fmt: skip
    """One telling: by Auditbeat, or by Wazuh as it happens or (``since``) by a scheduled scan."""
    field, t = act.field, act.t + at
    path, before, after = f"/srv/www/{int(host[-6:])}/{name}", _content(act, host, 0), _content(act, host)
    number = field.number()
    if wazuh is None:
        wazuh = since is not None or number % 2 == 0
    user = act.doer if wazuh and since is None else ""
    own, action = "", "modified" if wazuh else "updated"
    if wazuh:
        own = f"wz/{t // SECOND}.{number}"
        check = {"path": path, "event": action, "sha256_before": before, "sha256_after": after, "changed_attributes": ["sha256"]}
        check |= {"mode": "whodata", "audit": {"login_user": {"name": user}}} if since is None else {
            "mode": "scheduled", "mtime_before": stamp(since),
        }  # fmt: skip
        line = json.dumps({
            "timestamp": stamp(t), "rule": {"id": "550", "groups": ["syscheck"]}, "agent": {"id": "007", "name": host},
            "manager": {"name": "wz"}, "id": own[3:], "syscheck": check,
        })  # fmt: skip
    else:
        line = json.dumps({
            "@timestamp": text(t), "event": {"module": "file_integrity", "action": [action]}, "host": {"name": host},
            "file": {"path": path, "hash": {"sha256": after}}, "controlwatch": {"hash_before": before},
        })  # fmt: skip
    feed = "wazuh" if wazuh else "auditd_manager"
    told = field.write(f"{feed}@fim-{number % 5}", feed, line, t + (field.lag() if lag is None else lag), own=own)
    field.say(Altered(**told, t=t, host=host, path=path, action=action, before=before, after=after, since=since, user=user))


def _incident(act: Act, host: str, *, notified: int | None = None, handled: int | None = None) -> None:
    """What people did, by default in time."""
    notified = act.t + act.field.gap(30, 900) if notified is None else notified
    handled = act.t + act.field.gap(1800, 23 * 3600) if handled is None else handled
    act.field.state("incidents", {
        "incident": f"INC-{host}", "host": host, "notified": notified, "handled": handled, "recorded": max(notified, handled),
    })  # fmt: skip


def _request(situation: Callable[[Act], int], field: Field) -> int:
    """A change under a request in some situation; whoever had to be told was."""
    act, host = _change(field)
    _told(act, host, lag=SECOND if situation in acts.PROMPT else None)
    _incident(act, host)
    return situation(act)


def nobody_told(field: Field) -> int:
    """Unannounced, nobody notified, nobody handled it."""
    act, host = _change(field)
    _told(act, host)
    return 3


def told_too_late(field: Field) -> int:
    """Unannounced; notified and handled too late."""
    act, host = _change(field)
    _told(act, host)
    _incident(act, host, notified=act.t + 18 * MINUTE, handled=act.t + 25 * HOUR)
    return 3


def found_by_scan(field: Field) -> int:
    """Found by a scan, and no announcement lies in the time since the scan before."""
    act, host = _change(field)
    _told(act, host, since=act.t - field.chance.randrange(1, 8) * HOUR)
    _incident(act, host)
    return 1


def wrong_content(field: Field) -> int:
    """Announced, but not this content: by the request's hashes or those of its release."""
    act, host = _change(field)
    _told(act, host)
    _incident(act, host)
    _release(act, host, 2)
    return 1


def excepted(field: Field) -> int:
    """Unannounced, with an exception in force."""
    act, host = _change(field, waived=True, t=BEGIN + field.gap(9 * 3600, 31 * 3600))
    _told(act, host)
    _incident(act, host)
    return 1


def exception_expired(field: Field) -> int:
    """Unannounced, with an exception that has expired."""
    act, host = _change(field, waived=True, t=BEGIN + field.gap(32 * 3600, 50 * 3600))
    _told(act, host)
    _incident(act, host)
    return 1


def released(field: Field) -> int:
    """Announced, to the content released."""
    act, host = _change(field)
    _told(act, host)
    _release(act, host, 1)
    return 0


def _release(act: Act, host: str, version: int) -> None:
    content = _content(act, host, version)
    if act.field.chance.random() < 0.5:
        act.approve(hashes=[content])
        return
    one = act.approve()
    act.field.state("releases", {
        "release": f"R-{host}", "approval": one.number, "artefacts": [{"path": act.scope["objects"][0], "sha256": content}],
    })  # fmt: skip


def deployed_since_the_last_scan(field: Field) -> int:
    """Found by a scan; the announced window lies between it and the scan before."""
    act, host = _change(field)
    _told(act, host, since=act.t - 8 * HOUR)
    begin = act.t - field.gap(4 * 3600, 6 * 3600)
    act.approve(valid_from=begin - begin % SECOND, valid_to=act.t - 2 * HOUR)
    return 0


def told_by_two_monitors(field: Field) -> int:
    """One unannounced change, told by two monitors, is one."""
    act, host = _change(field)
    _told(act, host, wazuh=False)
    _told(act, host, wazuh=True, at=field.gap(5, 50))
    _incident(act, host)
    return 1


def drill(field: Field) -> int:
    """An announced test of the monitor."""
    act, host = _change(field)
    _told(act, host)
    field.state("incidents", {
        "incident": f"INC-{host}", "host": host, "approved_drill": True, "from": act.t - 5 * MINUTE, "to": act.t + HOUR,
    })  # fmt: skip
    return 0


def log_file(field: Field) -> int:
    """Logs change by themselves."""
    act, host = _change(field)
    _told(act, host, name="access.log")
    return 0


def change_beyond_memory(field: Field) -> int:
    """The record of an unannounced change is observed beyond the memory of 26 hours."""
    act, host = _change(field)
    _told(act, host, lag=field.chance.randrange(26 * HOUR + SECOND, 30 * HOUR))
    return 0


VIOLATIONS = (
    *(partial(_request, situation) for situation in acts.VIOLATIONS), nobody_told, told_too_late, found_by_scan, wrong_content,
    excepted, exception_expired, told_by_two_monitors,
)  # fmt: skip
NEAR_MISSES = (
    *(partial(_request, situation) for situation in acts.NEAR_MISSES), released, deployed_since_the_last_scan, drill, log_file,
    change_beyond_memory,
)  # fmt: skip
