"""What lies in a replay folder is read, or it is said why not; a folder without records is a mistake."""

import gzip
import json
import os

import pytest

from streams.recorded_files import LONGEST
from streams.recording import BadRecording, read_folder
from tests.controlwatch.test_misconfigured import refused, run

LINES = [f"Mar  2 09:00:{second:02} web sshd[7]: Failed password for root from 10.0.0.9 port 41000 ssh2" for second in range(6)]


def test_everything_that_is_not_read_is_told_with_the_reason(tmp_path):
    (tmp_path / "linux.log").write_text("\n".join(LINES))
    (tmp_path / "linux.log.gz").write_bytes(gzip.compress(b"the same"))
    (tmp_path / "suricata.log").symlink_to("nowhere")
    (tmp_path / "wazuh.jsonl").symlink_to("wazuh.jsonl")
    (tmp_path / "panos.log").mkdir()
    os.mkfifo(tmp_path / "fortigate.log")
    (tmp_path / "auth.txt").write_text("a\n")
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "persons.csv").write_text("a\n")
    (tmp_path / "exceptions.jsonl").mkdir()
    told = dict(warning.removeprefix(f"{tmp_path}/").split(": skipped: ") for warning in read_folder(tmp_path).warnings)
    assert told == {
        "linux.log.gz": "linux.log stands beside it",
        "suricata.log": "a symbolic link to no file",
        "wazuh.jsonl": "a symbolic link to no file",
        "panos.log": "a folder",
        "fortigate.log": "no ordinary file",
        "auth.txt": "records stand in <NAME>[@<instance>].log or .jsonl, packed ones in .log.gz or .jsonl.gz",
        "context/persons.csv": "context stands in <table>.jsonl",
        "exceptions.jsonl": "a folder",
    }


def test_a_folder_without_records_is_refused_and_what_lies_there_is_told(tmp_path):
    refused(run(tmp_path, "replay", "."), "no records to judge")
    (tmp_path / "auth.txt").write_text("a\n")
    refused(run(tmp_path, "replay", "."), "no records to judge", "auth.txt: skipped")


def test_rotated_and_packed_files_are_one_source_the_oldest_first(tmp_path):
    (tmp_path / "linux.log").write_text(LINES[5])
    (tmp_path / "linux.log.1").write_text(LINES[4])
    (tmp_path / "linux.log.2.gz").write_bytes(gzip.compress(f"\ufeff{LINES[2]}\n{LINES[3]}\n".encode()))
    (tmp_path / "linux.log.10.gz").write_bytes(gzip.compress(LINES[1].encode()))
    (tmp_path / "linux@b.log-20260302.gz").write_bytes(gzip.compress(LINES[0].encode()))
    found = read_folder(tmp_path)
    assert found.warnings == []
    assert [raw.data.decode() for raw in found.raws] == [*LINES[1:], LINES[0]]
    assert [(raw.source, raw.line) for raw in found.raws] == [("linux", line) for line in range(1, 6)] + [("linux@b", 1)]


def test_a_packed_file_that_is_not_whole_is_refused_by_name(tmp_path):
    (tmp_path / "linux.log.gz").write_bytes(gzip.compress(os.urandom(1000))[:-20])
    with pytest.raises(BadRecording, match=r"linux\.log\.gz: is no intact gzip file"):
        read_folder(tmp_path)


def test_of_a_line_without_end_a_beginning_is_kept(tmp_path):
    (tmp_path / "linux.log.gz").write_bytes(gzip.compress(b"x" * (3 * LONGEST + 5) + b"\n" + LINES[0].encode()))
    assert [len(raw.data) for raw in read_folder(tmp_path).raws] == [LONGEST, len(LINES[0])]
    done = run(tmp_path, "replay", ".")
    assert (done.returncode, "'too_large': 1" in done.stderr) == (0, True)


def test_a_byte_order_mark_is_no_part_of_a_record_or_of_context(tmp_path):
    (tmp_path / "linux.log").write_text(f"\ufeff{LINES[0]}\n", encoding="utf-8")
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "accounts.jsonl").write_text('\ufeff{"account": "a"}\n', encoding="utf-8")
    found = read_folder(tmp_path)
    assert [raw.data.decode() for raw in found.raws] == [LINES[0]]
    assert found.context[0].data["account"] == "a"


def test_a_name_that_is_not_utf_8_is_read_under_an_escaped_one(tmp_path):
    (tmp_path / os.fsdecode(b"linux@\xff.log")).write_text(LINES[0])
    assert [raw.source for raw in read_folder(tmp_path).raws] == [r"linux@\xff"]
    done = run(tmp_path, "replay", ".")
    assert (done.returncode, done.stderr) == (0, "")


def test_an_exception_for_a_detector_or_subtype_that_does_not_exist_is_refused(tmp_path):
    waiver = {
        "exception": "EX-1", "detector": "repeated_failed_login", "subject": {"host": "*"}, "reason": "r", "approver": "a",
        "from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z",
    }  # fmt: skip
    (tmp_path / "linux.log").write_text(LINES[0])
    (tmp_path / "exceptions.jsonl").write_text(json.dumps(waiver))
    refused(run(tmp_path, "replay", "."), "EX-1", "'repeated_failed_login'", "did you mean 'repeated_failed_logins'?")
    (tmp_path / "context").mkdir()
    (tmp_path / "exceptions.jsonl").rename(tmp_path / "context" / "exceptions.jsonl")
    refused(run(tmp_path, "doctor"), "EX-1", "'repeated_failed_login'", "did you mean 'repeated_failed_logins'?")
    waiver |= {"detector": "repeated_failed_logins", "subtypes": ["GUESED"]}
    (tmp_path / "context" / "exceptions.jsonl").write_text(json.dumps(waiver))
    refused(run(tmp_path, "replay", "."), "EX-1", "'GUESED'", "did you mean 'GUESSED'?")
