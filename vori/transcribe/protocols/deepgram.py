"""Deepgram's live convention: `/v1/listen`.

Parameters come in the URL, sound as binary messages, words as `Results`. What VORI cannot do is
refused before the socket opens, with Deepgram's own headers.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import msgspec
from litestar import websocket
from litestar.connection import WebSocket
from litestar.datastructures import MultiDict
from msgspec import Struct

import vori
from vori.errors import BadMessage, NotSignedIn, VoriError
from vori.ids import AudioId, uuid7
from vori.people.auth import principal_of
from vori.settings import Audio
from vori.transcribe.g711 import expand
from vori.transcribe.messages import AudioFormat, Encoding, Partial, Word
from vori.transcribe.outgoing import (
    Aside,
    Durable,
    Final,
    Finished,
    Flushed,
    Hypothesis,
    Notice,
    Outgoing,
    Settled,
    VoiceBegan,
)
from vori.transcribe.protocols.ahead import Ahead
from vori.transcribe.protocols.handshake import (
    MAX_HOTWORDS,
    MEETING_HEADER,
    Place,
    choose_place,
    refuse,
    spoken_language,
    subprotocol_of,
)
from vori.transcribe.protocols.session import (
    Control,
    End,
    Flush,
    KeepAlive,
    Sound,
    converse,
)
from vori.transcribe.recordings import Opening, Recordings
from vori.transcribe.settle import join

RAW = {
    "linear16": Encoding.S16LE,
    "linear32": Encoding.F32LE,
    "mulaw": Encoding.S16LE,
    "alaw": Encoding.S16LE,
}
CONTAINERS = frozenset({"opus", "ogg-opus", "webm", "webm-opus", "flac"})
REFUSED = {
    "diarize": "each person's own connection tells the speakers apart",
    "diarize_model": "each person's own connection tells the speakers apart",
    "multichannel": "channels are mixed; open a connection for each",
    "redact": "what was said is kept as it was said",
    "replace": "what was said is kept as it was said",
    "profanity_filter": "what was said is kept as it was said",
    "callback": "results are told over this socket only",
    "search": "search the transcript instead",
    "detect_entities": "tickets are made from the transcript instead",
    "translate": "words are told in the language they were said in",
}
ERROR_CODES = {401: "INVALID_AUTH", 403: "FORBIDDEN", 404: "NOT_FOUND", 400: "Bad Request"}
MIN_UTTERANCE_END_MS = 1_000
SPAN_MS = 2_000
"""Words that have settled are told as final, before their caption is, once they last so long."""


class Listen(Struct, frozen=True, kw_only=True):
    """What the URL asks for."""

    format: AudioFormat
    law: str | None
    """The sound is G.711 and is expanded as it comes."""
    language: str | None
    hotwords: str
    interim_results: bool
    vad_events: bool
    utterance_end_ms: int | None
    wants_warnings: bool


def deepgram_route(recordings: Recordings, limits: Audio) -> Any:
    @websocket("/v1/listen")
    async def listen(socket: WebSocket[Any, Any, Any]) -> None:
        request_id = str(uuid7())
        try:
            principal = await principal_of(socket)
            asked = read_query(socket.query_params, recordings)
            place = await choose_place(socket.query_params, principal)
        except VoriError as exc:
            await refuse(socket, exc.status, *_refusal(exc, request_id))
            return
        name = recordings.model.name if recordings.model else "loading"
        await converse(
            socket,
            DeepgramDialect(asked, place, request_id, name),
            recordings,
            lambda: principal_of(socket),
            limits,
            headers={"dg-request-id": request_id, MEETING_HEADER: str(place.meeting_id)},
            subprotocol=subprotocol_of(socket, ("token", "bearer")),
        )

    return listen


def _refusal(exc: VoriError, request_id: str) -> tuple[bytes, dict[str, str]]:
    body = {
        "err_code": ERROR_CODES.get(exc.status, exc.code.upper()),
        "err_msg": exc.message,
        "code": exc.code,
        "request_id": request_id,
    }
    headers = {"dg-request-id": request_id, "dg-error": exc.message}
    if isinstance(exc, NotSignedIn):
        headers["www-authenticate"] = "Token"
    return msgspec.json.encode(body), headers


def read_query(query: MultiDict[Any], recordings: Recordings) -> Listen:
    """Raises BadMessage that names the parameter; those VORI does not know are passed over."""
    for name, why in REFUSED.items():
        if query.get(name, "false").lower() not in ("", "false", "0"):
            raise _bad(name, f"is not supported: {why}")
    encoding = query.get("encoding", "").lower()
    rate_hz = _number(query, "sample_rate", 8_000, 48_000)
    channels = _number(query, "channels", 1, 2) or 1
    if encoding in RAW:
        if rate_hz is None:
            raise _bad("sample_rate", f"is needed with encoding={encoding}")
        fmt = AudioFormat(encoding=RAW[encoding], rate_hz=rate_hz, channels=channels)
    elif not encoding or encoding in CONTAINERS:
        fmt = AudioFormat()
    else:
        known = ", ".join(sorted([*RAW, *CONTAINERS]))
        raise _bad("encoding", f"must be one of {known}, or left out for containers")
    hints = [str(h) for name in ("keyterm", "keywords") for h in query.getall(name, [])]
    return Listen(
        format=fmt,
        law=encoding if encoding in ("mulaw", "alaw") else None,
        language=spoken_language(query.get("language"), recordings),
        hotwords=", ".join(hint.split(":")[0] for hint in hints)[:MAX_HOTWORDS],
        interim_results=_switch(query, "interim_results"),
        vad_events=_switch(query, "vad_events"),
        utterance_end_ms=_number(query, "utterance_end_ms", MIN_UTTERANCE_END_MS, 60_000),
        wants_warnings=_switch(query, "vori"),
    )


def _number(query: Mapping[str, Any], name: str, least: int, most: int) -> int | None:
    text = query.get(name)
    if text is None or (name == "utterance_end_ms" and text.lower() == "false"):
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 9 and least <= int(text) <= most):
        raise _bad(name, f"must be a whole number from {least} to {most}, not {text[:20]!r}")
    return int(text)


def _switch(query: Mapping[str, Any], name: str) -> bool:
    text = query.get(name, "false").lower()
    if text not in ("true", "false", "1", "0", ""):
        raise _bad(name, f"must be true or false, not {text[:20]!r}")
    return text in ("true", "1")


def _bad(name: str, why: str) -> BadMessage:
    return BadMessage(f"The parameter {name} {why}.", code="bad_parameter")


class DeepgramDialect:
    """The convention for one connection."""

    def __init__(self, asked: Listen, place: Place, request_id: str, model: str) -> None:
        self._asked = asked
        self._place = place
        self._request_id = request_id
        self._model_id = str(uuid5(NAMESPACE_OID, model))
        self._model = {"name": model, "version": vori.__version__, "arch": "whisper"}
        self._created = datetime.now(UTC)
        self._sha256 = hashlib.sha256()
        self._is_open = False
        self._told_flush = False
        self._ahead = Ahead(span_ms=SPAN_MS)
        self._begun_ms: deque[int] = deque()
        """When the utterances began that have not settled."""
        self._last_word_ms: int | None = None
        """End of the last word, as long as no UtteranceEnd was told for it."""
        self._is_quiet = False

    def begin(self) -> Iterator[Control]:
        return iter(())

    def read(self, message: str | bytes) -> Iterator[Control]:
        if isinstance(message, bytes):
            if not message:
                yield End()  # as Deepgram takes it
                return
            self._sha256.update(message)
            if not self._is_open:
                self._is_open = True
                yield self._opening()
            yield Sound(expand(message, self._asked.law) if self._asked.law else message)
            return
        match _type_of(message):
            case "CloseStream":
                yield End()
            case "KeepAlive":
                yield KeepAlive()
            case "Finalize" if self._is_open:
                yield Flush()
            case "Finalize":
                yield Aside(content=Flushed())
            case kind:
                raise BadMessage(
                    f"Text messages are KeepAlive, Finalize and CloseStream; {kind[:40]!r} is none.",
                    code="unknown_message",
                )

    def _opening(self) -> Opening:
        return Opening(
            meeting_id=self._place.meeting_id,
            group_id=self._place.group_id,
            audio_id=AudioId(self._request_id),
            language=self._asked.language,
            format=self._asked.format,
            hotwords=self._asked.hotwords,
        )

    def encode(self, message: Outgoing) -> Iterator[str]:
        for shape in self._shapes(message):
            yield msgspec.json.encode(shape).decode()

    def _shapes(self, message: Outgoing) -> Iterable[dict[str, Any]]:
        match message:
            case Aside(content=Flushed()):
                yield self._flushed()
            case VoiceBegan():
                yield from self._voice_began(message.start_ms)
            case Hypothesis():
                yield from self._hypothesis(message.partial)
            case Final():
                yield from self._final(message)
            case Settled():
                self._ahead.over()
                yield from self._settled()
            case Flushed():
                if not self._told_flush:
                    yield self._flushed()
                self._told_flush = False
            case Durable():
                yield from self._utterance_end(message.duration_ms)
            case Finished():
                yield from self._utterance_end(None)
                yield self._metadata(message.duration_ms)
            case Notice(fatal=True):
                yield {
                    "type": "Error",
                    "variant": message.code,
                    "code": message.code,
                    "description": message.message,
                    "message": message.message,
                    "retry_after_ms": message.retry_after_ms,
                }
            case Notice() if self._asked.wants_warnings:
                yield {
                    "type": "Warning",
                    "code": message.code,
                    "description": message.message,
                    "lag_ms": message.lag_ms,
                }

    def _hypothesis(self, partial: Partial) -> Iterator[dict[str, Any]]:
        """What has settled is final; what is open is told to who asked for it."""
        if settled := self._ahead.settled(partial):
            yield self._results(settled, partial.language, settled[0].start_ms, is_final=True)
        still_open = self._ahead.open(partial)
        if still_open and self._asked.interim_results:
            yield self._results(still_open, partial.language, still_open[0].start_ms)

    def _final(self, final: Final) -> Iterator[dict[str, Any]]:
        """The rest of the caption; none, but that the utterance is over, may be left."""
        caption = final.caption
        self._last_word_ms = caption.end_ms
        self._told_flush = self._told_flush or final.is_flushed
        rest = self._ahead.rest(caption)
        if rest or final.ends_utterance:
            yield self._results(
                rest,
                caption.language,
                rest[0].start_ms if rest else caption.end_ms,
                is_final=True,
                speech_final=final.ends_utterance,
                from_finalize=final.is_flushed,
            )

    def _flushed(self) -> dict[str, Any]:
        """There was nothing left to say."""
        return self._results((), "", self._last_word_ms or 0, is_final=True, from_finalize=True)

    def _results(
        self,
        words: Sequence[Word],
        language: str,
        start_ms: int,
        *,
        is_final: bool = False,
        speech_final: bool = False,
        from_finalize: bool = False,
    ) -> dict[str, Any]:
        sure = sum(word.probability for word in words) / len(words) if words else 0.0
        end_ms = words[-1].end_ms if words else start_ms
        return {
            "type": "Results",
            "channel_index": [0, 1],
            "start": start_ms / 1000,
            "duration": (end_ms - start_ms) / 1000,
            "is_final": is_final,
            "speech_final": speech_final,
            "from_finalize": from_finalize,
            "channel": {
                "alternatives": [
                    {
                        "transcript": join(words, language),
                        "confidence": round(sure, 4),
                        "words": [_word(word) for word in words],
                    }
                ]
            },
            "metadata": {
                "request_id": self._request_id,
                "model_info": self._model,
                "model_uuid": self._model_id,
                "meeting_id": self._place.meeting_id,
            },
        }

    def _metadata(self, duration_ms: int) -> dict[str, Any]:
        return {
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": self._request_id,
            "sha256": self._sha256.hexdigest(),
            "created": self._created.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "duration": duration_ms / 1000,
            "channels": 1,
            "models": [self._model_id],
            "model_info": {self._model_id: self._model},
            "meeting_id": self._place.meeting_id,
        }

    # ---- who speaks and who has stopped

    def _voice_began(self, start_ms: int) -> Iterator[dict[str, Any]]:
        self._begun_ms.append(start_ms)
        yield from self._utterance_end(start_ms)
        self._is_quiet = False
        if self._asked.vad_events:
            yield {"type": "SpeechStarted", "channel": [0, 1], "timestamp": start_ms / 1000}

    def _settled(self) -> Iterator[dict[str, Any]]:
        if self._begun_ms:
            self._begun_ms.popleft()
        self._is_quiet = True
        if self._begun_ms:  # somebody has begun to speak again meanwhile
            yield from self._utterance_end(self._begun_ms[0])
            self._is_quiet = False

    def _utterance_end(self, until_ms: int | None) -> Iterator[dict[str, Any]]:
        """Tell the end of speech if nobody spoke for long enough; None: the sound is over."""
        least_ms, last_ms = self._asked.utterance_end_ms, self._last_word_ms
        if least_ms is None or last_ms is None or not self._is_quiet:
            return
        if until_ms is None or until_ms - last_ms >= least_ms:
            self._last_word_ms = None
            yield {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": last_ms / 1000}


def _word(word: Word) -> dict[str, Any]:
    plain = word.text.casefold().strip(".,;:!?…。、，？！\"'()[]")
    return {
        "word": plain or word.text,
        "start": word.start_ms / 1000,
        "end": word.end_ms / 1000,
        "confidence": word.probability,
        "punctuated_word": word.text,
    }


def _type_of(text: str) -> str:
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as exc:
        why = "too deeply nested" if isinstance(exc, RecursionError) else str(exc)
        raise BadMessage(f"A text message must be JSON: {why}.", code="not_json") from exc
    kind = message.get("type") if isinstance(message, dict) else None
    if not isinstance(kind, str):
        raise BadMessage('A text message must be an object with a "type".', code="unknown_message")
    return kind
