"""The open recordings of this process: opened, resumed, recovered, finished. A worker."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec
import structlog
from msgspec import Struct

from vori import log
from vori.data.engine import retrying
from vori.errors import Busy, NotFound, Unavailable, VoriError
from vori.ids import AudioId, GroupId, MeetingId, UserId
from vori.people.messages import Principal
from vori.settings import Audio, Speech
from vori.transcribe.ear import Ear
from vori.transcribe.journal import Journal
from vori.transcribe.live import LiveRecording, Progress, Store
from vori.transcribe.messages import AudioFormat, Caption, RecordingKey
from vori.transcribe.outgoing import (
    GOING_AWAY,
    INTERNAL,
    Final,
    Finished,
    Listener,
    Notice,
    Outgoing,
)
from vori.transcribe.playback import forget, wav_file
from vori.transcribe.pool import RecogniserPool
from vori.transcribe.recogniser import ModelInfo
from vori.transcribe.translate import Translated, translate
from vori.worker import Health, State, background

logger = log.get(__name__)

STOPPING = Notice(
    code="draining",
    message="VORI is stopping; connect again and resume.",
    fatal=True,
    close_code=GOING_AWAY,
)
LOADING_S = 5.0
"""How long a client that connects while the model is being loaded is kept waiting."""
MOST_BREAKS = 4
"""A recording that broke so often in a row is given up, unless it waits for a disk or database."""
MEND_S = 1.0
"""Waits before a broken recording is taken up again double from twice this …"""
LONGEST_MEND_S = 60.0
"""… up to this."""
END_PATIENCE_S = 20.0
"""So long the end of a meeting waits for a recording that is being mended."""
MEND_WITHIN_S = 300.0


class Opening(Struct, frozen=True, kw_only=True):
    """What a client asks for when it starts to send."""

    meeting_id: MeetingId
    group_id: GroupId
    audio_id: AudioId
    language: str | None = None
    format: AudioFormat = AudioFormat()
    speaker_id: UserId | None = None
    resume_seq: int | None = None
    """The client was cut off; finals from this seq on are told again."""
    hotwords: str = ""
    """Names and terms likely to be said, besides those the group is known to use."""
    is_file: bool = False
    """All of the sound is there already: live recordings go first, and there are no partials."""


class Opened(Struct, frozen=True, kw_only=True):
    """A recording as the database has it."""

    key: RecordingKey
    progress: Progress
    is_new: bool
    offset_now_ms: int
    """Where sound that starts now lies in the recording."""


class RecordingStore(Store, Protocol):
    async def open(self, opening: Opening, principal: Principal) -> Opened:
        """Find or make the recording, its meeting live; raises what `Recordings.open` does."""
        ...

    async def unfinished(self) -> list[Opened]:
        """Recordings that were open when VORI last stopped."""
        ...

    async def give_up(self, key: RecordingKey, *, received_bytes: int, failure: str) -> None:
        """The recording counts as failed, with the captions it has."""
        ...

    async def captions_from(self, key: RecordingKey, seq: int) -> list[Caption]: ...

    async def recordings_of(self, meeting_id: MeetingId) -> list[RecordingKey]:
        """Oldest first."""
        ...

    async def hotwords(self, group_id: GroupId) -> str: ...


class Recordings:
    """Worker `transcribe`."""

    name = "transcribe"

    def __init__(
        self,
        store: RecordingStore,
        open_pool: Callable[[], contextlib.AbstractAsyncContextManager[RecogniserPool]],
        open_ear: Callable[[Progress], Ear],
        home: Path,
        *,
        audio: Audio,
        speech: Speech,
        drain_s: float,
        on_failure: Callable[[VoriError], None] = lambda _: None,
        beside: Callable[[RecogniserPool], Coroutine[Any, Any, None]] | None = None,
        mend_s: float = MEND_S,
    ) -> None:
        """on_failure: told when there can be no recogniser, such as when there is no model.

        beside: work that goes on for as long as there is a pool, until it is cancelled.
        """
        self._store = store
        self._open_pool = open_pool
        self._open_ear = open_ear
        self._journals = home / "journal"
        self._wavs = home / "cache" / "wav"
        self._audio = audio
        self._speech = speech
        self._drain_s = drain_s
        self._on_failure = on_failure
        self._beside = beside
        self._mend_s = mend_s
        self._failure = ""
        self._pool: RecogniserPool | None = None
        self._loaded = asyncio.Event()
        self._recovered = asyncio.Event()
        """What was open when VORI last stopped is open again."""
        self._recovered.set()
        self._live: dict[AudioId, LiveRecording] = {}
        self._tasks: dict[AudioId, asyncio.Task[None]] = {}
        self._expiry: dict[AudioId, asyncio.TimerHandle] = {}
        self._opening: WeakValueDictionary[AudioId, asyncio.Lock] = WeakValueDictionary()
        """One client at a time opens a recording; others are opened meanwhile."""
        self._reserved = 0
        """Places of recordings that are just being opened."""
        self._breaks: dict[AudioId, int] = {}
        self._mending: dict[AudioId, tuple[MeetingId, asyncio.Task[None]]] = {}
        self._listeners: set[Listener] = set()
        self._draining = False
        self.takes_sound = True
        """Not where the worker `transcribe` does not run."""

    # ---- worker

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """The model is loaded beside the rest, so that health can say so meanwhile."""
        self._recovered.clear()
        leaving = asyncio.Event()
        hosting = asyncio.create_task(self._host(leaving))
        try:
            yield
        finally:
            self.begin_draining()
            leaving.set()
            await asyncio.gather(hosting, return_exceptions=True)

    async def _host(self, leaving: asyncio.Event) -> None:
        try:
            async with self._open_pool() as pool:
                self._pool = pool
                self._loaded.set()
                model = pool.model
                logger.info("recogniser ready", model=model.name, device=model.device)
                await self._recover()
                async with background(*([self._beside(pool)] if self._beside else [])):
                    await leaving.wait()
                await self._stop()
        except VoriError as exc:
            logger.error("recogniser failed", code=exc.code, reason=exc.message)
            self._fail(exc)
        except Exception:
            logger.exception("recogniser failed")
            self._fail(
                Unavailable("The speech worker broke; the log says why.", code="speech_failed")
            )
        finally:
            self._pool = None
            self._loaded.clear()

    def _fail(self, error: VoriError) -> None:
        self._failure = error.message
        self._on_failure(error)

    async def _recover(self) -> None:
        """Take up what was open when VORI last stopped."""
        for opened in await retrying(self._store.unfinished, deadline_s=60):
            try:
                await self._take_up(opened)
            except VoriError as exc:  # its disk is away: the others go on
                logger.error("recording not recovered", audio_id=opened.key.audio_id, code=exc.code)
                self._mend(opened.key, exc)
        self._recovered.set()

    async def _take_up(self, opened: Opened) -> None:
        """Open what is OPEN in the database, unless its client has come back."""
        async with self._lock_of(opened.key.audio_id):
            if opened.key.audio_id not in self._live:
                await self._start(opened)
                logger.info("recording recovered", audio_id=opened.key.audio_id)

    def _lock_of(self, audio_id: AudioId) -> asyncio.Lock:
        return self._opening.setdefault(audio_id, asyncio.Lock())

    def health(self) -> Health:
        if self._pool is None:
            return Health(
                state=State.DOWN, message=self._failure or "the speech model is being loaded"
            )
        model = self._pool.model
        detail = {
            "model": model.name,
            "device": model.device,
            "computeType": model.compute_type,
            "recordings": len(self._live),
            "behindMs": sum(live.behind_ms for live in self._live.values()),
            **msgspec.to_builtins(self._pool.health()),
        }
        if model.is_demo:
            return Health(
                state=State.DEGRADED, message="demo model: synthetic voices only", detail=detail
            )
        return Health(detail=detail)

    @property
    def model(self) -> ModelInfo | None:
        """The model that is loaded."""
        return self._pool.model if self._pool else None

    # ---- conversations

    async def open(
        self, opening: Opening, principal: Principal, listener: Listener
    ) -> LiveRecording:
        """Open or resume a recording for one listener.

        Raises BadMessage, Forbidden, NotFound, Conflict for what was asked, Busy when full or
        draining, Unavailable when the database is away.
        """
        self._refuse_when_draining()
        await self._until(self._loaded)
        async with self._lock_of(opening.audio_id):
            live = self._live.get(opening.audio_id)
            self._refuse_when_ending(live)
            if live is None:
                live, opened = await self._open_anew(opening, principal)
            else:
                opened = await self._store.open(opening, principal)
                self._refuse_when_draining()
            if opened.is_new or (opening.resume_seq is not None and not live.has_sound):
                # Without sound VORI was killed before the first part was on disk: all comes again.
                live.begin_part(opening.format, 0)
            elif opening.resume_seq is None:
                live.begin_part(opening.format, opened.offset_now_ms)
            missed = await self._missed(live, opening.resume_seq)
            if live.failure is not None:
                raise live.failure
            self._refuse_when_ending(live)
            live.attach(listener, resumed=opening.resume_seq is not None)
            for caption in missed:
                listener.put(Final(caption=caption))
            return live

    async def _open_anew(
        self, opening: Opening, principal: Principal
    ) -> tuple[LiveRecording, Opened]:
        if len(self._live) + self._reserved >= self._audio.max_recordings:
            raise Busy(
                f"{len(self._live)} recordings are open, as many as this VORI takes.",
                code="full",
                retry_after_ms=5000,
            )
        self._reserved += 1
        try:
            opened = await self._store.open(opening, principal)
            try:
                self._refuse_when_draining()
                live = await self._start(opened, hotwords=opening.hotwords, is_file=opening.is_file)
            except VoriError as exc:  # the database counts it as open now
                self._mend(opened.key, exc)
                raise
            return live, opened
        finally:
            self._reserved -= 1

    def _refuse_when_draining(self) -> None:
        if not self.takes_sound:
            raise Unavailable(
                "This VORI takes no sound; connect to one that runs the worker `transcribe`.",
                code="no_transcribe",
            )
        if self._draining:
            raise Busy("VORI is stopping; connect again and resume.", code="draining")

    def _refuse_when_ending(self, live: LiveRecording | None) -> None:
        if live is not None and (live.is_ending or live.key.audio_id not in self._live):
            raise Busy(
                "This recording is being finished; connect again.",
                code="finishing",
                retry_after_ms=500,
            )

    async def _missed(self, live: LiveRecording, seq: int | None) -> list[Caption]:
        """Finals from `seq` on that have been told; whoever attaches next hears those after."""
        if seq is None:
            return []
        missed: list[Caption] = []
        while seq < live.next_seq and (more := await self._store.captions_from(live.key, seq)):
            missed += more
            seq = more[-1].seq + 1
        return [caption for caption in missed if caption.seq < live.next_seq]

    async def _until(self, event: asyncio.Event) -> None:
        """A model that is there loads in a moment; one that must be fetched is not waited for."""
        try:
            async with asyncio.timeout(LOADING_S):
                await event.wait()
        except TimeoutError as exc:
            raise Busy(
                "The speech model is being loaded; connect again.",
                code="starting",
                retry_after_ms=2000,
            ) from exc

    async def finish_meeting(self, meeting_id: MeetingId) -> None:
        """Finish the meeting's recordings; returns when their captions are stored.

        Raises Busy when VORI is told to stop meanwhile, or has only just started.
        """
        await self._until(self._recovered)
        while True:
            mending = [task for meeting, task in self._mending.values() if meeting == meeting_id]
            if mending:
                await asyncio.wait(mending, timeout=END_PATIENCE_S)
            try:
                await asyncio.gather(*(live.finish() for live in self._of(meeting_id)))
            except Busy:
                if self._draining or meeting_id not in {m for m, _ in self._mending.values()}:
                    raise
            else:
                return

    def tell(self, meeting_id: MeetingId, message: Outgoing) -> None:
        """Tell every listener of the meeting."""
        for live in self._of(meeting_id):
            live.tell(message)

    async def wav(self, meeting_id: MeetingId, audio_id: AudioId | None) -> Path:
        """A recording as a WAV file; without `audio_id` the meeting's first.

        Raises NotFound, and Unavailable when the disk is full.
        """
        keys = await self._store.recordings_of(meeting_id)
        key = next((key for key in keys if audio_id in (None, key.audio_id)), None)
        if key is None:
            raise NotFound("There is no such recording in this meeting.", code="no_recording")
        live = self._live.get(key.audio_id)
        if live is not None:
            await live.journal.sync()
        return await asyncio.to_thread(
            lambda: wav_file(
                Journal.open(self._journals, key.meeting_id, key.recording_id), self._wavs
            )
        )

    async def translate(
        self, file: BinaryIO, *, language: str | None, hotwords: str
    ) -> AsyncGenerator[Translated | Finished]:
        """A file in English, then Finished; nothing is kept. Raises as `translate` and Busy."""
        self._refuse_when_draining()
        await self._until(self._loaded)
        assert self._pool is not None
        ear = self._open_ear(Progress())
        async for one in translate(ear, self._pool, file, language=language, hotwords=hotwords):
            yield one

    async def delete_sound(self, meeting_id: MeetingId) -> None:
        """Remove the sound of a meeting from the disk; its rows may be gone already."""
        await asyncio.to_thread(self._delete_folder, self._journals / str(int(meeting_id)))

    def _delete_folder(self, folder: Path) -> None:
        if folder.is_dir():
            for recording in folder.iterdir():
                with contextlib.suppress(ValueError):  # something that is not ours goes as well
                    forget(UUID(recording.name), self._wavs)
            shutil.rmtree(folder)

    @contextlib.contextmanager
    def conversing(self) -> Iterator[Listener]:
        """A client is connected for as long as the block lasts; it is told when VORI stops."""
        listener = Listener()
        self._listeners.add(listener)
        if self._draining:
            listener.put(STOPPING)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def begin_draining(self) -> None:
        """Take nothing new, and tell every client to resume elsewhere or later."""
        self._draining = True
        for listener in self._listeners:
            listener.put(STOPPING)
        for live in self._live.values():
            live.let_go()

    async def until_left(self) -> None:
        """Return when no client is connected."""
        while self._listeners:  # noqa: ASYNC110 - seconds, once
            await asyncio.sleep(0.02)

    # ---- inside

    def _of(self, meeting_id: MeetingId) -> list[LiveRecording]:
        return [live for live in self._live.values() if live.key.meeting_id == meeting_id]

    async def _start(
        self, opened: Opened, *, hotwords: str = "", is_file: bool = False
    ) -> LiveRecording:
        assert self._pool is not None
        key = opened.key
        known = await self._store.hotwords(key.group_id)
        journal = await asyncio.to_thread(self._open_journal, key)
        live = LiveRecording(
            key,
            journal,
            self._open_ear(opened.progress),
            self._pool,
            self._store,
            opened.progress,
            audio=self._audio,
            speech=self._speech,
            hotwords=", ".join(terms for terms in (hotwords, known) if terms),
            is_file=is_file,
        )
        live.on_listener = self._watch
        self._live[key.audio_id] = live
        self._tasks[key.audio_id] = asyncio.create_task(self._run(live))
        self._watch(live)
        return live

    def _open_journal(self, key: RecordingKey) -> Journal:
        try:
            return Journal.open(self._journals, key.meeting_id, key.recording_id)
        except NotFound:
            return Journal.create(self._journals, key.meeting_id, key.recording_id)

    async def _run(self, live: LiveRecording) -> None:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(
            meeting_id=live.key.meeting_id,
            audio_id=live.key.audio_id,
            recording_id=str(live.key.recording_id),
        )
        try:
            await live.run()
            self._breaks.pop(live.key.audio_id, None)
        except Exception as exc:
            logger.exception("recording stopped")
            code = exc.code if isinstance(exc, VoriError) else "internal"
            self._mend(live.key, exc, after=asyncio.current_task())
            live.tell(
                Notice(
                    code=code,
                    message="The recording had to stop; what was acknowledged is kept. Resume.",
                    fatal=True,
                    close_code=INTERNAL,
                )
            )
        finally:
            with contextlib.suppress(VoriError):
                await live.journal.close()
            if self._live.get(live.key.audio_id) is live:
                del self._live[live.key.audio_id]
                del self._tasks[live.key.audio_id]
                self._forget_expiry(live.key.audio_id)

    def _mend(
        self, key: RecordingKey, error: Exception, *, after: asyncio.Task[None] | None = None
    ) -> None:
        """What broke is taken up again after a while, and given up when it breaks each time.

        error: what it broke of; a disk or a database that is away is waited for. after: what has
        to end before that.
        """
        if self._draining or key.audio_id in self._mending:
            return  # the next start takes it up
        breaks = self._breaks[key.audio_id] = self._breaks.get(key.audio_id, 0) + 1
        task = asyncio.create_task(self._mended(key, error, breaks, after))
        self._mending[key.audio_id] = (key.meeting_id, task)
        task.add_done_callback(lambda done: self._forget_mending(key.audio_id, done))

    def _forget_mending(self, audio_id: AudioId, done: asyncio.Task[None]) -> None:
        if audio_id in self._mending and self._mending[audio_id][1] is done:
            del self._mending[audio_id]

    async def _mended(
        self, key: RecordingKey, error: Exception, breaks: int, after: asyncio.Task[None] | None
    ) -> None:
        structlog.contextvars.clear_contextvars()
        if after is not None:
            await asyncio.wait([after])
        if breaks > MOST_BREAKS and not isinstance(error, Unavailable | Busy):
            code = error.code if isinstance(error, VoriError) else "internal"
            logger.error("recording given up", audio_id=key.audio_id, code=code)
            await self._give_up(key, code)
            return
        await asyncio.sleep(min(self._mend_s * 2 ** min(breaks, 10), LONGEST_MEND_S))
        try:
            unfinished = await retrying(self._store.unfinished, deadline_s=MEND_WITHIN_S)
            for opened in unfinished:
                if opened.key.recording_id == key.recording_id:
                    await self._take_up(opened)
        except VoriError as exc:
            logger.error("recording not taken up", audio_id=key.audio_id, code=exc.code)
            self._mending.pop(key.audio_id, None)
            self._mend(key, exc)

    async def _give_up(self, key: RecordingKey, code: str) -> None:
        """It counts as failed; its sound stays, to be put into words again."""
        self._breaks.pop(key.audio_id, None)
        try:
            journal = await asyncio.to_thread(self._open_journal, key)
            received = journal.durable_bytes
        except VoriError:
            received = 0
        with contextlib.suppress(VoriError):
            await retrying(
                lambda: self._store.give_up(key, received_bytes=received, failure=code),
                deadline_s=MEND_WITHIN_S,
            )

    def _watch(self, live: LiveRecording) -> None:
        """A recording that nobody listens to is finished after `resume_s`."""
        self._forget_expiry(live.key.audio_id)
        if not live.is_attached:
            self._expiry[live.key.audio_id] = asyncio.get_running_loop().call_later(
                self._audio.resume_s, live.end
            )

    def _forget_expiry(self, audio_id: AudioId) -> None:
        handle = self._expiry.pop(audio_id, None)
        if handle is not None:
            handle.cancel()

    async def _stop(self) -> None:
        """Let captions in flight finish; what is not finished goes on at the next start."""
        for _, mending in list(self._mending.values()):
            mending.cancel()
        tasks = list(self._tasks.values())
        for live in list(self._live.values()):
            live.pause()
        if tasks:
            await asyncio.wait(tasks, timeout=self._drain_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
