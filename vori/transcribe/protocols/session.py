"""One conversation over a WebSocket: what every wire convention shares.

A convention (`Dialect`) only translates: messages into `Control`s, and what a recording tells
into text. This file owns the order of things: sign-in, opening, sound, acknowledgements, errors
told in-band before the close, resuming.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

import structlog
from litestar.connection import WebSocket
from litestar.exceptions import WebSocketDisconnect
from msgspec import Struct

from vori import log
from vori.errors import Idle, TooLarge, VoriError
from vori.people.messages import Principal
from vori.settings import Audio
from vori.transcribe.live import LiveRecording
from vori.transcribe.outgoing import (
    DONE,
    INTERNAL,
    Aside,
    Finished,
    Listener,
    Notice,
    Outgoing,
    fatal,
)
from vori.transcribe.recordings import Opening, Recordings

logger = log.get(__name__)


class Sound(Struct, frozen=True):
    """More bytes of the recording."""

    data: bytes


class Flush:
    """What has been sent shall be made final now."""


class End:
    """The client has sent all of its sound."""


class KeepAlive:
    """The client is there, and has no sound at the moment."""


Control = Opening | Sound | Flush | End | KeepAlive | Aside


class Dialect(Protocol):
    """A wire convention, for one connection."""

    def begin(self) -> Iterable[Control]:
        """What happens before the client has said anything."""
        ...

    def read(self, message: str | bytes) -> Iterable[Control]:
        """What a message asks for; an Opening comes before sound.

        Raises BadMessage for what ends the conversation.
        """
        ...

    def encode(self, message: Outgoing) -> Iterable[str]:
        """The text messages that tell it; none where the convention has no word for it.

        Called in the order in which things are told, asides of `read` among them.
        """
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
    *,
    headers: Mapping[str, str] | None = None,
    subprotocol: str | None = None,
) -> None:
    """Serve one connection from its first message to its close.

    headers, subprotocol: of the answer that opens the socket.
    The sender closes the socket: after the recording is finished, or after a fatal notice.
    """
    await socket.accept(subprotocols=subprotocol, headers=dict(headers or {}))
    with recordings.conversing() as listener:
        sender = asyncio.create_task(_tell(socket, dialect, listener))
        try:
            if await _heard_out(socket, dialect, recordings, sign_in, listener, limits):
                await sender
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)


async def _heard_out(
    socket: WebSocket[Any, Any, Any],
    dialect: Dialect,
    recordings: Recordings,
    sign_in: Callable[[], Awaitable[Principal]],
    listener: Listener,
    limits: Audio,
) -> bool:
    """Hear the client; whether it is still there to be told how that ended."""
    try:
        await _hear(socket, dialect, recordings, await sign_in(), listener, limits)
    except _Gone:
        return False
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
    return True


async def _hear(
    socket: WebSocket[Any, Any, Any],
    dialect: Dialect,
    recordings: Recordings,
    principal: Principal,
    listener: Listener,
    limits: Audio,
) -> None:
    """Read the client until it has ended its sound; raises _Gone when it goes before."""
    recording: LiveRecording | None = None
    patience_s = limits.first_message_s
    pace = _Pace(limits.max_messages_per_s)
    controls = dialect.begin()
    try:
        while True:
            for control in controls:
                match control:
                    case Opening():
                        recording = await recordings.open(control, principal, listener)
                        structlog.contextvars.bind_contextvars(
                            meeting_id=control.meeting_id, audio_id=control.audio_id
                        )
                    case Aside():
                        listener.put(control)
                    case Sound() if recording is not None:
                        await recording.feed(control.data, listener)
                    case Flush() if recording is not None:
                        recording.flush()
                    case End():
                        if recording is None:
                            listener.put(Finished(captions=0, duration_ms=0))
                        else:
                            await recording.finish()
                        return
            message = await _receive(socket, limits, patience_s)
            await pace.step()
            controls = dialect.read(message)
            patience_s = limits.idle_s
    except _Gone as gone:
        if recording is not None:
            recording.detach(listener, for_good=gone.code == DONE)
        raise
    except BaseException:
        if recording is not None:
            recording.detach(listener, for_good=False)
        raise


class _Pace:
    """Slows down a client that sends more messages than any recording needs."""

    BURST_S = 4.0

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._level = per_s * self.BURST_S
        self._at_s = asyncio.get_running_loop().time()

    async def step(self) -> None:
        """One message came; wait if there were too many."""
        now_s = asyncio.get_running_loop().time()
        gained = (now_s - self._at_s) * self._per_s
        self._level = min(self._per_s * self.BURST_S, self._level + gained) - 1
        self._at_s = now_s
        if self._level < 0:
            await asyncio.sleep(-self._level / self._per_s)


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
