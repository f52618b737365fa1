"""OpenAI's realtime convention for transcription: `/v1/realtime?intent=transcription`.

Sound comes as base64 in JSON events. With turn detection (the default) each utterance is an item
of the conversation; without, each `commit` is. Deltas only append, so they are told as captions
become final. Both the events of today and those of the beta are understood.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import msgspec
from litestar import websocket
from litestar.connection import WebSocket
from msgspec import UNSET, Meta, Raw, Struct, UnsetType, structs

from vori.errors import BadMessage, NotSignedIn, VoriError
from vori.ids import AudioId, uuid7
from vori.people.auth import principal_of
from vori.settings import Audio
from vori.transcribe.g711 import expand
from vori.transcribe.messages import AudioFormat, Encoding, Partial, Word
from vori.transcribe.outgoing import (
    FULL,
    GOING_AWAY,
    INTERNAL,
    Aside,
    Final,
    Flushed,
    Hypothesis,
    Notice,
    Outgoing,
    Settled,
    VoiceBegan,
    VoiceEnded,
)
from vori.transcribe.protocols.ahead import Ahead
from vori.transcribe.protocols.chunks import decoded
from vori.transcribe.protocols.handshake import (
    MAX_HOTWORDS,
    MEETING_HEADER,
    Place,
    choose_place,
    refuse,
    spoken_language,
    subprotocol_of,
)
from vori.transcribe.protocols.openai_files import delta_of, error_of
from vori.transcribe.protocols.session import Control, Flush, Sound, converse
from vori.transcribe.recordings import Opening, Recordings
from vori.transcribe.settle import join

IDLE_S = 900.0
"""The convention has no keepalive, and clients may wait long between two commits."""
TRANSCRIPTION = "conversation.item.input_audio_transcription"
FORMATS: dict[str, tuple[str | None, int]] = {
    "audio/pcm": (None, 24_000),
    "pcm16": (None, 24_000),
    "audio/pcmu": ("mulaw", 8_000),
    "g711_ulaw": ("mulaw", 8_000),
    "audio/pcma": ("alaw", 8_000),
    "g711_alaw": ("alaw", 8_000),
}
"""The law by which bytes are expanded, and the usual rate in Hz."""


class Event(Struct, frozen=True, kw_only=True):
    """What a client sends; fields of events that VORI does not know are passed over."""

    type: str
    event_id: str | None = None
    audio: str = ""
    session: Raw = Raw(b"{}")


class FormatWish(Struct, frozen=True, kw_only=True):
    type: str = "audio/pcm"
    rate: Annotated[int, Meta(ge=8_000, le=48_000)] | None = None
    """24,000 in OpenAI's own; VORI takes others."""


class TranscriptionWish(Struct, frozen=True, kw_only=True):
    model: str = ""
    language: Annotated[str, Meta(max_length=32)] | None = None
    prompt: Annotated[str, Meta(max_length=20_000)] = ""
    keywords: tuple[str, ...] = ()


class TurnWish(Struct, frozen=True, kw_only=True):
    type: Literal["server_vad", "semantic_vad"]


class InputWish(Struct, frozen=True, kw_only=True):
    format: FormatWish | UnsetType | None = UNSET
    transcription: TranscriptionWish | UnsetType | None = UNSET
    turn_detection: TurnWish | UnsetType | None = UNSET


class AudioWish(Struct, frozen=True, kw_only=True):
    input: InputWish = InputWish()


class SessionWish(Struct, frozen=True, kw_only=True):
    """`audio` as today's clients send it; the rest as those of the beta do."""

    type: str = "transcription"
    audio: AudioWish = AudioWish()
    input_audio_format: str | UnsetType = UNSET
    input_audio_transcription: TranscriptionWish | UnsetType | None = UNSET
    turn_detection: TurnWish | UnsetType | None = UNSET

    def input(self) -> InputWish:
        """Both ways of asking as one."""
        told = self.audio.input
        beta = self.input_audio_format
        return InputWish(
            format=told.format if beta is UNSET else FormatWish(type=beta),
            transcription=_either(told.transcription, self.input_audio_transcription),
            turn_detection=_either(told.turn_detection, self.turn_detection),
        )


def _either(one: Any, other: Any) -> Any:
    return other if one is UNSET else one


class Config(Struct, frozen=True, kw_only=True):
    """How the session is set up."""

    format: str = "audio/pcm"
    rate_hz: int = 24_000
    language: str | None = None
    prompt: str = ""
    model: str = ""
    has_turns: bool = True
    """The server finds the ends of utterances; else the client commits."""

    @property
    def law(self) -> str | None:
        return FORMATS[self.format][0]

    @property
    def bytes_per_ms(self) -> float:
        return self.rate_hz / 1000 * (1 if self.law else 2)


class Created(Struct, frozen=True):
    config: Config


class Updated(Struct, frozen=True):
    config: Config
    name: str


class Commit(Struct, frozen=True):
    duration_ms: int


class Clear(Struct, frozen=True):
    pass


class Complaint(Struct, frozen=True, kw_only=True):
    """Something in one event cannot be used; the session goes on."""

    error: BadMessage
    event_id: str | None = None


class Item(Struct, kw_only=True):
    """An utterance, or what was committed at once."""

    id: str
    text: str = ""
    duration_ms: int = 0
    start_ms: int = 0
    is_committed: bool = False
    is_dropped: bool = False
    failure: Notice | None = None


class Asked(Struct, kw_only=True):
    """A commit or clear whose sound is not all settled; `item` is that of a commit by hand."""

    is_clear: bool = False
    item: Item | None = None
    is_answered: bool = False
    duration_ms: int = 0


def openai_realtime_route(recordings: Recordings, limits: Audio) -> Any:
    wide = structs.replace(
        limits,
        # Base64 in JSON: one event may hold as much sound as a binary message may.
        max_text_bytes=2 * limits.max_frame_bytes,
        first_message_s=limits.idle_s,
        idle_s=max(limits.idle_s, IDLE_S),
    )

    @websocket("/v1/realtime")
    async def realtime(socket: WebSocket[Any, Any, Any]) -> None:
        try:
            await principal_of(socket)
            if socket.query_params.get("intent") != "transcription":
                raise BadMessage(
                    "VORI transcribes and does not converse: connect with intent=transcription.",
                    code="bad_intent",
                    param="intent",
                )
            place = await choose_place(socket.query_params, await principal_of(socket))
        except VoriError as exc:
            headers = {"www-authenticate": "Bearer"} if isinstance(exc, NotSignedIn) else {}
            await refuse(socket, exc.status, msgspec.json.encode({"error": error_of(exc)}), headers)
            return
        beta = "openai-beta.realtime-v1" in (socket.scope.get("subprotocols") or [])
        await converse(
            socket,
            RealtimeDialect(
                recordings,
                place,
                is_beta=beta or "realtime=v1" in socket.headers.get("openai-beta", ""),
                is_vori=socket.query_params.get("vori") == "1",
            ),
            recordings,
            lambda: principal_of(socket),
            wide,
            headers={MEETING_HEADER: str(place.meeting_id)},
            subprotocol=subprotocol_of(socket, ("realtime",)),
        )

    return realtime


class RealtimeDialect:
    """The convention for one connection.

    `read` knows what the client has sent, `encode` what it has been told: neither touches the
    other's part, since what is told comes later.
    """

    def __init__(
        self,
        recordings: Recordings,
        place: Place,
        *,
        is_beta: bool = False,
        is_vori: bool = False,
    ) -> None:
        """is_vori: the client asked for what the convention has no events for."""
        self._recordings = recordings
        self._place = place
        self._is_beta = is_beta
        self._is_vori = is_vori
        self._session_id = f"sess_{uuid7().hex}"
        # What was read.
        self._config = Config()
        self._is_open = False
        self._uncommitted_bytes = 0
        # What was told.
        self._has_turns = True
        self._items: deque[Item] = deque()
        self._asked: deque[Asked] = deque()
        self._ahead = Ahead()
        self._loose: list[str] = []
        """Deltas that no commit has claimed."""
        self._loose_text = ""
        self._previous_id: str | None = None

    # ---- reading

    def begin(self) -> Iterator[Control]:
        yield Aside(content=Created(self._config))

    def read(self, message: str | bytes) -> Iterator[Control]:
        event_id = None
        try:
            event = _event(message)
            event_id = event.event_id
            yield from self._act(event)
        except BadMessage as exc:
            yield Aside(content=Complaint(error=exc, event_id=event_id))

    def _act(self, event: Event) -> Iterator[Control]:
        match event.type:
            case "input_audio_buffer.append":
                yield from self._append(event.audio)
            case "session.update" | "transcription_session.update":
                self._update(event.session)
                name = event.type.removesuffix("update") + "updated"
                yield Aside(content=Updated(self._config, name))
            case "input_audio_buffer.commit":
                if not self._uncommitted_bytes:
                    raise BadMessage(
                        "There is no sound to commit; append some first.",
                        code="input_audio_buffer_commit_empty",
                    )
                duration_ms = round(self._uncommitted_bytes / self._config.bytes_per_ms)
                self._uncommitted_bytes = 0
                yield Aside(content=Commit(duration_ms))
                yield Flush()
            case "input_audio_buffer.clear":
                self._uncommitted_bytes = 0
                yield Aside(content=Clear())
                if self._is_open:
                    yield Flush()
                else:
                    yield Aside(content=Flushed())
            case kind:
                raise BadMessage(
                    "VORI understands session.update, transcription_session.update and "
                    f"input_audio_buffer.append, .commit and .clear, not {kind[:60]!r}.",
                    code="unknown_message",
                    param="type",
                )

    def _append(self, audio: str) -> Iterator[Control]:
        data = decoded(audio, "audio")
        if not data:
            return
        if not self._is_open:
            self._is_open = True
            yield self._opening()
        self._uncommitted_bytes += len(data)
        law = self._config.law
        yield Sound(expand(data, law) if law else data)

    def _opening(self) -> Opening:
        config = self._config
        return Opening(
            meeting_id=self._place.meeting_id,
            group_id=self._place.group_id,
            audio_id=AudioId(self._session_id),
            language=config.language,
            format=AudioFormat(encoding=Encoding.S16LE, rate_hz=config.rate_hz),
            hotwords=config.prompt,
        )

    def _update(self, raw: Raw) -> None:
        try:
            wish = msgspec.json.decode(raw, type=SessionWish)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as exc:
            raise BadMessage(
                f"The session cannot be used: {exc}.", code="bad_session", param="session"
            ) from exc
        if wish.type != "transcription":
            raise BadMessage(
                f"VORI has sessions of the type transcription, not {wish.type[:40]!r}.",
                code="bad_session",
                param="session.type",
            )
        new = self._wished(wish.input())
        if self._is_open and new != self._config:
            raise BadMessage(
                "The session cannot be changed once sound has come; connect anew.",
                code="session_locked",
                param="session",
            )
        self._config = new

    def _wished(self, wish: InputWish) -> Config:
        config = self._config
        if isinstance(wish.format, FormatWish):
            usual = FORMATS.get(wish.format.type)
            if usual is None:
                raise BadMessage(
                    f"The format {wish.format.type[:40]!r} is unknown; use {', '.join(FORMATS)}.",
                    code="bad_session",
                    param="session.audio.input.format",
                )
            config = structs.replace(
                config, format=wish.format.type, rate_hz=wish.format.rate or usual[1]
            )
        if wish.transcription is None:
            config = structs.replace(config, language=None, prompt="", model="")
        elif isinstance(wish.transcription, TranscriptionWish):
            asked = wish.transcription
            config = structs.replace(
                config,
                language=spoken_language(asked.language, self._recordings),
                prompt=", ".join([*asked.keywords, asked.prompt]).strip(", ")[:MAX_HOTWORDS],
                model=asked.model,
            )
        if wish.turn_detection is not UNSET:
            config = structs.replace(config, has_turns=wish.turn_detection is not None)
        return config

    # ---- telling

    def encode(self, message: Outgoing) -> Iterator[str]:
        for shape in self._shapes(message):
            event = {"event_id": f"event_{uuid7().hex}", **shape}
            yield msgspec.json.encode(event).decode()

    def _shapes(self, message: Outgoing) -> Iterator[dict[str, Any]]:
        match message:
            case Aside(content=Flushed()):
                yield from self._flushed()
            case Aside():
                yield from self._aside(message.content)
            case VoiceBegan() if self._has_turns:
                item = self._new_item(start_ms=message.start_ms)
                yield {
                    "type": "input_audio_buffer.speech_started",
                    "audio_start_ms": message.start_ms,
                    "item_id": item.id,
                }
            case VoiceEnded() if self._has_turns:
                yield from self._voice_ended(message.end_ms)
            case Final():
                yield from self._final(message)
            case Hypothesis():
                yield from self._hypothesis(message.partial)
            case Settled():
                self._ahead.over()
                if self._has_turns:
                    yield from self._completed(self._items.popleft())
            case Flushed():
                yield from self._flushed()
            case Notice():
                yield from self._notice(message)

    def _aside(self, content: Any) -> Iterator[dict[str, Any]]:
        match content:
            case Created():
                name = "transcription_session" if self._is_beta else "session"
                yield {"type": f"{name}.created", "session": self._session(content.config)}
            case Updated():
                self._has_turns = content.config.has_turns
                yield {"type": content.name, "session": self._session(content.config)}
            case Commit() if self._has_turns:
                self._asked.append(Asked(duration_ms=content.duration_ms))
            case Commit():
                yield from self._commit_by_hand(content.duration_ms)
            case Clear():
                self._loose, self._loose_text = [], ""
                if self._has_turns and self._items and not self._items[-1].is_committed:
                    self._items[-1].is_dropped = True
                self._asked.append(Asked(is_clear=True))
                yield {"type": "input_audio_buffer.cleared"}
            case Complaint():
                yield {
                    "type": "error",
                    "error": error_of(content.error) | {"event_id": content.event_id},
                }

    def _session(self, config: Config) -> dict[str, Any]:
        transcription = {
            "model": config.model,
            "language": config.language,
            "prompt": config.prompt,
        }
        turns = {"type": "server_vad"} if config.has_turns else None
        told: dict[str, Any] = {
            "id": self._session_id,
            "object": "realtime.transcription_session",
            "type": "transcription",
            "meeting_id": self._place.meeting_id,
        }
        if self._is_beta:
            return told | {
                "input_audio_format": config.format,
                "input_audio_transcription": transcription,
                "turn_detection": turns,
            }
        audio = {
            "format": {"type": config.format, "rate": config.rate_hz},
            "transcription": transcription,
            "turn_detection": turns,
        }
        return told | {"audio": {"input": audio}}

    def _new_item(self, *, start_ms: int = 0) -> Item:
        item = Item(id=f"item_{uuid7().hex}", start_ms=start_ms)
        self._items.append(item)
        return item

    def _voice_ended(self, end_ms: int) -> Iterator[dict[str, Any]]:
        if not self._items:
            return
        item = self._items[-1]
        item.duration_ms = end_ms - item.start_ms
        for asked in self._asked:
            asked.is_answered = True
        yield {
            "type": "input_audio_buffer.speech_stopped",
            "audio_end_ms": end_ms,
            "item_id": item.id,
        }
        yield from self._committed(item)

    def _commit_by_hand(self, duration_ms: int) -> Iterator[dict[str, Any]]:
        item = self._new_item()
        item.duration_ms = duration_ms
        self._asked.append(Asked(item=item))
        yield from self._committed(item)
        for delta in self._loose:
            yield self._delta(item, delta)
        item.text, self._loose, self._loose_text = self._loose_text, [], ""

    def _committed(self, item: Item) -> Iterator[dict[str, Any]]:
        if item.is_dropped:
            return
        item.is_committed = True
        previous, self._previous_id = self._previous_id, item.id
        yield {
            "type": "input_audio_buffer.committed",
            "previous_item_id": previous,
            "item_id": item.id,
        }
        yield {
            "type": "conversation.item.created",
            "previous_item_id": previous,
            "item": {
                "id": item.id,
                "object": "realtime.item",
                "type": "message",
                "status": "completed",
                "role": "user",
                "content": [{"type": "input_audio", "transcript": None}],
            },
        }

    def _hypothesis(self, partial: Partial) -> Iterator[dict[str, Any]]:
        """Words that have settled are appended, where the utterance has an item already."""
        item = self._items[0] if self._items and self._has_turns else None
        if item is not None and (settled := self._ahead.settled(partial)):
            yield from self._append_words(item, settled, partial.language)
        if self._is_vori:
            yield {
                "type": "vori.hypothesis",
                "item_id": self._items[0].id if self._items else None,
                "transcript": partial.text,
            }

    def _append_words(
        self, item: Item, words: Sequence[Word], language: str
    ) -> Iterator[dict[str, Any]]:
        if words and not item.is_dropped:
            delta = delta_of(join(words, language), language, is_first=not item.text)
            item.text += delta
            yield self._delta(item, delta)

    def _final(self, final: Final) -> Iterator[dict[str, Any]]:
        rest = self._ahead.rest(final.caption)
        item = self._items[0] if self._items else None
        if not self._has_turns and self._asked:
            item = self._asked[0].item
            if item is None:
                return  # cleared
        if item is None:
            caption = final.caption
            delta = delta_of(caption.text, caption.language, is_first=not self._loose_text)
            self._loose.append(delta)
            self._loose_text += delta
        else:
            yield from self._append_words(item, rest, final.caption.language)

    def _delta(self, item: Item, delta: str) -> dict[str, Any]:
        return {
            "type": f"{TRANSCRIPTION}.delta",
            "item_id": item.id,
            "content_index": 0,
            "delta": delta,
        }

    def _flushed(self) -> Iterator[dict[str, Any]]:
        asked = self._asked.popleft()
        if asked.item is not None:
            self._items.remove(asked.item)
            yield from self._completed(asked.item)
        elif not asked.is_clear and not asked.is_answered:
            # Committed, but nobody spoke: an item without words answers it.
            item = Item(id=f"item_{uuid7().hex}", duration_ms=asked.duration_ms)
            yield from self._committed(item)
            yield from self._completed(item)

    def _completed(self, item: Item) -> Iterator[dict[str, Any]]:
        if item.is_dropped:
            return
        if item.failure is not None and not item.text:
            yield self._failed(item, item.failure)
            return
        yield {
            "type": f"{TRANSCRIPTION}.completed",
            "item_id": item.id,
            "content_index": 0,
            "transcript": item.text,
            "usage": {"type": "duration", "seconds": item.duration_ms / 1000},
        }

    def _failed(self, item: Item, notice: Notice) -> dict[str, Any]:
        return {
            "type": f"{TRANSCRIPTION}.failed",
            "item_id": item.id,
            "content_index": 0,
            "error": {
                "type": "transcription_error",
                "code": notice.code,
                "message": notice.message,
                "param": None,
            },
        }

    def _notice(self, notice: Notice) -> Iterator[dict[str, Any]]:
        if not notice.fatal:
            if notice.code == "passage_not_recognised" and self._items:
                self._items[0].failure = notice
            if self._is_vori:
                yield {
                    "type": "vori.warning",
                    "code": notice.code,
                    "message": notice.message,
                    "lag_ms": notice.lag_ms,
                }
            return
        for item in self._items:
            if item.is_committed and not item.is_dropped:
                yield self._failed(item, notice)
        is_ours = notice.close_code in (GOING_AWAY, INTERNAL, FULL)
        yield {
            "type": "error",
            "error": {
                "type": "server_error" if is_ours else "invalid_request_error",
                "code": notice.code,
                "message": notice.message,
                "param": None,
                "event_id": None,
                "retry_after_ms": notice.retry_after_ms,
            },
        }


def _event(message: str | bytes) -> Event:
    if isinstance(message, bytes):
        raise BadMessage(
            "Events are JSON text; send sound as base64 in input_audio_buffer.append.",
            code="not_json",
        )
    try:
        return msgspec.json.decode(message, type=Event)
    except msgspec.ValidationError as exc:
        raise BadMessage(f"The event cannot be used: {exc}.", code="bad_event") from exc
    except (msgspec.DecodeError, RecursionError, UnicodeError) as exc:
        why = "too deeply nested" if isinstance(exc, RecursionError) else str(exc)
        raise BadMessage(f"An event must be JSON: {why}.", code="not_json") from exc
