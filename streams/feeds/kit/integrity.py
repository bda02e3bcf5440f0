"""Commands that make the baseline of a file integrity monitor anew -> one more event (feeds linux, auditd*, wazuh).

What was changed before is part of the new baseline, so the monitor will never tell it. Sources: aide(1) (--init and --update
write a new database), Debian's aideinit(8), tripwire(8) (modes --init, --update, --update-policy), samhain(8) (-t init, update),
OSSEC's syscheck_update and syscheck_control -u ("leaving an empty database which will be populated
again"). Checks (aide --check, tripwire --check) and trials (aide --dry-init) change no baseline.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from schemas.event import Activity
from streams.feeds.kit.fields import Fields

RESET = "baseline-reset"

_LIMIT = 1024  # characters of a command line that are read
_HELP = frozenset({"-h", "--help", "-v", "--version"})
_AIDE = frozenset({"-i", "--init", "-u", "--update"})
# Program -> options of which one makes the baseline anew; none: the program does nothing else.
_OPTIONS: Mapping[str, frozenset[str]] = {
    "aide": _AIDE, "aide.wrapper": _AIDE, "aideinit": frozenset(),
    "tripwire": frozenset({"--init", "--update", "--update-policy", "-mi", "-mu", "-mp"}),
    "samhain": frozenset({"-tinit", "-tupdate", "--set-checksum-test=init", "--set-checksum-test=update"}),
    "syscheck_update": frozenset({"-a", "-u"}), "syscheck_control": frozenset({"-u"}),
}
_JOINED = frozenset({"-m", "-t"})  # an option and its value may stand apart


def resets(command: str, *programs: str) -> bool:
    """Whether ``command`` makes a baseline anew; ``programs``: names or paths of what was run, where told beside it."""
    words = command[:_LIMIT].split()
    named = _OPTIONS.keys() & {name.rpartition("/")[2] for name in (*words[:1], *programs)}
    if not named:
        return False
    given = {word.strip("'\"") for word in words[1:]}
    given |= {first + second for first, second in pairwise(words) if first in _JOINED}
    if not given.isdisjoint(_HELP):
        return False
    return any(not _OPTIONS[name] or not _OPTIONS[name].isdisjoint(given) for name in named)


def completed(told: Iterable[Fields]) -> Iterator[Fields]:
    """``told``, and after a command that ran and made a baseline anew the event that says so."""
    for fields in told:
        yield fields
        command = fields.get("command", "")
        if not command or fields.get("outcome") == "failure" or fields.get("activity") == Activity.PRIVILEGE_DENIED:
            continue
        if resets(command, fields.get("executable", ""), fields.get("process", "")):
            yield {name: value for name, value in fields.items() if name not in ("rank", "reason", "session")} | reset()


def reset() -> Fields:
    """What such an event is in ECS terms."""
    return {"activity": Activity.FILE_SCAN, "category": ("file",), "type": ("change",), "action": RESET}
