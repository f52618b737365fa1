"""Recordings put into words again, on a real database, journal and pool; words are tones."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import pytest

from tests.fakes import ToneRecogniser, loudness, tones
from tests.transcribe.sounds import s16
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
from vori.data.engine import DB
from vori.errors import Unavailable
from vori.ids import UserId
from vori.people.messages import Principal, Role
from vori.transcribe import jobs, versions
from vori.transcribe.ear import Ear
from vori.transcribe.jobs import Wanted
from vori.transcribe.messages import Job, JobState, Transcript
from vori.transcribe.pool import RecogniserPool
from vori.transcribe.recogniser import Window
from vori.transcribe.recordings import Recordings
from vori.transcribe.retranscribe import Retranscriber
from vori.transcribe.voice import VoiceGate

__all__ = ["host"]
pytestmark = pytest.mark.postgres

MEMBER = Principal(user_id=UserId(1), name="Mina", roles={GROUP: Role.MEMBER})
LONG: list[int | None] = [n for i in range(12) for n in (i, i + 1, i + 2, i + 3, None)]


class Capitals(ToneRecogniser):
    """Another model: hears the same words, louder. `gate` holds it up."""

    def __init__(self) -> None:
        super().__init__()
        self.model = self.model.__class__(
            **{f: getattr(self.model, f) for f in self.model.__struct_fields__}
            | {"name": "capitals", "path": self.model.path / "other"}
        )

    def transcribe(self, windows: Sequence[Window]) -> list[Transcript]:
        heard = super().transcribe(windows)
        return [
            Transcript(
                text=one.text.upper(),
                language=one.language,
                words=tuple(
                    type(w)(
                        text=w.text.upper(), start_ms=w.start_ms, end_ms=w.end_ms, probability=0.95
                    )
                    for w in one.words
                ),
            )
            for one in heard
        ]


class Bench:
    def __init__(self, host: Host) -> None:
        self.host = host
        self.other = Capitals()
        self.retranscriber = Retranscriber(
            host.home,
            lambda progress: Ear(
                lambda start_ms: VoiceGate(loudness, start_ms=start_ms),
                settled_ms=progress.settled_ms,
            ),
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

    async def over(self, job: Job, *, patience_s: float = 20) -> Job:
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
