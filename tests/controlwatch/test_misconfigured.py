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
