"""Sound and words, as they pass between the steps.

Times of a caption count in milliseconds from the recording's start; sound is mono float32
in -1..1 at 16 kHz, shape (n,).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import numpy as np
import numpy.typing as npt
from msgspec import Meta, Struct

from vori.ids import BIGINT_MAX, AudioId, CaptionId, EventId, GroupId, MeetingId, UserId

RATE_HZ = 16_000

Samples = npt.NDArray[np.float32]
"""Mono float32 in -1..1, shape (n,), 16 kHz."""


class Encoding(StrEnum):
    """How the bytes of a stream hold sound. AUTO looks at the first bytes."""

    AUTO = "auto"
    WEBM = "webm"
    OGG = "ogg"
    WAV = "wav"
    S16LE = "s16le"
    F32LE = "f32le"
    FILE = "file"
    """A container that must be read whole (m4a, mp3, flac …): decoded when the stream ends."""


class AudioFormat(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What a client declares. `rate_hz` and `channels` count for raw PCM only."""

    encoding: Encoding = Encoding.AUTO
    rate_hz: Annotated[int, Meta(ge=8_000, le=48_000)] = RATE_HZ
    channels: Annotated[int, Meta(ge=1, le=2)] = 1


class Utterance(Struct, frozen=True, kw_only=True):
    """Speech between two silences, or so much of it as has been heard."""

    start_ms: int
    samples: Samples
    is_closed: bool


class Word(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """There are many; they hold nothing for a garbage collector to look at."""

    text: str
    start_ms: int
    end_ms: int
    probability: float


class Transcript(Struct, frozen=True, kw_only=True):
    """What the recogniser heard in one window; word times count from the window's start."""

    text: str
    language: str
    words: tuple[Word, ...] = ()
    avg_logprob: float = 0.0
    no_speech_prob: float = 0.0


class Caption(Struct, frozen=True, kw_only=True, rename="camel"):
    """Final words of one recording: topic `transcription.completed`."""

    event_id: EventId
    caption_id: CaptionId
    meeting_id: MeetingId
    group_id: GroupId
    audio_id: AudioId
    seq: int
    """Counts from 0 within the recording, without gaps."""
    text: str
    language: str
    start_ms: int
    end_ms: int
    meeting_start_ms: int
    """The same start, counted from the meeting's start."""
    speaker_id: UserId | None = None
    words: tuple[Word, ...] = ()
    replaces: tuple[CaptionId, ...] = ()
    """Captions of other microphones that heard the same words less well: no longer shown."""
    level_db: float | None = None
    """How loud it was, in dB below full scale: of two microphones the speaker's own is louder."""


class Partial(Struct, frozen=True, kw_only=True):
    """Words that may still change; never stored."""

    text: str
    start_ms: int
    end_ms: int
    words: tuple[Word, ...] = ()
    settled_words: int = 0
    """So many words, from the first on, will not change any more, but for capitals and marks."""
    language: str = ""


class RecordingKey(Struct, frozen=True, kw_only=True):
    """The recording as VORI's own parts name it: `recording_id` also names its journal."""

    recording_id: UUID
    audio_id: AudioId
    meeting_id: MeetingId
    group_id: GroupId
    user_id: UserId | None = None


class JobState(StrEnum):
    """QUEUED and RUNNING jobs go on after a restart; the others are over."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class Job(Struct, frozen=True, kw_only=True, rename="camel"):
    """A recording that is put into words in the background, after everything live."""

    job_id: UUID
    meeting_id: MeetingId
    recording_id: UUID
    audio_id: AudioId
    version: int
    """The version of the recording's captions that it makes."""
    state: JobState
    model: str | None
    """None: the one that live rooms are heard with."""
    language: str | None
    """None: told from the sound."""
    applies: bool
    """When it is done, its captions become the recording's; else they wait to be applied."""
    done_ms: int
    total_ms: int | None
    """Of sound; none while that is not known."""
    failure: str | None
    message: str
    """What people should know: why it failed, or what it costs."""
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class JobUpdated(Struct, frozen=True, kw_only=True, rename="camel"):
    """Topic `transcription.job`: the job is as it is now."""

    event_id: EventId
    meeting_id: MeetingId
    group_id: GroupId
    job: Job


class AudioData(Struct, frozen=True, kw_only=True, rename="camel"):
    """The next bytes of a sender's sound, on the topic voriAudioStream."""

    randomkey: Annotated[str, Meta(min_length=1, max_length=200)]
    audiodata: str
    """Base64, or "-" after the last bytes."""
    meeting_id: Annotated[MeetingId, Meta(ge=1, le=BIGINT_MAX)] | None = None
    """The meeting it belongs to; none: one of its own."""
