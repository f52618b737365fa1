"""Puts recordings into words in the background: uploads, and recordings heard before.

One job at a time, after everything live, from the recording's journal. What was heard is kept as it
comes, so that a job goes on where it was when VORI stopped. Only the VORI that has the journal does
the job.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from uuid import UUID

from vori import log
from vori.clock import Clock
from vori.data.engine import retrying
from vori.errors import BadMessage, Busy, Conflict, Forbidden, NotFound, Unavailable, VoriError
from vori.ids import CaptionId, MeetingId, uuid7
from vori.people.messages import Principal
from vori.transcribe import jobs
from vori.transcribe.ear import Ear, Heard
from vori.transcribe.jobs import Due, Wanted
from vori.transcribe.journal import Journal, folder_of
from vori.transcribe.live import Progress
from vori.transcribe.messages import RATE_HZ, Job, JobState, Transcript, Utterance
from vori.transcribe.offline import NOTHING, Said, joined, put_into_words
from vori.transcribe.pool import Priority, RecogniserPool
from vori.transcribe.recogniser import ModelInfo, Window
from vori.transcribe.versions import VersionCaption

logger = log.get(__name__)

LOOK_S = 2.0
"""So often a job is looked for that another process asked for."""
SIDE_BY_SIDE = 4
"""Stretches of one recording that are decoded at the same time."""
TRIES = 3
DATABASE_S = 120.0
DATABASE_CODES = ("database_away", "database_busy", "database_full")
QUIET_S = 0.05
TELL_S = 1.0

Submit = Callable[[Window], Awaitable[Transcript]]
OpenOther = Callable[[str], contextlib.AbstractAsyncContextManager[RecogniserPool]]
"""A pool of its own for another model than the live one; raises a VoriError that says why not."""


class Retranscriber:
    """Asks for jobs, and does them while the speech model is there (`work`)."""

    def __init__(
        self,
        home: Path,
        open_ear: Callable[[Progress], Ear],
        open_other: OpenOther,
        clock: Clock,
        *,
        models: tuple[str, ...] = (),
        home_id: UUID | None = None,
    ) -> None:
        """models: those that anybody may ask for besides the live one.

        home_id: where several VORIs share a database; each does the jobs whose sound it has.
        """
        self._journals = home / "journal"
        self._open_ear = open_ear
        self._open_other = open_other
        self._clock = clock
        self._models = models
        self._home_id = home_id
        self._asked = asyncio.Event()
        self._running: tuple[UUID, asyncio.Task[None]] | None = None
        self._live: ModelInfo | None = None

    # ---- for whoever asks

    async def ask(
        self, principal: Principal, meeting_id: MeetingId, recording_id: UUID, wanted: Wanted
    ) -> Job:
        """Raises NotFound, Conflict, Forbidden for a model that is not offered."""
        self._check(principal, wanted)
        if not await asyncio.to_thread(
            self._has_sound, meeting_id, recording_id
        ) and not await jobs.is_kept_elsewhere(recording_id, self._home_id):
            raise NotFound(
                "The recording's sound is not here.",
                code="journal_not_found",
                recordingId=recording_id,
            )
        job = await jobs.ask(
            meeting_id,
            recording_id,
            wanted,
            created_by=principal.user_id,
            at=self._clock.now(),
        )
        self.wake()
        return job

    def _check(self, principal: Principal, wanted: Wanted) -> None:
        """Another model takes memory, and may have to be fetched: not for everybody to choose."""
        own = self._live.name if self._live else None
        if wanted.model in (None, own, *self._models) or principal.is_admin:
            return
        offered = ", ".join(self._models) or "none"
        raise Forbidden(
            f"The model {wanted.model} is not offered here. Leave `model` out, or have an "
            f"administrator of this VORI add it to speech.more_models (now: {offered}).",
            code="model_not_offered",
        )

    def wake(self) -> None:
        """There is something to do."""
        self._asked.set()

    async def cancel(self, meeting_id: MeetingId, job_id: UUID) -> Job:
        job = await jobs.cancel(meeting_id, job_id, at=self._clock.now())
        if self._running is not None and self._running[0] == job_id:
            self._running[1].cancel()
        return job

    # ---- the work

    async def work(self, pool: RecogniserPool) -> None:
        """Do jobs until cancelled; what is not finished then goes on at the next start."""
        self._live = pool.model
        is_taken_up = False
        while True:
            self._asked.clear()
            due = None
            try:
                if not is_taken_up:
                    await self._take_up()
                    is_taken_up = True
                due = await self._next()
            except VoriError as exc:
                logger.warning("jobs not read", code=exc.code)
            except Exception:
                logger.exception("jobs not read")
            if due is None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._asked.wait()
                continue
            task = asyncio.create_task(self._do(due, pool))
            self._running = (due.job.job_id, task)
            try:
                await asyncio.wait([task])
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                self._running = None

    async def _take_up(self) -> None:
        """Queue what was under way when VORI last stopped; others' jobs are left to them."""
        for key, job_id in await jobs.interrupted():
            if await asyncio.to_thread(self._has_sound, key.meeting_id, key.recording_id):
                await jobs.queue_again(job_id, at=self._clock.now())

    async def _next(self) -> Due | None:
        for due in await jobs.due():
            if await asyncio.to_thread(self._has_sound, due.key.meeting_id, due.key.recording_id):
                return due
        return None

    def _has_sound(self, meeting_id: MeetingId, recording_id: UUID) -> bool:
        return folder_of(self._journals, meeting_id, recording_id).is_dir()

    async def _do(self, due: Due, pool: RecogniserPool) -> None:
        job = due.job
        try:
            async with self._model(due, pool) as (submit, model, message):
                if not await jobs.start(
                    job.job_id, model=model.name, message=message, at=self._clock.now()
                ):
                    return
                await self._hear(due, submit, model)
        except VoriError as exc:
            logger.warning("job failed", job_id=str(job.job_id), code=exc.code)
            if exc.code in DATABASE_CODES:
                await self._put_back(job)
            else:
                await self._give_up(job, exc.code, exc.message)
        except Exception:
            logger.exception("job failed", job_id=str(job.job_id))
            await self._give_up(job, "internal", "Something broke in VORI; the log says what.")

    async def _put_back(self, job: Job) -> None:
        """The database was away for long: the job goes on once it is back."""
        while True:
            try:
                return await jobs.queue_again(job.job_id, at=self._clock.now(), was_its_fault=False)
            except VoriError:
                await asyncio.sleep(LOOK_S)

    async def _give_up(self, job: Job, code: str, message: str) -> None:
        with contextlib.suppress(VoriError):  # else it is taken up again at the next start
            await retrying(
                lambda: jobs.end(
                    job.job_id,
                    JobState.FAILED,
                    failure=code,
                    message=message,
                    at=self._clock.now(),
                ),
                deadline_s=DATABASE_S,
            )

    @contextlib.asynccontextmanager
    async def _model(
        self, due: Due, pool: RecogniserPool
    ) -> AsyncIterator[tuple[Submit, ModelInfo, str]]:
        """The live model, or the one that was asked for, loaded beside it."""
        wanted = due.job.model
        if wanted is None or wanted == pool.model.name:
            yield _background(pool), pool.model, ""
            return
        async with self._open_other(wanted) as other:
            if other.model.path == pool.model.path:
                yield _background(pool), pool.model, ""
                return
            size_mb = await asyncio.to_thread(_size_mb, other.model.path)
            message = (
                f"{other.model.name} is loaded beside {pool.model.name}: about {size_mb} MB more "
                "memory while this job lasts."
            )
            logger.info("another model loaded", model=other.model.name, size_mb=size_mb)
            yield _background(other, live=pool), other.model, message

    async def _hear(self, due: Due, submit: Submit, model: ModelInfo) -> None:
        job = due.job
        ear = self._open_ear(Progress(settled_ms=due.kept_ms))
        journal = await asyncio.to_thread(
            Journal.open, self._journals, due.key.meeting_id, due.key.recording_id
        )
        start = Window(
            samples=NOTHING,
            language=_language(job.language, model),
            previous_text=due.previous_text,
            is_final=True,
            hotwords=due.hotwords,
        )
        seq = due.next_seq
        far = _Far(due.kept_ms)

        async def heard(window: Window) -> Transcript:
            transcript = await submit(window)
            done_ms = far.further(window, ear.heard_ms)
            if done_ms is not None:
                with contextlib.suppress(VoriError):  # the next one tells it
                    await jobs.tell(job, done_ms=done_ms, at=self._clock.now())
            return transcript

        stretches = put_into_words(
            heard, utterances_of(journal, ear), start, side_by_side=SIDE_BY_SIDE
        )
        async with contextlib.aclosing(stretches):
            async for said in stretches:
                captions = _captions(due, said, seq)
                seq += len(captions)
                if not await self._keep(job, captions, said[-1].end_ms):
                    return
                far.kept(said[-1].end_ms)
        await retrying(
            lambda: jobs.complete(due, heard_ms=ear.heard_ms, at=self._clock.now()),
            deadline_s=DATABASE_S,
        )
        logger.info("job done", job_id=str(job.job_id), captions=seq, heard_ms=ear.heard_ms)

    async def _keep(self, job: Job, captions: list[VersionCaption], done_ms: int) -> bool:
        return await retrying(
            lambda: jobs.go_on(job, captions, done_ms=done_ms, at=self._clock.now()),
            deadline_s=DATABASE_S,
        )


class _Far:
    """How far a job is, told at most once in TELL_S."""

    def __init__(self, kept_ms: int) -> None:
        self._done_ms = kept_ms
        self._told_s = asyncio.get_running_loop().time()

    def kept(self, to_ms: int) -> None:
        self._done_ms = max(self._done_ms, to_ms)

    def further(self, window: Window, heard_ms: int) -> int | None:
        """What is to be told now; silence counts once what lies around it is kept."""
        self._done_ms = min(self._done_ms + len(window.samples) * 1000 // RATE_HZ, heard_ms)
        now_s = asyncio.get_running_loop().time()
        if now_s - self._told_s < TELL_S:
            return None
        self._told_s = now_s
        return self._done_ms


def _background(pool: RecogniserPool, *, live: RecogniserPool | None = None) -> Submit:
    """After everything live; `live`: the pool that must have nothing waiting, if it is another.

    What fails is tried again; raises Unavailable when it fails for good.
    """

    async def submit(window: Window) -> Transcript:
        for attempt in range(TRIES):
            while live is not None and live.health().queued:  # noqa: ASYNC110 - no event tells it
                await asyncio.sleep(QUIET_S)
            try:
                return await pool.submit(window, priority=Priority.BACKGROUND)
            except (Busy, Unavailable) as exc:
                if attempt == TRIES - 1:
                    raise
                logger.warning("window failed", code=exc.code, attempt=attempt)
                await asyncio.sleep(2.0**attempt / 4)
        raise AssertionError("unreachable")

    return submit


def utterances_of(journal: Journal, ear: Ear) -> Iterator[Utterance]:
    """The closed utterances of a recording in order, from where the ear is to begin. Blocks.

    A part of the sound that cannot be read further ends there, as it did live; raises BadMessage
    when nothing of the recording can be read.
    """
    failures: list[BadMessage] = []
    yield from joined(_heard(journal, ear, failures))
    if failures and ear.heard_ms == 0:
        raise failures[0]


def _heard(journal: Journal, ear: Ear, failures: list[BadMessage]) -> Iterator[Heard]:
    for part in journal.parts():
        try:
            yield from ear.begin(part.format, part.offset_ms)
            replay = partial(journal.read, part)
            for data in journal.read(part):
                yield from ear.hear(data, replay)
                if ear.reads_whole_files:
                    break
            if ear.reads_whole_files:
                for some in ear.end_file(part.path):
                    yield from some
            else:
                yield from ear.end(replay)
        except BadMessage as exc:
            logger.warning("part cut short", part=part.index, code=exc.code)
            failures.append(exc)
            yield from ear.flush()


def _captions(due: Due, said: list[Said], seq: int) -> list[VersionCaption]:
    pieces = [
        (piece, one.language, level)
        for one in said
        for piece, level in zip(one.pieces, one.levels_db, strict=True)
    ]
    return [
        VersionCaption(
            caption_id=CaptionId(uuid7()),
            seq=seq + i,
            text=piece.text,
            language=language,
            start_ms=piece.start_ms,
            end_ms=piece.end_ms,
            meeting_start_ms=due.offset_ms + piece.start_ms,
            speaker_id=due.key.user_id,
            words=piece.words,
            level_db=level,
        )
        for i, (piece, language, level) in enumerate(pieces)
    ]


def _language(tag: str | None, model: ModelInfo) -> str | None:
    """What the model calls the language; raises Conflict for one that it does not know."""
    if tag is None:
        return None
    code = tag.lower().partition("-")[0]
    if code not in model.languages:
        known = ", ".join(sorted(model.languages))
        raise Conflict(
            f"The model {model.name} does not know the language {tag}; it knows {known}.",
            code="unknown_language",
        )
    return code


def _size_mb(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*") if file.is_file()) // 2**20
