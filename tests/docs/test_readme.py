"""The README can be believed: its commands run, its examples are accepted, its output is what comes out, its links lead somewhere."""

import json
import os
import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from controlwatch import commands
from controlwatch.cli import COMMANDS, cli
from detectors.kit import registry
from schemas import tables
from streams.collect import sources

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
LINES = [line.strip() for line in re.findall(r"^    (?! )(.*)$", README, re.MULTILINE)]
PAGES = [str(path.relative_to(ROOT)) for place in ("*.md", "deploy/*.md", "docs/**/*.md") for path in sorted(ROOT.glob(place))]
COMPLETION = [line for line in LINES if "_CONTROLWATCH_COMPLETE" in line]
SHOWN = [line for line in LINES if "controlwatch " in line and line not in COMPLETION]

SSHD = "".join(
    f"2026-03-02T09:00:{second}+08:00 web-1 sshd[4242]: Failed password for alice from 10.1.2.3 port 51000 ssh2\n"
    for second in ("05", "08", "11")
) + "2026-03-02T09:05:00+08:00 web-1 sshd[4300]: Server listening on 0.0.0.0 port 22.\n"  # fmt: skip


def block(language):
    found = re.search(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def line_with(text):
    (found,) = [line for line in SHOWN if text in line]
    return found


@pytest.fixture
def run(tmp_path):
    """Runs a line of the README in a shell of its own; its standard output."""
    (tmp_path / "auth.log").write_text(SSHD)
    shell = f'controlwatch() {{ {shlex.quote(sys.executable)} -m controlwatch "$@"; }}\n'

    def run(line, **replaced):
        line = line.replace("/var/log/auth.log", str(tmp_path / "auth.log")).replace("/tmp/firm", str(tmp_path / "firm"))
        for old, new in replaced.items():
            assert f"--{old} " in line
            line = re.sub(rf"--{old} \S+", f"--{old} {new}", line)
        return subprocess.run(
            ["bash", "-c", shell + line], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True,
            stdout=subprocess.PIPE, text=True, timeout=120,
        ).stdout  # fmt: skip

    return run


def options(line):
    """The subcommand of a line and the options it is given."""
    words = shlex.split(line.partition("controlwatch ")[2])
    command = cli.get_command(None, words[0])
    assert command is not None, f"{words[0]} is no command"
    return command, {word for word in words[1:] if word.startswith("-") and word != "-"}


def test_the_table_of_commands_is_complete():
    section = README.partition("\n## Commands\n")[2].partition("\n## ")[0]
    named = {name for cell in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)", cell)}
    assert named == set(COMMANDS)


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(commands.__path__)])
def test_every_command_explains_itself(name):
    done = subprocess.run(
        [sys.executable, "-m", "controlwatch", name, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"Usage: controlwatch {name}")


@pytest.mark.parametrize("line", SHOWN)
def test_every_option_shown_exists(line):
    command, given = options(line)
    assert given <= {name for parameter in command.params for name in parameter.opts}


def test_one_line_is_normalized(run):
    document = json.loads(run(line_with("normalize --source")))
    assert (document["user.name"], document["event.outcome"]) == ("alice", "failure")


def test_a_violation_looks_as_shown(run):
    printed = run(line_with("detect --source").replace("detect ", "detect -o human ")).splitlines()
    assert [line.rstrip() for line in block("text").splitlines()] == printed[:4]


def test_every_record_is_explained(run):
    rows = [json.loads(line) for line in run(line_with("explain --source")).splitlines()]
    assert [row["fate"] for row in rows] == ["parsed"] * 4
    assert rows[-1]["violations"]


def test_a_simulated_firm_is_judged_as_its_truth_says(run):
    run(line_with("simulate --seed"), days=0.5, rate=0.05)
    known = "".join(f" --detector {name}" for name in registry.load())
    verdict = json.loads(run(line_with("replay /tmp/firm") + known).splitlines()[-1])
    assert verdict["expected"] == verdict["found"] > 50
    assert (verdict["missed"], verdict["extra"]) == ([], [])


@pytest.mark.parametrize("line", COMPLETION)
def test_the_lines_for_completion_produce_a_script(run, line):
    produced = re.search(r"_CONTROLWATCH_COMPLETE=\w+ controlwatch", line)
    assert "_CONTROLWATCH_COMPLETE" in run(produced[0])


def test_every_source_shown_is_understood():
    shown = [word for line in SHOWN if " up " in line for word in shlex.split(line.partition(" up ")[2]) if "=" in word]
    assert len(shown) >= 4
    configured = [item for word in shown for item in sources.from_options([word], host_zone="UTC")]
    assert {item.source.feed for item in configured} > {"linux", "fortigate", "approval", "panos"}


def test_the_sources_file_shown_is_read(tmp_path):
    (tmp_path / "sources.toml").write_text(block("toml"))
    configured = sources.from_file(tmp_path / "sources.toml", host_zone="UTC")
    assert {item.source.feed for item in configured} == {"linux", "fortigate", "approval"}
    assert not [note for item in configured for note in item.notes]


def test_the_context_line_shown_is_valid():
    (line,) = [line for line in LINES if line.startswith("{")]
    assert tables.envelope("accounts", json.loads(line)).data["person"] == "P-017"


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_project_lead_somewhere(page):
    text = (ROOT / page).read_text()
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        file = (ROOT / page).parent / path if path else ROOT / page
        if not file.exists():
            broken.append(target)
        elif anchor:
            headings = {_anchor(title) for title in re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)}
            if anchor not in headings:
                broken.append(target)
    assert broken == []


def _anchor(title):
    """As GitHub makes them."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
