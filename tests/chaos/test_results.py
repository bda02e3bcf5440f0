"""Results stay where they should: the larger run of a row and seed, what failed before it, and totals over all."""

import pytest

from tests.chaos import report, results, rows

assert rows  # its import has registered every row


def result(**more):
    summary = {"faults": 3, "expected": 10, "records": 100, "lost": 0, "duplicate": 0, "phantom": 0, "changed": 0}
    summary |= {name: more.pop(name) for name in ("killed", "crashed_at", "store_away_s", "lost") if name in more}
    made = {
        "row": "T01", "fault": "workers killed", "date": "2026-03-01", "program": "abc", "scale": 0.25, "seed": 1, "cores": 2,
        "memory_gib": 24, "python": "3.11.7", "passed": True, "seconds": 120.0, "summary": summary,
    }  # fmt: skip
    return made | more


def test_a_smaller_run_replaces_a_larger_one_only_if_told(tmp_path):
    assert results.keep(tmp_path, result(scale=1))
    assert not results.keep(tmp_path, result(scale=0.25))
    assert results.read(tmp_path)[0]["scale"] == 1
    assert results.keep(tmp_path, result(scale=0.25), anyway=True)
    assert results.read(tmp_path)[0]["scale"] == 0.25


def test_another_seed_stands_beside(tmp_path):
    results.keep(tmp_path, result(seed=2))
    results.keep(tmp_path, result(seed=1))
    assert [one["seed"] for one in results.read(tmp_path)] == [1, 2]


def test_a_run_that_did_not_hold_is_remembered_by_the_one_that_replaces_it(tmp_path):
    results.keep(tmp_path, result(passed=False, program="old"))
    results.keep(tmp_path, result(program="new"))
    results.keep(tmp_path, result(program="newer"))
    (found,) = results.read(tmp_path)
    assert [one["program"] for one in found["failed_before"]] == ["old"]
    assert "yes (1 run before did not)" in report.table([found])


@pytest.mark.parametrize(("change", "done"), [({}, True), ({"scale": 0.1}, False), ({"passed": False}, False), ({"seed": 2}, False)])
def test_only_a_run_that_held_and_is_large_enough_counts_as_done(tmp_path, change, done):
    results.keep(tmp_path, result(**change))
    assert results.done(tmp_path, "T01", scale=0.25, seed=1) is done


def test_totals_add_up_over_rows_and_seeds():
    found = [
        result(killed={"worker": 100, "broker": 3}, crashed_at={"detect:after-poll": 7}),
        result(seed=2, killed={"worker": 50}, store_away_s=[60.4, 600.2], lost=2, passed=False),
        result(row="T02", crashed_at={"detect:after-poll": 5}),
    ]
    told = report.totals(found)
    assert "workers killed (SIGKILL): 150 of 300 wanted" in told
    assert "brokers killed (SIGKILL): 3 of 30 wanted" in told
    assert "`detect:after-poll` 12, `detect:after-fold` 0" in told
    assert "60, 600" in told
    assert "lost 2, duplicate 0, phantom 0, changed 0 in 3 runs, of which 2 held" in told
    assert "T01," not in told.splitlines()[-1]
    assert "T03" in told.splitlines()[-1]


def test_the_page_keeps_what_stands_around_the_table(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nformer table\n{report.END}\nafter\n")
    report.write(page, [result()])
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "former table" not in text
    assert "| T01 | workers killed | 2026-03-01 | abc | 0.25 | 1 | 3 |  |" in text


def test_a_page_without_marks_is_refused(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(ValueError, match="has no lines"):
        report.write(page, [])
