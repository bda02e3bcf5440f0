"""A mistake in what a user wrote: exit status 2, and a text that says where, what, what is allowed, and the nearest word."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(folder, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "controlwatch", *arguments], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


def refused(done, *words):
    assert done.returncode == 2, done.stderr
    assert [word for word in words if word not in done.stderr] == []
    assert "pydantic" not in done.stderr
    assert "Traceback" not in done.stderr


SOURCES = [
    ('zoen = "UTC"', "'zoen'", "'zone'"),
    ("core = 7", "'core'", "7", "true or false"),
    ('zone = "Asia/Taipeh"', "'Asia/Taipeh'", "'Asia/Taipei'"),
    ('clauses = ["CC-17010.b.z"]', "'CC-17010.b.z'", "did you mean 'CC-17010.b."),
    ('expected = [{ evry = "PT5M" }]', "expected[0].evry", "'every'"),
    ('expected = [{ every = "5 minutes" }]', "expected[0].every", "'5 minutes'", "PT10M"),
    ('expected = [{ every = "PT5M", days = ["monday"] }]', "expected[0].days[0]", "'monday'", "`mon`"),
]


@pytest.mark.parametrize("words", SOURCES, ids=lambda words: words[0])
def test_a_wrong_table_of_a_source(words, tmp_path):
    line, *told = words
    (tmp_path / "sources.toml").write_text(f'[sources."linux"]\n{line}\n')
    refused(run(tmp_path, "doctor"), "sources.toml", '[sources."linux"]', *told)
    refused(run(tmp_path, "replay", "."), "sources.toml", '[sources."linux"]', *told)


@pytest.mark.parametrize(
    ("text", "told"),
    [("[source.linux]\n", "'source'"), ("sources = 3\n", "[sources."), ('[sources]\nlinux = "x"\n', "expected a table"), ("[x\n", "no TOML"), ("\xff", "UTF-8")],
)
def test_a_file_that_does_not_hold_tables_of_sources(text, told, tmp_path):
    (tmp_path / "sources.toml").write_bytes(text.encode("latin-1"))
    refused(run(tmp_path, "doctor"), "sources.toml", told)
    refused(run(tmp_path, "replay", "."), "sources.toml", told)


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"acount": "a", "from": "2026-01-01T00:00:00Z"}, ["'account' is missing", "'acount' is unknown", "did you mean 'account'?"]),
        ({"account": "a", "from": "yesterday"}, ["'from'", "'yesterday'", "2026-"]),
        ({"account": "a", "kind": "robot"}, ["'kind'", "'robot'", "`service`"]),
        (["a"], ["['a']"]),
    ],
)
def test_a_wrong_line_of_context(record, told, tmp_path):
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "accounts.jsonl").write_text("\n" + json.dumps(record) + "\n")
    refused(run(tmp_path, "replay", "."), "accounts.jsonl, line 2", *told)
    refused(run(tmp_path, "doctor"), "accounts.jsonl, line 2", *told)


def test_a_context_file_of_no_table(tmp_path):
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "acounts.jsonl").write_text("{}\n")
    refused(run(tmp_path, "replay", "."), "acounts.jsonl", "'accounts'")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("CONTROLWATCH_PORT", "http", ["CONTROLWATCH_PORT", "'http'", "port of the dashboard"]),
        ("CONTROLWATCH_PORT", "70000", ["CONTROLWATCH_PORT", "70000", "at most 65535"]),
        ("CONTROLWATCH_PROT", "1", ["CONTROLWATCH_PROT", "CONTROLWATCH_PORT"]),
        ("CONTROLWATCH_ALERT_SEVERITIES", "high", ["CONTROLWATCH_ALERT_SEVERITIES", '["critical","high"]']),
        ("CONTROLWATCH_ALERT_SEVERITIES", '["urgent"]', ["CONTROLWATCH_ALERT_SEVERITIES", "'urgent'", "`critical`"]),
    ],
)
def test_a_wrong_setting(name, value, told, tmp_path):
    refused(run(tmp_path, "doctor", **{name: value}), *told)
    (tmp_path / "controlwatch.env").write_text(f"{name}={value}\n")
    refused(run(tmp_path, "doctor"), *told)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["normalize", "--source", ""], ["--source ''", "name: a feed"]),
        (["simulate", "--out", "x", "--days", "nan"], ["--days", "'nan'"]),
        (["simulate", "--out", "x", "--rate", "nan"], ["--rate", "'nan'"]),
        (["simulate", "--out", "x", "--rate", "inf"], ["--rate", "inf"]),
        (["simulate", "--out", "x", "--days", "366"], ["--days", "365"]),
        (["simulate", "--out", "/proc/x"], ["--out /proc/x", "No such file or directory", "written"]),
        (["up", "--source", "linux=a.log", "--data", "/proc/zz"], ["/proc/zz", "cannot be written", "--data"]),
        (["report", "--month", "2026-13"], ["--month", "'2026-13'", "2026-03"]),
        (["report", "--month", "0000-01"], ["--month", "'0000-01'", "2026-03"]),
        (["report", "--month", "9999-12"], ["--month", "'9999-12'", "2026-03"]),
        (["replay", ".", "--from", "2026-03-03", "--to", "2026-03-02"], ["--from 2026-03-03", "later than --to 2026-03-02"]),
    ],
    ids=lambda value: " ".join(value) if value[0] in {"normalize", "simulate", "up", "report", "replay"} else "",
)
def test_a_wrong_option(arguments, told, tmp_path):
    refused(run(tmp_path, *arguments), *told)


@pytest.mark.parametrize("month", ["1970-01", "9998-12"])
def test_the_first_and_the_last_month_are_months(month, tmp_path):
    refused(run(tmp_path, "report", "--month", month), "controlwatch.sqlite does not exist")


@pytest.mark.parametrize(
    "arguments", [["up", "--source", "linux=a.log", "--port", "0"], ["report", "--month", "2026-03"], ["deadletter", "list"]], ids=" ".join
)
def test_a_data_file_that_is_none(arguments, tmp_path):
    (tmp_path / "controlwatch.sqlite").write_text("no database, however long it may be. " * 100)
    refused(run(tmp_path, *arguments, "--data", ".", CONTROLWATCH_METRICS_PORT="0"), "controlwatch.sqlite", "not a database", "move it away")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "truncated"),
        ("[]", "Expected `object`"),
        ('{"verdict": "violation", "case": "c", "subtype": "s", "subject": {}}', "required field `detector`"),
        ('{"verdict": "maybe", "case": "c", "detector": "d", "subtype": "s", "subject": {}}', "'maybe'"),
        ('{"verdict": "none", "case": "c", "detector": "d", "subtype": "s", "subject": "x"}', "Expected `object`"),
    ],
)
def test_a_wrong_line_of_truth(line, told, tmp_path):
    (tmp_path / "linux.log").write_text("x\n")
    (tmp_path / "truth.jsonl").write_text(f"\n{line}\n")
    refused(run(tmp_path, "replay", ".", "--truth", "truth.jsonl"), "truth.jsonl, line 2", told)
