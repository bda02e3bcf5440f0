"""Cases of detector 4 (unannounced web or program change): duties after a change, hard cases, traps."""

from schemas import instant
from streams.simulator.acts import MANAGER, WebAct
from streams.simulator.clock import H, M
from streams.simulator.registry import LONG, case
from streams.simulator.scene import Scene
from streams.simulator.truth import WEB
from streams.simulator.writers import wazuh


def _release(s: Scene, act: WebAct, number: str, *digests: str) -> None:
    s.firm.state(
        "releases", release=f"order-{s.firm.next('release', 401)}", system="ordering", approval=number,
        artefacts=[{"path": act.item, "sha256": digest} for digest in digests], since=s.t - 4 * H,
        recorded=instant.text(s.t - 4 * H),
    )


@case("d4.unannounced.all", WEB, tail=LONG)
def unannounced(s: Scene) -> None:
    """Changed without announcement; nobody is told in 15 minutes, nothing handled in 24 hours: three findings."""
    act = WebAct(s)
    subject = act.do(s.t, handled=False)
    s.violation("UNANNOUNCED", subject)
    s.violation("NOT_NOTIFIED", subject, until=s.t + 15 * M)
    s.violation("NOT_HANDLED", subject, until=s.t + 24 * H)


@case("d4.unannounced.notified_late", WEB, tail=4 * H)
def notified_late(s: Scene) -> None:
    """People are told after 25 minutes; handling is recorded in time."""
    act = WebAct(s)
    subject = act.do(s.t, handled=False)
    act.incident(act.item, notified=s.t + 25 * M, handled=s.t + 80 * M)
    s.violation("UNANNOUNCED", subject)
    s.violation("NOT_NOTIFIED", subject, until=s.t + 15 * M)
    s.none("NOT_HANDLED", subject)


@case("d4.unannounced.not_handled", WEB, tail=LONG)
def not_handled(s: Scene) -> None:
    """People are told after four minutes, but handling is never recorded."""
    act = WebAct(s)
    subject = act.do(s.t, handled=False)
    act.incident(act.item, notified=s.t + 4 * M)
    s.violation("UNANNOUNCED", subject)
    s.none("NOT_NOTIFIED", subject)
    s.violation("NOT_HANDLED", subject, until=s.t + 24 * H)


@case("d4.unannounced.handled", WEB, tail=LONG)
def handled(s: Scene) -> None:
    """People are told after 14 minutes and handling is recorded after 22 hours: only the change itself remains."""
    act = WebAct(s)
    subject = act.do(s.t, handled=False)
    act.incident(act.item, notified=s.t + 14 * M, handled=s.t + 22 * H)
    s.violation("UNANNOUNCED", subject)
    s.none("NOT_NOTIFIED", subject)
    s.none("NOT_HANDLED", subject)


@case("d4.unannounced.added_file", WEB)
def added_file(s: Scene) -> None:
    """A new program file appears without announcement."""
    act = WebAct(s)
    subject = act.do(s.t, item=f"{act.root}/js/collect.js", event="added")
    s.violation("UNANNOUNCED", subject)


@case("d4.wrong_hash", WEB)
def wrong_hash(s: Scene) -> None:
    """Announced, host, file and time fit, but the content is not of the release."""
    act = WebAct(s)
    ticket = s.approved(act.ticket())
    _release(s, act, ticket.number, act.after)
    s.violation("WRONG_HASH", act.do(s.t, after=act.sha()))


@case("d4.right_hash", WEB)
def right_hash(s: Scene) -> None:
    """An announced deployment whose content is the release's."""
    act = WebAct(s)
    ticket = s.approved(act.ticket())
    _release(s, act, ticket.number, act.after)
    s.none("WRONG_HASH", act.do(s.t, handled=False))


@case("d4.farm_deployment", WEB)
def farm_deployment(s: Scene) -> None:
    """One announced deployment to the whole ordering farm, named by its group."""
    act = WebAct(s, host=s.firm.farm[0])
    ticket = s.approved(act.ticket(targets=("web-farm",)))
    _release(s, act, ticket.number, act.after)
    for step, host in enumerate(s.firm.farm):
        s.none("UNANNOUNCED", act.do(s.t + step * M, host=host, handled=False), since=s.t + step * M)


@case("d4.hard.fim_polls_late", WEB, tail=4 * H)
def fim_polls_late(s: Scene) -> None:
    """A scheduled scan sees an announced change 70 minutes after the window's end; the scan before was ahead of it."""
    act = WebAct(s)
    s.approved(act.ticket(valid_from=s.t - 15 * M, valid_to=s.t + 20 * M))
    scan = s.t + 90 * M
    _scanned(s, act, s.t - 100 * M, scan + M)
    subject = act.do(scan, mode="scheduled", modified=s.t)
    s.none("EXPIRED", subject, since=s.t - 100 * M, until=scan, note="interval between two scans overlaps the window")


@case("d4.hard.fim_scans_after_window", WEB, tail=4 * H)
def fim_scans_after_window(s: Scene) -> None:
    """A scan after the window's end saw nothing; the next one, 90 minutes later, sees the change: it came after the window."""
    act = WebAct(s)
    s.approved(act.ticket(valid_from=s.t - 15 * M, valid_to=s.t + 20 * M))
    scan = s.t + 150 * M
    _scanned(s, act, s.t - 30 * M, s.t + 60 * M, scan + M)
    subject = act.do(scan, mode="scheduled", modified=s.t + 100 * M)
    s.violation("EXPIRED", subject, since=s.t + 60 * M, until=scan)


def _scanned(s: Scene, act: WebAct, *ends: int) -> None:
    for at in ends:
        serial = s.firm.next("alert", 10001)
        s.log(MANAGER, at, wazuh.alert(at, act.target, serial, "516", "System Audit event.", "ossec: Ending syscheck scan."))


@case("d4.hard.partial_rollout", WEB, tail=5 * H)
def partial_rollout(s: Scene) -> None:
    """Two of three announced hosts change in the window, the third two hours after its end."""
    acts = [WebAct(s) for _ in range(3)]
    first = acts[0]
    s.approved(first.ticket(targets=tuple(act.target for act in acts), valid_to=s.t + 30 * M))
    for act in acts[:2]:
        s.none("EXPIRED", first.do(s.t, host=act.target))
    late = s.t + 150 * M
    s.violation("EXPIRED", first.do(late, host=acts[2].target), since=late)


@case("d4.hard.release_rolled_back", WEB)
def release_rolled_back(s: Scene) -> None:
    """An announced roll-back to the hash of an older release."""
    act = WebAct(s)
    older = act.after
    _release(s, act, "", older)
    ticket = s.approved(act.ticket(hashes=(older,), title="Roll-back"))
    s.none("WRONG_HASH", act.do(s.t), note=f"announced by {ticket.number}")


@case("d4.hard.release_rolled_back_unannounced", WEB)
def release_rolled_back_unannounced(s: Scene) -> None:
    """A roll-back to an older release that nobody announced: known content announces nothing."""
    act = WebAct(s)
    _release(s, act, "", act.after)
    s.violation("UNANNOUNCED", act.do(s.t))


@case("d4.hard.change_and_back", WEB)
def change_and_back(s: Scene) -> None:
    """Changed and changed back within three minutes, between two polls; host audit (whodata) sees both."""
    act = WebAct(s)
    back = s.t + 3 * M
    s.violation("UNANNOUNCED", act.do(s.t, mode="whodata"))
    subject = act.do(back, mode="whodata", before=act.after, after=act.before)
    s.violation("UNANNOUNCED", subject, since=back, note="the way back is a change, too")


@case("d4.hard.other_system", WEB)
def other_system(s: Scene) -> None:
    """A deployment announced for one system touches another."""
    act, announced = WebAct(s), WebAct(s)
    s.approved(announced.ticket(objects=(act.item,), hashes=(act.after,)))
    s.violation("UNANNOUNCED", act.do(s.t))


@case("d4.trap.logs_caches_uploads", WEB)
def logs_caches_uploads(s: Scene) -> None:
    """Logs, caches and customers' uploads change all day."""
    act = WebAct(s)
    for name in ("logs/access.log", "cache/page-77.html", "uploads/statement-5512.pdf"):
        path = f"/var/www/order/{name}"
        s.none("UNANNOUNCED", act.do(s.t, item=path, handled=False))


@case("d4.trap.certificate_renewal", WEB)
def certificate_renewal(s: Scene) -> None:
    """A certificate is renewed."""
    act = WebAct(s)
    path = "/etc/letsencrypt/live/order.shanan-securities.example/fullchain.pem"
    s.none("UNANNOUNCED", act.do(s.t, item=path, handled=False))


@case("d4.trap.signed_repack", WEB)
def signed_repack(s: Scene) -> None:
    """Deployed is the signed re-pack of the announced file: other bytes, and a hash that the release names as well."""
    act = WebAct(s)
    repacked = act.sha()
    ticket = s.approved(act.ticket(hashes=()))
    _release(s, act, ticket.number, act.after, repacked)
    s.none("WRONG_HASH", act.do(s.t, after=repacked, handled=False))


@case("d4.trap.log_rotation", WEB)
def log_rotation(s: Scene) -> None:
    """Logs are rotated: one file appears, one goes."""
    act = WebAct(s)
    s.none("UNANNOUNCED", act.do(s.t, item="/var/log/nginx/access.log.1", event="added", handled=False))
    s.none("UNANNOUNCED", act.do(s.t, item="/var/log/nginx/access.log.15.gz", event="deleted", handled=False))


@case("d4.trap.monitor_test", WEB)
def monitor_test(s: Scene) -> None:
    """An approved drill changes a file to test the monitor."""
    act = WebAct(s)
    number = f"INC{s.firm.next('incident', 20001):07d}"
    s.firm.state(
        "incidents", id=number, incident=number, host=act.target, path=act.item, approved_drill=True,
        since=s.t - 30 * M, until=s.t + H, recorded=instant.text(s.t - 40 * M),
    )
    s.none("UNANNOUNCED", act.do(s.t, handled=False), note="approved drill")
