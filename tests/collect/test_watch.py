"""A watched folder: what is told of files with hostile names, of links, and of more files than can be watched."""

import asyncio
import os
from contextlib import asynccontextmanager, suppress

import orjson
import pytest

from streams.collect import watch
from streams.collect.contract import Collected
from streams.collect.watch import Watch
from streams.stage import Heartbeat

NOT_UTF8 = os.fsdecode(b"c\xff.html")


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(watch, "SCAN", 0.01)


class Scans:
    """A watcher and the files of the records that it has put out."""

    def __init__(self, folder, stored):
        self.queue = asyncio.Queue(maxsize=1)
        self.watch = Watch("fim", "auditd_manager", folder, stored=stored, outlet=self.queue)
        self.stored = stored

    async def scan(self):
        """What a scan that began after this call tells: (action, path) by path."""
        told, beats = [], 0
        while beats < 3:
            for item in await asyncio.wait_for(self.queue.get(), 5):
                if isinstance(item, Heartbeat):
                    beats += 1
                elif isinstance(item, Collected):
                    document = orjson.loads(item.raw.data)
                    told.append((document["event"]["action"][0], document["file"]["path"].rpartition("/")[2]))
                    self.stored[item.reader] = item.position
        return told


@asynccontextmanager
async def watching(folder, stored=None):
    scans = Scans(folder, {} if stored is None else stored)
    task = asyncio.create_task(scans.watch.run())
    try:
        await scans.scan()
        yield scans
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_name_that_is_not_utf_8_is_told_and_remembered_over_a_restart(tmp_path):
    stored = {}
    async with watching(tmp_path, stored) as scans:
        (tmp_path / NOT_UTF8).write_text("a")
        (tmp_path / r"c\xff.html").write_text("b")
        assert await scans.scan() == [("created", r"c\xff.html")] * 2
    async with watching(tmp_path, stored) as scans:
        (tmp_path / NOT_UTF8).write_text("changed")
        assert await scans.scan() == [("updated", r"c\xff.html")]
        (tmp_path / NOT_UTF8).unlink()
        assert await scans.scan() == [("deleted", r"c\xff.html")]


async def test_what_changed_before_a_failure_is_told_after_it(tmp_path, monkeypatch):
    (tmp_path / "a.html").write_text("a")
    scans = Scans(tmp_path, {})
    task = asyncio.create_task(scans.watch.run())
    await scans.scan()
    dumps = watch.orjson.dumps
    monkeypatch.setattr(watch.orjson, "dumps", None)
    (tmp_path / "a.html").write_text("changed")
    while not task.done():
        with suppress(TimeoutError):
            await asyncio.wait_for(scans.queue.get(), 0.05)
    assert isinstance(task.exception(), TypeError)
    monkeypatch.setattr(watch.orjson, "dumps", dumps)
    task = asyncio.create_task(scans.watch.run())
    assert await scans.scan() == [("updated", "a.html")]
    task.cancel()


async def test_a_link_that_is_pointed_elsewhere_has_changed(tmp_path):
    for name in ("rel1", "rel2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "page.html").write_text(name)
    (tmp_path / "current").symlink_to("rel1")
    (tmp_path / "index.html").symlink_to("rel1/page.html")
    (tmp_path / "loop").symlink_to(".")
    async with watching(tmp_path) as scans:
        for name, target in (("current", "rel2"), ("index.html", "rel2/page.html"), ("dangling", "/nowhere")):
            (tmp_path / "new").symlink_to(target)
            (tmp_path / "new").rename(tmp_path / name)
        told = await scans.scan()
        assert [item for item in told if item[1] != "new"] == [
            ("updated", "current"), ("created", "dangling"), ("updated", "index.html"),
        ]  # fmt: skip
        assert await scans.scan() == []


async def test_files_beyond_the_limit_are_told_once_and_never_as_changed(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(watch, "MAX_FILES", 3)
    for name in ("m1", "m2", "m3"):
        (tmp_path / name).write_text(name)
    async with watching(tmp_path) as scans:
        assert caplog.text == ""
        (tmp_path / "a1").write_text("new")
        (tmp_path / "a2").write_text("new")
        assert await scans.scan() == []
        assert await scans.scan() == []
        assert [caplog.text.count(words) for words in ("2 files below", "3 are the most")] == [1, 1]
        (tmp_path / "m3").write_text("changed")
        assert await scans.scan() == [("updated", "m3")]
        (tmp_path / "m1").unlink()
        assert await scans.scan() == [("deleted", "m1")]
        (tmp_path / "a1").write_text("changed")
        assert await scans.scan() == [("updated", "a1")]
        (tmp_path / "a2").unlink()
        assert await scans.scan() == []
        assert caplog.text.count("are not watched") == 1
        assert caplog.text.count("are watched again") == 1


async def test_a_folder_that_cannot_be_read_is_told_and_its_files_are_not_deleted(tmp_path, monkeypatch, caplog):
    (tmp_path / "shut").mkdir()
    (tmp_path / "shut" / "a.html").write_text("a")
    real, shut = os.scandir, [False]

    def scandir(path):
        if shut[0] and str(path).endswith("shut"):  # root, as which tests may run, is never refused
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(watch.os, "scandir", scandir)
    async with watching(tmp_path) as scans:
        shut[0] = True
        assert await scans.scan() == []
        assert caplog.text.count("cannot be read") == 1
        (tmp_path / "shut" / "a.html").write_text("changed")
        shut[0] = False
        assert await scans.scan() == [("updated", "a.html")]
