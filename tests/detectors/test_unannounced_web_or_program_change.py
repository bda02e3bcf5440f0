"""unannounced_web_or_program_change: any order of arrival, severity, evidence, uses told to self_approved_change, files left out."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.deployments import changes, scans
from detectors.deployments.files import fold as file_fold
from detectors.kit.approvals import USE
from detectors.kit.engine import Engine
from detectors.kit.registry import Ruleset, load
from schemas import instant, tables
from schemas.event import Activity, Rank, SecurityEvent
from schemas.log import Keyed, Progress, Stated
from schemas.violation import final
from tests.detectors.harness import at, bare, brief, judged

ID = "unannounced_web_or_program_change"
PATH = "/srv/web/order.js"
A, B, C = "a" * 64, "b" * 64, "c" * 64
HOUR = 3600
DAY = 24 * HOUR
SOURCES = {"audit": "auditd", "wazuh": "wazuh"}


def changed(second, new=B, *, old="", host="web-1", path=PATH, since=None, source="wazuh", late=0, **more):
    """A change of ``path``; ``since``: found by a scan, the one before was then; ``late``: seconds until it was observed."""
    t = at(second)
    scan = 0 if since is None else at(since)
    return SecurityEvent(
        id=f"{source}-{host}-{path}-{second}-{new[:4]}-{since}", t=t, o=t + late * instant.SECOND, feed=SOURCES[source], source=source,
        rank=Rank.ACT, activity=Activity.FILE_CHANGE, host=host, path=path, hash=new, hash_before=old, last_scan=scan,
        original="line", **more,
    )  # fmt: skip


def written(second, **more):
    """The audit log tells a write, not its content."""
    return changed(second, "", source="audit", **more)


def scan_ended(second, host="web-1"):
    t = at(second)
    return SecurityEvent(id=f"scan-{host}-{second}", t=t, o=t, feed="wazuh", source="wazuh", activity=Activity.FILE_SCAN, host=host)


def reset(second, host="web-1", *, late=0, **more):
    """The baseline of the host's monitor was made anew."""
    t = at(second)
    return SecurityEvent(
        id=f"reset-{host}-{second}", t=t, o=t + late * instant.SECOND, feed="auditd", source="audit", activity=Activity.FILE_SCAN,
        action="baseline-reset", host=host, original="line", **more,
    )  # fmt: skip


def announcement(number="REL1", start=0, end=HOUR, *, o=-HOUR, decided=-HOUR, targets=("web-1",), hashes=(), **more):
    return tables.envelope("approvals", {
        "approval": number, "type": "release", "requester": "rita", "approvers": [{"account": "rosa"}], "decision": "approved",
        "decision_time": at(decided), "valid_from": at(start), "valid_to": at(end), "updated": at(decided),
        "scope": {"targets": targets, "objects": ["/srv/web/*"], "hashes": hashes},
    } | more, o=at(o), source="tickets")  # fmt: skip


def incident(notified=None, handled=None, **more):
    times = {name: at(second) for name, second in (("notified", notified), ("handled", handled)) if second is not None}
    return tables.envelope("incidents", {"incident": "INC1", "host": "web-1"} | times | more, o=0)


def asset(host, *tags):
    return tables.envelope("assets", {"asset": host, "tags": tags}, o=0)


def acts(violations):
    return [v for v in violations if not v.subtype.startswith("NOT_")]


def test_limits_of_notification_and_handling_are_the_last_instants_in_time():
    event = changed(0)
    skew = 120
    in_time = judged(ID, [event], [incident(15 * 60 + skew, DAY + skew)])
    assert [v.subtype for v in in_time] == ["UNANNOUNCED"]
    late = judged(ID, [event], [incident(15 * 60 + skew + 1, DAY + skew + 1)])
    assert sorted(v.subtype for v in late) == ["NOT_HANDLED", "NOT_NOTIFIED", "UNANNOUNCED"]
    (notice,) = [v for v in late if v.subtype == "NOT_NOTIFIED"]
    assert notice.evidence[0].values["due"] == instant.text(at(15 * 60))
    assert notice.controls == ("CC-17010.f.b",)


@pytest.mark.parametrize(("tags", "expected"), [((), "high"), (("core",), "high"), (("ordering",), "critical")])
def test_severity_is_critical_on_the_ordering_system(tags, expected):
    context = [asset("web-1", *tags)]
    (unannounced,) = acts(judged(ID, [changed(0)], context))
    (wrong,) = acts(judged(ID, [changed(0)], [*context, announcement(hashes=(C,))]))
    (expired,) = acts(judged(ID, [changed(2 * HOUR)], [*context, announcement()]))
    assert (unannounced.severity, wrong.severity, expired.severity) == (expected, expected, "high")
    assert (wrong.subtype, expired.subtype) == ("WRONG_HASH", "EXPIRED")


def test_evidence_shows_what_was_compared():
    context = [announcement(), tables.envelope("releases", {
        "release": "web 2.0", "approval": "REL1", "artefacts": [{"path": "*/order.js", "sha256": C}],
    }, o=0)]  # fmt: skip
    (wrong,) = acts(judged(ID, [changed(60, old=A)], context))
    values = wrong.evidence[0].values
    assert (values["hash_before"], values["hash_after"]) == (A, B)
    assert (values["release"], values["released_hash"]) == ("web 2.0", C)
    assert (values["approval"], values["approval.valid_to"]) == ("REL1", instant.text(at(HOUR)))
    assert (wrong.approval, wrong.reasons, wrong.evidence[0].original) == ("REL1", ("WRONG_HASH",), "line")


def test_a_roll_back_is_linked_to_the_content_it_returns_to():
    events = [changed(0, B, old=A), changed(HOUR, A, old=B)]
    _, back = sorted(acts(judged(ID, events)), key=lambda v: v.anchor_time)
    assert back.evidence[0].values["rolls_back"] == instant.text(at(0))


def test_a_scan_interval_that_overlaps_the_window_covers_and_one_that_does_not_is_expired():
    context = [announcement()]
    assert not judged(ID, [changed(3 * HOUR, since=HOUR - 60)], context)
    (expired,) = acts(judged(ID, [changed(3 * HOUR, since=HOUR + 180)], context))
    assert (expired.subtype, expired.evidence[0].values["scan_before"]) == ("EXPIRED", instant.text(at(HOUR + 180)))
    # What lies in the tolerance only is said to.
    narrow = announcement(scope={"targets": ["web-1"], "objects": ["/srv/web/*"], "hashes": [C]})
    (wrong,) = acts(judged(ID, [changed(3 * HOUR, since=HOUR + 60)], [narrow]))
    assert (wrong.subtype, wrong.skew_ambiguous) == ("WRONG_HASH", True)


def test_only_a_scan_well_before_the_finding_tells_the_earliest_time():
    (_, facts) = bare(scans.fold, [scan_ended(0), changed(1000, since=-HOUR), changed(500, since=-HOUR)], to=at(DAY))
    assert [fact.payload["earliest"] for fact in facts] == [at(-HOUR), at(0)]
    (_, facts) = bare(scans.fold, [scan_ended(0), changed(1000, since=500)], to=at(DAY))
    assert facts[0].payload["earliest"] == at(500)


def test_what_a_scan_found_came_after_the_change_told_before():
    window = announcement(start=-HOUR, end=-600)
    known = changed(0, B, old=A)
    (_, later) = sorted(acts(judged(ID, [known, changed(3 * HOUR, C, old=B, since=-HOUR)], [window])), key=lambda v: v.anchor_time)
    assert (later.subtype, later.first_time) == ("EXPIRED", at(0))


def test_a_scan_finding_keeps_its_line():
    (violation, *_) = acts(judged(ID, [changed(3 * HOUR, since=0, line=17)]))
    assert violation.evidence[0].line == 17


def test_writes_in_a_row_are_one_change_and_a_later_one_is_another():
    burst = [written(second) for second in (0, 20, 50, 100, 150)]
    assert len(acts(judged(ID, burst))) == 1
    assert len(acts(judged(ID, [*burst, written(300)]))) == 2


def test_who_and_what_of_one_change_come_together():
    events = [written(0, user="dan"), changed(2, B, old=A)]
    (violation, *_) = acts(judged(ID, events))
    assert (violation.user_name, violation.anchor) == ("dan", events[0].id)
    assert violation.evidence[0].values["hash_after"] == B
    assert [item.event_id for item in violation.evidence] == [event.id for event in events]


def test_deletion_told_twice_is_one_change():
    events = [changed(0, "", type=("deletion",)), changed(HOUR, "", type=("deletion",), since=-HOUR)]
    assert len(acts(judged(ID, events))) == 1


def test_uses_are_told_as_self_approved_change_reads_them():
    people = [
        tables.envelope("persons", {"person": "P-ROSA"}, o=0),
        tables.envelope("accounts", {"account": "rosa", "person": "P-ROSA"}, o=0),
        tables.envelope("accounts", {"account": "deploy", "person": "P-ROSA"}, o=0),
    ]
    ruleset = Ruleset([load()[ID], load()["self_approved_change"]])
    engine, history = Engine(ruleset), []
    for record in [announcement(), *people]:
        engine.apply(Stated(record))
    event = changed(60, user="deploy")
    engine.apply(Keyed(event, tuple(ruleset.routes(event))))
    engine.apply(Progress(part=0, parts=1, observed=at(2 * DAY)))
    batch = engine.drain()
    assert not batch.parked
    history += batch.violations
    (found,) = final(history)
    assert (found.detector, found.subtype, found.subject) == ("self_approved_change", "SELF_APPROVED", {"approval": "REL1"})
    assert "APPROVER_IS_IMPLEMENTER" in found.reasons
    assert found.controls == ("CC-19000.5",)


def test_no_use_is_told_of_a_change_with_another_content():
    def uses(hashes):
        engine = Engine(Ruleset([load()[ID]]))
        engine.apply(Stated(announcement(hashes=hashes)))
        event = changed(60)
        engine.apply(Keyed(event, tuple(engine.ruleset.routes(event))))
        keyed = next(k for (index, _), k in engine.keys.items() if k.rule.fold is file_fold)
        return [fact.ref for fact in keyed.facts.values() if fact.action == USE]

    assert uses((B,)) == ["REL1"]
    assert uses((C,)) == []


@pytest.mark.parametrize(
    "path",
    [
        "/var/log/nginx/error", "/srv/app/logs/2026/03/a", "/srv/web/a.log", "/srv/web/a.log.3.gz", "/srv/web/a.LOG-20260302", "/srv/cache/x.html",
        "/srv/web/uploads/cv.pdf", "C:\\inetpub\\logs\\u_ex.txt", "/etc/ssl/certs/site.pem", "/etc/letsencrypt/renewal/site.conf", "/etc/shadow",
    ],
)  # fmt: skip
def test_files_that_change_by_themselves(path):
    assert changes.ordinary(path)


@pytest.mark.parametrize(
    "path",
    [
        "/srv/web/index.html", "/srv/web/login.js", "/srv/web/logs/shell.php", "/srv/web/uploads/a.jsp", "/opt/catalog/bin/run", "/srv/web/blog/a.html",
        "/usr/bin/sshd", "/etc/nginx/nginx.conf", "C:\\inetpub\\uploads\\x.aspx", "/etc/cron.d/job",
    ],
)  # fmt: skip
def test_files_that_are_watched(path):
    assert not changes.ordinary(path)


@st.composite
def story(draw):
    """Changes of two files on two hosts, exact, written and found by scans, with ends of scans between them."""
    events = {}
    for _ in range(draw(st.integers(1, 10))):
        second = draw(st.integers(0, 4 * HOUR))
        host = draw(st.sampled_from(("web-1", "web-2")))
        path = draw(st.sampled_from((PATH, "/srv/web/quote.js")))
        late = draw(st.sampled_from((0, 0, 600, HOUR)))
        kind = draw(st.sampled_from(("exact", "exact", "written", "found", "scan", "reset")))
        if kind == "scan":
            event = scan_ended(second, host)
        elif kind == "reset":
            event = reset(second, host, late=late, user=draw(st.sampled_from(("", "dan"))))
        elif kind == "written":
            event = written(second, host=host, path=path, late=late, user=draw(st.sampled_from(("", "dan"))))
        else:
            since = second - draw(st.integers(1, 2 * HOUR)) if kind == "found" else None
            new, old = draw(st.sampled_from((A, B, C))), draw(st.sampled_from(("", A, B)))
            event = changed(second, new, old=old, host=host, path=path, since=since, late=late)
        events[event.id] = event
    return list(events.values())


@st.composite
def known(draw):
    """Requests and incidents, some observed late."""
    records = [tables.envelope("groups", {"group": "farm", "member": host}, o=0) for host in ("web-1", "web-2")]
    for number in range(draw(st.integers(0, 3))):
        start = draw(st.integers(-HOUR, 4 * HOUR))
        decided = start + draw(st.integers(-HOUR, HOUR))
        records.append(announcement(
            f"REL{number}", start, start + draw(st.integers(1, 2 * HOUR)), decided=decided,
            o=decided + draw(st.sampled_from((0, 1800, 3 * HOUR))), targets=(draw(st.sampled_from(("web-1", "web-2", "farm"))),),
            hashes=draw(st.sampled_from(((), (B,), (A, C)))), max_uses=draw(st.sampled_from((None, 1))),
        ))  # fmt: skip
    if draw(st.booleans()):
        records.append(incident(draw(st.integers(0, 4 * HOUR)), draw(st.integers(0, 4 * HOUR)), approved_drill=draw(st.booleans())))
    return records


def run(items, *, chunk):
    engine, history = Engine(Ruleset([load()[ID]])), []
    for count, item in enumerate(items, 1):
        if isinstance(item, SecurityEvent):
            engine.apply(Keyed(item, tuple(engine.ruleset.routes(item))))
        else:
            engine.apply(Stated(item))
        if count % chunk == 0:
            history += engine.drain().violations
    engine.apply(Progress(part=0, parts=1, observed=at(3 * DAY)))
    batch = engine.drain()
    assert not batch.parked, batch.parked
    return [violation.canonical() for violation in final([*history, *batch.violations])]


@given(story(), known(), st.randoms(use_true_random=False), st.integers(1, 4))
@settings(max_examples=80, deadline=None)
def test_any_arrival_gives_the_same_final_set(events, context, chance: random.Random, chunk):
    in_order = [*context, *sorted(events, key=lambda event: event.order)]
    shuffled = [*context, *events, *events]
    chance.shuffle(shuffled)
    assert run(shuffled, chunk=chunk) == run(in_order, chunk=1)


@given(story())
@settings(max_examples=40, deadline=None)
def test_steps_end_and_nothing_is_found_without_a_change(events):
    found = judged(ID, events)
    told = [
        event for event in events
        if event.action == "baseline-reset" or (event.activity == Activity.FILE_CHANGE and (not event.hash or event.hash != event.hash_before))
    ]  # fmt: skip
    assert bool(acts(found)) == bool(told)
    assert len(acts(found)) <= len(told)
    assert brief(found) == brief(judged(ID, list(reversed(events))))
