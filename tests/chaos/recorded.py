"""``python -m tests.chaos.recorded``: the embedded job on a recording that is still being written, as a process that rows kill.

Everything is the program's own (following of the file, service, engine, SQLite, dashboard) but for one thing: each line of
the file is the envelope of a record, or the passing of time, so that observed times are those of the workload.
"""

import asyncio
import sys
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path

from controlwatch import job, options, serving, settings
from controlwatch.job import Job
from streams.collect.contract import Collected, Outlet
from streams.collect.follow import Follow
from streams.kafka.normalizing import decode_raw, encode_raw
from streams.recording import read_sources
from streams.stage import Heartbeat, Raw, Said

STREAM, CONTEXT, SOURCES = "stream.log", "context.log", "sources.toml"


def line(record: Raw | Heartbeat | Said) -> bytes:
    """One line of the file."""
    return b64encode(encode_raw(record)) + b"\n"


class Recorded:
    """A collector that follows one file and unwraps its lines."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def run(self, outlet: Outlet, positions: Mapping[str, bytes], stopping: asyncio.Event) -> None:
        """Collect until cancelled."""
        del stopping
        lines: Outlet = asyncio.Queue(maxsize=4)
        follow = Follow("stream", "stream", str(self._path), starts=None, stored=positions, outlet=lines)
        following = asyncio.create_task(follow.run())
        try:
            while True:
                found = [item for item in await lines.get() if isinstance(item, Collected)]
                # A batch goes on whole, and with it the position after its last line, be that the passing of time.
                await outlet.put([item._replace(raw=decode_raw(b64decode(item.raw.data))) for item in found])
        finally:
            following.cancel()


def main() -> None:
    """Run until SIGTERM."""
    folder = Path(sys.argv[1])
    said = [decode_raw(b64decode(text)) for text in (folder / CONTEXT).read_bytes().splitlines()]
    configured = settings.load()
    made = Job(
        ruleset=options.ruleset(()), sources=read_sources(folder / SOURCES), folder=configured.data, demo=True,
        context=[item.record for item in said if isinstance(item, Said)], collector=Recorded(folder / STREAM),
    )  # fmt: skip
    with serving.listen(configured) as listening:
        asyncio.run(job.run(made, configured, listening, announce=lambda *_, **__: None))


if __name__ == "__main__":
    main()
