"""unannounced_web_or_program_change: baselines made anew; what is one reset, who may, and what Auditbeat's first scans say."""

import msgspec

from tests.detectors.harness import at, judged
from tests.detectors.test_unannounced_web_or_program_change import DAY, HOUR, ID, announcement, changed, reset


def test_a_reset_lasts_from_its_first_telling_to_the_last_and_one_an_hour_later_is_another():
    events = [reset(0, user="dan"), reset(1800), reset(1800 + HOUR), reset(1801 + 2 * HOUR)]
    first, second = sorted(judged(ID, events), key=lambda v: v.anchor_time)
    assert (first.subject, first.severity, first.user_name) == ({"host": "web-1", "path": None}, "high", "dan")
    assert (first.first_time, first.last_time, first.count) == (at(0), at(1800 + HOUR), 3)
    assert (second.anchor, second.count) == (events[3].id, 1)
    window = announcement(start=-60, end=1800 + HOUR, scope={"targets": ["web-1"]})
    assert [v.anchor for v in judged(ID, events, [window])] == [events[3].id]
    (left,) = judged(ID, events[:3], [announcement(start=-60, end=HOUR, scope={"targets": ["web-1"]})])
    assert (left.subtype, left.reasons, left.severity) == ("BASELINE_RESET", ("BASELINE_RESET", "EXPIRED"), "high")
    assert left.evidence[0].values["overrun_s"] == "1800"


def test_a_reset_uses_no_limited_request_up():
    window = announcement(max_uses=1, end=2 * HOUR)
    assert not judged(ID, [reset(0), reset(5000), changed(60)], [window])


def test_a_reset_by_another_account_than_the_request_names_is_not_covered():
    window = announcement(scope={"targets": ["web-1"], "accounts": ["deploy"]})
    assert not judged(ID, [reset(0, user="deploy")], [window])
    (other,) = judged(ID, [reset(0, user="dan")], [window])
    assert (other.subtype, other.severity) == ("BASELINE_RESET", "high")


def test_a_first_scan_is_a_reset_only_of_a_directory_scanned_before():
    def first(second, path):
        return msgspec.structs.replace(reset(second), id=f"{path}-{second}", action="initial_scan", path=path)

    assert not judged(ID, [first(0, "/srv"), first(10, "/srv/web"), first(HOUR, "/srv"), first(2 * HOUR, "/opt")])
    (again,) = judged(ID, [first(0, "/srv"), first(0, "/opt"), first(DAY, "/opt"), first(DAY + 60, "/srv")])
    assert (again.subtype, again.count) == ("BASELINE_RESET", 2)
    # Of very many directories those near the root are remembered.
    many = [first(n / 100, f"/srv/web/{n:03}") for n in range(200)]
    (again,) = judged(ID, [first(0, "/srv"), *many, first(DAY, "/srv")])
    assert again.evidence[0].values["path"] == "/srv"
