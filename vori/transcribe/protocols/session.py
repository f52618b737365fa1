"""One conversation over a WebSocket: what every wire convention shares.

A convention (`Dialect`) only translates: bytes and text into an `Opening` and `Control`s,
and what a recording tells into text. This file owns the order of things: sign-in, first
message, sound, acknowledgements, errors told in-band before the close, resuming.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

import structlog
from litestar.connection import WebSocket
from litestar.exceptions import WebSocketDisconnect

from vori import log
from vori.errors import Idle, TooLarge, VoriError
from vori.people.messages import Principal
from vori.settings import Audio
from vori.transcribe.outgoing import (
    DONE,
    INTERNAL,
    Finished,
    Listener,
    Notice,
    Outgoing,
    fatal,
)
from vori.transcribe.recordings import Opening, Recordings

logger = log.get(__name__)


class End:
    """The client has sent all of its sound."""


class KeepAlive:
    """The client is there, and has no sound at the moment."""


Control = End | KeepAlive


class Dialect(Protocol):
    """A wire convention; every method raises BadMessage for what it cannot read."""

    def opening(self, message: str | bytes) -> Opening:
        """What the first message asks for."""
        ...

    def control(self, text: str) -> Control:
        """What a later text message asks for."""
        ...

    def encode(self, message: Outgoing) -> Iterable[str]:
        """The text messages that tell it; none where the convention has no word for it."""
        ...


class _Gone(Exception):
    """The client closed the connection, or its line broke; `code` as WebSocket has it."""

    def __init__(self, code: int) -> None:
        self.code = code


async def converse(
    socket: WebSocket[Any, Any, Any],
    dialect: Dialect,
    recordings: Recordings,
    sign_in: Callable[[], Awaitable[Principal]],
    limits: Audio,
) -> None:
    """Serve one connection from its first message to its close.

    The sender closes the socket: after the recording is finished, or after a fatal notice.
    """
    await socket.accept()
    listener = Listener()
    sender = asyncio.create_task(_tell(socket, dialect, listener))
    try:
        try:
            await _hear(socket, dialect, recordings, await sign_in(), listener, limits)
        except _Gone:
            return
        except VoriError as exc:
            logger.info("conversation refused", code=exc.code, **exc.ids)
            listener.put(fatal(exc))
        except Exception:
            logger.exception("conversation failed")
            listener.put(
                Notice(
                    code="internal",
                    message="Something broke in VORI; nothing acknowledged is lost. Resume.",
                    fatal=True,
                    close_code=INTERNAL,
                )
            )
        await sender
    finally:
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)


async def _hear(
    socket: WebSocket[Any, Any, Any],
    dialect: Dialect,
    recordings: Recordings,
    principal: Principal,
    listener: Listener,
    limits: Audio,
) -> None:
    """Read the client until it has ended its sound; raises _Gone when it goes before."""
    opening = dialect.opening(await _receive(socket, limits, limits.first_message_s))
    recording = await recordings.open(opening, principal, listener)
    structlog.contextvars.bind_contextvars(meeting_id=opening.meeting_id, audio_id=opening.audio_id)
    try:
        while True:
            message = await _receive(socket, limits, limits.idle_s)
            if isinstance(message, bytes):
                await recording.feed(message, listener)
            elif isinstance(dialect.control(message), End):
                await recording.finish()
                return
    except _Gone as gone:
        recording.detach(listener, for_good=gone.code == DONE)
        raise
    except BaseException:
        recording.detach(listener, for_good=False)
        raise


async def _receive(
    socket: WebSocket[Any, Any, Any], limits: Audio, patience_s: float
) -> str | bytes:
    try:
        async with asyncio.timeout(patience_s):
            event: Mapping[str, Any] = await socket.receive()
    except TimeoutError as exc:
        raise Idle(f"No message for {patience_s:g} s; connect again and resume.") from exc
    if event["type"] == "websocket.disconnect":
        raise _Gone(event.get("code") or 1006)
    data, text = event.get("bytes"), event.get("text")
    if data is not None:
        if len(data) > limits.max_frame_bytes:
            raise TooLarge(
                f"A binary message may have {limits.max_frame_bytes} bytes; this one has "
                f"{len(data)}. Send smaller chunks.",
                code="frame_too_large",
            )
        return bytes(data)
    if len(text or "") > limits.max_text_bytes:
        raise TooLarge(
            f"A text message may have {limits.max_text_bytes} bytes.", code="frame_too_large"
        )
    return text or ""


async def _tell(socket: WebSocket[Any, Any, Any], dialect: Dialect, listener: Listener) -> None:
    """Send what the listener hears, until the message after which the socket closes."""
    try:
        while True:
            message = await listener.get()
            for text in dialect.encode(message):
                await socket.send_text(text)
            if isinstance(message, Finished):
                await socket.close(DONE)
                return
            if isinstance(message, Notice) and message.fatal:
                await socket.close(message.close_code, reason=message.code)
                return
    except (WebSocketDisconnect, OSError):
        return
