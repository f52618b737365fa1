"""Sound and words go after their group's days, everywhere they are; nothing else does."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from tests.web_site import Person, Site, make_recording, say, uncommitted
from vori.data.engine import DB
from vori.data.retention import Sweeper, Swept
from vori.errors import Conflict, Gone
from vori.ids import AudioId, GroupId, MeetingId
from vori.meetings import sound
from vori.meetings.store import announce_updated
from vori.people.messages import Principal, Role
from vori.settings import Retention
from vori.tickets.board import TicketBoard

pytestmark = pytest.mark.postgres

SECRET = "zebrafish"
"""Said in the meeting, and in nothing that is to stay."""


def sweeper_of(site: Site, home: Path, **rules: Any) -> Sweeper:
    return Sweeper(home, site.clock, Retention(**rules), announce_updated)


def keep_sound(home: Path, meeting_id: int, recording_id: UUID) -> Path:
    """Sound as the journal lays it down, and a WAV made of it."""
    folder = home / "journal" / str(meeting_id) / str(recording_id)
    folder.mkdir(parents=True)
    (folder / "000.audio").write_bytes(b"sound")
    wavs = home / "cache" / "wav"
    wavs.mkdir(parents=True, exist_ok=True)
    (wavs / f"{recording_id}-1-5.wav").write_bytes(b"RIFF")
    return folder


async def held(mina: Person, site: Site, home: Path, title: str = "Weekly") -> tuple[int, UUID]:
    """A meeting of Mina's with sound and words wherever VORI puts them, ended now."""
    made = await mina.post("/api/meetings", json={"groupId": mina.group_id, "title": title})
    meeting_id = int(made.json()["meetingId"])
    recording_id = await make_recording(
        meeting_id, mina.group_id, audio_id=f"mic-{meeting_id}", user_id=mina.user_id
    )
    keep_sound(home, meeting_id, recording_id)
    caption = await say(recording_id, f"the {SECRET} is next", at_ms=0, seq=0)
    receipt = {
        "quote": f"the {SECRET}", "captionIds": [str(caption)], "startMs": 0, "endMs": 2000,
        "engine": "local", "confidence": 0.9, "reason": f"heard {SECRET}", "model": "",
    }  # fmt: skip
    ids = (meeting_id, mina.group_id)
    await DB.fetch(
        "INSERT INTO tickets (id, group_id, meeting_id, title, content)"
        " VALUES ($1, $2, $3, 'Feed the fish', $4)",
        f"T-{meeting_id}00", mina.group_id, meeting_id, f"the {SECRET} is next",
    )  # fmt: skip
    await DB.fetch(
        "INSERT INTO ticket_history (id, ticket_id, meeting_id, actor, kind, after, receipt)"
        " VALUES ($1, $2, $3, 'machine', 'created', $4, $5)",
        uuid4(), f"T-{meeting_id}00", meeting_id, {"content": f"the {SECRET} is next"}, receipt,
    )  # fmt: skip
    await DB.fetch(
        "INSERT INTO transcript_versions (recording_id, number, state, origin)"
        " VALUES ($1, 1, 'PAST', 'LIVE')",
        recording_id,
    )
    await DB.fetch(
        "INSERT INTO version_captions (recording_id, number, id, seq, text)"
        " VALUES ($1, 1, $2, 0, $3)",
        recording_id, uuid4(), f"a {SECRET}",
    )  # fmt: skip
    await DB.fetch(
        "INSERT INTO transcription_jobs (id, recording_id, meeting_id, group_id, version, state,"
        " hotwords) VALUES ($1, $2, $3, $4, 2, 'COMPLETE', $5)",
        uuid4(), recording_id, *ids, SECRET,
    )  # fmt: skip
    for what in (
        "minutes (meeting_id, markdown) SELECT m, said",
        "readings (meeting_id, engine, rejected) SELECT m, 'local', jsonb_build_array(said)",
        "blockers (id, meeting_id, group_id, about) SELECT gen_random_uuid(), m, g, said",
        "proposals (group_id, meeting_id, kind, payload, receipt)"
        " SELECT g, m, 'create', jsonb_build_object('title', said), '{}'",
        "analytics_words (meeting_id, group_id, captions, words)"
        " SELECT m, g, 1, jsonb_build_object(said, 1)",
        "analytics_meeting_keywords (meeting_id, term, score, count) SELECT m, said, 1, 1",
        "analytics_group_keywords (group_id, term, score, count, meetings) SELECT g, said, 1, 1, 1",
        "analytics_topics (group_id, name, words, share, meeting_ids)"
        " SELECT g, said || m, ARRAY[said], 1, ARRAY[m]",
        "analytics_insights (insight_id, group_id, kind, period_start, period_end, text, numbers,"
        " sample, meeting_ids) SELECT gen_random_uuid(), g, 'k', now(), now(),"
        " jsonb_build_object('en', said), '{}', 1, ARRAY[m]",
        "outbox (event_id, topic, key, payload)"
        " SELECT gen_random_uuid(), 'transcription.completed', m::text, said",
        "dead_letters (topic, key, payload) SELECT 'transcription.completed', m::text, said",
    ):
        given = "SELECT $1::bigint AS m, $2::bigint AS g, $3::text AS said"
        await DB.fetch(
            f"WITH given AS ({given}) INSERT INTO {what} FROM given ON CONFLICT DO NOTHING",
            *ids,
            SECRET,
        )
    await DB.fetch(
        "UPDATE recordings SET status = 'COMPLETE', finished_at = $2 WHERE id = $1",
        recording_id, site.clock.now(),
    )  # fmt: skip
    await DB.fetch(
        "UPDATE meetings SET status = 'ENDED', ended_at = $2 WHERE id = $1",
        meeting_id, site.clock.now(),
    )  # fmt: skip
    return meeting_id, recording_id


async def where_it_stands(text: str) -> set[str]:
    """`table.column` of every text, array and JSON in the database that holds `text`."""
    columns = await DB.fetch(
        "SELECT table_name AS t, column_name AS c FROM information_schema.columns"
        " WHERE table_schema = 'public'"
        " AND data_type IN ('text', 'character varying', 'jsonb', 'json', 'ARRAY')"
    )
    found = set()
    for one in columns:
        rows = await DB.fetch(
            f'SELECT 1 FROM "{one["t"]}" WHERE strpos(lower("{one["c"]}"::text), lower($1)) > 0'
            " LIMIT 1",
            text,
        )
        if rows:
            found.add(f"{one['t']}.{one['c']}")
    return found


async def keep_days(mina: Person, **days: int | None) -> None:
    answer = await mina.patch(f"/api/groups/{mina.group_id}", json=days)
    assert answer.status_code == 200, answer.text
    assert {name: answer.json()[name] for name in days} == days


async def test_words_of_a_meeting_go_from_every_table_and_its_tickets_stay(
    site: Site, mina: Person, tmp_path: Path
) -> None:
    meeting_id, _ = await held(mina, site, tmp_path)
    assert len(await where_it_stands(SECRET)) >= 15
    await keep_days(mina, keepWordsDays=30)
    sweeper = sweeper_of(site, tmp_path)

    site.clock.turn(timedelta(days=30))
    assert await sweeper.sweep() == Swept()
    site.clock.turn(timedelta(days=400))  # later than this machine's clock: events are behind us
    assert (await sweeper.sweep()).words_of == (meeting_id,)
    assert await where_it_stands(SECRET) == set()

    ticket = (await mina.get(f"/api/tickets/T-{meeting_id}00")).json()
    assert (ticket["title"], ticket["meetingId"]) == ("Feed the fish", meeting_id)
    [change] = (await mina.get(f"/api/tickets/T-{meeting_id}00/history")).json()
    assert (change["receipt"]["quote"], change["receipt"]["confidence"]) == ("", 0.9)
    meeting = (await mina.get(f"/api/meetings/{meeting_id}")).json()
    assert meeting["title"] == "Weekly"
    assert meeting["wordsDeletedAt"]
    assert meeting["soundDeletedAt"]
    told = (await mina.get(f"/api/meetings/{meeting_id}/transcript")).json()
    assert (told["lines"], told["wordsDeletedAt"]) == ([], meeting["wordsDeletedAt"])
    for form in ("md", "json", "srt", "csv"):
        answer = await mina.get(f"/api/meetings/{meeting_id}/export?format={form}")
        assert answer.status_code == 200
    answer = await mina.get(f"/api/meetings/{meeting_id}/minutes")
    assert (answer.status_code, answer.json()["code"]) == (410, "words_deleted")
    assert (await mina.get(f"/api/search?q={SECRET}")).json()["captions"]["items"] == []


async def test_sound_goes_before_the_words_and_the_api_says_so(
    site: Site, mina: Person, tmp_path: Path
) -> None:
    meeting_id, recording_id = await held(mina, site, tmp_path)
    (site.folder / f"{meeting_id}-first.wav").write_bytes(b"RIFF....")
    path = f"/api/meetings/{meeting_id}/audio"
    assert (await mina.get(path)).status_code == 200
    await keep_days(mina, keepSoundDays=7)
    site.clock.turn(timedelta(days=7, seconds=1))
    swept = await sweeper_of(site, tmp_path).sweep()
    assert (swept.sound_of, swept.words_of, swept.recordings) == ((meeting_id,), (), 1)
    assert [file for file in tmp_path.rglob("*") if str(recording_id) in str(file)] == []

    for audio in ("", f"?audioId=mic-{meeting_id}"):
        answer = await mina.get(path + audio)
        assert (answer.status_code, answer.json()["code"]) == (410, "sound_deleted")
        assert "deleted on 2026-03-23" in answer.json()["detail"]
    [recording] = (await mina.get(f"/api/meetings/{meeting_id}/recordings")).json()
    assert recording["soundDeletedAt"]
    assert len((await mina.get(f"/api/meetings/{meeting_id}/transcript")).json()["lines"]) == 1
    [entry] = await DB.fetch("SELECT * FROM audit WHERE via = 'retention'")
    assert (entry["action"], entry["meeting_id"]) == ("retention.sound_deleted", meeting_id)


async def test_what_is_not_due_stays(site: Site, mina: Person, tmp_path: Path) -> None:
    jun = await site.person("Jun")
    await held(jun, site, tmp_path)  # a group that keeps all
    live, _ = await held(mina, site, tmp_path)
    recorded, open_recording = await held(mina, site, tmp_path)
    transcribed, its_recording = await held(mina, site, tmp_path)
    await keep_days(mina, keepSoundDays=0, keepWordsDays=1)
    site.clock.turn(timedelta(days=2))
    await DB.fetch("UPDATE meetings SET status = 'LIVE' WHERE id = $1", live)
    await DB.fetch("UPDATE recordings SET status = 'OPEN' WHERE id = $1", open_recording)
    await DB.fetch(
        "INSERT INTO transcription_jobs (id, recording_id, meeting_id, group_id, version, state,"
        " updated_at) VALUES (gen_random_uuid(), $1, $2, $3, 3, 'QUEUED', $4)",
        its_recording, transcribed, mina.group_id, site.clock.now(),
    )  # fmt: skip
    assert await sweeper_of(site, tmp_path).sweep() == Swept()

    # The job is given up a day later, and the other recording is over.
    await DB.fetch("UPDATE recordings SET status = 'COMPLETE' WHERE id = $1", open_recording)
    site.clock.turn(timedelta(days=1, seconds=1))
    swept = await sweeper_of(site, tmp_path).sweep()
    assert swept.sound_of == swept.words_of == (recorded, transcribed)
    assert len(list((tmp_path / "journal").iterdir())) == 2


async def test_a_dry_run_tells_what_is_due_and_deletes_nothing(
    site: Site, mina: Person, tmp_path: Path
) -> None:
    meeting_id, recording_id = await held(mina, site, tmp_path)
    await keep_days(mina, keepSoundDays=1, keepWordsDays=1)
    site.clock.turn(timedelta(days=500))
    sweeper = sweeper_of(site, tmp_path, audit_days=400)
    before = await where_it_stands(SECRET)
    would = await sweeper.sweep(dry_run=True)
    assert (would.sound_of, would.words_of) == ((meeting_id,), (meeting_id,))
    assert would.audit_rows > 0
    assert await where_it_stands(SECRET) == before
    assert (tmp_path / "journal" / str(meeting_id) / str(recording_id)).is_dir()
    did = await sweeper.sweep()
    assert (did.sound_of, did.words_of) == (would.sound_of, would.words_of)


async def test_two_processes_sweep_at_once_and_each_meeting_is_deleted_once(
    site: Site, mina: Person, tmp_path: Path
) -> None:
    made = [(await held(mina, site, tmp_path))[0] for _ in range(6)]
    await keep_days(mina, keepSoundDays=1, keepWordsDays=1)
    site.clock.turn(timedelta(days=2))
    swept = await asyncio.gather(*(sweeper_of(site, tmp_path).sweep() for _ in range(4)))
    assert sorted(m for one in swept for m in one.words_of) == made
    assert sorted(m for one in swept for m in one.sound_of) == made
    rows = await DB.fetch(
        "SELECT action, count(*) AS n FROM audit WHERE via = 'retention' GROUP BY 1"
    )
    assert {row["action"]: row["n"] for row in rows} == {
        "retention.sound_deleted": 6,
        "retention.words_deleted": 6,
    }


async def test_each_home_removes_what_another_process_decided(
    site: Site, mina: Person, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    meeting_id, _ = await held(mina, site, there)
    deleted, _ = await held(mina, site, there)
    kept, _ = await held(mina, site, there)
    await mina.delete(f"/api/meetings/{deleted}")  # by a process that has no sound
    await DB.fetch(
        "UPDATE meetings SET ended_at = ended_at + interval '9 days' WHERE id = $1", kept
    )
    await keep_days(mina, keepSoundDays=1)
    site.clock.turn(timedelta(days=2))
    assert (await sweeper_of(site, here).sweep()).sound_of == (meeting_id,)
    assert len(list((there / "journal").iterdir())) == 3
    assert (await sweeper_of(site, there).sweep()).recordings == 2
    assert [folder.name for folder in (there / "journal").iterdir()] == [str(kept)]


async def test_what_people_wrote_into_a_ticket_stays_and_what_they_wrote_over_goes(
    site: Site, mina: Person, tmp_path: Path
) -> None:
    meeting_id, _ = await held(mina, site, tmp_path)
    ticket_id = f"T-{meeting_id}00"
    for text in ("Twice a day", "Twice a day, and clean the glass"):
        await mina.patch(f"/api/tickets/{ticket_id}", json={"content": text})
    assert (await mina.delete(f"/api/meetings/{meeting_id}")).status_code == 204
    assert await where_it_stands(SECRET) == set()
    ticket = (await mina.get(f"/api/tickets/{ticket_id}")).json()
    assert ticket["content"] == "Twice a day, and clean the glass"
    changes = (await mina.get(f"/api/tickets/{ticket_id}/history")).json()
    assert {(c["before"].get("content"), c["after"]["content"]) for c in changes} == {
        (None, ""),
        ("", "Twice a day"),
        ("Twice a day", "Twice a day, and clean the glass"),
    }


async def test_a_meeting_that_is_deleted_by_hand_leaves_no_words_either(
    site: Site, mina: Person, tmp_path: Path
) -> None:
    meeting_id, _ = await held(mina, site, tmp_path)
    assert (await mina.delete(f"/api/meetings/{meeting_id}")).status_code == 204
    assert await where_it_stands(SECRET) == set()
    [change] = (await mina.get(f"/api/tickets/T-{meeting_id}00/history")).json()
    assert change["receipt"]["quote"] == ""
    [told] = await DB.fetch("SELECT payload FROM outbox WHERE topic = 'meeting.updated'")
    assert msgspec.json.decode(told["payload"])["deleted"] is True


async def test_sound_that_no_row_speaks_of_is_left_alone(
    site: Site, mina: Person, tmp_path: Path
) -> None:
    """A home that is pointed at another database by mistake loses nothing."""
    folder = keep_sound(tmp_path, 7, uuid4())
    (tmp_path / "journal" / "7" / "notes").mkdir()
    assert await sweeper_of(site, tmp_path).sweep() == Swept()
    assert folder.is_dir()


async def test_a_meeting_that_is_talked_in_again_while_it_is_swept_stays(
    site: Site, mina: Person, tmp_path: Path
) -> None:
    meeting_id, _ = await held(mina, site, tmp_path)
    await keep_days(mina, keepSoundDays=0, keepWordsDays=1)
    site.clock.turn(timedelta(days=2))
    reopen = "UPDATE meetings SET status = 'LIVE', ended_at = NULL WHERE id = $1"
    async with uncommitted(lambda: DB.fetch(reopen, meeting_id)):
        sweeping = asyncio.create_task(sweeper_of(site, tmp_path).sweep())
    assert await sweeping == Swept()
    assert len((await mina.get(f"/api/meetings/{meeting_id}/transcript")).json()["lines"]) == 1


async def test_a_meeting_without_its_words_is_not_opened_or_read_again(
    site: Site, mina: Person, tmp_path: Path
) -> None:
    meeting_id, _ = await held(mina, site, tmp_path)
    await keep_days(mina, keepWordsDays=1)
    site.clock.turn(timedelta(days=2))
    await sweeper_of(site, tmp_path).sweep()
    answer = await mina.patch(f"/api/meetings/{meeting_id}", json={"status": "LIVE"})
    assert (answer.status_code, answer.json()["code"]) == (410, "words_deleted")
    with pytest.raises(Gone):
        await TicketBoard(site.clock).load_passage(MeetingId(meeting_id))
    principal = Principal(user_id=mina.user_id, name="", roles={mina.group_id: Role.ADMIN})
    with pytest.raises(Gone):
        await sound.admit(
            MeetingId(meeting_id), mina.group_id, principal, clock=site.clock, reopens=True
        )
    answer = await mina.post(f"/api/meetings/{meeting_id}/reread")
    assert (answer.status_code, answer.json()["code"]) == (410, "words_deleted")


async def test_a_recording_without_its_sound_is_neither_resumed_nor_heard_again(
    site: Site, mina: Person, tmp_path: Path
) -> None:
    from vori.transcribe import jobs
    from vori.transcribe.messages import AudioFormat
    from vori.transcribe.recordings import Opening
    from vori.transcribe.store import CaptionStore

    meeting_id, recording_id = await held(mina, site, tmp_path)
    await keep_days(mina, keepSoundDays=0)
    site.clock.turn(timedelta(days=1))
    await sweeper_of(site, tmp_path).sweep()
    principal = Principal(user_id=mina.user_id, name="", roles={mina.group_id: Role.ADMIN})

    async def admit(opening: Opening, who: Principal) -> sound.Admission:
        return await sound.admit(
            opening.meeting_id, opening.group_id, who, clock=site.clock, reopens=True
        )

    opening = Opening(
        meeting_id=MeetingId(meeting_id),
        group_id=GroupId(mina.group_id),
        audio_id=AudioId(f"mic-{meeting_id}"),
        format=AudioFormat(),
    )
    with pytest.raises(Conflict) as refused:
        await CaptionStore(admit, site.clock).open(opening, principal)
    assert refused.value.code == "sound_deleted"
    with pytest.raises(Conflict) as refused:
        await jobs.ask(
            MeetingId(meeting_id), recording_id, jobs.Wanted(), created_by=None, at=site.clock.now()
        )
    assert refused.value.code == "sound_deleted"


async def test_only_an_admin_sets_the_days_and_nonsense_is_refused(
    site: Site, mina: Person
) -> None:
    jun = await site.person("Jun", mina.group_id)
    path = f"/api/groups/{mina.group_id}"
    assert (await jun.patch(path, json={"keepSoundDays": 1})).status_code == 403
    for wrong in (
        {"keepSoundDays": -1}, {"keepWordsDays": 0}, {"keepWordsDays": 36_501},
        {"keepSoundDays": 1.5}, {"keepSoundDays": "a week"},
    ):  # fmt: skip
        answer = await mina.patch(path, json=wrong)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request"), wrong
    answer = await mina.patch(path, json={"keepSoundDays": 31, "keepWordsDays": 30})
    assert (answer.status_code, answer.json()["code"]) == (400, "sound_outlives_words")
    await keep_days(mina, keepSoundDays=0, keepWordsDays=30)
    await keep_days(mina, keepSoundDays=None, keepWordsDays=None)
    assert (await jun.get(path)).json()["keepWordsDays"] is None


async def test_events_that_a_reader_has_not_read_wait_for_it(
    site: Site, mina: Person, tmp_path: Path
) -> None:
    _meeting_id, _ = await held(mina, site, tmp_path)
    await DB.fetch("INSERT INTO relay_cursors (sink, xid, id) VALUES ('slow', '3', 1)")
    await keep_days(mina, keepWordsDays=1)
    site.clock.turn(timedelta(days=500))
    sweeper = sweeper_of(site, tmp_path)
    await sweeper.sweep()
    assert await where_it_stands(SECRET) == {"outbox.payload"}
    await DB.fetch("UPDATE relay_cursors SET xid = pg_current_xact_id(), id = 1")
    await sweeper.sweep()
    assert await where_it_stands(SECRET) == set()
    updated = await DB.fetch("SELECT payload FROM outbox WHERE topic = 'meeting.updated'")
    told = [msgspec.json.decode(row["payload"])["changed"] for row in updated]
    assert told == []


async def test_lines_of_the_audit_log_go_by_age_if_the_setting_says_so(
    site: Site, mina: Person, tmp_path: Path
) -> None:
    await DB.fetch(
        "INSERT INTO audit (at, action) SELECT $1, 'old' FROM generate_series(1, 7)",
        site.clock.now() - timedelta(days=400, seconds=1),
    )
    await DB.fetch("INSERT INTO audit (at, action) VALUES ($1, 'new')", site.clock.now())
    assert (await sweeper_of(site, tmp_path, audit_days=0).sweep()).audit_rows == 0
    assert (await sweeper_of(site, tmp_path).sweep()).audit_rows == 7
    assert [row["action"] for row in await DB.fetch("SELECT action FROM audit")] == ["new"]


async def test_sweeping_goes_on_after_the_database_was_away(
    site: Site, mina: Person, tmp_path: Path
) -> None:
    meeting_id, _ = await held(mina, site, tmp_path)
    await keep_days(mina, keepSoundDays=0)
    site.clock.turn(timedelta(days=1))
    sweeper, times, done = sweeper_of(site, tmp_path, sweep_s=0.01), 0, asyncio.Event()
    real = sweeper.sweep

    async def sweep(**options: Any) -> Swept:
        nonlocal times
        times += 1
        if times == 1:
            from vori.errors import Unavailable

            raise Unavailable("away", code="database_away")
        if times == 2:
            raise RuntimeError("a fault of ours")
        swept = await real(**options)
        done.set()
        return swept

    sweeper.sweep = sweep  # type: ignore[method-assign]
    running = asyncio.create_task(sweeper.run())
    async with asyncio.timeout(60):
        await done.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    answer = await mina.get(f"/api/meetings/{meeting_id}/audio")
    assert answer.status_code == 410
