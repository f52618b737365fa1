"""Recordings put into words again, on a real database, journal and pool; words are tones."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from msgspec import structs

from tests.fakes import ToneRecogniser, tones
from tests.transcribe.sounds import muxed, s16
from tests.transcribe.test_recordings import (
    ADMIN,
    GROUP,
    MEETING,
    SENTENCE,
    Host,
    host,
    send,
    words,
)
from tests.web_site import events
from vori.data.engine import DB, transaction
from vori.errors import BadMessage, Conflict, Forbidden, NotFound, Unavailable
from vori.ids import CaptionId, UserId, uuid7
from vori.people.messages import Principal, Role
from vori.transcribe import jobs, offline, retranscribe, versions
from vori.transcribe.jobs import Wanted
from vori.transcribe.journal import Journal
from vori.transcribe.live import Progress
from vori.transcribe.messages import AudioFormat, Encoding, Job, JobState, Transcript
from vori.transcribe.pool import Priority, RecogniserPool
from vori.transcribe.recogniser import Window
from vori.transcribe.recordings import Recordings
from vori.transcribe.retranscribe import Retranscriber

__all__ = ["host"]
pytestmark = pytest.mark.postgres

MEMBER = Principal(user_id=UserId(1), name="Mina", roles={GROUP: Role.MEMBER})
LONG: list[int | None] = [n for i in range(12) for n in (i, i + 1, i + 2, i + 3, None)]


class Capitals(ToneRecogniser):
    """Another model: hears the same words, and writes them in capitals."""

    def __init__(self) -> None:
        super().__init__()
        self.model = structs.replace(self.model, name="capitals", path=Path("other"))

    def transcribe(self, windows: Sequence[Window]) -> list[Transcript]:
        return [
            structs.replace(
                one,
                text=one.text.upper(),
                words=tuple(structs.replace(w, text=w.text.upper()) for w in one.words),
            )
            for one in super().transcribe(windows)
        ]


class Bench:
    def __init__(self, host: Host) -> None:
        self.host = host
        self.other = Capitals()
        self.retranscriber = Retranscriber(
            host.home,
            host.open_ear,
            self._open_other,
            host.clock,
            models=("capitals", "missing"),
        )
        host.beside = self.retranscriber.work

    @contextlib.asynccontextmanager
    async def _open_other(self, name: str) -> AsyncIterator[RecogniserPool]:
        if name == "missing":
            raise Unavailable("There is no model `missing` here.", code="model_not_found")
        async with RecogniserPool(self.other, workers=1) as pool:
            yield pool

    async def record(
        self, recordings: Recordings, numbers: list[int | None], **changes: Any
    ) -> UUID:
        live = await self.host.open(recordings, **changes)
        await send(live, s16(tones(numbers)), self.host.listener, chunk=64_000)
        await live.finish()
        return live.key.recording_id

    async def ask(self, recording: UUID, principal: Principal = ADMIN, **wanted: Any) -> Job:
        return await self.retranscriber.ask(principal, MEETING, recording, Wanted(**wanted))

    async def over(self, job: Job, *, patience_s: float = 60) -> Job:
        async with asyncio.timeout(patience_s):
            while True:
                now = await jobs.job(MEETING, job.job_id)
                if now.state not in (JobState.QUEUED, JobState.RUNNING):
                    return now
                await asyncio.sleep(0.01)


@pytest.fixture
async def bench(host: Host) -> Bench:
    return Bench(host)


async def current() -> list[str]:
    rows = await DB.fetch("SELECT text FROM captions ORDER BY recording_id, seq")
    return [word for row in rows for word in row["text"].split()]


async def test_another_model_s_words_replace_the_captions_and_the_old_ones_stay(
    bench: Bench,
) -> None:
    async with bench.host.running() as recordings:
        recording = await bench.record(recordings, SENTENCE)
        before = await DB.fetch("SELECT id, seq FROM captions ORDER BY seq")
        done = await bench.over(await bench.ask(recording, model="capitals"))
        assert (done.state, done.failure, done.version) == (JobState.COMPLETE, None, 2)
        assert done.done_ms == done.total_ms
        assert "loaded beside tones" in done.message
    assert await current() == [word.upper() for word in words(SENTENCE)]
    after = await DB.fetch("SELECT id, seq FROM captions ORDER BY seq")
    assert after == before, "the same stretches of sound keep their ids: receipts cite them"
    old = await versions.version(MEETING, recording, 1)
    assert [word for c in old.captions for word in c.text.split()] == words(SENTENCE)
    assert (old.version.state, old.version.origin, old.version.model) == ("PAST", "LIVE", "")
    new = (await versions.version(MEETING, recording, 2)).version
    assert (new.state, new.origin, new.model) == ("CURRENT", "AGAIN", "capitals")
    told = [event["job"]["state"] for event in await events("transcription.job")]
    assert (told[0], told[1], told[-1]) == ("QUEUED", "RUNNING", "COMPLETE")
    assert [e["changed"] for e in await events("meeting.updated")][-1] == ["transcript"]
    assert len(await events("transcription.completed")) == len(before), "words are told of once"


async def test_a_member_is_offered_what_the_settings_name(bench: Bench) -> None:
    async with bench.host.running() as recordings:
        recording = await bench.record(recordings, [1, 2, None])
        with pytest.raises(Forbidden) as refused:
            await bench.ask(recording, MEMBER, model="huge")
        assert refused.value.code == "model_not_offered"
        assert "capitals" in refused.value.message
        done = await bench.over(await bench.ask(recording, MEMBER, model="capitals"))
        assert done.state is JobState.COMPLETE


async def test_a_model_that_is_not_there_fails_the_job_and_says_why(bench: Bench) -> None:
    async with bench.host.running() as recordings:
        recording = await bench.record(recordings, SENTENCE)
        done = await bench.over(await bench.ask(recording, model="missing"))
        assert (done.state, done.failure) == (JobState.FAILED, "model_not_found")
        assert "`missing`" in done.message
        assert await current() == words(SENTENCE)
        assert [one.number for one in await versions.versions(MEETING)] == [1]
        again = await bench.over(await bench.ask(recording))
        assert again.state is JobState.COMPLETE


async def test_one_job_at_a_time_for_a_recording_that_is_over(bench: Bench) -> None:
    async with bench.host.running() as recordings:
        live = await bench.host.open(recordings)
        with pytest.raises(Conflict) as going_on:
            await bench.ask(live.key.recording_id)
        await live.finish()
        async with transaction():  # the worker sees the job only once this is committed
            job = await bench.ask(live.key.recording_id)
            with pytest.raises(Conflict) as busy:
                await bench.ask(live.key.recording_id)
        assert (going_on.value.code, busy.value.code) == ("recording_open", "job_running")
        await bench.over(job)
        with pytest.raises(NotFound) as unknown:
            await bench.ask(UUID(int=7))
        assert unknown.value.code == "journal_not_found"


async def test_a_cancelled_job_leaves_the_captions_as_they_are(bench: Bench) -> None:
    began = threading.Event()
    go = threading.Event()

    def hold(windows: Sequence[Window]) -> list[Transcript]:
        began.set()
        assert go.wait(60)
        return ToneRecogniser.transcribe(bench.other, windows)

    bench.other.transcribe = hold  # type: ignore[method-assign]
    async with bench.host.running() as recordings:
        recording = await bench.record(recordings, SENTENCE)
        job = await bench.ask(recording, model="capitals")
        await asyncio.to_thread(began.wait, 60)
        cancelled = await bench.retranscriber.cancel(MEETING, job.job_id)
        go.set()
        assert cancelled.state is JobState.CANCELLED
        assert (await bench.retranscriber.cancel(MEETING, job.job_id)).state == "CANCELLED"
        done = await bench.over(await bench.ask(recording))
        assert done.state is JobState.COMPLETE
        with pytest.raises(Conflict) as over:
            await bench.retranscriber.cancel(MEETING, done.job_id)
    assert over.value.code == "job_over"
    assert await current() == words(SENTENCE)


async def test_a_job_goes_on_where_it_was_when_vori_stopped(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offline, "STRETCH", 1)
    monkeypatch.setattr(retranscribe, "SIDE_BY_SIDE", 1)
    heard = threading.Event()
    spoken = len([n for n in LONG if n is None])
    async with bench.host.running() as recordings:
        recording = await bench.record(recordings, LONG)
        whole, seen = bench.host.recogniser.transcribe, len(bench.host.recogniser.windows)

        def until_the_fifth(windows: Sequence[Window]) -> list[Transcript]:
            if len(bench.host.recogniser.windows) - seen >= 5:
                heard.set()
                raise Unavailable("held up", code="held_up")
            return whole(windows)

        bench.host.recogniser.transcribe = until_the_fifth  # type: ignore[method-assign]
        job = await bench.ask(recording)
        await asyncio.to_thread(heard.wait, 60)
    left = await jobs.job(MEETING, job.job_id)
    assert left.state is JobState.RUNNING
    assert 0 < left.done_ms < (left.total_ms or 0)
    bench.host.recogniser.transcribe = whole  # type: ignore[method-assign]
    async with bench.host.running():
        done = await bench.over(job)
    assert (done.state, done.failure) == (JobState.COMPLETE, None)
    assert await current() == words(LONG)
    again = len(bench.host.recogniser.windows) - seen
    assert again == spoken, "no window was decoded twice"


async def test_a_job_that_always_brings_vori_down_is_given_up(bench: Bench) -> None:
    async with bench.host.running() as recordings:
        recording = await bench.record(recordings, SENTENCE)
    job = await bench.ask(recording)
    await DB.fetch("UPDATE transcription_jobs SET state = 'RUNNING', attempts = 3")
    async with bench.host.running():
        done = await bench.over(job)
    assert (done.state, done.failure) == (JobState.FAILED, "interrupted")
    assert await current() == words(SENTENCE)


async def test_a_draft_waits_to_be_compared_applied_and_taken_back(bench: Bench) -> None:
    async with bench.host.running() as recordings:
        recording = await bench.record(recordings, SENTENCE)
        done = await bench.over(await bench.ask(recording, model="capitals", applies=False))
        assert await current() == words(SENTENCE)
        async with versions.as_if_applied(MEETING, recording, done.version):
            assert await current() == [word.upper() for word in words(SENTENCE)]
        assert await current() == words(SENTENCE)
        ids = await DB.fetch("SELECT id FROM captions ORDER BY seq")
        await versions.apply(MEETING, recording, done.version)
        await versions.apply(MEETING, recording, done.version)
        assert await current() == [word.upper() for word in words(SENTENCE)]
        await versions.apply(MEETING, recording, 1)
        assert await current() == words(SENTENCE)
        assert await DB.fetch("SELECT id FROM captions ORDER BY seq") == ids
        states = [(v.number, v.state.value, v.captions) for v in await versions.versions(MEETING)]
        assert states == [(2, "PAST", 3), (1, "CURRENT", 3)]
        with pytest.raises(NotFound):
            await versions.apply(MEETING, recording, 3)


async def test_a_version_of_less_sound_never_replaces_one_of_more(bench: Bench) -> None:
    async with bench.host.running() as recordings:
        recording = await bench.record(recordings, [1, 2, None])
        done = await bench.over(await bench.ask(recording, applies=False))
        async with asyncio.timeout(60):
            while recordings._of(MEETING):
                await asyncio.sleep(0.01)
        live = await bench.host.open(recordings, resume_seq=1)
        with pytest.raises(Conflict) as going_on:
            await versions.apply(MEETING, recording, done.version)
        await send(live, s16(tones([3, 4, None])), bench.host.listener)
        await live.finish()
        with pytest.raises(Conflict) as changed:
            await versions.apply(MEETING, recording, done.version)
    assert (going_on.value.code, changed.value.code) == ("recording_open", "recording_changed")
    assert await current() == words([1, 2, 3, 4])


async def test_live_windows_go_before_those_of_a_job(bench: Bench) -> None:
    """One worker, held up: whatever else waits, what is live is taken first."""
    began, go = threading.Event(), threading.Event()
    order: list[bool] = []
    tone = ToneRecogniser()

    class Held(ToneRecogniser):
        def transcribe(self, windows: Sequence[Window]) -> list[Transcript]:
            began.set()
            assert go.wait(60)
            order.append(windows[0].hotwords == "job")
            return tone.transcribe(windows)

    async with RecogniserPool(Held(), workers=1, batch_size=1) as pool:
        sound = tones([1, 2])
        job = [
            asyncio.create_task(
                pool.submit(
                    Window(samples=sound, is_final=True, hotwords="job"),
                    priority=Priority.BACKGROUND,
                )
            )
            for _ in range(4)
        ]
        await asyncio.to_thread(began.wait, 60)
        live = [asyncio.create_task(pool.submit(Window(samples=sound, is_final=True)))]
        while pool.health().queued < 2:
            await asyncio.sleep(0.001)
        go.set()
        await asyncio.gather(*job, *live)
    assert order.index(False) <= 2


async def kept(folder: Path, *parts: tuple[AudioFormat, int, bytes]) -> Journal:
    journal = Journal.create(folder, MEETING, UUID(int=1))
    for fmt, offset_ms, data in parts:
        journal.begin_part(fmt, offset_ms)
        journal.append(data)
    await journal.close()
    return journal


def heard(host: Host, journal: Journal, *, from_ms: int = 0) -> list[tuple[int, str]]:
    """When each utterance begins, to 100 ms, and its words."""
    ear = host.open_ear(Progress(settled_ms=from_ms))
    return [
        (round(u.start_ms, -2), host.recogniser._hear(u.samples).text)
        for u in retranscribe.utterances_of(journal, ear)
    ]


async def test_parts_are_heard_at_their_times_and_a_broken_one_ends_there(
    host: Host, tmp_path: Path
) -> None:
    pcm = AudioFormat(encoding=Encoding.S16LE)
    whole = s16(tones([1, 2, None]))
    broken = muxed(tones([3, None, 4, None, 5, 6, 7, 8, None]).repeat(3), "webm", "libopus")
    journal = await kept(
        tmp_path,
        (pcm, 0, whole),
        (AudioFormat(), 10_000, broken[: len(broken) // 2] + b"\xff" * 4000),
        (pcm, 30_000, s16(tones([9, None]))),
    )
    found = heard(host, journal)
    assert (found[0], found[-1]) == ((0, "w1 w2"), (30_000, "w9"))
    assert found[1] == (10_000, "w3")
    assert heard(host, journal, from_ms=20_000) == [(30_000, "w9")]


async def test_a_recording_of_which_nothing_can_be_read_says_so(host: Host, tmp_path: Path) -> None:
    journal = await kept(tmp_path, (AudioFormat(), 0, b"\x17\x88" * 3000))
    with pytest.raises(BadMessage) as refused:
        heard(host, journal)
    assert refused.value.code == "unknown_audio"


async def test_a_job_waits_for_a_database_that_is_away_for_long(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retranscribe, "DATABASE_S", 0.05)
    monkeypatch.setattr(retranscribe, "LOOK_S", 0.05)
    go_on, tries = jobs.go_on, 0

    async def away(*arguments: Any, **named: Any) -> bool:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise Unavailable("gone", code="database_away")
        return await go_on(*arguments, **named)

    async with bench.host.running() as recordings:
        recording = await bench.record(recordings, SENTENCE)
        monkeypatch.setattr(jobs, "go_on", away)
        done = await bench.over(await bench.ask(recording, model="capitals"))
    assert (done.state, done.failure) == (JobState.COMPLETE, None)
    assert tries >= 4
    assert await current() == [word.upper() for word in words(SENTENCE)]


async def test_versions_of_more_captions_than_are_read_at_once_are_whole(bench: Bench) -> None:
    count = 2 * versions.MANY + 203
    async with bench.host.running() as recordings:
        recording = await bench.record(recordings, SENTENCE)
        other = await bench.record(recordings, SENTENCE, audio_id="b")
    now = bench.host.clock.now()
    for which in (recording, other):
        draft = [
            versions.VersionCaption(
                caption_id=CaptionId(uuid7()),
                seq=number,
                text=f"this is sentence number {number} of a long day",
                language="en",
                start_ms=number * 3000,
                end_ms=number * 3000 + 2500,
                meeting_start_ms=number * 3000,
                speaker_id=None,
                words=(),
            )
            for number in range(count)
        ]
        async with transaction():
            number = await versions.begin_draft(
                which, origin=versions.Origin.AGAIN, language=None, created_by=None, at=now
            )
            await versions.extend_draft(which, number, draft, at=now)
        await versions.apply(MEETING, which, number)
        text = await versions.version(MEETING, which, number)
        assert [caption.seq for caption in text.captions] == list(range(count))
    [marked] = await DB.fetch("SELECT count(duplicate_of) AS count FROM captions")
    assert marked["count"] == count, "each sentence of one microphone is the other's, too"
    await versions.apply(MEETING, recording, 1)
    text = await versions.version(MEETING, recording, number)
    assert len(text.captions) == count
