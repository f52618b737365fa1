"""A client of `/ws/meeting/{meetingId}` that loses nothing: for the demo, tests and benchmarks.

It keeps what has not been acknowledged; after a broken line it connects again, resumes, and
sends from the byte the server names.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from vori.errors import VoriError

Message = dict[str, Any]


class Refused(VoriError):
    """The server told a fatal error; its code and message are this error's."""

    code = "refused"


class MeetingClient:
    """Streams one recording.

    `base_url` is `ws://host:port`; `chunks` are the recording's bytes in order; `on_message`
    is told every message from the server. `lost_s`: how long to try to come back.
    """

    def __init__(
        self,
        base_url: str,
        meeting_id: int,
        metadata: dict[str, Any],
        *,
        token: str | None = None,
        on_message: Callable[[Message], None] = lambda _: None,
        lost_s: float = 60.0,
    ) -> None:
        self._url = f"{base_url}/ws/meeting/{meeting_id}"
        self._metadata = metadata
        self._headers = {"Authorization": f"Bearer {token}"} if token else None
        self._on_message = on_message
        self._lost_s = lost_s
        self._kept = bytearray()
        self._kept_from = 0
        self._is_complete = False
        self._grown = asyncio.Event()
        self._next_seq = 0
        self.connections = 0

    async def stream(self, chunks: AsyncIterator[bytes]) -> None:
        """Send every chunk and the end; returns when the server has finished the recording.

        Raises Refused for a fatal error that coming back cannot mend.
        """
        reading = asyncio.create_task(self._keep(chunks))
        try:
            while not await self._come_back(reading):  # noqa: ASYNC110 - a pause, not a poll
                await asyncio.sleep(0.2)
            await reading
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _come_back(self, reading: asyncio.Task[None]) -> bool:
        """One connection, tried for `lost_s`; True when the recording is finished."""
        deadline = time.monotonic() + self._lost_s
        while True:
            if reading.done():
                reading.result()
            try:
                socket = await connect(
                    self._url, additional_headers=self._headers, compression=None, max_size=2**24
                )
            except (OSError, InvalidHandshake, TimeoutError):
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.2)
                continue
            async with socket:
                return await self._converse(socket)

    async def _converse(self, socket: ClientConnection) -> bool:
        resuming = self.connections > 0
        data = self._metadata | ({"resume": {"nextSeq": self._next_seq}} if resuming else {})
        sending: asyncio.Task[None] | None = None
        try:
            await socket.send(msgspec.json.encode({"type": "metadata", "data": data}).decode())
            self.connections += 1
            async for text in socket:
                message: Message = msgspec.json.decode(text)
                self._on_message(message)
                match message["type"]:
                    case "started" | "resumed":
                        sending = asyncio.create_task(self._send(socket, message["receivedBytes"]))
                    case "ack":
                        self._forget(message["receivedBytes"])
                    case "caption" if message["final"]:
                        self._next_seq = message["seq"] + 1
                    case "finished":
                        return True
                    case "error" if message["code"] == "unknown_resume":
                        self.connections = 0
                    case "error" if message["code"] not in _PASSING:
                        raise Refused(message["message"], code=message["code"])
        except ConnectionClosed:
            pass
        finally:
            if sending is not None:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        return False

    async def _keep(self, chunks: AsyncIterator[bytes]) -> None:
        async for chunk in chunks:
            self._kept += chunk
            self._grown.set()
        self._is_complete = True
        self._grown.set()

    async def _send(self, socket: ClientConnection, position: int) -> None:
        """Send from byte `position` of the recording on, as it grows, and then the end."""
        if position < self._kept_from:
            raise Refused(
                f"The server lost bytes {position} to {self._kept_from}, which it had acknowledged.",
                code="lost",
            )
        while True:
            self._grown.clear()
            start = position - self._kept_from
            data = bytes(self._kept[start : start + 65_536])
            if data:
                position += len(data)
                await socket.send(data)
            elif self._is_complete:
                await socket.send('{"type":"end"}')
                return
            else:
                await self._grown.wait()

    def _forget(self, durable: int) -> None:
        """The server has bytes up to `durable` for good; they need not be kept."""
        del self._kept[: max(0, durable - self._kept_from)]
        self._kept_from = max(self._kept_from, durable)


_PASSING = ("draining", "internal", "idle", "starting", "full", "finishing", "database_away")
"""Errors after which the same request may succeed."""


async def paced(
    data: bytes, duration_s: float, *, chunk_bytes: int = 4096, speed: float = 1.0
) -> AsyncIterator[bytes]:
    """Cut `data`, which lasts `duration_s`, into chunks at its own pace times `speed`."""
    started = time.monotonic()
    for start in range(0, len(data), chunk_bytes):
        due = started + duration_s * start / len(data) / speed
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        yield data[start : start + chunk_bytes]


async def at_once(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
