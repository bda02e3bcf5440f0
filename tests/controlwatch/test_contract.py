"""What holds for every command: ``-o``, ``--mask``, quick start, version, completion, and no client loaded to read lines."""

import json
import os
import re
import resource
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

import controlwatch
from controlwatch.cli import COMMANDS, cli

ROOT = Path(__file__).resolve().parents[2]
CPU_SECONDS = 1.5  # user and system; a third of it on the machine the limit was set on
CLIENTS = {"faust", "elasticsearch", "aiokafka", "kafka", "uvicorn", "starlette", "jinja2", "pydantic_settings", "prometheus_client"}
LINE = "Mar  2 09:00:11 web-1 sshd[4242]: Failed password for alice from 10.1.2.3 port 51000 ssh2\n"


def leaves(command=cli, name=()):
    if isinstance(command, click.Group):
        for part in command.list_commands(None):
            yield from leaves(command.get_command(None, part), (*name, part))
    else:
        yield name, command


EVERY = {" ".join(name): command for name, command in leaves()}
OF_RECORDS = ("normalize", "detect", "explain", "replay", "deadletter list", "deadletter show")


def run(*arguments, data="", **environment):
    return subprocess.run(
        [sys.executable, "-m", "controlwatch", *arguments], cwd=ROOT, input=data, capture_output=True, text=True, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.parametrize("name", EVERY)
def test_every_command_speaks_to_people_and_to_programs(name):
    (option,) = [parameter for parameter in EVERY[name].params if "-o" in parameter.opts]
    assert list(option.type.choices) == ["human", "json"]


@pytest.mark.parametrize("name", OF_RECORDS)
def test_every_command_that_prints_records_can_mask_them(name):
    (option,) = [parameter for parameter in EVERY[name].params if "--mask" in parameter.opts]
    assert option.default is False


@pytest.mark.parametrize("arguments", [["--help"], *([*name.split(), "--help"] for name in EVERY), ["normalize", "--source", "linux"]], ids=" ".join)
def test_starting_is_quick(arguments):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run(*arguments, data=LINE).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < CPU_SECONDS


@pytest.mark.parametrize("name", COMMANDS)
def test_no_client_of_a_server_is_loaded_before_a_command_runs(name):
    code = f"import sys, controlwatch.commands.{name}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert CLIENTS.isdisjoint(loaded)


@pytest.mark.parametrize("name", ["normalize", "detect", "explain"])
def test_reading_lines_loads_no_client(name):
    code = "import sys; from controlwatch.cli import cli; cli(sys.argv[1:], standalone_mode=False); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code, name, "--source", "linux"], cwd=ROOT, input=LINE, capture_output=True, text=True, check=True
    )
    assert CLIENTS.isdisjoint(done.stderr.split())


def test_the_version_is_the_projects_also_where_nothing_is_installed():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert controlwatch.__version__ == version
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv = ['controlwatch', '--version']; from controlwatch.cli import main; main()"
    blind = "import importlib.metadata as m; m.distribution = None; m.version = None; "
    done = subprocess.run([sys.executable, "-c", blind + code], capture_output=True, text=True, check=True)
    assert done.stdout == f"controlwatch, version {version}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shells_complete_commands_and_options(shell):
    script = run(_CONTROLWATCH_COMPLETE=f"{shell}_source")
    assert script.returncode == 0
    assert "_CONTROLWATCH_COMPLETE" in script.stdout
    words = ("rep", "rep") if shell == "fish" else ("controlwatch rep", "1")
    offered = run(_CONTROLWATCH_COMPLETE=f"{shell}_complete", COMP_WORDS=words[0], COMP_CWORD=words[1])
    assert {"replay", "report"} <= set(re.split(r"[,\t\n]", offered.stdout))


@pytest.mark.parametrize("name", ["normalize", "explain", "detect"])
def test_personal_data_are_shown_unless_they_are_to_be_masked(name):
    lines = "".join(LINE.replace("alice", "A123456789").replace("09:00:11", f"09:00:1{second}") for second in range(5))
    for form in ("json", "human"):
        assert "A123456789" in run(name, "--source", "linux", "-o", form, data=lines).stdout
        hidden = run(name, "--source", "linux", "-o", form, "--mask", data=lines).stdout
        assert "A123456789" not in hidden
        assert "**********" in hidden


def test_people_read_lines_where_programs_read_documents():
    human = run("normalize", "--source", "linux", "-o", "human", data=LINE + "\n").stdout.splitlines()
    assert len(human) == 2
    assert "linux login failure" in human[0]
    assert "user.name=alice" in human[0]
    piped = [json.loads(line) for line in run("normalize", "--source", "linux", data=LINE + "\n").stdout.splitlines()]
    assert piped[0]["user.name"] == "alice"
    assert piped[1] is None
    told = run("explain", "--source", "linux", "-o", "human", data=LINE).stdout
    assert "repeated_failed_logins" in told
    assert "after" in told


def test_no_colour_where_none_is_wanted(tmp_path):
    done = run("detect", "--source", "linux", "-o", "human", data=LINE * 4, NO_COLOR="1")
    assert "\x1b" not in done.stdout


def test_a_reader_that_goes_away_ends_a_command_quietly():
    command = subprocess.Popen(
        [sys.executable, "-m", "controlwatch", "simulate", "--list"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    command.stdout.close()
    assert command.stderr.read() == b""
    command.stderr.close()
    assert command.wait() == 0


def test_a_name_that_is_not_utf_8_is_told_escaped(tmp_path):
    out = tmp_path / os.fsdecode(b"firm\xff")
    done = run("simulate", "--days", "0.01", "--rate", "0", "--out", str(out))
    assert (done.returncode, json.loads(done.stdout)["written"]) == (0, f"{tmp_path}/firm\\xff")
    done = run("doctor", "-o", "human", "--source", f"linux={out}/none.log")
    assert r"firm\xff/none.log" in done.stdout


@pytest.mark.parametrize("name", ["normalize", "detect", "explain"])
def test_a_byte_order_mark_before_the_first_line_is_no_part_of_it(name):
    plain, marked = (run(name, "--source", "linux", "--received-base", "2026-03-02", data=mark + LINE * 3) for mark in ("", "\ufeff"))
    assert marked.stdout == plain.stdout != ""
