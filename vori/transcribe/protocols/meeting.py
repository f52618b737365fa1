"""VORI's own convention: `/ws/meeting/{meetingId}`.

The client sends `{"type":"metadata","data":{…}}`, then binary sound, then `{"type":"end"}`.
A message with `text` is always a final caption's, unless the metadata asked for `partials`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from vori.errors import BadMessage
from vori.ids import BIGINT_MAX, AudioId, GroupId, MeetingId, UserId
from vori.transcribe.messages import RATE_HZ, AudioFormat, Encoding
from vori.transcribe.outgoing import (
    Board,
    Durable,
    Final,
    Finished,
    Hypothesis,
    Notice,
    Outgoing,
    Started,
)
from vori.transcribe.protocols.session import Control, End, KeepAlive, Sound
from vori.transcribe.recordings import Opening

Id = Annotated[int, Meta(ge=1, le=BIGINT_MAX)]


class Format(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`encoding` alone is enough for containers; raw PCM says its rate and channels."""

    encoding: Literal["auto", "webm", "ogg", "wav", "s16le", "f32le"] = "auto"
    rate_hz: Annotated[int, Meta(ge=8_000, le=48_000)] = RATE_HZ
    channels: Annotated[int, Meta(ge=1, le=2)] = 1


class Resume(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The client was cut off: finals from `next_seq` on are told again."""

    next_seq: Annotated[int, Meta(ge=0)] = 0


class Metadata(Struct, frozen=True, kw_only=True, rename="camel"):
    """Fields that VORI does not know are passed over, as older clients send some."""

    audio_id: Annotated[str, Meta(min_length=1, max_length=128)] | Annotated[int, Meta(ge=0)]
    group_id: Id
    language: Literal["ko", "en", "auto"] | None = None
    format: Format | Literal["webm", "ogg", "wav", "s16le", "f32le", "auto"] = "auto"
    resume: Resume | bool = False
    partials: bool = False
    speaker_id: Id | None = None


class MeetingDialect:
    """The convention for one connection to the meeting named in the path."""

    def __init__(self, meeting_id: str) -> None:
        self._meeting_id = meeting_id
        self._is_open = False
        self._partials = False

    def begin(self) -> Iterator[Control]:
        return iter(())

    def read(self, message: str | bytes) -> Iterator[Control]:
        if not self._is_open:
            opening = self._opening(message)
            self._is_open = True
            yield opening
        elif isinstance(message, bytes):
            yield Sound(message)
        else:
            yield self._control(message)

    def _opening(self, message: str | bytes) -> Opening:
        if isinstance(message, bytes):
            raise BadMessage(
                'Sound came before the metadata. Send {"type":"metadata","data":{"audioId":…,'
                '"groupId":…}} first.',
                code="metadata_first",
            )
        if not (self._meeting_id.isascii() and self._meeting_id.isdigit()) or not (
            1 <= int(self._meeting_id[:20]) <= BIGINT_MAX
        ):
            raise BadMessage(
                f"The meeting's id in the path must be a whole number from 1 to {BIGINT_MAX}.",
                code="bad_meeting_id",
            )
        kind, data = _read(message)
        if kind != "metadata":
            raise BadMessage(
                f'The first message must have the type "metadata", not {kind[:40]!r}.',
                code="metadata_first",
            )
        try:
            meta = msgspec.convert(data, Metadata, strict=False)
        except (msgspec.ValidationError, ValueError, OverflowError) as exc:
            raise BadMessage(
                f"The metadata cannot be used: {exc}. It needs audioId (text) and groupId "
                "(number); language, format, resume, partials and speakerId may be given.",
                code="bad_metadata",
            ) from exc
        audio_id = str(meta.audio_id)
        if "\0" in audio_id or not audio_id.isprintable():
            raise BadMessage("audioId must be printable text.", code="bad_metadata")
        self._partials = meta.partials
        resume = Resume() if meta.resume is True else meta.resume
        return Opening(
            meeting_id=MeetingId(int(self._meeting_id)),
            group_id=GroupId(meta.group_id),
            audio_id=AudioId(audio_id),
            language=None if meta.language in (None, "auto") else meta.language,
            format=format_of(meta.format),
            speaker_id=None if meta.speaker_id is None else UserId(meta.speaker_id),
            resume_seq=resume.next_seq if isinstance(resume, Resume) else None,
        )

    def _control(self, text: str) -> Control:
        kind, _ = _read(text)
        match kind:
            case "end":
                return End()
            case "keepalive" | "ping":
                return KeepAlive()
        raise BadMessage(
            f'After the metadata come sound, {{"type":"keepalive"}} and {{"type":"end"}}; '
            f"{kind[:40]!r} is none of them.",
            code="unknown_message",
        )

    def encode(self, message: Outgoing) -> Iterator[str]:
        if isinstance(message, Hypothesis) and not self._partials:
            return
        shape = _shape(message)
        if shape is not None:
            yield msgspec.json.encode(shape).decode()


def _shape(message: Outgoing) -> dict[str, Any] | None:
    match message:
        case Started():
            return {
                "type": "resumed" if message.resumed else "started",
                "audioId": message.audio_id,
                "receivedBytes": message.received_bytes,
                "nextSeq": message.next_seq,
            }
        case Final(caption=caption):
            return {
                "type": "caption",
                "seq": caption.seq,
                "captionId": caption.caption_id,
                "text": caption.text,
                "final": True,
                "language": caption.language,
                "startMs": caption.start_ms,
                "endMs": caption.end_ms,
                "words": caption.words,
            }
        case Hypothesis(partial=partial):
            return {
                "type": "caption",
                "seq": message.seq,
                "text": partial.text,
                "final": False,
                "settledWords": partial.settled_words,
                "startMs": partial.start_ms,
                "endMs": partial.end_ms,
            }
        case Durable():
            return {
                "type": "ack",
                "receivedBytes": message.received_bytes,
                "durationMs": message.duration_ms,
            }
        case Finished():
            return {
                "type": "finished",
                "captions": message.captions,
                "durationMs": message.duration_ms,
            }
        case Board():
            return {"type": "ticket", **message.payload}
        case Notice():
            told: dict[str, Any] = {
                "type": "error" if message.fatal else "warning",
                "code": message.code,
                "message": message.message,
                "fatal": message.fatal,
            }
            if message.retry_after_ms is not None:
                told["retryAfterMs"] = message.retry_after_ms
            if message.lag_ms is not None:
                told["lagMs"] = message.lag_ms
            return told
        case _:
            return None


def _read(text: str) -> tuple[str, Any]:
    """A message's type and data."""
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as exc:
        why = "too deeply nested" if isinstance(exc, RecursionError) else str(exc)
        raise BadMessage(f"A text message must be JSON: {why}.", code="not_json") from exc
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise BadMessage('A text message must be an object with a "type".', code="unknown_message")
    return message["type"], message.get("data")


def format_of(given: Format | str) -> AudioFormat:
    if isinstance(given, str):
        given = Format(encoding=given)  # type: ignore[arg-type]
    return AudioFormat(
        encoding=Encoding(given.encoding), rate_hz=given.rate_hz, channels=given.channels
    )
