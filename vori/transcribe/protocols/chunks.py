"""Sound over plain HTTP: `POST /api/meetings/{id}/stream` with chunks in base64.

A chunk is answered with 202 once it is on the disk and has been decoded. The recording waits for
the next one as it does for a socket that was cut off (`audio.resume_s`), or ends with `"end": true`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import Annotated, Any, Literal
from weakref import WeakValueDictionary

from litestar import post
from litestar.params import JSONBody
from msgspec import Meta, Struct, structs

from vori.api import PathId, SignedIn
from vori.errors import BadMessage, NotFound
from vori.ids import AudioId, MeetingId
from vori.people.access import meeting_for
from vori.people.messages import Principal
from vori.transcribe.live import LiveRecording
from vori.transcribe.outgoing import Listener
from vori.transcribe.protocols.meeting import Format, format_of
from vori.transcribe.recordings import Opening, Recordings

LATEST = 2**31
"""A seq that no caption has: nothing is told again."""


class Chunk(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The next bytes of a recording. `language` and `format` count in its first chunk."""

    audio_id: Annotated[str, Meta(min_length=1, max_length=128)] | Annotated[int, Meta(ge=0)]
    audio_data: str = ""
    """Base64; what is decoded of all chunks, joined, is one stream."""
    end: bool = False
    """This was the last one."""
    language: Literal["ko", "en", "auto"] | None = None
    format: Format | Literal["webm", "ogg", "wav", "s16le", "f32le", "auto"] = "auto"


class Taken(Struct, frozen=True, kw_only=True, rename="camel"):
    """So many bytes of the recording survive a crash."""

    meeting_id: MeetingId
    audio_id: AudioId
    received_bytes: int


def chunks_route(recordings: Recordings) -> Any:
    locks: WeakValueDictionary[AudioId, asyncio.Lock] = WeakValueDictionary()

    @post(
        "/api/meetings/{meeting_id:int}/stream",
        status_code=202,
        tags=["speech"],
        summary="The next chunk of a recording",
    )
    async def stream(meeting_id: PathId, principal: SignedIn, data: JSONBody[Chunk]) -> Taken:
        sound = decoded(data.audio_data)
        audio_id = _audio_id(data.audio_id)
        if not sound and not data.end:
            raise BadMessage(
                "audioData is empty; send sound, or end the recording.", code="empty_chunk"
            )
        group_id = await meeting_for(principal, MeetingId(meeting_id))
        opening = Opening(
            meeting_id=MeetingId(meeting_id),
            group_id=group_id,
            audio_id=audio_id,
            language=None if data.language in (None, "auto") else data.language,
            format=format_of(data.format),
        )
        lock = locks.setdefault(audio_id, asyncio.Lock())
        async with lock:  # chunks are taken one after the other
            received = await _take(recordings, opening, principal, sound, is_last=data.end)
        return Taken(meeting_id=opening.meeting_id, audio_id=audio_id, received_bytes=received)

    return stream


async def _take(
    recordings: Recordings, opening: Opening, principal: Principal, sound: bytes, *, is_last: bool
) -> int:
    listener = Listener()
    live = await go_on(recordings, opening, principal, listener, may_begin=bool(sound))
    try:
        if sound:
            await live.feed(sound, listener)
        await live.journal.sync()
        await live.until_heard()
        return live.journal.durable_bytes
    finally:
        live.detach(listener, for_good=is_last)


async def go_on(
    recordings: Recordings,
    opening: Opening,
    principal: Principal,
    listener: Listener,
    *,
    may_begin: bool = True,
) -> LiveRecording:
    """The recording of a sender who does not say whether it has begun; no caption is told again."""
    try:
        resumed = structs.replace(opening, resume_seq=LATEST)
        return await recordings.open(resumed, principal, listener)
    except NotFound as exc:
        if exc.code != "unknown_resume" or not may_begin:
            raise
    return await recordings.open(opening, principal, listener)


def decoded(text: str, name: str = "audioData") -> bytes:
    """The bytes of base64, as browsers and `btoa` write it; raises BadMessage."""
    _, comma, after = text.partition(",") if text.startswith("data:") else ("", "", "")
    try:
        return base64.b64decode(after if comma else text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise BadMessage(f"{name} is not base64: {exc}.", code="bad_base64", param=name) from exc


def _audio_id(given: str | int) -> AudioId:
    text = str(given)
    if not text.isprintable():
        raise BadMessage("audioId must be printable text.", code="bad_audio_id")
    return AudioId(text)
