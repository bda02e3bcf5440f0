"""The console command ``controlwatch``: finds the subcommand, loads only it, turns errors into exit status.

A module of ``commands`` declares options and loads fast; what needs servers' clients stands in ``actions`` and is loaded by
:func:`action` when the command is really run.

Exit status: 0 ran · 1 a check failed · 2 usage or configuration · 3 could not finish.
"""

import importlib
import os
import sys
from typing import Any

import click

from controlwatch import __version__

COMMANDS = {
    "up": "Run the main job on the embedded runner, with the dashboard on 127.0.0.1.",
    "run": "Run a production worker on Kafka.",
    "topics": "Create, compare or re-partition the Kafka topics.",
    "normalize": "Raw records on stdin -> one ECS document (or null) each.",
    "detect": "Raw records on stdin -> final violations.",
    "replay": "Judge a folder of recorded raw logs.",
    "rejudge": "Judge archived events again, with those that came too late.",
    "explain": "Why each record on stdin did, or did not, lead to a violation.",
    "simulate": "Write the raw logs of a made-up securities firm, with the truth.",
    "report": "Monthly compliance summary.",
    "deadletter": "Show parked records, send them again.",
    "doctor": "Check configuration, services and sources; say what is wrong and the mend.",
    "build": "Write the generated artefacts, or check that they are current.",
}


def action(name: str) -> Any:
    """The function ``<name>`` of ``controlwatch/actions/<name>.py``, imported now: clients of servers take seconds to load."""
    return getattr(importlib.import_module(f"controlwatch.actions.{name}"), name)


class Lazy(click.Group):
    """A group whose commands are loaded when they are called: starting stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        """Names in the order of the documentation."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's interface
        """Load ``controlwatch/commands/<name>.py``."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"controlwatch.commands.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader that has gone (head, less) ends it quietly: click itself would call that a failure."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Nothing more can be written, also not at the end of the process.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return None
        return result

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's interface
        """Help without loading any command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


class Failed(click.ClickException):
    """A check failed (exit status 1)."""

    exit_code = 1


class Misconfigured(click.ClickException):
    """Usage or configuration is wrong (exit status 2)."""

    exit_code = 2


class Unfinished(click.ClickException):
    """The command could not finish (exit status 3)."""

    exit_code = 3


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="controlwatch")
def cli() -> None:
    """Continuous compliance monitor: security logs in, control violations out, each with its clause and evidence.

    Completion in the shell: eval "$(_CONTROLWATCH_COMPLETE=bash_source controlwatch)" in ~/.bashrc, with zsh_source in
    ~/.zshrc; for fish _CONTROLWATCH_COMPLETE=fish_source controlwatch | source in config.fish.
    """


def main() -> None:
    """Run the command line; never show a traceback to a user unless CONTROLWATCH_TRACEBACK is set."""
    try:
        # https://no-color.org: any value but an empty one means no colour; else click decides by the terminal.
        sys.exit(cli.main(prog_name="controlwatch", standalone_mode=False, color=False if os.environ.get("NO_COLOR") else None))
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(3)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Exception as error:
        if os.environ.get("CONTROLWATCH_TRACEBACK"):
            raise
        click.echo(f"controlwatch: {type(error).__name__}: {error}", err=True)
        click.echo("Set CONTROLWATCH_TRACEBACK=1 to see where.", err=True)
        sys.exit(3)
