"""OpenAI's file convention: `POST /v1/audio/transcriptions` and `/v1/audio/translations`.

A file to be transcribed takes the road of every recording, in a meeting of its own
(`x-vori-meeting-id`), after live rooms. With `stream=true` its captions are told as they become
final. A translation is an answer only: nothing of it is kept.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Annotated, Any, BinaryIO, Literal, cast

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import FormMultiDict, UploadFile
from litestar.exceptions import HTTPException
from litestar.response import Stream
from msgspec import Meta, Struct

from vori import log
from vori.api import FILE, SignedIn, reads
from vori.errors import BadMessage, Busy, NotSignedIn, TooLarge, Unavailable, VoriError
from vori.ids import AudioId, uuid7
from vori.people.messages import Principal
from vori.settings import Audio
from vori.transcribe.guard import compression_ratio
from vori.transcribe.messages import Word
from vori.transcribe.outgoing import INTERNAL, Final, Finished, Listener, Notice, fatal
from vori.transcribe.protocols.handshake import (
    MAX_HOTWORDS,
    MEETING_HEADER,
    choose_place,
    spoken_language,
)
from vori.transcribe.recordings import Opening, Recordings
from vori.transcribe.settle import UNSPACED_LANGUAGES
from vori.transcribe.subtitles import Cue, srt, vtt

logger = log.get(__name__)

READ_BYTES = 64 * 1024
LANGUAGE_NAMES = {"ko": "korean", "en": "english", "ja": "japanese", "zh": "chinese"}


class Asked(Struct, frozen=True, kw_only=True):
    """The form's fields, besides the file; those VORI does not know are passed over."""

    response_format: Literal["json", "text", "srt", "vtt", "verbose_json"] = "json"
    language: Annotated[str, Meta(max_length=32)] | None = None
    prompt: Annotated[str, Meta(max_length=20_000)] = ""
    temperature: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Passed over: VORI searches for the likeliest words."""
    stream: Literal["true", "false", "True", "False", "1", "0", ""] = "false"
    timestamp_granularities: tuple[Literal["word", "segment"], ...] = ()
    keywords: tuple[Annotated[str, Meta(max_length=200)], ...] = ()

    @property
    def hotwords(self) -> str:
        return ", ".join([*self.keywords, self.prompt])[:MAX_HOTWORDS].strip(", ")

    @property
    def is_streamed(self) -> bool:
        return self.stream in ("true", "True", "1")


class Line(Struct, frozen=True, kw_only=True):
    """What was said in a stretch of the file."""

    start_ms: int
    end_ms: int
    text: str
    language: str
    words: tuple[Word, ...] = ()


class Hearing(Struct, kw_only=True):
    """A file as far as it has been put into words."""

    task: str
    lines: list[Line] = msgspec.field(default_factory=list)
    duration_ms: int = 0

    @property
    def language(self) -> str | None:
        """The one that most lines are in."""
        ranked = Counter(line.language for line in self.lines).most_common(1)
        return ranked[0][0] if ranked else None

    @property
    def text(self) -> str:
        return "".join(
            delta_of(line.text, line.language, is_first=i == 0) for i, line in enumerate(self.lines)
        )


ANSWERS: Mapping[str, Any] = {
    "application/json": {"type": "object", "required": ["text"]},
    "text/plain": {"type": "string"},
    "application/x-subrip": {"type": "string"},
    "text/vtt": {"type": "string"},
}
"""Schemas of what `response_format` may ask for."""


def _form() -> dict[str, Any]:
    """The form's schema: the file, and the fields that `Asked` reads. A form has no null."""
    asked = msgspec.json.schema(Asked)["$defs"]["Asked"]["properties"]
    fields = {
        name: next((one for one in field.get("anyOf", ()) if one.get("type") != "null"), field)
        for name, field in asked.items()
    }
    properties = {"file": FILE, "model": {"type": "string", "maxLength": 200}, **fields}
    return {
        "multipart/form-data": {"type": "object", "required": ["file"], "properties": properties}
    }


def delta_of(text: str, language: str, *, is_first: bool) -> str:
    """What it adds to the text before it."""
    return text if is_first or language in UNSPACED_LANGUAGES else f" {text}"


def transcriptions_route(recordings: Recordings, limits: Audio) -> Any:
    @post(
        "/v1/audio/transcriptions",
        status_code=200,
        tags=["speech"],
        summary="Words of a sound file, as OpenAI's clients ask for them",
        request_max_body_size=limits.max_file_bytes,
        operation_class=reads(_form(), answers={**ANSWERS, "text/event-stream": {}}),
        exception_handlers=_handlers(),
    )
    async def transcriptions(request: Request[Any, Any, Any], principal: SignedIn) -> Response[Any]:
        form = await request.form()
        file, asked = _file(form), read_form(form)
        place = await choose_place(request.query_params, principal)
        opening = Opening(
            meeting_id=place.meeting_id,
            group_id=place.group_id,
            audio_id=AudioId(f"file-{uuid7()}"),
            language=spoken_language(asked.language, recordings),
            hotwords=asked.hotwords,
            is_file=True,
        )
        headers = {MEETING_HEADER: str(place.meeting_id)}
        heard = _hear(recordings, opening, principal, file)
        hearing = Hearing(task="transcribe")
        if asked.is_streamed:
            await anext(heard)  # what cannot be taken is told by the status
            return Stream(
                _events(heard, hearing),
                media_type="text/event-stream",
                headers=headers | {"cache-control": "no-store"},
            )
        async with aclosing(heard):
            async for message in heard:
                _add(hearing, message)
        return _answer(hearing, asked, headers)

    return transcriptions


def translations_route(recordings: Recordings, limits: Audio) -> Any:
    @post(
        "/v1/audio/translations",
        status_code=200,
        tags=["speech"],
        summary="English words of a sound file in any language",
        request_max_body_size=limits.max_file_bytes,
        operation_class=reads(_form(), answers=ANSWERS),
        exception_handlers=_handlers(),
    )
    async def translations(request: Request[Any, Any, Any], principal: SignedIn) -> Response[Any]:
        form = await request.form()
        file, asked = _file(form), read_form(form)
        if asked.is_streamed or "word" in asked.timestamp_granularities:
            raise BadMessage("Translations have no stream and no times of words.", code="bad_form")
        language = spoken_language(asked.language, recordings)
        hearing = Hearing(task="translate")
        if not await file.read(1):
            raise _empty()
        await file.seek(0)
        sound = cast("BinaryIO", file.file)
        try:
            translated = recordings.translate(sound, language=language, hotwords=asked.hotwords)
            async with aclosing(translated):
                async for one in translated:
                    if isinstance(one, Finished):
                        hearing.duration_ms = one.duration_ms
                        break
                    line = Line(
                        start_ms=one.start_ms, end_ms=one.end_ms, text=one.text, language="en"
                    )
                    hearing.lines.append(line)
        finally:
            await file.close()
        return _answer(hearing, asked, {})

    return translations


def _handlers() -> Any:
    return {VoriError: _told, HTTPException: _http_told, Exception: _unforeseen_told}


def _file(form: FormMultiDict) -> UploadFile:
    file = form.get("file")
    if isinstance(file, UploadFile):
        return file
    raise BadMessage(
        "Send the sound as a multipart/form-data part `file` with a file name.",
        code="no_file",
        param="file",
    )


def _empty() -> BadMessage:
    return BadMessage("The file is empty.", code="empty_file", param="file")


def read_form(form: FormMultiDict) -> Asked:
    """Raises BadMessage that names the field."""
    names = {field.name for field in msgspec.structs.fields(Asked)}
    lists = {"timestamp_granularities", "keywords"}
    given: dict[str, Any] = {}
    for key in form:
        name = key.removesuffix("[]")
        values = form.getall(key)
        if name in names and all(isinstance(value, str) for value in values):
            given[name] = values if name in lists else values[-1]
    try:
        asked = msgspec.convert(given, Asked, strict=False)
    except msgspec.ValidationError as exc:
        raise BadMessage(f"The form cannot be used: {exc}.", code="bad_form") from exc
    if asked.timestamp_granularities and asked.response_format != "verbose_json":
        raise BadMessage(
            "timestamp_granularities needs response_format verbose_json.",
            code="bad_form",
            param="timestamp_granularities",
        )
    if asked.is_streamed and asked.response_format not in ("json", "text"):
        raise BadMessage(
            "stream needs response_format json or text.", code="bad_form", param="stream"
        )
    return asked


async def _hear(
    recordings: Recordings, opening: Opening, principal: Principal, file: UploadFile
) -> AsyncGenerator[Final | Finished | None]:
    """First None, once the file is taken; then its captions, then Finished.

    Raises what cannot be taken or used. Left early, the recording is finished without us.
    """
    listener = Listener()
    head = await file.read(READ_BYTES)
    if not head:
        raise _empty()
    live = await recordings.open(opening, principal, listener)
    failure: VoriError | None = None

    async def feed() -> None:
        nonlocal failure
        data = head
        try:
            while data:
                await live.feed(data, listener)
                data = await file.read(READ_BYTES)
            live.end()
        except VoriError as exc:
            failure = exc
            listener.put(fatal(exc))
        finally:
            await file.close()

    feeding = asyncio.create_task(feed())
    try:
        yield None
        while True:
            message = await listener.get()
            if isinstance(message, Notice) and message.fatal:
                raise live.failure or failure or _stopped(message)
            if isinstance(message, Final | Finished):
                yield message
            if isinstance(message, Finished):
                return
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        live.detach(listener, for_good=True)


def _stopped(notice: Notice) -> VoriError:
    if notice.close_code == INTERNAL:
        return Unavailable(notice.message, code=notice.code)
    return Busy(
        "VORI is stopping; what it has of the file is finished when it starts again.",
        code=notice.code,
        retry_after_ms=notice.retry_after_ms or 1000,
    )


def _add(hearing: Hearing, message: Final | Finished | None) -> None:
    if isinstance(message, Final):
        caption = message.caption
        hearing.lines.append(
            Line(
                start_ms=caption.start_ms,
                end_ms=caption.end_ms,
                text=caption.text,
                language=caption.language,
                words=caption.words,
            )
        )
    elif isinstance(message, Finished):
        hearing.duration_ms = message.duration_ms


async def _events(
    heard: AsyncGenerator[Final | Finished | None], hearing: Hearing
) -> AsyncIterator[bytes]:
    """Server-sent events: a delta for each final caption, then the whole text."""
    try:
        async with aclosing(heard):
            async for message in heard:
                _add(hearing, message)
                if isinstance(message, Final):
                    caption = message.caption
                    is_first = len(hearing.lines) == 1
                    delta = delta_of(caption.text, caption.language, is_first=is_first)
                    yield _event({"type": "transcript.text.delta", "delta": delta})
    except VoriError as exc:
        yield _event({"error": error_of(exc)})
    except Exception:
        logger.exception("file failed")
        yield _event({"error": error_of(broken())})
    else:
        done = {"type": "transcript.text.done", "text": hearing.text, "usage": _usage(hearing)}
        yield _event(done)


def _event(data: Any) -> bytes:
    return b"data: " + msgspec.json.encode(data) + b"\n\n"


def _usage(hearing: Hearing) -> dict[str, Any]:
    return {"type": "duration", "seconds": math.ceil(hearing.duration_ms / 1000)}


def _answer(hearing: Hearing, asked: Asked, headers: dict[str, str]) -> Response[Any]:
    cues = (Cue(start_ms=c.start_ms, end_ms=c.end_ms, text=c.text) for c in hearing.lines)
    match asked.response_format:
        case "text":
            return _text(hearing.text + "\n", "text/plain", headers)
        case "srt":
            return _text(srt(cues), "application/x-subrip", headers)
        case "vtt":
            return _text(vtt(cues), "text/vtt", headers)
        case "verbose_json":
            return Response(_verbose(hearing, asked), headers=headers)
    return Response({"text": hearing.text, "usage": _usage(hearing)}, headers=headers)


def _text(text: str, media_type: str, headers: dict[str, str]) -> Response[bytes]:
    if not media_type.startswith("text/"):  # to those Litestar adds it
        media_type += "; charset=utf-8"
    return Response(text.encode(), media_type=media_type, headers=headers)


def _verbose(hearing: Hearing, asked: Asked) -> dict[str, Any]:
    language = hearing.language or ""
    told: dict[str, Any] = {
        "task": hearing.task,
        "language": LANGUAGE_NAMES.get(language, language),
        "duration": hearing.duration_ms / 1000,
        "text": hearing.text,
        "usage": _usage(hearing),
    }
    granularities = asked.timestamp_granularities or ("segment",)
    if "segment" in granularities:
        told["segments"] = [_segment(i, line) for i, line in enumerate(hearing.lines)]
    if "word" in granularities:
        told["words"] = [
            {"word": word.text, "start": word.start_ms / 1000, "end": word.end_ms / 1000}
            for line in hearing.lines
            for word in line.words
        ]
    return told


def _segment(number: int, line: Line) -> dict[str, Any]:
    """`avg_logprob` is that of the words, since tokens are not kept; silence makes no segment."""
    logprobs = [math.log(max(word.probability, 1e-6)) for word in line.words]
    return {
        "id": number,
        "seek": line.start_ms // 10,
        "start": line.start_ms / 1000,
        "end": line.end_ms / 1000,
        "text": line.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(sum(logprobs) / len(logprobs), 4) if logprobs else 0.0,
        "compression_ratio": round(compression_ratio(line.text), 4),
        "no_speech_prob": 0.0,
    }


def error_of(exc: VoriError) -> dict[str, Any]:
    """An error in OpenAI's shape."""
    return {
        "message": exc.message,
        "type": error_type(exc.status),
        "param": exc.ids.get("param"),
        "code": exc.code,
    }


def error_type(status: int) -> str:
    if status == 401:
        return "authentication_error"
    return "server_error" if status >= 500 else "invalid_request_error"


def _told(_request: Request[Any, Any, Any], exc: VoriError) -> Response[Any]:
    headers = {}
    if isinstance(exc, NotSignedIn):
        headers["www-authenticate"] = "Bearer"
    elif isinstance(exc, Busy):
        headers["retry-after"] = str(max(1, -(-exc.retry_after_ms // 1000)))
    return Response({"error": error_of(exc)}, status_code=exc.status, headers=headers)


def _http_told(request: Request[Any, Any, Any], exc: HTTPException) -> Response[Any]:
    if exc.status_code >= 500:
        return _unforeseen_told(request, exc)
    if exc.status_code == 413:
        limit = request.route_handler.resolve_request_max_body_size()
        return _told(request, TooLarge(f"The request has more than {limit} bytes."))
    return _told(request, BadMessage(f"{exc.detail}.", code="bad_form"))


def _unforeseen_told(request: Request[Any, Any, Any], exc: Exception) -> Response[Any]:
    logger.error("request failed", path=request.scope["path"], exc_info=exc)
    return Response({"error": error_of(broken())}, status_code=500)


def broken() -> VoriError:
    return VoriError("Something went wrong here; it has been logged.")
