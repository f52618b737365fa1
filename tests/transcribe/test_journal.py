from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from vori.errors import Conflict, NotFound, Unavailable
from vori.ids import MeetingId, uuid7
from vori.transcribe import journal as journal_module
from vori.transcribe.journal import MAX_PENDING_BYTES, Journal
from vori.transcribe.messages import AudioFormat, Encoding

MEETING = MeetingId(7)
WEBM = AudioFormat(encoding=Encoding.WEBM)
PCM = AudioFormat(encoding=Encoding.S16LE, rate_hz=48_000, channels=2)


def content(journal: Journal) -> list[bytes]:
    return [b"".join(journal.read(part)) for part in journal.parts()]


@pytest.fixture
def recording():
    return uuid7()


@pytest.fixture
def journal(tmp_path, recording):
    made = Journal.create(tmp_path, MEETING, recording)
    made.begin_part(WEBM, 0)
    return made


async def test_bytes_count_as_durable_only_after_a_sync(journal):
    assert journal.append(b"abc") == 3
    assert (journal.received_bytes, journal.durable_bytes) == (3, 0)
    assert await journal.sync() == 3
    assert (journal.received_bytes, journal.durable_bytes) == (3, 3)
    assert content(journal) == [b"abc"]


async def test_the_folder_is_named_by_our_ids_alone(journal, tmp_path, recording):
    journal.append(b"x")
    await journal.sync()
    assert journal.folder == tmp_path / "7" / str(recording)
    assert sorted(path.name for path in journal.folder.iterdir()) == ["000.audio", "000.json"]


async def test_a_second_part_keeps_its_own_format_and_offset(journal, tmp_path, recording):
    journal.append(b"first")
    journal.begin_part(PCM, 61_000)
    assert journal.append(b"second") == 11
    assert await journal.sync() == 11
    for seen in (journal, Journal.open(tmp_path, MEETING, recording)):
        first, second = seen.parts()
        assert (first.format, first.offset_ms, first.start_byte, first.bytes) == (WEBM, 0, 0, 5)
        assert (second.format, second.offset_ms) == (PCM, 61_000)
        assert (second.start_byte, second.bytes) == (5, 6)
        assert content(seen) == [b"first", b"second"]


async def test_reading_can_begin_at_a_byte(journal):
    journal.append(b"0123456789" * 20_000)
    await journal.sync()
    (part,) = journal.parts()
    assert b"".join(journal.read(part, from_byte=199_995)) == b"56789"
    assert b"".join(journal.read(part, from_byte=200_000)) == b""
    assert len(b"".join(journal.read(part))) == 200_000


async def test_a_reopened_journal_goes_on_where_the_bytes_end(journal, tmp_path, recording):
    journal.append(b"abc")
    await journal.close()
    again = Journal.open(tmp_path, MEETING, recording)
    assert (again.durable_bytes, again.received_bytes) == (3, 3)
    again.append(b"def")
    assert await again.sync() == 6
    assert content(Journal.open(tmp_path, MEETING, recording)) == [b"abcdef"]


async def test_a_description_that_was_torn_leaves_the_bytes_readable(journal, tmp_path, recording):
    journal.append(b"abc")
    await journal.close()
    (journal.folder / "000.json").write_bytes(b'{"form')
    again = Journal.open(tmp_path, MEETING, recording)
    assert content(again) == [b"abc"]
    assert again.parts()[0].format.encoding is Encoding.AUTO


async def test_a_crash_between_description_and_bytes_costs_nothing(journal, tmp_path, recording):
    journal.append(b"abc")
    await journal.close()
    (journal.folder / "001.json").write_bytes(b"{}")  # the next part's, without its bytes
    again = Journal.open(tmp_path, MEETING, recording)
    assert len(again.parts()) == 1
    again.begin_part(PCM, 5_000)
    again.append(b"def")
    await again.sync()
    assert Journal.open(tmp_path, MEETING, recording).parts()[1].format == PCM


async def test_a_journal_cannot_be_made_twice_nor_opened_unmade(journal, tmp_path, recording):
    with pytest.raises(Conflict) as conflict:
        Journal.create(tmp_path, MEETING, recording)
    assert conflict.value.code == "journal_exists"
    with pytest.raises(NotFound) as missing:
        Journal.open(tmp_path, MEETING, uuid7())
    assert missing.value.code == "journal_not_found"


async def test_bytes_before_a_part_are_refused(tmp_path):
    with pytest.raises(Conflict) as conflict:
        Journal.create(tmp_path, MEETING, uuid7()).append(b"x")
    assert conflict.value.code == "journal_without_part"


async def test_removing_leaves_no_trace(journal, tmp_path, recording):
    journal.append(b"abc")
    await journal.sync()
    await journal.remove()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(NotFound):
        Journal.open(tmp_path, MEETING, recording)


async def test_what_the_disk_does_not_take_is_refused_not_piled_up(journal):
    journal.append(bytes(MAX_PENDING_BYTES))
    with pytest.raises(Unavailable) as refused:
        journal.append(b"x")
    assert refused.value.code == "journal_behind"
    assert await journal.sync() == MAX_PENDING_BYTES
    journal.append(b"x")
    assert await journal.sync() == MAX_PENDING_BYTES + 1


class FullDisk:
    """Lets `room` more bytes through os.write, the last of them as a short write."""

    def __init__(self, monkeypatch, room: int, error: int = errno.ENOSPC) -> None:
        self.room, self.error, self.write = room, error, os.write
        monkeypatch.setattr(journal_module.os, "write", self)

    def __call__(self, handle, data):
        if not self.room:
            raise OSError(self.error, os.strerror(self.error))
        written = self.write(handle, bytes(data[: self.room]))
        self.room -= written
        return written


async def test_a_full_disk_acknowledges_nothing_and_recording_goes_on_with_space(
    journal, tmp_path, recording, monkeypatch
):
    journal.append(b"safe ")
    assert await journal.sync() == 5
    disk = FullDisk(monkeypatch, room=3)
    journal.append(b"waiting ")
    for _ in range(2):
        with pytest.raises(Unavailable) as full:
            await journal.sync()
        assert full.value.code == "disk_full"
        assert journal.durable_bytes == 5
        assert (journal.folder / "000.audio").read_bytes() == b"safe "
    journal.append(b"and more")
    disk.room = 1000
    assert await journal.sync() == 21
    assert content(Journal.open(tmp_path, MEETING, recording)) == [b"safe waiting and more"]


async def test_a_failing_disk_has_another_code_than_a_full_one(journal, monkeypatch):
    FullDisk(monkeypatch, room=0, error=errno.EIO)
    journal.append(b"x")
    with pytest.raises(Unavailable) as failed:
        await journal.sync()
    assert failed.value.code == "journal_failed"


async def test_bytes_whose_fsync_failed_are_written_anew(journal, monkeypatch):
    journal.append(b"abc")
    real = journal_module.sync_data

    def broken(handle):
        raise OSError(errno.EIO, "lost")

    monkeypatch.setattr(journal_module, "sync_data", broken)
    with pytest.raises(Unavailable):
        await journal.sync()
    assert (journal.durable_bytes, journal.received_bytes) == (0, 3)
    assert (journal.folder / "000.audio").read_bytes() == b""
    monkeypatch.setattr(journal_module, "sync_data", real)
    assert await journal.sync() == 3
    assert content(journal) == [b"abc"]


async def test_a_new_part_on_a_full_disk_begins_once_there_is_space(journal, monkeypatch):
    journal.append(b"abc")
    await journal.sync()
    real = journal_module.sync_folder

    def full(folder):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(journal_module, "sync_folder", full)
    journal.begin_part(PCM, 1_000)
    journal.append(b"def")
    with pytest.raises(Unavailable):
        await journal.sync()
    assert len(journal.parts()) == 1
    monkeypatch.setattr(journal_module, "sync_folder", real)
    assert await journal.sync() == 6
    assert content(journal) == [b"abc", b"def"]


async def test_a_cancelled_sync_still_writes_in_order(journal, monkeypatch):
    journal.append(b"one ")
    first = asyncio.create_task(journal.sync())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    journal.append(b"two")
    assert await journal.sync() == 7
    assert content(journal) == [b"one two"]


async def test_many_syncs_at_once_agree(journal):
    async def send(data):
        journal.append(data)
        return await journal.sync()

    counts = await asyncio.gather(*(send(b"x" * 10) for _ in range(20)))
    assert max(counts) == journal.durable_bytes == 200


def run(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_real_limit_on_file_size_is_met_and_survived(tmp_path):
    resource = pytest.importorskip("resource")
    assert resource
    done = run(
        """
        import asyncio, resource, sys
        from pathlib import Path
        from vori.errors import Unavailable
        from vori.ids import uuid7
        from vori.transcribe.journal import Journal
        from vori.transcribe.messages import AudioFormat

        async def main():
            name = uuid7()
            journal = Journal.create(Path(sys.argv[1]), 1, name)
            journal.begin_part(AudioFormat(), 0)
            journal.append(b"a" * 5000)
            assert await journal.sync() == 5000
            resource.setrlimit(resource.RLIMIT_FSIZE, (8000, resource.RLIM_INFINITY))
            journal.append(b"b" * 5000)
            try:
                await journal.sync()
            except Unavailable as full:
                print(full.code, journal.durable_bytes)
            assert (journal.folder / "000.audio").stat().st_size == 5000
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            print(await journal.sync())
            again = Journal.open(Path(sys.argv[1]), 1, name)
            (part,) = again.parts()
            assert b"".join(again.read(part)) == b"a" * 5000 + b"b" * 5000

        asyncio.run(main())
        """,
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["disk_full", "5000", "10000"]


def test_a_really_full_disk_is_met_and_survived(tmp_path):
    mount = shutil.which("mount")
    small = tmp_path / "small"
    small.mkdir()
    options = ["-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)]
    if mount is None or subprocess.run([mount, *options], capture_output=True).returncode:
        pytest.skip("a small file system can only be mounted by root")
    try:
        asyncio.run(fill(small))
    finally:
        subprocess.run(["umount", str(small)], check=True)


async def fill(root: Path) -> None:
    name = uuid7()
    journal = Journal.create(root, MEETING, name)
    journal.begin_part(WEBM, 0)
    journal.append(b"a" * 50_000)
    assert await journal.sync() == 50_000
    ballast = root / "ballast"
    ballast.write_bytes(bytes(150_000))
    journal.append(b"b" * 100_000)
    with pytest.raises(Unavailable) as full:
        await journal.sync()
    assert full.value.code == "disk_full"
    assert journal.durable_bytes == 50_000
    assert (journal.folder / "000.audio").stat().st_size == 50_000
    ballast.unlink()
    assert await journal.sync() == 150_000
    await journal.close()
    assert content(Journal.open(root, MEETING, name)) == [b"a" * 50_000 + b"b" * 100_000]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_every_acknowledged_byte_survives_kill_9(tmp_path):
    name = uuid7()
    writer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                """
                import asyncio, sys
                from pathlib import Path
                from uuid import UUID
                from vori.transcribe.journal import Journal
                from vori.transcribe.messages import AudioFormat

                async def main():
                    journal = Journal.create(Path(sys.argv[1]), 7, UUID(sys.argv[2]))
                    for turn in range(10**6):
                        if turn % 50 == 0:
                            journal.begin_part(AudioFormat(), turn)
                        journal.append(turn.to_bytes(4, "big") * 100)
                        print(await journal.sync(), flush=True)

                asyncio.run(main())
                """
            ),
            str(tmp_path),
            str(name),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    acknowledged = 0
    while acknowledged < 400 * 120:
        acknowledged = int(writer.stdout.readline())
    writer.kill()
    acknowledged = max([acknowledged, *map(int, writer.stdout.read().split())])
    writer.stdout.close()
    writer.wait()
    journal = Journal.open(tmp_path, MEETING, name)
    assert journal.durable_bytes >= acknowledged
    kept = b"".join(content(journal))
    expected = b"".join(turn.to_bytes(4, "big") * 100 for turn in range(len(kept) // 400 + 1))
    assert kept == expected[: len(kept)]
    assert [part.offset_ms for part in journal.parts()][:3] == [0, 50, 100]
