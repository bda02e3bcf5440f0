"""Dead letters: records that could not be read, judged or stored, kept with their bytes and the reason, each once.

On Kafka a letter is one record of topic ``deadletter`` (key: its id), in the embedded runner one row of its SQLite file.
"""

import re
import sqlite3
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer

from schemas.context import Record, Time
from schemas.identity import digest
from sinks.sqlite_file import Readers

KEPT_BYTES = 64 << 10
_DETAIL = 2_000  # characters
_SHAPE = 160  # characters shown of a masked record


def _from_base64(value: object) -> object:
    return b64decode(value, validate=True) if isinstance(value, str) else value


def _base64(value: bytes) -> str:
    return b64encode(value).decode()


# Standard alphabet (RFC 4648, 4), so that any base64 tool reads it.
Base64 = Annotated[bytes, BeforeValidator(_from_base64), PlainSerializer(_base64, when_used="json")]


class DeadLetter(Record):
    """One record that went no further. The same record buried again has the same ``id``."""

    id: str
    reason: str = Field(description="short word for counting, such as bad_json, parser_error, mapping")
    detail: str = Field(description="for people: what was expected and what came; may quote the record")
    stage: str = Field(description="who gave up: collect, normalize, detect or deliver")
    source: str = ""
    feed: str = Field(default="", description="of a raw record: the feed it came as")
    ordinal: int = Field(default=0, description="of a raw record: which it is among identical ones")
    line: int = Field(default=0, description="of a raw record: line in its file")
    topic: str = Field(default="", description="topic or file the record stands in")
    partition: int = 0
    offset: int = Field(description="offset in the topic, or line in the file, counted from 1")
    part: str = Field(default="", description="which part of the record: the fold, the violation id")
    observed: Time | None = None
    length: int = Field(description="bytes of the whole record")
    sha256: str = Field(description="of the whole record")
    raw: Base64 = Field(description="its first 64 KiB")


def dead_letter(
    *,
    reason: str,
    detail: str,
    stage: str,
    topic: str,
    partition: int,
    offset: int,
    raw: bytes,
    source: str = "",
    feed: str = "",
    ordinal: int = 0,
    line: int = 0,
    part: str = "",
    observed: int | None = None,
    length: int | None = None,
    digest_of_whole: str = "",
) -> DeadLetter:
    """The letter of one record; fields as in :class:`DeadLetter`, ``observed`` in microseconds.

    A record that was cut on its way brings the ``length`` and SHA-256 (``digest_of_whole``) of what it was.
    Its id is made of stage, place, part, reason and bytes: a batch that is tried again buries nothing twice.
    """
    whole = digest_of_whole or sha256(raw).hexdigest()
    return DeadLetter(
        id=digest(("deadletter", stage, topic, str(partition), str(offset), part, reason, whole)),
        reason=_storable(reason),
        detail=_storable(detail)[:_DETAIL],
        stage=stage,
        source=_storable(source),
        feed=_storable(feed),
        ordinal=ordinal,
        line=line,
        topic=_storable(topic),
        partition=partition,
        offset=offset,
        part=_storable(part),
        observed=observed,
        length=len(raw) if length is None else length,
        sha256=whole,
        raw=raw[:KEPT_BYTES],
    )


def encode(letter: DeadLetter) -> bytes:
    """JSON of ``letter`` for topic ``deadletter``, at most about 90 kB."""
    return letter.model_dump_json().encode()


def decode(value: bytes) -> DeadLetter:
    """The letter of a record of topic ``deadletter``.

    Raises:
        pydantic.ValidationError: it is none.
    """
    return DeadLetter.model_validate_json(value)


def shown(letter: DeadLetter, *, masked: bool = True) -> dict[str, Any]:
    """``letter`` for a terminal or a page: nothing in it can move a cursor or reverse a line.

    Masked, no letter or digit of the record is shown, only its shape (letters as ``a``, digits as ``9``), and what
    the detail quotes is cut. Unmasked, field ``raw`` is the text of the kept bytes.
    """
    view: dict[str, Any] = letter.model_dump(mode="json", exclude={"raw"})
    text = letter.raw.decode("utf-8", "backslashreplace")
    if masked:
        # From the first quotation mark to the last, whatever is nested in between.
        view["detail"] = re.sub(r"""['"](?:.*['"]|.*)|\d{4,}""", "…", letter.detail, flags=re.DOTALL)
        view["shape"] = "".join(_shape(character) for character in text[:_SHAPE])
    else:
        view["raw"] = text
    return {name: plain(value) if isinstance(value, str) else value for name, value in view.items()}


def plain(text: str) -> str:
    r"""``text`` with control, format and other invisible characters written as ``\xNN`` or ``\uNNNN``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        ascii(character)[1:-1] if unicodedata.category(character) in _INVISIBLE else character for character in text
    )


_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def _shape(character: str) -> str:
    if character.isalpha():
        return "a" if character.isascii() else "字"
    if character.isnumeric():
        return "9"
    return character if character.isascii() and character.isprintable() else "."


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


_TABLE = """
CREATE TABLE IF NOT EXISTS deadletter (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, reason TEXT NOT NULL, source TEXT NOT NULL, letter BLOB NOT NULL)
"""


def install(connection: sqlite3.Connection) -> None:
    """Create the table if it is missing."""
    connection.execute(_TABLE)


def bury(connection: sqlite3.Connection, letters: Iterable[DeadLetter]) -> int:
    """Store ``letters`` in the transaction open on ``connection``; return how many of them are new."""
    before = connection.total_changes
    connection.executemany(
        "INSERT INTO deadletter (id, reason, source, letter) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        ((letter.id, letter.reason, letter.source, encode(letter)) for letter in letters),
    )
    return connection.total_changes - before


class DeadLetters:
    """What the commands and pages ask of the table in the file at ``path``."""

    def __init__(self, path: Path) -> None:
        self._reader = Readers(path)

    def list(self, *, reason: str = "", source: str = "", limit: int = 100) -> Sequence[DeadLetter]:
        """Letters, newest first; ``reason`` and ``source`` restrict where not empty."""
        with self._reader() as connection:
            rows = connection.execute(
                "SELECT letter FROM deadletter WHERE ? IN ('', reason) AND ? IN ('', source) ORDER BY seq DESC LIMIT ?",
                (reason, source, limit),
            ).fetchall()
        return [decode(row[0]) for row in rows]

    def get(self, letter_id: str) -> DeadLetter | None:
        """One letter, by its id or a beginning of it that only one letter has; None if there is not exactly one."""
        with self._reader() as connection:
            rows = connection.execute(
                "SELECT letter FROM deadletter WHERE substr(id, 1, ?) = ? LIMIT 2", (len(letter_id), letter_id)
            ).fetchall()
        return decode(rows[0][0]) if len(rows) == 1 else None

    def by_reason(self) -> Mapping[str, int]:
        """How many letters there are of each reason, the most frequent first."""
        with self._reader() as connection:
            return dict(
                connection.execute("SELECT reason, count(*) FROM deadletter GROUP BY 1 ORDER BY 2 DESC, 1").fetchall()
            )

    def close(self) -> None:
        """Close the connections."""
        self._reader.close()
