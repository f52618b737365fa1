"""What a recording tells its listeners, and the queue one listener reads it from.

A slow listener loses partials, never finals: a newer partial replaces the waiting one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from msgspec import Struct

from vori.errors import (
    BadMessage,
    Busy,
    Conflict,
    Forbidden,
    Gone,
    Idle,
    NotFound,
    NotSignedIn,
    TooLarge,
    TooMany,
    VoriError,
)
from vori.ids import AudioId
from vori.transcribe.messages import Caption, Partial

DONE, GOING_AWAY, TOO_BIG, INTERNAL, FULL = 1000, 1001, 1009, 1011, 1013
BAD_PARAMETERS, NOT_SIGNED_IN, FORBIDDEN, UNKNOWN, IDLE = 4400, 4401, 4403, 4404, 4408
SUPERSEDED, TOO_MANY = 4409, 4429
"""Close codes: RFC 6455, section 7.4.1, and from 4000 on VORI's own."""

_CLOSE_CODES: tuple[tuple[type[VoriError], int], ...] = (
    (BadMessage, BAD_PARAMETERS),
    (NotSignedIn, NOT_SIGNED_IN),
    (Forbidden, FORBIDDEN),
    (NotFound, UNKNOWN),
    (Conflict, BAD_PARAMETERS),
    (Gone, BAD_PARAMETERS),
    (TooLarge, TOO_BIG),
    (TooMany, TOO_MANY),
    (Busy, FULL),
    (Idle, IDLE),
)


class Started(Struct, frozen=True, kw_only=True):
    """The recording is open: send sound from byte `received_bytes` on."""

    audio_id: AudioId
    received_bytes: int
    next_seq: int
    resumed: bool


class VoiceBegan(Struct, frozen=True, kw_only=True):
    """Somebody speaks since `start_ms`: an utterance is open. Utterances settle in their order."""

    start_ms: int


class VoiceEnded(Struct, frozen=True, kw_only=True):
    """The utterance that began last ends at `end_ms`; its words may yet come."""

    end_ms: int


class Final(Struct, frozen=True, kw_only=True):
    caption: Caption
    ends_utterance: bool = False
    is_flushed: bool = False
    """The client asked for what was open to be made final, and this is the last of it."""


class Hypothesis(Struct, frozen=True, kw_only=True):
    """The open utterance so far; `seq` is the seq that its final caption will have."""

    partial: Partial
    seq: int


class Settled(Struct, frozen=True, kw_only=True):
    """The oldest open utterance is over and all its finals are told; there may be none."""

    end_ms: int


class Flushed(Struct, frozen=True, kw_only=True):
    """What the client had sent when it asked for finals is final; told once for each asking."""


class Aside(Struct, frozen=True, kw_only=True):
    """What a convention tells its own client, in order with what the recording tells."""

    content: Any


class Durable(Struct, frozen=True, kw_only=True):
    """So many bytes of the recording survive a crash; `duration_ms` of sound were decoded."""

    received_bytes: int
    duration_ms: int


class Notice(Struct, frozen=True, kw_only=True):
    """Something went wrong. Fatal: the socket closes with `close_code` after it."""

    code: str
    message: str
    fatal: bool = False
    retry_after_ms: int | None = None
    lag_ms: int | None = None
    """How late words come."""
    close_code: int = 1000


def fatal(error: VoriError) -> Notice:
    """The last message before the close that `error` brings about."""
    return Notice(
        code=error.code,
        message=error.message,
        fatal=True,
        retry_after_ms=error.retry_after_ms if isinstance(error, Busy | TooMany) else None,
        close_code=next((c for kind, c in _CLOSE_CODES if isinstance(error, kind)), INTERNAL),
    )


class Finished(Struct, frozen=True, kw_only=True):
    """The recording is complete: every caption of it has been told."""

    captions: int
    duration_ms: int


class Board(Struct, frozen=True, kw_only=True):
    """A ticket of this meeting was made or changed; `payload` is the event as JSON values."""

    payload: dict[str, Any]


Outgoing = (
    Started
    | VoiceBegan
    | VoiceEnded
    | Final
    | Hypothesis
    | Settled
    | Flushed
    | Durable
    | Notice
    | Finished
    | Board
    | Aside
)


class Listener:
    """One reader of a recording."""

    def __init__(self) -> None:
        self._waiting: deque[Outgoing] = deque()
        self._ready = asyncio.Event()

    def put(self, message: Outgoing) -> None:
        if isinstance(message, Hypothesis | Durable):
            for i, waiting in enumerate(self._waiting):
                if type(waiting) is type(message):
                    del self._waiting[i]
                    break
        self._waiting.append(message)
        self._ready.set()

    async def get(self) -> Outgoing:
        while not self._waiting:
            self._ready.clear()
            await self._ready.wait()
        return self._waiting.popleft()

    def __len__(self) -> int:
        return len(self._waiting)
