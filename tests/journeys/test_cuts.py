"""A hundred cuts of the line over twenty streams: nothing acknowledged is lost, no final is told twice.

A real server on loopback, with its database and journals; every client is behind a proxy that tears
connections down in the middle of whatever is under way. Words are tones, so that each is known.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.fakes import said, tones
from tests.transcribe.protocols.tone_server import ToneServer, new_meeting, tone_server
from tests.transcribe.sounds import s16
from vori.client import MeetingClient, paced
from vori.data.engine import DB

pytestmark = pytest.mark.postgres

STREAMS, CUTS_EACH = 20, 5
ANYWHERE = 2
"""This one of a stream's cuts waits for nothing: it may come while the client is coming back."""
SPEED = 3.0


class Line:
    """A proxy to the server, for one client, that can be cut: what is under way is lost."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server
        self.cuts = 0

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        try:
            yield f"ws://127.0.0.1:{port}"
        finally:
            self._server.close()
            self.cut()
            await self._server.wait_closed()

    def cut(self) -> bool:
        """Whether there was a line to cut."""
        was_open = bool(self._open)
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()
        return was_open

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            to_server, from_us = await asyncio.open_connection(*self._upstream)
            self._open |= {writer, from_us}
            try:
                await asyncio.gather(_pump(reader, from_us), _pump(to_server, writer))
            finally:
                for one in (writer, from_us):
                    self._open.discard(one)
                    one.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One direction, in pieces so small that frames are torn."""
    while data := await reader.read(1400):
        writer.write(data)
        await writer.drain()
    raise ConnectionResetError


class Talk:
    """One client's stream, and everything it was told."""

    def __init__(self, server: ToneServer, meeting: int, number: int) -> None:
        dice = random.Random(number)
        self.numbers: list[int | None] = []
        for _ in range(10):
            self.numbers += [dice.randrange(40) for _ in range(dice.randint(2, 5))] + [None]
        self.data = s16(tones(self.numbers))
        self.audio_id = f"talk-{number}"
        url = urlsplit(server.url)
        assert url.hostname is not None
        assert url.port is not None
        self.line = Line(url.hostname, url.port)
        self.finals: dict[int, str] = {}
        self.acknowledged = 0
        self.faults: list[str] = []
        self.resumes = 0
        self._all_cut = asyncio.Event()
        self._is_through = asyncio.Event()
        self._server = server
        self._meeting = meeting
        self._dice = dice

    async def run(self) -> None:
        async with self.line.listening() as url:
            client = MeetingClient(
                url,
                self._meeting,
                {"audioId": self.audio_id, "groupId": 1, "format": "s16le"},
                token=self._server.token,
                on_message=self._told,
            )
            cutting = asyncio.create_task(self._cut())
            try:
                await client.stream(self._spoken())
            finally:
                cutting.cancel()
                await asyncio.gather(cutting, return_exceptions=True)

    async def _spoken(self) -> AsyncIterator[bytes]:
        """The sound; its last chunk waits for the last cut, so that every stream has them all."""
        lasts_s = len(self.data) / 32_000
        sent = 0
        async for chunk in paced(self.data, lasts_s, chunk_bytes=3200, speed=SPEED):
            sent += len(chunk)
            if sent == len(self.data):
                await self._all_cut.wait()
            yield chunk

    async def _cut(self) -> None:
        lasts_s = len(self.data) / 32_000 / SPEED
        while self.line.cuts < CUTS_EACH:
            if self.line.cuts != ANYWHERE:
                await self._is_through.wait()
            await asyncio.sleep(self._dice.uniform(0.3, 1.6) * lasts_s / (CUTS_EACH + 2))
            self._is_through.clear()
            self.line.cuts += self.line.cut()
        self._all_cut.set()

    def _told(self, message: dict[str, Any]) -> None:
        if message["type"] in ("started", "resumed"):
            self._is_through.set()
        match message["type"]:
            case "caption" if message["final"]:
                if message["seq"] in self.finals:
                    self.faults.append(f"final {message['seq']} was told twice")
                self.finals[message["seq"]] = message["text"]
            case "ack":
                self.acknowledged = max(self.acknowledged, message["receivedBytes"])
            case "resumed":
                self.resumes += 1
                if message["receivedBytes"] < self.acknowledged:
                    self.faults.append("the server forgot what it had acknowledged")


async def test_a_hundred_cuts_lose_no_acknowledged_sound_and_tell_no_final_twice(
    database: str, tmp_path: Path
) -> None:
    async with tone_server(tmp_path, sync_ms=50, resume_s=30) as server:
        meetings = [await new_meeting(server) for _ in range(STREAMS)]
        talks = [Talk(server, meeting, n) for n, meeting in enumerate(meetings)]
        async with asyncio.timeout(300):
            await asyncio.gather(*(talk.run() for talk in talks))
    assert [talk.faults for talk in talks if talk.faults] == []
    assert sum(talk.line.cuts for talk in talks) == STREAMS * CUTS_EACH
    assert sum(talk.resumes for talk in talks) >= STREAMS * CUTS_EACH * 0.8
    for talk in talks:
        expected = [said(number) for number in talk.numbers if number is not None]
        rows = await DB.fetch(
            "SELECT c.seq, c.text FROM captions c JOIN recordings r ON r.id = c.recording_id"
            " WHERE r.audio_id = $1 ORDER BY c.seq",
            talk.audio_id,
        )
        assert [word for row in rows for word in row["text"].split()] == expected
        assert talk.finals == {row["seq"]: row["text"] for row in rows}
        [row] = await DB.fetch(
            "SELECT status, received_bytes FROM recordings WHERE audio_id = $1", talk.audio_id
        )
        assert (row["status"], row["received_bytes"]) == ("COMPLETE", len(talk.data))
