"""The promises of a run: same seed same bytes, every case present, truth and context well-formed, sources never silent by accident."""

import ast
import json
import sys
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest

from schemas import instant, tables
from streams import recording, simulator
from streams.feeds.kit import registry as feeds
from streams.feeds.kit.contract import RawRecord, Unreadable
from streams.normalize import normalize
from streams.simulator import clock, page, truth

ROOT = Path(__file__).parents[2]


def digest(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_same_seed_same_bytes_other_seed_other_bytes(folder, tmp_path):
    simulator.simulate(seed=7, days=2, rate=0.05, out=tmp_path / "again")
    simulator.simulate(seed=8, days=2, rate=0.05, out=tmp_path / "other")
    assert digest(tmp_path / "again") == digest(folder)
    assert digest(tmp_path / "other")["truth.jsonl"] != digest(folder)["truth.jsonl"]


def test_rate_changes_background_only(folder, tmp_path):
    simulator.simulate(seed=7, days=2, rate=0.0, out=tmp_path / "quiet")
    quiet, usual = digest(tmp_path / "quiet"), digest(folder)
    kept = [name for name in usual if name.startswith("context") or name in ("truth.jsonl", "approval.jsonl", "servicenow.jsonl")]
    assert {name: quiet[name] for name in kept} == {name: usual[name] for name in kept}
    count = sum(path.read_bytes().count(b"\n") for path in folder.glob("*@*")) - sum(
        path.read_bytes().count(b"\n") for path in (tmp_path / "quiet").glob("*@*")
    )
    assert 0.05 * 2 * 86400 < count < 0.05 * 2 * 86400 * 1.5


def test_two_days_hold_every_case(folder):
    planted = {line["case"] for line in lines(folder / "truth.jsonl")}
    assert {entry.id for entry in simulator.cases()} == planted


def test_every_case_declares_truth_about_its_own_detector(folder):
    planted = {(line["case"], line["detector"]) for line in lines(folder / "truth.jsonl")}
    assert {(entry.id, entry.detector) for entry in simulator.cases()} <= planted


def test_every_hard_case_trap_row_and_test_of_the_text_is_there():
    ids = {entry.id.rstrip("abcd") if entry.id.startswith("p4.") else entry.id for entry in simulator.cases()}
    assert {f"p4.{number:02d}" for number in range(1, 18)} - ids == {"p4.12"}
    rows = (
        "no_approval late_arrival late_arrival_retracted late_decision emergency_ratified emergency_unratified emergency_rejected "
        "emergency_flag_after backdated scope_exceeded expired revoked rejected reused scope_edited_after self_approved wrong_approver"
    )
    assert {f"row.{name}" for name in rows.split()} <= ids
    parties = (
        "hard.second_account hard.delegate_approves_delegator hard.deputy_ended hard.role_changed_after hard.group_mailbox "
        "trap.service_implementer trap.on_behalf_of collusion.reports_to_requester collusion.mutual_pair"
    )
    assert {f"d5.{name}" for name in parties.split()} <= ids
    resets = (
        "baseline.unapproved baseline.approved baseline.late_decision baseline.other_host baseline.late_arrival "
        "baseline.late_arrival_retracted hard.baseline_told_twice trap.baseline_compared trap.baseline_moved "
        "trap.baseline_refused"
    )
    assert {f"d4.{name}" for name in resets.split()} <= ids
    assert {f"d1.trap.{name}" for name in ("logged_twice", "logged_twice_by_proxy", "preauthentication")} <= ids


def test_truth_is_well_formed(folder):
    for line in lines(folder / "truth.jsonl"):
        assert list(line) == ["case", "detector", "subtype", "subject", "verdict", "from", "to", "note"]
        assert tuple(line["subject"]) == truth.SUBJECTS[line["detector"]]
        assert line["verdict"] in truth.VERDICTS
        assert line["subtype"]
        assert clock.START <= instant.parse(line["from"]) <= instant.parse(line["to"]) <= clock.START + clock.CYCLE
        assert any(line["subject"].values())


def test_no_subject_is_both_demanded_and_forbidden(folder):
    found, forbidden = set(), set()
    for line in lines(folder / "truth.jsonl"):
        key = (line["detector"], line["subtype"], json.dumps(line["subject"]))
        (forbidden if line["verdict"] == "none" else found).add(key)
    assert not found & forbidden


def test_members_of_the_final_set_differ_but_for_acts_on_one_file(folder):
    keys = [
        (line["detector"], line["subtype"], json.dumps(line["subject"]), line["verdict"], line["case"])
        for line in lines(folder / "truth.jsonl") if line["verdict"] != "none"
    ]
    twice = {key[-1] for key in keys if keys.count(key) > 1}
    assert twice == {"d4.hard.change_and_back"}


def test_baselines_are_reset_in_every_way_with_and_without_approval(folder):
    resets = [line for line in lines(folder / "truth.jsonl") if line["subtype"] == "BASELINE_RESET"]
    assert all(line["subject"]["host"] and line["subject"]["path"] is None for line in resets)
    ways = {(line["verdict"], line["note"]) for line in resets if line["case"] in ("d4.baseline.unapproved", "d4.baseline.approved")}
    assert ways == {(verdict, way) for verdict in ("violation", "none") for way in ("aide", "tripwire", "wazuh")}
    assert [line["case"] for line in resets if line["verdict"] == "retracted"] == ["d4.baseline.late_arrival_retracted"]


@pytest.mark.parametrize(("case", "source", "told"), [
    ("d4.baseline.unapproved", "auditd@db-1.log", ['a1=\\"--init\\"', '"raw":"node={host} ']),
    ("d4.baseline.unapproved", "wazuh@manager-1.jsonl", ["--update", '"name":"{host}"']),
    ("d4.baseline.unapproved", "wazuh@manager-1.jsonl", ['"DELETE /syscheck/{host}"', ": 200"]),
    ("d4.trap.baseline_moved", "auditd@db-1.log", ["aide.db.new.gz", '"raw":"node={host} ', "nametype=DELETE"]),
    ("d1.trap.logged_twice_by_proxy", "panos@fw-branch-1.log", [",auth-fail,", "failed authentication for user '{user}'"]),
    ("d1.trap.logged_twice_by_proxy", "windows@wec-1.jsonl", ['"event_id":"4625"', '"TargetUserName":"{user}"']),
])
def test_planted_acts_stand_in_the_log_that_tells_them(folder, case, source, told):
    subjects = [line["subject"] for line in lines(folder / "truth.jsonl") if line["case"] == case]
    text = (folder / source).read_text(encoding="utf-8").splitlines()

    def count(subject):
        return sum(all(part.format(**subject) in line for part in told) for line in text)

    assert max(map(count, subjects)) == (2 if case.startswith("d1.") else 1)


def test_context_validates(folder):
    for path in sorted((folder / "context").glob("*.jsonl")):
        for record in lines(path):
            tables.model(tables.envelope(path.stem, record))


def test_sources_file_names_every_log_file(folder):
    known = recording.read_sources(folder / "sources.toml")
    files = {path.stem for path in folder.iterdir() if path.suffix in (".log", ".jsonl") and path.name != "truth.jsonl"}
    assert set(known) - files == {"linux@clearing-1"}
    assert files <= set(known)
    assert known["servicenow"].authority
    assert known["servicenow"].delay == 4 * instant.HOUR


@pytest.mark.parametrize("feed", ["approval", "auditd", "fortigate", "linux", "modsecurity", "panos", "servicenow", "suricata", "wazuh", "windows"])
def test_feed_reads_every_line(folder, feed):
    known = recording.read_sources(folder / "sources.toml")
    unreadable = []
    for path in sorted(folder.glob(f"{feed}*.*l*")):
        source = known[path.stem]
        for raw in recording.read_lines(path.open("rb"), source):
            try:
                found = normalize(feeds.load()[feed], RawRecord(
                    raw.data, source.source, feed, o=raw.o, base=source.received_base, zone=clock.TAIPEI,
                ))
            except Unreadable as error:
                unreadable.append(error.reason)
            else:
                assert found, raw.data
    assert unreadable == (["implausible_time"] * 4 if feed in ("linux", "windows") else [])


def test_only_planted_silences_are_silent(folder):
    """Observed gaps of more than ten minutes are exactly those the cases of detector 30 say."""
    silent = {}
    for line in lines(folder / "truth.jsonl"):
        if line["detector"] == truth.SILENT and line["subtype"] != "ABSENT":
            silent.setdefault(line["subject"]["source"], []).append((instant.parse(line["from"]), instant.parse(line["to"])))
    known = recording.read_sources(folder / "sources.toml")
    for path in sorted(folder.glob("*@*")):
        source = known[path.stem]
        if not source.expected or path.stem in ("windows@counter-1", "suricata@weekend-1"):
            continue
        feed = feeds.load()[source.feed]
        seen = [clock.START]
        for raw in recording.read_lines(path.open("rb"), source):
            record = RawRecord(raw.data, source.source, source.feed, o=raw.o, base=source.received_base, zone=clock.TAIPEI)
            try:
                seen += [item.o for item in normalize(feed, record)]
            except Unreadable:
                seen.append(raw.o or 0)
        seen = sorted([*seen, clock.START + clock.CYCLE])
        gaps = [(a, b) for a, b in pairwise(seen) if b - a > 10 * instant.MINUTE]
        planted = silent.get(path.stem, [])
        assert len(gaps) == (1 if planted and path.stem != "auditd@db-3" else 0), path.stem
        for a, b in gaps:
            since, until = planted[0]
            assert a <= since <= a + 5 * instant.MINUTE
            assert until <= b <= until + 20 * instant.SECOND


def test_a_short_run_plants_what_fits(tmp_path):
    simulator.simulate(seed=7, days=0.5, rate=0, out=tmp_path / "short")
    found = {line["case"] for line in lines(tmp_path / "short" / "truth.jsonl")}
    assert "row.late_decision" in found
    assert "d3.record.missing" not in found
    assert "d30.hard.core_absent" not in found


def test_four_days_plant_everything_twice_with_other_subjects(tmp_path):
    simulator.simulate(seed=7, days=4, rate=0, out=tmp_path / "long")
    found = [line for line in lines(tmp_path / "long" / "truth.jsonl") if line["detector"] != truth.SILENT]
    keys = [(line["detector"], line["subtype"], json.dumps(line["subject"]), line["from"]) for line in found]
    assert len(set(keys)) == len(keys)
    counted = [line["case"] for line in found]
    assert all(counted.count(case) % 2 == 0 for case in set(counted))


@pytest.mark.parametrize(("days", "rate"), [(0, 1), (-1, 1), (366, 1), (1, -0.1)])
def test_bad_arguments_are_refused(tmp_path, days, rate):
    with pytest.raises(ValueError, match="give"):
        simulator.simulate(seed=1, days=days, rate=rate, out=tmp_path / "bad")


def test_a_folder_with_files_is_refused(tmp_path):
    (tmp_path / "linux@old.log").write_text("x")
    with pytest.raises(FileExistsError, match="not empty"):
        simulator.simulate(seed=1, days=0.1, rate=0, out=tmp_path)


def test_progress_ends_at_one(tmp_path):
    seen = []
    simulator.simulate(seed=1, days=0.1, rate=5, out=tmp_path / "run", progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) > 2


def test_the_simulator_shares_no_code_with_feeds_and_detectors():
    for path in sorted((ROOT / "streams" / "simulator").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            for name in names:
                own = name.startswith("streams.simulator") or name == "schemas.instant"
                assert own or name.partition(".")[0] in sys.stdlib_module_names, f"{path.name}: {name}"


def test_page_lists_every_case():
    text = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
    assert page.renewed(text) == text, "run python -m streams.simulator.page"
