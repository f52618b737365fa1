"""Bytes of one recording to stretches of speech, on the recording's clock. Blocks: use a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from msgspec import Struct

from vori.transcribe.messages import AudioFormat, Encoding, Samples
from vori.transcribe.sandbox import ApartDecoder, Replay, decode_file, open_decoder
from vori.transcribe.voice import (
    SpeechEnded,
    SpeechStarted,
    SpeechWentOn,
    VoiceEvent,
    VoiceGate,
    ms_of,
    samples_of,
)

MAX_FILE_S = 12 * 3600
"""Longest file that is read whole."""


class Heard(Struct, frozen=True, kw_only=True):
    """More of the running utterance, or its end: what was given after `end_ms` is not of it.

    Times count from the recording's start.
    """

    start_ms: int
    samples: Samples
    end_ms: int | None = None
    may_end_ms: int | None = None
    """Where the utterance ends if nobody speaks again soon; None while somebody does."""


class Ear:
    """Decodes the parts of a recording one after the other and finds where somebody speaks.

    Sound before `settled_ms` is decoded and passed over: its captions are final already.
    """

    def __init__(self, new_gate: Callable[[int], VoiceGate], *, settled_ms: int = 0) -> None:
        """new_gate: makes a gate whose clock starts at the given time of the recording, in ms."""
        self._new_gate = new_gate
        self._settled = samples_of(settled_ms)
        self._heard = 0
        self._start_ms = 0
        self._decoder: ApartDecoder | None = None
        self._gate: VoiceGate | None = None

    @property
    def heard_ms(self) -> int:
        """How far the recording has been decoded."""
        return ms_of(self._heard)

    @property
    def reads_whole_files(self) -> bool:
        """The current part's container cannot be decoded before it is complete."""
        return self._decoder is not None and self._decoder.encoding is Encoding.FILE

    @property
    def is_apart(self) -> bool:
        """The current part is decoded by another process, for which the next call may wait."""
        return self._decoder is not None and (self._decoder.is_apart or self.reads_whole_files)

    def begin(self, fmt: AudioFormat, offset_ms: int) -> list[Heard]:
        """A new stream, `offset_ms` into the recording, or later if the one before lasted longer."""
        self._heard = max(self._heard, samples_of(offset_ms))
        self.close()
        self._decoder = open_decoder(fmt)
        return self._sort(self._gate.skip_to(self.heard_ms)) if self._gate else []

    def hear(self, data: bytes, replay: Replay | None = None) -> list[Heard]:
        """Raises BadMessage for what cannot be decoded; what was decoded before came earlier.

        replay: the part's bytes again, from its beginning; DecoderDied, without it, may be nobody's
        fault, and the same call with it goes on.
        """
        assert self._decoder is not None
        return self._listen(self._decoder.feed(data, replay))

    def end(self, replay: Replay | None = None) -> list[Heard]:
        """The current part ends here. Raises as `hear` does."""
        assert self._decoder is not None
        return self._listen(self._decoder.finish(replay)) + self._flush()

    def close(self) -> None:
        """Nothing more is to be heard of the current part. Any thread may call this."""
        if self._decoder is not None:
            self._decoder.close()

    def flush(self) -> list[Heard]:
        """Close the open utterance here; what comes after begins another."""
        return self._flush()

    def end_file(self, file: Path | BinaryIO) -> Iterator[list[Heard]]:
        """The current part ends, and is a file to be read whole."""
        for samples in decode_file(file, limit_s=MAX_FILE_S):
            yield self._listen(samples)
        yield self._flush()

    def _listen(self, samples: Samples) -> list[Heard]:
        start, self._heard = self._heard, self._heard + len(samples)
        samples = samples[max(0, self._settled - start) :]
        if not len(samples):
            return []
        if self._gate is None:
            self._gate = self._new_gate(ms_of(self._heard - len(samples)))
        return self._sort(self._gate.feed(samples))

    def _flush(self) -> list[Heard]:
        return self._sort(self._gate.flush()) if self._gate else []

    def _sort(self, events: list[VoiceEvent]) -> list[Heard]:
        heard = []
        for event in events:
            match event:
                case SpeechStarted():
                    self._start_ms = event.start_ms
                    heard.append(Heard(start_ms=event.start_ms, samples=event.samples))
                case SpeechWentOn():
                    heard.append(
                        Heard(
                            start_ms=self._start_ms,
                            samples=event.samples,
                            may_end_ms=event.may_end_ms,
                        )
                    )
                case SpeechEnded():
                    nothing = np.zeros(0, np.float32)
                    heard.append(
                        Heard(start_ms=self._start_ms, samples=nothing, end_ms=event.end_ms)
                    )
        return heard
