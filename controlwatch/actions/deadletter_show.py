"""``controlwatch deadletter show``: one parked record."""

from pathlib import Path

from controlwatch.actions.deadletter_list import opened, view
from controlwatch.cli import Misconfigured
from controlwatch.output import Output


def deadletter_show(letter_id: str, data: Path | None, out: Output, *, kafka: bool | None) -> None:
    """Print the letter whose id begins with ``letter_id``. Raises Misconfigured if there is none, or more than one."""
    with opened(data, kafka=kafka) as (letters, marks):
        letter = letters.get(letter_id)
    if letter is None:
        raise Misconfigured(f"no dead letter, or more than one, has an id that begins with {letter_id!r}; see 'deadletter list'")
    seen = view(letter, marks.get(letter.id), masked=out.mask)
    if not out.human:
        out.line(seen)
        return
    for name, value in seen.items():
        out.text(f"{name:10} {value}")
