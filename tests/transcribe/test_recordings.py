"""Recordings from socket to caption, on a real database, journal and pool; words are tones."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import ToneRecogniser, loudness, said, tones
from tests.transcribe.sounds import s16
from tests.web_site import events
from vori.clock import TurnedClock
from vori.data.engine import DB
from vori.errors import Busy, Conflict, Forbidden, NotFound, Unavailable, VoriError
from vori.ids import AudioId, GroupId, MeetingId, UserId
from vori.meetings import sound
from vori.meetings import store as store_of_meetings
from vori.people.auth import ensure_dev
from vori.people.messages import Principal, Role
from vori.settings import Audio, Speech
from vori.tickets.board import TicketBoard
from vori.transcribe.ear import Ear
from vori.transcribe.live import LiveRecording, Progress
from vori.transcribe.messages import AudioFormat, Encoding
from vori.transcribe.outgoing import Final, Finished, Listener, Notice, Outgoing, Started
from vori.transcribe.pool import RecogniserPool
from vori.transcribe.recordings import Opening, Recordings
from vori.transcribe.store import CaptionStore
from vori.transcribe.voice import VoiceGate

pytestmark = pytest.mark.postgres

GROUP, MEETING = GroupId(1), MeetingId(1)
ADMIN = Principal(user_id=UserId(1), name="Testadmin", roles={GROUP: Role.ADMIN})
PCM = AudioFormat(encoding=Encoding.S16LE)
SENTENCE = [1, 2, 3, None, 4, 5, None, 6, 7, 8, 9, None]


class Host:
    """Starts and stops the worker on one database and one home, as a machine does."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.clock = TurnedClock(datetime(2026, 3, 16, 10, tzinfo=UTC))
        self.recogniser = ToneRecogniser()
        self.away: list[VoriError] = []
        self.audio = Audio(sync_ms=10, resume_s=60)
        self.listener = Listener()
        self.beside: Any = None
        self.silence_ms = 500

    def open_ear(self, progress: Progress) -> Ear:
        return Ear(
            lambda start_ms: VoiceGate(loudness, start_ms=start_ms, silence_ms=self.silence_ms),
            settled_ms=progress.settled_ms,
        )

    @contextlib.asynccontextmanager
    async def running(self, *, drain_s: float = 5.0) -> AsyncIterator[Recordings]:
        async def admit(opening: Opening, principal: Principal) -> sound.Admission:
            return await sound.admit(
                opening.meeting_id, opening.group_id, principal, clock=self.clock
            )

        store = CaptionStore(admit, self.clock)
        save = store.save

        async def save_or_fail(*arguments: Any, **named: Any) -> None:
            if self.away:
                raise self.away.pop(0)
            await save(*arguments, **named)

        store.save = save_or_fail  # type: ignore[method-assign]
        recordings = Recordings(
            store,
            lambda: RecogniserPool(self.recogniser, workers=2),
            self.open_ear,
            self.home,
            audio=self.audio,
            speech=Speech(partial_ms=300),
            drain_s=drain_s,
            beside=self.beside,
            mend_s=0.01,
        )
        async with recordings.lifespan():
            while recordings.health().state == "down":
                await asyncio.sleep(0.01)
            yield recordings

    async def open(self, recordings: Recordings, **changes: Any) -> LiveRecording:
        self.listener = Listener()
        opening = {
            "meeting_id": MEETING,
            "group_id": GROUP,
            "audio_id": AudioId("a"),
            "format": PCM,
        } | changes
        return await recordings.open(Opening(**opening), ADMIN, self.listener)

    def told(self, kind: type[Any]) -> list[Any]:
        """What the latest listener was told so far, of one kind."""
        return [m for m in self.listener._waiting if isinstance(m, kind)]

    async def hear(self, kind: type[Any]) -> Any:
        """The next message of a kind."""
        async with asyncio.timeout(60):
            while True:
                message: Outgoing = await self.listener.get()
                if isinstance(message, kind):
                    return message


@pytest.fixture
async def host(database: str, tmp_path: Path) -> Host:
    await ensure_dev()
    return Host(tmp_path)


async def send(live: LiveRecording, data: bytes, listener: Listener, *, chunk: int = 3200) -> None:
    for start in range(0, len(data), chunk):
        await live.feed(data[start : start + chunk], listener)
        await asyncio.sleep(0)


async def stored() -> list[str]:
    rows = await DB.fetch("SELECT seq, text FROM captions ORDER BY recording_id, seq")
    assert [row["seq"] for row in rows] == list(range(len(rows)))
    return [word for row in rows for word in row["text"].split()]


def words(numbers: list[int | None]) -> list[str]:
    return [said(number) for number in numbers if number is not None]


async def test_words_become_captions_with_events_in_order(host: Host) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings)
        await send(live, s16(tones(SENTENCE)), host.listener)
        await live.finish()
    assert await stored() == words(SENTENCE)
    finals = host.told(Final)
    assert [final.caption.text for final in finals] == ["w1 w2 w3", "w4 w5", "w6 w7 w8 w9"]
    assert isinstance(host.told(Finished)[0], Finished)
    for final in finals:
        for before, after in zip(final.caption.words, final.caption.words[1:], strict=False):
            assert before.end_ms <= after.start_ms
    rows = await DB.fetch(
        "SELECT event_id, payload FROM outbox WHERE topic = 'transcription.completed' ORDER BY id"
    )
    assert [row["event_id"] for row in rows] == [final.caption.event_id for final in finals]
    [meeting] = await DB.fetch("SELECT status FROM meetings")
    assert meeting["status"] == "LIVE"


async def test_sound_that_is_durable_before_it_can_be_heard_is_heard_once(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, may_run = LiveRecording.run, asyncio.Event()

    async def run_late(live: LiveRecording) -> None:
        await may_run.wait()
        await run(live)

    monkeypatch.setattr(LiveRecording, "run", run_late)
    async with host.running() as recordings:
        live = await host.open(recordings)
        await send(live, s16(tones(SENTENCE)), host.listener)
        await live.journal.sync()
        may_run.set()
        await live.finish()
    assert await stored() == words(SENTENCE)


async def test_speech_without_a_pause_becomes_final_on_the_way(host: Host) -> None:
    numbers: list[int | None] = [i % 40 for i in range(100)]
    async with host.running() as recordings:
        live = await host.open(recordings)
        data = s16(tones(numbers))
        for start in range(0, len(data), 16_000):  # half a second at a time, each listened to
            heard = len(host.recogniser.windows)
            await live.feed(data[start : start + 16_000], host.listener)
            async with asyncio.timeout(60):
                while len(host.recogniser.windows) == heard and start < len(data) - 16_000:
                    await asyncio.sleep(0.001)
        await live.finish()
    finals = host.told(Final)
    assert all(final.caption.end_ms - final.caption.start_ms < 13_000 for final in finals)
    assert await stored() == words(numbers)
    longest = max(len(window.samples) for window in host.recogniser.windows) / 16_000
    assert longest < 28


@pytest.mark.parametrize("seed", range(4))
async def test_stopped_anywhere_and_resumed_nothing_is_lost_or_doubled(
    host: Host, seed: int
) -> None:
    dice = random.Random(seed)
    numbers: list[int | None] = []
    for start in range(0, 36, 4):
        numbers += [start, start + 1, start + 2, start + 3, None]
    data = s16(tones(numbers))
    cuts = sorted(dice.sample(range(len(data)), 3))
    sent = 0
    for stop in [*cuts, len(data)]:
        async with host.running(drain_s=0.01 if dice.random() < 0.5 else 5.0) as recordings:
            live = await host.open(recordings, resume_seq=0 if sent else None)
            started = await host.hear(Started)
            assert started.received_bytes <= sent
            await send(live, data[started.received_bytes : stop], host.listener)
            sent = stop
            if stop == len(data):
                await live.finish()
            elif dice.random() < 0.5:
                await asyncio.sleep(dice.random() * 0.2)
    assert await stored() == words(numbers)


async def test_finals_are_told_again_after_a_resume(host: Host) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings)
        await send(live, s16(tones(SENTENCE)), host.listener)
        await live.finish()
        while recordings._of(MEETING):
            await asyncio.sleep(0.01)
        again = await host.open(recordings, resume_seq=1)
        assert [final.caption.text for final in host.told(Final)] == ["w4 w5", "w6 w7 w8 w9"]
        await send(again, s16(tones([10, 11, None])), host.listener)
        await again.finish()
    assert await stored() == words([*SENTENCE, 10, 11])


async def test_captions_wait_for_the_database(host: Host) -> None:
    host.away = [Unavailable("gone", code="database_away") for _ in range(3)]
    async with host.running() as recordings:
        live = await host.open(recordings)
        await send(live, s16(tones(SENTENCE)), host.listener)
        await live.finish()
    assert await stored() == words(SENTENCE)
    assert [notice.code for notice in host.told(Notice)] == ["database_away"]


async def test_window_that_fails_is_tried_again(host: Host) -> None:
    host.recogniser.fail = [RuntimeError("CUDA hiccup")]
    async with host.running() as recordings:
        live = await host.open(recordings)
        await send(live, s16(tones([1, 2, None])), host.listener)
        await live.finish()
    assert await stored() == ["w1", "w2"]


async def test_window_that_never_works_is_told_and_passed_over(host: Host) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings)
        host.recogniser.fail = [ValueError("bad window") for _ in range(30)]
        await send(live, s16(tones([1, 2, None])), host.listener)
        notice = await host.hear(Notice)
        assert notice.code == "passage_not_recognised"
        host.recogniser.fail = []
        await send(live, s16(tones([3, 4, None])), host.listener)
        await live.finish()
    assert await stored() == ["w3", "w4"]


async def test_recorder_started_anew_continues_at_its_own_time(host: Host) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings)
        await send(live, s16(tones([1, 2, None])), host.listener)
        first = host.listener
        host.clock.turn(timedelta(seconds=30))
        again = await host.open(recordings)
        assert again is live
        assert [m.code for m in first._waiting if isinstance(m, Notice)] == ["superseded"]
        await send(live, s16(tones([3, None])), host.listener)
        await live.finish()
    rows = await DB.fetch("SELECT text, start_ms FROM captions ORDER BY seq")
    assert [row["text"] for row in rows] == ["w1 w2", "w3"]
    assert rows[1]["start_ms"] >= 30_000


async def test_recording_nobody_comes_back_to_is_finished(host: Host) -> None:
    host.audio = Audio(sync_ms=10, resume_s=0.2)
    async with host.running() as recordings:
        live = await host.open(recordings)
        await send(live, s16(tones([1, 2])), host.listener)
        live.detach(host.listener, for_good=False)
        async with asyncio.timeout(60):
            while recordings._of(MEETING):
                await asyncio.sleep(0.01)
    assert await stored() == ["w1", "w2"]
    [row] = await DB.fetch("SELECT status FROM recordings")
    assert row["status"] == "COMPLETE"


async def test_listener_that_was_replaced_cannot_write(host: Host) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings)
        old = host.listener
        await host.open(recordings, resume_seq=0)
        await live.feed(b"\x01\x00" * 1600, old)
        assert live.journal.received_bytes == 0
        live.detach(old, for_good=True)
        await send(live, s16(tones([5, None])), host.listener)
        await live.finish()
    assert await stored() == ["w5"]


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"group_id": GroupId(9)}, Forbidden, "forbidden"),
        ({"resume_seq": 0}, NotFound, "unknown_resume"),
    ],
)
async def test_opening_that_is_refused_leaves_nothing_behind(
    host: Host, changes: Any, error: type[VoriError], code: str
) -> None:
    async with host.running() as recordings:
        with pytest.raises(error) as caught:
            await host.open(recordings, **changes)
        assert caught.value.code == code
        assert not recordings._of(MEETING)
    assert await DB.fetch("SELECT * FROM recordings") == []


async def test_full_and_stopping_servers_ask_to_come_back(host: Host) -> None:
    host.audio = Audio(sync_ms=10, max_recordings=1)
    async with host.running() as recordings:
        await host.open(recordings)
        with pytest.raises(Busy) as full:
            await host.open(recordings, audio_id=AudioId("b"))
        recordings.begin_draining()
        with pytest.raises(Busy) as draining:
            await host.open(recordings, audio_id=AudioId("c"))
    assert (full.value.code, draining.value.code) == ("full", "draining")


async def test_ended_meeting_takes_no_sound(host: Host) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings)
        await send(live, s16(tones([1, 2])), host.listener)
        await sound.end(MEETING, clock=host.clock, finish_recordings=recordings.finish_meeting)
        await sound.end(MEETING, clock=host.clock, finish_recordings=recordings.finish_meeting)
        assert await stored() == ["w1", "w2"]
        with pytest.raises(Conflict) as ended:
            await host.open(recordings, audio_id=AudioId("late"))
    assert ended.value.code == "meeting_ended"
    told = await DB.fetch("SELECT payload FROM outbox WHERE topic LIKE 'meeting.%' ORDER BY id")
    assert len(told) == 2  # created, ended once


async def test_recording_killed_before_its_first_byte_was_on_disk_can_be_resumed(
    host: Host,
) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings)
        folder = live.journal.folder
    for file in folder.iterdir():
        file.unlink()
    host.clock.turn(timedelta(seconds=20))
    async with host.running() as recordings:
        live = await host.open(recordings, resume_seq=0)
        await send(live, s16(tones(SENTENCE)), host.listener)
        await live.finish()
    assert await stored() == words(SENTENCE)
    [row] = await DB.fetch("SELECT min(start_ms) AS first FROM captions")
    assert row["first"] < 1000, "the same sound again starts where it started before"


async def test_finals_that_are_settled_during_a_resume_are_told_once_and_in_order(
    host: Host,
) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings)
        store = recordings._store
        go, save, captions_from = asyncio.Event(), store.save, store.captions_from

        async def save_when_told(key: Any, captions: Any, *, settled_ms: int) -> None:
            if captions and captions[0].seq > 0:
                await go.wait()
            await save(key, captions, settled_ms=settled_ms)

        async def captions_late(key: Any, seq: int) -> Any:
            go.set()
            async with asyncio.timeout(60):
                while live._next_seq < 3:
                    await asyncio.sleep(0.001)
            return await captions_from(key, seq)

        store.save, store.captions_from = save_when_told, captions_late  # type: ignore[method-assign]
        await send(live, s16(tones(SENTENCE)), host.listener)
        await host.hear(Final)
        await host.open(recordings, resume_seq=0)
        assert [final.caption.seq for final in host.told(Final)] == [0, 1, 2]
        await live.finish()
        assert [final.caption.seq for final in host.told(Final)] == [0, 1, 2]


async def test_meeting_that_is_ended_right_after_a_start_is_recovered_first(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with host.running(drain_s=0.01) as recordings:
        live = await host.open(recordings)
        await send(live, s16(tones(SENTENCE)), host.listener)
    go, unfinished = asyncio.Event(), CaptionStore.unfinished

    async def unfinished_late(store: CaptionStore) -> Any:
        await go.wait()
        return await unfinished(store)

    monkeypatch.setattr(CaptionStore, "unfinished", unfinished_late)
    async with host.running() as recordings:
        ending = asyncio.create_task(
            sound.end(MEETING, clock=host.clock, finish_recordings=recordings.finish_meeting)
        )
        await asyncio.wait([ending], timeout=0.2)
        go.set()
        await ending
        assert await stored() == words(SENTENCE)
    [row] = await DB.fetch("SELECT status FROM recordings")
    assert row["status"] == "COMPLETE"


async def test_recording_opened_while_its_meeting_ends_is_finished_with_it(host: Host) -> None:
    async with host.running() as recordings:
        await host.open(recordings)
        late: list[LiveRecording] = []

        async def finish(meeting_id: MeetingId) -> None:
            await recordings.finish_meeting(meeting_id)
            if not late:
                late.append(await host.open(recordings, audio_id=AudioId("late")))
                await send(late[0], s16(tones([1, 2])), host.listener)

        await sound.end(MEETING, clock=host.clock, finish_recordings=finish)
        rows = await DB.fetch("SELECT status FROM recordings")
        assert [row["status"] for row in rows] == ["COMPLETE", "COMPLETE"]
        assert await stored() == ["w1", "w2"]


async def test_stopping_answers_who_waits_for_a_recording_at_once(host: Host) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings)
        host.away = [Unavailable("gone", code="database_away") for _ in range(100)]
        await send(live, s16(tones([1, None])), host.listener)
        finishing = asyncio.create_task(recordings.finish_meeting(MEETING))
        await asyncio.sleep(0)
        with recordings.conversing() as early:
            recordings.begin_draining()
            with pytest.raises(Busy):
                await asyncio.wait_for(finishing, 60)
            notice = await early.get()
            assert isinstance(notice, Notice)
            assert (notice.code, notice.close_code) == ("draining", 1001)
        host.away = []


async def test_worker_that_breaks_says_so(host: Host) -> None:
    failures: list[VoriError] = []

    def open_pool() -> Any:
        raise RuntimeError("bad model")

    recordings = Recordings(
        None,  # type: ignore[arg-type]
        open_pool,
        None,  # type: ignore[arg-type]
        host.home,
        audio=host.audio,
        speech=Speech(),
        drain_s=1,
        on_failure=failures.append,
    )
    async with asyncio.timeout(60), recordings.lifespan():
        while not failures:
            await asyncio.sleep(0.001)
        assert "the log says why" in recordings.health().message


@pytest.mark.parametrize(("tag", "asked"), [("en-GB", "en"), ("en", "en"), ("tlh", None)])
async def test_language_is_given_to_the_model_as_the_model_knows_it(
    host: Host, tag: str, asked: str | None
) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings, language=tag)
        await send(live, s16(tones([1, None])), host.listener)
        await live.finish()
    assert {window.language for window in host.recogniser.windows} == {asked}
    assert await stored() == ["w1"]


async def test_client_whose_meeting_is_ended_hears_its_last_captions(host: Host) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings)
        await send(live, s16(tones([1, 2, None, 3])), host.listener)
        ending = asyncio.create_task(
            sound.end(MEETING, clock=host.clock, finish_recordings=recordings.finish_meeting)
        )
        while not live.is_ending:
            await asyncio.sleep(0)
        for _ in range(3):
            await live.feed(b"\x00" * 3200, host.listener)
        await ending
    assert [final.caption.text for final in host.told(Final)] == ["w1 w2", "w3"]
    assert [(n.code, n.fatal) for n in host.told(Notice)] == [("ended", False)]
    assert len(host.told(Finished)) == 1


TALK: list[int | None] = [11, 12, 13, 14, 15, None, 21, 22, 23, 24, 25, None]


async def shown() -> list[str]:
    rows = await DB.fetch(
        "SELECT text FROM captions WHERE duplicate_of IS NULL ORDER BY meeting_start_ms, recording_id"
    )
    return [row["text"] for row in rows]


async def test_what_two_microphones_hear_is_told_and_shown_once(host: Host) -> None:
    """The room's microphone first, then the speaker's own, which has the words better."""
    async with host.running() as recordings:
        room = await host.open(recordings, audio_id=AudioId("room"))
        room_listener = host.listener
        own = await host.open(recordings, audio_id=AudioId("own"), speaker_id=ADMIN.user_id)
        await send(room, s16(tones(TALK)), room_listener)
        await room.finish()
        await send(own, s16(tones([*TALK, 31, 32, 33, 34, 35, None])), host.listener)
        await own.finish()
        heard = [m.caption.text for m in room_listener._waiting if isinstance(m, Final)]
        assert len(heard) == 2, "each microphone's own client is told what it heard"
        assert len(host.told(Final)) == 3
    told = await events("transcription.completed")
    assert [(event["audioId"], len(event.get("replaces", []))) for event in told] == [
        ("room", 0),
        ("room", 0),
        ("own", 1),
        ("own", 1),
        ("own", 0),
    ]
    assert {event["captionId"] for event in told[:2]} == {
        replaced for event in told[2:] for replaced in event.get("replaces", [])
    }
    rows = await DB.fetch(
        "SELECT r.audio_id, count(*) AS n FROM captions c JOIN recordings r ON r.id = c.recording_id"
        " WHERE c.duplicate_of IS NOT NULL GROUP BY 1"
    )
    assert [(row["audio_id"], row["n"]) for row in rows] == [("room", 2)], "kept, but not shown"
    assert len(await shown()) == 3
    assert len(await store_of_meetings.lines(MEETING)) == 3
    passage = await TicketBoard(host.clock).load_passage(MEETING)
    assert [segment.speaker for segment in passage.segments] == [ADMIN.user_id] * 3


async def test_a_better_caption_that_is_there_already_keeps_the_worse_one_untold(
    host: Host,
) -> None:
    async with host.running() as recordings:
        own = await host.open(recordings, audio_id=AudioId("own"), speaker_id=ADMIN.user_id)
        own_listener = host.listener
        room = await host.open(recordings, audio_id=AudioId("room"))
        await send(own, s16(tones(TALK)), own_listener)
        await own.finish()
        await send(room, s16(tones(TALK)), host.listener)
        await room.finish()
    assert [event["audioId"] for event in await events("transcription.completed")] == ["own"] * 2


async def test_microphones_that_settle_at_the_same_moment_see_each_other(host: Host) -> None:
    async with host.running() as recordings:
        lives = []
        for number in range(4):
            live = await host.open(recordings, audio_id=AudioId(f"mic{number}"))
            lives.append((live, host.listener))
        data = s16(tones(TALK))
        await asyncio.gather(*(send(live, data, listener) for live, listener in lives))
        await asyncio.gather(*(live.finish() for live, _ in lives))
    assert len(await shown()) == 2
    assert len(await DB.fetch("SELECT 1 FROM captions")) == 8


async def test_recording_that_breaks_is_taken_up_again_and_finished(host: Host) -> None:
    host.audio = Audio(sync_ms=10, resume_s=0.1)
    async with host.running() as recordings:
        live = await host.open(recordings)
        host.away = [ValueError("what nobody thought of")]  # type: ignore[list-item]
        await send(live, s16(tones(SENTENCE)), host.listener)
        notice = await host.hear(Notice)
        assert (notice.code, notice.close_code) == ("internal", 1011)
        async with asyncio.timeout(60):
            while await DB.fetch("SELECT 1 FROM recordings WHERE status = 'OPEN'"):
                await asyncio.sleep(0.01)
    [row] = await DB.fetch("SELECT status, failure FROM recordings")
    assert (row["status"], row["failure"]) == ("COMPLETE", None)
    assert await stored() == words(SENTENCE)


async def test_meeting_that_ends_while_a_recording_is_being_mended_has_all_its_words(
    host: Host,
) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings)
        host.away = [ValueError("what nobody thought of")]  # type: ignore[list-item]
        await send(live, s16(tones(SENTENCE)), host.listener)
        await host.hear(Notice)
        await sound.end(MEETING, clock=host.clock, finish_recordings=recordings.finish_meeting)
        assert await stored() == words(SENTENCE)
    [row] = await DB.fetch("SELECT status FROM recordings")
    assert row["status"] == "COMPLETE"


async def test_recording_that_breaks_each_time_is_given_up_and_its_sound_kept(host: Host) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings)
        host.away = [ValueError("always") for _ in range(100)]  # type: ignore[misc]
        await send(live, s16(tones(SENTENCE)), host.listener)
        async with asyncio.timeout(60):
            while await DB.fetch("SELECT 1 FROM recordings WHERE status = 'OPEN'"):
                await asyncio.sleep(0.01)
        host.away = []
    [row] = await DB.fetch("SELECT status, failure, received_bytes FROM recordings")
    assert (row["status"], row["failure"]) == ("FAILED", "internal")
    assert row["received_bytes"] == len(s16(tones(SENTENCE)))
    assert live.journal.folder.is_dir()


async def test_database_that_is_slow_for_one_recording_holds_up_no_other(host: Host) -> None:
    async with host.running() as recordings:
        store = recordings._store
        go, opens = asyncio.Event(), store.open

        async def slow(opening: Opening, principal: Principal) -> Any:
            if opening.audio_id == "slow":
                await go.wait()
            return await opens(opening, principal)

        store.open = slow  # type: ignore[method-assign]
        waiting = asyncio.create_task(host.open(recordings, audio_id=AudioId("slow")))
        await asyncio.sleep(0)
        async with asyncio.timeout(60):
            live = await host.open(recordings, audio_id=AudioId("quick"))
        assert live.key.audio_id == "quick"
        go.set()
        await waiting


async def test_places_are_counted_while_recordings_are_being_opened(host: Host) -> None:
    host.audio = Audio(sync_ms=10, max_recordings=2)
    async with host.running() as recordings:
        opened = await asyncio.gather(
            *(host.open(recordings, audio_id=AudioId(f"m{n}")) for n in range(5)),
            return_exceptions=True,
        )
        assert sum(isinstance(one, LiveRecording) for one in opened) == 2
        assert [one.code for one in opened if isinstance(one, Busy)] == ["full"] * 3


async def test_sound_of_a_meeting_is_deleted_with_what_else_lies_there(host: Host) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings)
        await live.finish()
        folder = live.journal.folder.parent
        (folder / ".DS_Store").write_bytes(b"stray")
        await recordings.delete_sound(MEETING)
        assert not folder.exists()


async def test_recording_whose_disk_is_away_at_a_start_is_waited_for(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with host.running(drain_s=0.01) as recordings:
        live = await host.open(recordings)
        await send(live, s16(tones(SENTENCE)), host.listener)
    open_journal, tries = Recordings._open_journal, 0

    def away(recordings: Recordings, key: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries < 8:
            raise Unavailable("The disk is away.", code="journal_failed")
        return open_journal(recordings, key)

    monkeypatch.setattr(Recordings, "_open_journal", away)
    monkeypatch.setattr("vori.transcribe.recordings.LONGEST_MEND_S", 0.02)
    host.audio = Audio(sync_ms=10, resume_s=0.1)
    async with host.running():
        async with asyncio.timeout(60):
            while await DB.fetch("SELECT 1 FROM recordings WHERE status = 'OPEN'"):
                await asyncio.sleep(0.01)
    [row] = await DB.fetch("SELECT status, failure FROM recordings")
    assert (row["status"], row["failure"]) == ("COMPLETE", None)
    assert tries >= 8
    assert await stored() == words(SENTENCE)
