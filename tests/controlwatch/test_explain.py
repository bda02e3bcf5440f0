"""``explain`` says for every record what became of it, also where a fold's state holds evidence."""

import json
import subprocess
import sys

import pytest

from streams.simulator import simulate

FEEDS = ("approval", "servicenow", "fortigate", "wazuh", "linux", "windows", "panos", "auditd", "suricata", "modsecurity")


@pytest.fixture(scope="module")
def firm(tmp_path_factory):
    out = tmp_path_factory.mktemp("firm") / "logs"
    simulate(seed=1, days=0.3, rate=0.01, out=out)
    return out


@pytest.mark.parametrize("feed", FEEDS)
def test_every_record_is_explained(feed, firm):
    path = max(firm.glob(f"{feed}*"), key=lambda found: found.stat().st_size)
    lines = path.read_bytes().splitlines(keepends=True)[:40]
    done = subprocess.run(
        [sys.executable, "-m", "controlwatch", "explain", "--source", feed], input=b"".join(lines), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == len(lines)
    assert all(item["fate"] == "parsed" for item in told)
    assert any(item["folds"] for item in told)


FAILED = "Mar  2 09:00:{:02} web-1 sshd[4242]: Failed password for alice from 10.1.2.3 port 51000 ssh2"


def explain(source, *lines):
    """What is told of each line, by fold."""
    done = subprocess.run(
        [sys.executable, "-m", "controlwatch", "explain", "--source", source, "--received-base", "2026-03-02T10:00:00Z"],
        input="".join(f"{line}\n" for line in lines).encode(), capture_output=True, check=True,
    )  # fmt: skip
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return [({row["fold"]: row for row in item["folds"]}, {row["fold"]: row["why"] for row in item["passed_over"]}) for item in told]


def test_below_the_threshold_it_tells_how_much_there_is_and_until_when_it_waits():
    (_, _), (second, passed_over), (third, _) = explain("linux", *(FAILED.format(second) for second in (11, 12, 13)))
    row = second["repeated_failed_logins/account"]
    assert row["findings"] == []
    assert row["deadline"] == "2026-03-03T09:00:12Z"
    assert row["looked_up"] == [
        {"table": "assets", "entity": "address:10.1.2.3", "found": []}, {"table": "downtimes", "entity": "10.1.2.3", "found": []},
    ]  # fmt: skip
    for words in ("no finding", "recent 1 → 2 entries", "still open: deadline 2026-03-03T09:00:12Z", "downtimes of 10.1.2.3: none known"):
        assert words in row["why"]
    assert "key (privileged_host)" in passed_over["root_use_without_approval/host"]
    row = third["repeated_failed_logins/account"]
    assert [(item["subtype"], item["state"], item["count"]) for item in row["findings"]] == [("ATTACK_SUSPECTED", "open", 3)]
    assert "finding of this key: ATTACK_SUSPECTED [open], count 3" in row["why"]


def test_what_no_fold_takes_is_told_with_its_activity():
    [(folds, passed_over)] = explain("linux", "Mar  2 09:00:11 web-1 foo[7]: hello")
    assert set(folds) == {"log_source_silent/source"}
    assert passed_over == {"": "no detector asks for other"}


def test_a_record_that_comes_twice_or_too_late_is_told_so():
    (_, _), (second, _) = explain("linux", FAILED.format(11), FAILED.format(11))
    assert "no finding" in second["repeated_failed_logins/account"]["why"]
    wrapped = json.dumps({"received": "2026-03-09T09:00:00Z", "raw": FAILED.format(11)})
    [(folds, _)] = explain("linux", wrapped)
    assert "not judged: observed 604789 s after its own time; this fold allows" in folds["repeated_failed_logins/account"]["why"]


def test_a_fact_is_told_by_the_fold_that_derived_it_and_by_those_that_took_it(firm):
    told = explain("panos", *(firm / "panos@panorama.log").read_text().splitlines()[:40])
    facts = [row for folds, _ in told for row in folds.values() if row["facts"]]
    taken = [row for folds, _ in told for row in folds.values() if row["event"].startswith("fact ")]
    assert facts
    assert all(f"told other folds: {row['facts'][0]['kind']}" in row["why"] for row in facts)
    assert {fact["kind"] for row in facts for fact in row["facts"]} == {row["event"].removeprefix("fact ") for row in taken}
    assert any("its state changed" in row["why"] for row in taken)
