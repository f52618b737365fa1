"""A recording's bytes on disk, as they came: nothing is acknowledged before it is durable.

    root/<meeting id>/<recording id>/000.json   format and offset of the first part
                                     000.audio  its bytes
                                     001.json   the client started its recorder anew
                                     001.audio  …

A part's description is written once, durably, before its first byte, and never changed, so
a crash leaves whole descriptions and a prefix of the bytes. Byte counts run over the whole
recording, across parts: a client that is told "n bytes" sends on from its n-th byte.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self
from uuid import UUID

import msgspec
from msgspec import Struct

from vori.errors import Conflict, NotFound, Unavailable
from vori.ids import MeetingId
from vori.transcribe.messages import AudioFormat

READ_BYTES = 1 << 16
MAX_PENDING_BYTES = 16 << 20
"""More than this waiting for the disk (minutes of sound) is refused, not piled up."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Part(Struct, frozen=True, kw_only=True):
    """One container stream (or run of PCM) within the recording.

    `bytes` of it are durable; `start_byte` counts over the recording, `offset_ms` from the
    recording's start.
    """

    index: int
    path: Path
    format: AudioFormat
    offset_ms: int
    start_byte: int
    bytes: int


class _Description(Struct, frozen=True, kw_only=True, rename="camel"):
    format: AudioFormat
    offset_ms: int


class _Kept(Struct):
    """A part that is on disk, with its durable bytes."""

    description: _Description
    bytes: int


class Journal:
    """One recording's journal. One writer; any number of readers, also from other processes.

    `append` and `begin_part` only take note and never touch the disk; `sync` writes. Methods
    are called from one event loop. Errors: NotFound, Conflict, Unavailable (`disk_full`,
    `journal_failed`, `journal_behind`); after Unavailable nothing is lost, and the next `sync`
    tries again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: list[_Kept] = []
        self._pending: list[_Description | bytes] = []
        self._received = 0
        self._parts = 0
        self._lock = asyncio.Lock()
        self._file: int | None = None
        self._is_closed = False

    @classmethod
    def create(cls, root: Path, meeting_id: MeetingId, recording_id: UUID) -> Self:
        """A new, empty journal; the first call is `begin_part`. Raises Conflict if it exists."""
        folder = folder_of(root, meeting_id, recording_id)
        try:
            folder.mkdir(mode=0o700, parents=True)
        except FileExistsError as exc:
            raise Conflict(
                "This recording has a journal already.",
                code="journal_exists",
                recording_id=recording_id,
            ) from exc
        except OSError as exc:
            raise unavailable(exc) from exc
        return cls(folder)

    @classmethod
    def open(cls, root: Path, meeting_id: MeetingId, recording_id: UUID) -> Self:
        """The journal of an earlier run, or one to read. Raises NotFound.

        Bytes found on disk are made durable here, so they count as acknowledged.
        """
        folder = folder_of(root, meeting_id, recording_id)
        if not folder.is_dir():
            raise NotFound(
                "The recording's sound is not here.",
                code="journal_not_found",
                recording_id=recording_id,
            )
        journal = cls(folder)
        try:
            journal._load()
        except OSError as exc:
            raise unavailable(exc) from exc
        return journal

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def durable_bytes(self) -> int:
        return sum(part.bytes for part in self._kept)

    @property
    def received_bytes(self) -> int:
        return self._received

    def begin_part(self, fmt: AudioFormat, offset_ms: int) -> None:
        """Bytes from here on are a new stream, `offset_ms` after the recording's start."""
        self._pending.append(_Description(format=fmt, offset_ms=offset_ms))
        self._parts += 1

    def append(self, data: bytes) -> int:
        """Take bytes of the current part; the count of all bytes taken, not yet durable."""
        if not self._parts or self._is_closed:
            raise Conflict("The journal has no open part.", code="journal_without_part")
        if self._received - self.durable_bytes + len(data) > MAX_PENDING_BYTES:
            raise Unavailable(
                "The disk does not keep up; send again from the last acknowledgement.",
                code="journal_behind",
            )
        if data:
            self._pending.append(bytes(data))
            self._received += len(data)
        return self._received

    async def sync(self) -> int:
        """Make all that was taken durable; the count of durable bytes, to acknowledge.

        A cancelled caller does not interrupt the write.
        """
        writing = asyncio.ensure_future(self._sync())
        # If the caller is cancelled, nobody else asks for the task's error; the next call fails too.
        writing.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(writing)

    async def _sync(self) -> int:
        async with self._lock:
            if not self._pending:
                return self.durable_bytes
            taken, self._pending = self._pending, []
            try:
                await asyncio.to_thread(self._write, taken)
            except OSError as exc:
                raise unavailable(exc) from exc
            finally:
                self._pending[:0] = taken  # what is on disk was removed from it
            return self.durable_bytes

    def parts(self) -> list[Part]:
        """What is durable, in order."""
        start, parts = 0, []
        for index, kept in enumerate(self._kept):
            parts.append(
                Part(
                    index=index,
                    path=self._audio(index),
                    format=kept.description.format,
                    offset_ms=kept.description.offset_ms,
                    start_byte=start,
                    bytes=kept.bytes,
                )
            )
            start += kept.bytes
        return parts

    def read(self, part: Part, from_byte: int = 0) -> Iterator[bytes]:
        """The part's durable bytes from `from_byte` (of the part), 64 KiB at a time."""
        left = part.bytes - from_byte
        try:
            with part.path.open("rb") as file:
                file.seek(from_byte)
                while left > 0 and (data := file.read(min(left, READ_BYTES))):
                    left -= len(data)
                    yield data
        except FileNotFoundError as exc:
            raise NotFound("The recording's sound is gone.", code="journal_not_found") from exc
        except OSError as exc:
            raise unavailable(exc) from exc

    async def close(self) -> None:
        """Write what is pending and let go of the file. Raises what `sync` raises."""
        self._is_closed = True
        try:
            await self.sync()
        finally:
            self._close_file()

    async def remove(self) -> None:
        """Delete the recording's sound for good."""
        async with self._lock:
            self._is_closed = True
            self._pending, self._received, self._kept = [], 0, []
            self._close_file()
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
            with suppress(OSError):
                self._folder.parent.rmdir()  # if this was the meeting's last

    # What follows touches the disk and runs in a thread, one call at a time.

    def _load(self) -> None:
        for index in range(1_000_000):
            audio = self._audio(index)
            if not audio.exists():
                break
            handle = os.open(audio, os.O_RDONLY)
            try:
                os.fsync(handle)
                size = os.fstat(handle).st_size
            finally:
                os.close(handle)
            self._kept.append(_Kept(self._describe(index), size))
        self._parts = len(self._kept)
        self._received = self.durable_bytes

    def _describe(self, index: int) -> _Description:
        try:
            return msgspec.json.decode(self._description(index).read_bytes(), type=_Description)
        except (OSError, msgspec.MsgspecError):
            # Only a failing disk tears it; the bytes may still tell what they are, and a part
            # without a time follows the one before it.
            return _Description(format=AudioFormat(), offset_ms=0)

    def _write(self, items: list[_Description | bytes]) -> None:
        """Write items in order; each is removed from the list once it is durable."""
        while items:
            if isinstance(items[0], _Description):
                self._write_part(items[0])
                del items[0]
                continue
            count = next(
                (n for n, item in enumerate(items) if isinstance(item, _Description)), len(items)
            )
            self._write_bytes(b"".join(item for item in items[:count] if isinstance(item, bytes)))
            del items[:count]

    def _write_part(self, description: _Description) -> None:
        self._close_file()
        index = len(self._kept)
        final = self._description(index)
        temporary = final.with_suffix(".tmp")
        try:
            with temporary.open("wb") as file:
                file.write(msgspec.json.encode(description))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(final)
        except OSError:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        handle = os.open(self._audio(index), flags, 0o600)
        try:
            # The files' names, and at first those of the folders, must be durable as well.
            folders = (self._folder, self._folder.parent, self._folder.parent.parent)
            for folder in folders if index == 0 else folders[:1]:
                sync_folder(folder)
        except OSError:
            os.close(handle)
            with suppress(OSError):
                self._audio(index).unlink()
            raise
        self._file = handle
        self._kept.append(_Kept(description, 0))

    def _write_bytes(self, data: bytes) -> None:
        part = self._kept[-1]
        if self._file is None:
            self._file = os.open(self._audio(len(self._kept) - 1), os.O_WRONLY)
        handle = self._file
        try:
            # Anything past what is known to be durable is the rest of a failed write.
            os.ftruncate(handle, part.bytes)
            os.lseek(handle, part.bytes, os.SEEK_SET)
            left = memoryview(data)
            while left:
                left = left[os.write(handle, left) :]
            sync_data(handle)
        except OSError:
            with suppress(OSError):
                os.ftruncate(handle, part.bytes)
            self._close_file()
            raise
        part.bytes += len(data)

    def _close_file(self) -> None:
        handle, self._file = self._file, None
        if handle is not None:
            with suppress(OSError):  # every byte that counts was synced
                os.close(handle)

    def _audio(self, index: int) -> Path:
        return self._folder / f"{index:03d}.audio"

    def _description(self, index: int) -> Path:
        return self._folder / f"{index:03d}.json"


def folder_of(root: Path, meeting_id: MeetingId, recording_id: UUID) -> Path:
    """Names are made of VORI's own ids only, never of what a client chose."""
    return root / str(int(meeting_id)) / str(recording_id)


# Where there is a choice, times of change need not be written.
sync_data = getattr(os, "fdatasync", os.fsync)


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def unavailable(exc: OSError) -> Unavailable:
    if exc.errno in FULL:
        return Unavailable(
            "The disk is full. What was acknowledged is safe; recording goes on once there is "
            "space.",
            code="disk_full",
        )
    return Unavailable(
        "The recording cannot be written to disk. What was acknowledged is safe.",
        code="journal_failed",
    )
