"""One recording while it is open: journal → ear → recogniser → captions.

Hearing starts with what the journal has and goes on with what comes, so a recording that was
cut off, one that is resumed and one that is new go the same road: from the first byte,
passing over what is already settled.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import islice
from typing import Protocol

import numpy as np
from msgspec import Struct

from vori import log
from vori.errors import Busy, Unavailable, VoriError
from vori.ids import CaptionId, EventId, uuid7
from vori.settings import Audio, Speech
from vori.transcribe import sandbox
from vori.transcribe.ear import Ear, Heard
from vori.transcribe.guard import why_not_said
from vori.transcribe.journal import Journal
from vori.transcribe.merge import level_db
from vori.transcribe.messages import (
    RATE_HZ,
    AudioFormat,
    Caption,
    RecordingKey,
    Samples,
    Transcript,
)
from vori.transcribe.outgoing import (
    SUPERSEDED,
    Durable,
    Final,
    Finished,
    Flushed,
    Hypothesis,
    Listener,
    Notice,
    Outgoing,
    Settled,
    Started,
    VoiceBegan,
    VoiceEnded,
    fatal,
)
from vori.transcribe.pool import Priority, RecogniserPool
from vori.transcribe.recogniser import ModelInfo, Window
from vori.transcribe.sandbox import DecoderDied, Replay
from vori.transcribe.settle import SURE_TAIL_MS, Piece, Settler

logger = log.get(__name__)

UNHEARD_BYTES = 4 * 1024 * 1024
"""A client so far ahead of the ear is not read from until the ear has caught up."""
MAX_WAIT_S = 5.0
LAGGING_S = 3.0
"""Clients are told when words come so much later than they were said."""
GUESSED_TAIL_MS = 1_000
"""So much older than the last guess counts what it did not settle, at most."""
NOTHING = Transcript(text="", language="")


class Progress(Struct, frozen=True, kw_only=True):
    """Where a recording stands in the database."""

    next_seq: int = 0
    settled_ms: int = 0
    """Sound before this has its final captions."""
    offset_ms: int = 0
    """The recording's start, counted from the meeting's."""
    language: str | None = None
    previous_text: str = ""


class Store(Protocol):
    """Where captions are kept; every method raises Unavailable when the database is away."""

    async def save(self, key: RecordingKey, captions: list[Caption], *, settled_ms: int) -> None:
        """Keep the captions with their events and the progress, in one transaction."""
        ...

    async def complete(
        self, key: RecordingKey, *, received_bytes: int, decoded_ms: int, failure: str | None
    ) -> None: ...


class Begin(Struct, frozen=True, kw_only=True):
    """A part of the recording begins: a stream of its own."""

    format: AudioFormat
    offset_ms: int


class Flush:
    """The client wants what is open to be made final now."""


class Speaking:
    """An utterance as far as it has been heard and not settled."""

    def __init__(self, start_ms: int) -> None:
        self.start_ms = start_ms
        self.is_closed = False
        self.since_s = time.monotonic()
        """When the sound that nobody has put into words yet began to come."""
        self.guessed_ms = 0
        self.flushes = 0
        """How often the client asked for what was said up to the end of this."""
        self.decoding: asyncio.Task[Transcript | None] | None = None
        """Of a file: final words, asked for before it is this utterance's turn."""
        self._may_end_ms: int | None = None
        self._foreseen: tuple[int, Transcript | None] | None = None
        """What was heard of so many samples, as if the utterance ended there; None: not yet."""
        self._chunks: list[Samples] = []
        self._count = 0

    def grow(self, samples: Samples, may_end_ms: int | None = None) -> None:
        """may_end_ms: where it ends if nobody speaks again soon; None while somebody does."""
        self._chunks.append(samples)
        self._count += len(samples)
        self._may_end_ms = may_end_ms

    def samples(self) -> Samples:
        if len(self._chunks) != 1:
            self._chunks = [np.concatenate(self._chunks or [np.zeros(0, np.float32)])]
        return self._chunks[0]

    def close(self, end_ms: int) -> None:
        """The utterance ends at `end_ms` of the recording."""
        self.is_closed = True
        self._count = self._samples_to(end_ms)
        self._chunks = [self.samples()[: self._count]]

    @property
    def is_quiet(self) -> bool:
        """Nobody speaks any more, so that it may be over."""
        return self._may_end_ms is not None

    @property
    def is_end_due(self) -> bool:
        """It may be over, and has not been put into final words yet."""
        if self.is_closed or self._may_end_ms is None:
            return False
        return self._foreseen is None or self._foreseen[0] != self._samples_to(self._may_end_ms)

    def guess(self) -> tuple[Samples, bool]:
        """All of it so far, to be put into words now; whether it may be over with that."""
        is_end = self.is_end_due
        self.guessed_ms = self.duration_ms
        self.since_s = time.monotonic()
        if not is_end or self._may_end_ms is None:
            return self.samples(), False
        self._foreseen = self._samples_to(self._may_end_ms), None
        return self.samples()[: self._foreseen[0]], True

    def foresee(self, samples: Samples, transcript: Transcript) -> None:
        """The final words of `samples`, should the utterance end there."""
        if self._foreseen is not None and self._foreseen[0] == len(samples):
            self._foreseen = len(samples), transcript

    @property
    def foreseen(self) -> Transcript | None:
        """The final words of all of it, where they are known already."""
        if self._foreseen is None or self._foreseen[0] != self._count:
            return None
        return self._foreseen[1]

    def unsettled_s(self, settled_ms: int | None) -> float:
        """For how long sound has waited to become settled words; settled_ms: up to here they are.

        What a guess left unsettled counts for little: it had its turn. Sound of which nothing was
        shown yet counts for as much more as a guess leaves unsettled at its end.
        """
        end_ms = self.start_ms + self.duration_ms
        if not self.guessed_ms:
            return (self.duration_ms + SURE_TAIL_MS) / 1000
        begin_ms = self.start_ms if settled_ms is None else settled_ms
        guessed_ms = self.start_ms + self.guessed_ms - GUESSED_TAIL_MS
        return (end_ms - max(begin_ms, guessed_ms)) / 1000

    def trim(self, to_ms: int) -> None:
        """Forget what lies before `to_ms` of the recording."""
        cut = min(max(to_ms - self.start_ms, 0) * RATE_HZ // 1000, self._count)
        self._chunks = [self.samples()[cut:]]
        self._count -= cut
        self._foreseen = None
        self.guessed_ms = max(0, self.guessed_ms - max(to_ms - self.start_ms, 0))
        self.start_ms = max(self.start_ms, to_ms)

    def level_db(self, piece: Piece) -> float | None:
        """How loud the piece was spoken."""
        start = max(0, piece.start_ms - self.start_ms) * RATE_HZ // 1000
        end = max(0, piece.end_ms - self.start_ms) * RATE_HZ // 1000
        return level_db(self.samples()[start:end])

    def _samples_to(self, end_ms: int) -> int:
        return max(0, min(end_ms - self.start_ms, self.duration_ms)) * RATE_HZ // 1000

    @property
    def duration_ms(self) -> int:
        return self._count * 1000 // RATE_HZ


class Guess:
    """An open utterance waiting for a worker, which then gets all that was said by then."""

    def __init__(self, speaking: Speaking, window: Callable[[Samples, bool], Window]) -> None:
        """window: of samples; final where the utterance may be over with them."""
        self._speaking = speaking
        self._window = window
        self.samples: Samples | None = None
        """What the worker got; None while it waits."""
        self.is_end = False

    @property
    def seconds(self) -> float:
        return self._speaking.duration_ms / 1000

    def window(self) -> Window:
        self.samples, self.is_end = self._speaking.guess()
        return self._window(self.samples, self.is_end)


def _language_for(tag: str, model: ModelInfo) -> str | None:
    """What the model calls the language (`ko` for `ko-KR`); None where it is to listen for it."""
    code = tag.lower().partition("-")[0]
    if code != "auto" and code not in model.languages:
        logger.warning("the model does not know this language", language=tag, model=model.name)
    return code if code in model.languages else None


class LiveRecording:
    """An open recording. `run` works until it is finished or stopped."""

    def __init__(
        self,
        key: RecordingKey,
        journal: Journal,
        ear: Ear,
        pool: RecogniserPool,
        store: Store,
        progress: Progress,
        *,
        audio: Audio,
        speech: Speech,
        hotwords: str = "",
        is_file: bool = False,
    ) -> None:
        """is_file: nobody waits for partials, and live recordings go first."""
        self.key = key
        self.journal = journal
        self.failure: VoriError | None = None
        self._ear = ear
        self._pool = pool
        self._store = store
        self._audio = audio
        self._speech_settings = speech
        self._hotwords = hotwords
        self._is_file = is_file
        self._language = _language_for(progress.language or speech.language, pool.model)
        self._heard_language: str | None = None
        self._offset_ms = progress.offset_ms
        self._next_seq = progress.next_seq
        self._settled_ms = progress.settled_ms
        self._settler = Settler(previous_text=progress.previous_text)
        self._speaking: deque[Speaking] = deque()
        self._listener: Listener | None = None
        self._changed = asyncio.Event()
        self._ending = False
        self._heard_all = False
        self._caught_up = asyncio.Event()
        self._caught_up.set()
        self._inbox: deque[Begin | Flush | bytes] = deque()
        self._inbox_bytes = 0
        self._unheard = 0
        """Of what was put into the inbox, how much has not been taken in."""
        self._recorded = journal.parts()
        """What the journal held at the opening; whatever comes later also comes by the inbox."""
        self._begun = len(self._recorded)
        self._let_go = asyncio.Event()
        """Nobody is to wait for this recording any more: it is done, or VORI is stopping."""
        self._is_complete = False
        self._paused = False
        self._is_disk_told = False
        self._is_late_told = False
        self._is_lagging_told = False
        self._is_end_told = False
        self.on_listener: Callable[[LiveRecording], None] = lambda _: None

    # ---- the socket's side

    @property
    def next_seq(self) -> int:
        """Finals before it have been told."""
        return self._next_seq

    @property
    def has_sound(self) -> bool:
        """A stream was begun, so that bytes can follow."""
        return self._begun > 0

    @property
    def is_attached(self) -> bool:
        return self._listener is not None

    @property
    def is_ending(self) -> bool:
        """No more sound is taken."""
        return self._ending

    @property
    def behind_ms(self) -> int:
        """Speech that has been heard but has no final caption yet."""
        return sum(speaking.duration_ms for speaking in self._speaking)

    def attach(self, listener: Listener, *, resumed: bool) -> None:
        """Tell `listener` from now on; an older one is told that it was superseded."""
        if self._listener is not None:
            self._listener.put(
                Notice(
                    code="superseded",
                    message="Another connection took over this recording.",
                    fatal=True,
                    close_code=SUPERSEDED,
                )
            )
        self._listener = listener
        listener.put(
            Started(
                audio_id=self.key.audio_id,
                received_bytes=self.journal.received_bytes,
                next_seq=self._next_seq,
                resumed=resumed,
            )
        )
        self.on_listener(self)

    def detach(self, listener: Listener, *, for_good: bool) -> None:
        """Forget `listener`, unless another one had taken over; `for_good` ends the recording."""
        if self._listener is not listener:
            return
        self._listener = None
        self.on_listener(self)
        if for_good:
            self.end()

    async def feed(self, data: bytes, listener: Listener) -> None:
        """Append to the journal; waits while the ear is far behind."""
        if self._listener is not listener:
            return
        if self.failure is not None:
            raise self.failure
        if self._ending:
            self._tell_if_ended()
            return
        self.journal.append(data)
        self._put(data)
        self._inbox_bytes += len(data)
        if self._inbox_bytes > UNHEARD_BYTES and not self._let_go.is_set():
            self._caught_up.clear()
        await self._caught_up.wait()

    def begin_part(self, fmt: AudioFormat, offset_ms: int) -> None:
        """A new stream within the recording: the client started its recorder again."""
        self.journal.begin_part(fmt, offset_ms)
        self._put(Begin(format=fmt, offset_ms=offset_ms))
        self._begun += 1

    def flush(self) -> None:
        """Make final what has been sent; `Flushed` is told after the last of it."""
        self._put(Flush())

    def _put(self, item: Begin | Flush | bytes) -> None:
        self._inbox.append(item)
        self._unheard += 1
        self._change()

    async def until_heard(self) -> None:
        """Wait until the ear has taken in what was sent; raises why it cannot be used."""
        while self._unheard and not self._heard_all:
            await self._wait()
        if self.failure is not None:
            raise self.failure

    def end(self) -> None:
        """No more sound comes; `run` finishes what is there."""
        self._ending = True
        self._change()

    def pause(self) -> None:
        """Stop hearing; `run` returns when the closed utterances are settled.

        The recording stays open in the database and goes on at the next start.
        """
        self._paused = True
        self._change()

    def let_go(self) -> None:
        """VORI is stopping: whoever waits for the recording is answered now."""
        self._let_go.set()
        self._caught_up.set()

    async def finish(self) -> None:
        """End, and wait until every caption is stored and told.

        Raises Busy when VORI stops before that; the next start does it then.
        """
        self.end()
        await self._let_go.wait()
        if not self._is_complete:
            raise Busy("VORI is stopping; the recording is finished later.", code="draining")

    def tell(self, message: Outgoing) -> None:
        if self._listener is not None:
            self._listener.put(message)

    # ---- the road

    async def run(self) -> None:
        """Work until the recording is finished. Cancelled, it can be opened again later."""
        syncing = asyncio.create_task(self._sync())
        hearing = asyncio.create_task(self._hear())
        try:
            await self._recognise()
            await hearing
            if self._paused:
                await self._acknowledge()
                return
            await self._retry(self._acknowledge_strictly)
            await self._retry(
                lambda: self._store.complete(
                    self.key,
                    received_bytes=self.journal.received_bytes,
                    decoded_ms=self._ear.heard_ms,
                    failure=self.failure.code if self.failure else None,
                )
            )
            self._is_complete = True
            if self.failure is None:
                self.tell(Finished(captions=self._next_seq, duration_ms=self._ear.heard_ms))
            self._listener = None
        finally:
            self._let_go.set()
            self._ear.close()
            ahead = [speaking.decoding for speaking in self._speaking if speaking.decoding]
            for task in (syncing, hearing, *ahead):
                task.cancel()
            await asyncio.gather(syncing, hearing, *ahead, return_exceptions=True)

    async def _hear(self) -> None:
        try:
            await self._hear_parts()
        except VoriError as exc:
            self._fail(exc)
        except Exception:
            logger.exception("hearing failed")
            self._fail(Unavailable("The sound could not be decoded.", code="undecodable_audio"))
        finally:
            self._inbox.clear()
            self._inbox_bytes = 0
            self._caught_up.set()
            self._heard_all = True
            self._change()

    async def _hear_parts(self) -> None:
        """Hear what was in the journal, then what comes; a broken part ends at the next one."""
        index, is_broken = -1, False
        async for item in self._items():
            try:
                if isinstance(item, Begin):
                    if index >= 0 and not is_broken:
                        await self._end_part(index)
                    index, is_broken = index + 1, False
                    await self._take(self._ear.begin(item.format, item.offset_ms))
                elif isinstance(item, Flush):
                    await self._flush()
                elif not is_broken:
                    await self._take(
                        await self._heard(index, functools.partial(self._ear.hear, item))
                    )
                    self._tell_if_late()
            except VoriError as exc:
                if index == self._begun - 1:
                    raise
                logger.warning("part cut short", part=index, code=exc.code)
                is_broken = True
                if isinstance(item, Begin):  # the part before it ended badly
                    index, is_broken = index + 1, False
                    self._ear.begin(item.format, item.offset_ms)
        if index >= 0 and not is_broken and not self._paused:
            await self._end_part(index)

    async def _flush(self) -> None:
        await self._take(await asyncio.to_thread(self._ear.flush))
        if self._speaking:
            self._speaking[-1].flushes += 1
        else:
            self.tell(Flushed())

    async def _items(self) -> AsyncIterator[Begin | Flush | bytes]:
        for part in self._recorded:
            yield Begin(format=part.format, offset_ms=part.offset_ms)
            chunks = self.journal.read(part)
            while (data := await asyncio.to_thread(next, chunks, None)) and not self._paused:
                yield data
        while not self._paused:
            if self._inbox:
                item = self._inbox.popleft()
                if isinstance(item, bytes):
                    self._inbox_bytes -= len(item)
                    if self._inbox_bytes < UNHEARD_BYTES // 2:
                        self._caught_up.set()
                yield item
                self._unheard -= 1
                self._change()
            elif self._ending:
                return
            else:
                await self._wait()

    async def _end_part(self, index: int) -> None:
        if not self._ear.reads_whole_files:
            await self._take(await self._heard(index, self._ear.end))
            return
        await self._retry(self._acknowledge_strictly)
        heard = self._ear.end_file(self.journal.parts()[index].path)
        while (some := await sandbox.in_thread(next, heard, None)) is not None:
            await self._take(some)

    async def _heard(self, index: int, hear: Callable[[Replay | None], list[Heard]]) -> list[Heard]:
        """What came of `hear`. A decoder that died is replaced: the journal has what it was told."""
        if not self._ear.is_apart:
            return await asyncio.to_thread(hear, None)
        try:
            return await sandbox.in_thread(hear, None)
        except DecoderDied:
            await self._retry(self._acknowledge_strictly)
            part = self.journal.parts()[index]
            return await sandbox.in_thread(hear, functools.partial(self.journal.read, part))

    async def _take(self, heard_now: list[Heard]) -> None:
        """Sort what was heard into utterances; wait while recognition is far behind."""
        for heard in heard_now:
            if not self._speaking or self._speaking[-1].is_closed:
                self._speaking.append(Speaking(heard.start_ms))
                self.tell(VoiceBegan(start_ms=heard.start_ms))
            foresees = self._speech_settings.foresee_end and not self._is_file
            self._speaking[-1].grow(heard.samples, heard.may_end_ms if foresees else None)
            if heard.end_ms is not None:
                self._speaking[-1].close(heard.end_ms)
                self.tell(VoiceEnded(end_ms=heard.end_ms))
                self._decode_ahead()
        self._change()
        while (
            self.behind_ms > self._audio.max_ahead_s * 1000
            and len(self._speaking) > 1
            and not self._paused
        ):
            await self._wait()

    def _tell_if_ended(self) -> None:
        """The meeting was ended while this client was sending; its last captions still come."""
        if not self._is_end_told:
            self._is_end_told = True
            self.tell(
                Notice(
                    code="ended",
                    message="The meeting was ended; what is sent from now on is not kept.",
                )
            )

    def _tell_if_late(self) -> None:
        if self._ear.reads_whole_files and not self._is_late_told:
            self._is_late_told = True
            self.tell(
                Notice(
                    code="decoded_at_end",
                    message="This container (m4a, mp3 …) can only be read whole: its captions "
                    "come after the end of the sound.",
                )
            )

    def _fail(self, error: VoriError) -> None:
        """The rest of the sound cannot be used; what was heard before stays."""
        self.failure = error
        if self._speaking:
            self._speaking[-1].is_closed = True
        self._ending = True
        self.tell(fatal(error))

    async def _recognise(self) -> None:
        while True:
            if not self._speaking:
                if self._heard_all:
                    return
                await self._wait()
            elif self._paused and not self._speaking[0].is_closed:
                return
            elif self._speaking[0].is_closed:
                await self._finalise(self._speaking[0])
                self._tell_settled(self._speaking.popleft())
                self._decode_ahead()
                self._change()
            elif not self._is_file and self._is_guess_due(self._speaking[0]):
                await self._guess(self._speaking[0])
            else:
                await self._wait()

    def _is_guess_due(self, speaking: Speaking) -> bool:
        if speaking.is_quiet:
            return speaking.is_end_due
        settings = self._speech_settings
        interval_s = self._pool.interval_s(
            settings.partial_ms / 1000, settings.partial_max_ms / 1000
        )
        return speaking.duration_ms - speaking.guessed_ms >= interval_s * 1000

    def _tell_settled(self, speaking: Speaking) -> None:
        self.tell(Settled(end_ms=self._settled_ms))
        for _ in range(speaking.flushes):
            self.tell(Flushed())

    async def _guess(self, speaking: Speaking) -> None:
        """A partial of the open utterance; long ones settle their safe beginning."""
        guess = Guess(speaking, self._window)
        due_s = speaking.since_s
        transcript = await self._guessed(speaking, guess)
        heard = guess.samples
        if heard is None or transcript is None:
            return
        if guess.is_end:
            speaking.foresee(heard, transcript)
        self._tell_if_lagging(time.monotonic() - due_s)
        if speaking.is_closed:
            return
        if why_not_said(transcript, len(heard) / RATE_HZ):
            return
        start_ms = speaking.start_ms
        # Behind the samples of an end there was only silence.
        end_ms = start_ms + max(len(heard) * 1000 // RATE_HZ, speaking.guessed_ms)
        partial = self._settler.partial(transcript, start_ms=start_ms, audio_end_ms=end_ms)
        if partial is not None:
            self.tell(Hypothesis(partial=partial, seq=self._next_seq))
        if guess.is_end:
            return
        committed = self._settler.commit(start_ms=start_ms, audio_end_ms=end_ms)
        if committed is not None:
            await self._settle(committed.pieces, transcript.language, committed.trim_to_ms)
            speaking.trim(committed.trim_to_ms)

    async def _guessed(self, speaking: Speaking, guess: Guess) -> Transcript | None:
        """Withdrawn when the utterance ends, or may end, while it waits: then its final is due."""
        priority = Priority.FINAL if speaking.is_end_due else Priority.PARTIAL
        waiting = asyncio.ensure_future(
            self._pool.submit(guess, priority=priority, since_s=self._since_s(speaking))
        )
        try:
            while not waiting.done():
                is_over = speaking.is_closed or (
                    speaking.is_end_due and priority is Priority.PARTIAL
                )
                if is_over and guess.samples is None:
                    return None
                change = asyncio.ensure_future(self._wait())
                await asyncio.wait((waiting, change), return_when=asyncio.FIRST_COMPLETED)
                change.cancel()
            return waiting.result()
        except Busy:
            await asyncio.sleep(self._speech_settings.partial_ms / 1000)
            return None
        except Unavailable:
            return None
        finally:
            waiting.cancel()

    def _tell_if_lagging(self, lag_s: float) -> None:
        """Words come late: there are more rooms than the recogniser can serve at once."""
        if lag_s < LAGGING_S:
            self._is_lagging_told = self._is_lagging_told and lag_s > LAGGING_S / 2
        elif not self._is_lagging_told:
            self._is_lagging_told = True
            lag_ms = round(lag_s * 1000)
            self.tell(
                Notice(
                    code="lagging",
                    message=f"Words come about {lag_s:.0f} s late: VORI is hearing many rooms.",
                    lag_ms=lag_ms,
                )
            )

    async def _finalise(self, speaking: Speaking) -> None:
        heard = speaking.samples()
        end_ms = speaking.start_ms + len(heard) * 1000 // RATE_HZ
        closed_s = time.monotonic()
        if speaking.decoding is not None:
            transcript = await speaking.decoding or NOTHING
        else:
            transcript = speaking.foreseen or await self._decode(speaking, heard) or NOTHING
        if not self._is_file:
            self._tell_if_lagging(time.monotonic() - closed_s)
        why = why_not_said(transcript, len(heard) / RATE_HZ)
        if why:
            logger.info("text dropped", reason=why, start_ms=speaking.start_ms)
            transcript = NOTHING
        pieces = self._settler.final(transcript, start_ms=speaking.start_ms)
        language = transcript.language or self._heard_language or ""
        await self._settle(pieces, language, end_ms, ended=speaking)

    def _since_s(self, speaking: Speaking) -> float:
        """Since when the oldest sound waits whose words are not settled, by the pool's clock."""
        return time.monotonic() - speaking.unsettled_s(self._settler.settled_end_ms)

    def _decode_ahead(self) -> None:
        """Of a file several utterances are put into words at once, each with the text known by now."""
        if not self._is_file or self._paused:
            return
        for speaking in islice(self._speaking, self._pool.workers * 2):
            if speaking.is_closed and speaking.decoding is None:
                speaking.decoding = asyncio.create_task(self._decode(speaking, speaking.samples()))

    async def _decode(self, speaking: Speaking, samples: Samples) -> Transcript | None:
        """Decode for good; a window that fails three times stays in the journal, untold."""
        for attempt in range(3):
            try:
                return await self._pool.submit(
                    self._window(samples, is_final=True),
                    priority=Priority.BACKGROUND if self._is_file else Priority.FINAL,
                    since_s=None if self._is_file else self._since_s(speaking),
                )
            except (Busy, Unavailable):
                await asyncio.sleep(min(2.0**attempt, MAX_WAIT_S))
            except Exception:
                logger.exception("window failed", attempt=attempt)
        self.tell(
            Notice(
                code="passage_not_recognised",
                message="A passage could not be recognised; its sound is kept.",
            )
        )
        return None

    async def _settle(
        self,
        pieces: list[Piece],
        language: str,
        settled_ms: int,
        *,
        ended: Speaking | None = None,
    ) -> None:
        """Store final pieces, then tell them; `ended`: the utterance that is over with them."""
        captions = [
            Caption(
                event_id=EventId(uuid7()),
                caption_id=CaptionId(uuid7()),
                meeting_id=self.key.meeting_id,
                group_id=self.key.group_id,
                audio_id=self.key.audio_id,
                seq=self._next_seq + i,
                text=piece.text,
                language=language,
                start_ms=piece.start_ms,
                end_ms=piece.end_ms,
                meeting_start_ms=self._offset_ms + piece.start_ms,
                speaker_id=self.key.user_id,
                words=piece.words,
                level_db=self._speaking[0].level_db(piece) if self._speaking else None,
            )
            for i, piece in enumerate(pieces)
        ]
        await self._retry(lambda: self._store.save(self.key, captions, settled_ms=settled_ms))
        self._next_seq += len(captions)
        self._settled_ms = settled_ms
        if captions and language:
            self._heard_language = language
        for caption in captions:
            is_last = ended is not None and caption is captions[-1]
            self.tell(
                Final(
                    caption=caption,
                    ends_utterance=is_last,
                    is_flushed=is_last and ended is not None and ended.flushes > 0,
                )
            )

    def _window(self, samples: Samples, is_final: bool) -> Window:
        return Window(
            samples=samples,
            language=self._language,
            likely_language=self._heard_language,
            previous_text=self._settler.previous_text,
            is_final=is_final,
            hotwords=self._hotwords,
        )

    async def _retry(self, work: Callable[[], Awaitable[None]]) -> None:
        """Until the database is back: what was said must not be lost."""
        wait_s, told = 0.1, False
        while True:
            try:
                return await work()
            except Unavailable as exc:
                if not told:
                    told = True
                    logger.warning("waiting for the database", code=exc.code)
                    self.tell(Notice(code=exc.code, message="Captions wait for the database."))
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, MAX_WAIT_S)

    # ---- durability

    async def _sync(self) -> None:
        while True:
            await asyncio.sleep(self._audio.sync_ms / 1000)
            if self.journal.durable_bytes < self.journal.received_bytes:
                await self._acknowledge()

    async def _acknowledge(self) -> None:
        try:
            await self._acknowledge_strictly()
        except Unavailable as exc:
            if not self._is_disk_told:
                self._is_disk_told = True
                logger.warning("journal not written", code=exc.code)
                self.tell(Notice(code=exc.code, message=exc.message))

    async def _acknowledge_strictly(self) -> None:
        durable = await self.journal.sync()
        self._is_disk_told = False
        self.tell(Durable(received_bytes=durable, duration_ms=self._ear.heard_ms))

    # ---- waking

    def _change(self) -> None:
        self._changed.set()

    async def _wait(self) -> None:
        """Until something changed; every waiter of the same change wakes."""
        self._changed.clear()
        await self._changed.wait()
