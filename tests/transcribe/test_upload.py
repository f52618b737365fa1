"""Sound files into a meeting over HTTP, on a real server, database, journal and pool; words are tones."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import msgspec
import pytest

from tests.fakes import tones
from tests.transcribe.protocols.tone_server import (
    SENTENCE,
    ToneServer,
    _admit,
    new_meeting,
    tone_server,
    tone_wav,
)
from tests.transcribe.sounds import muxed
from tests.transcribe.test_recordings import ADMIN
from tests.web_site import events
from vori.client import at_once
from vori.clock import SystemClock
from vori.data.engine import DB
from vori.errors import Unavailable
from vori.ids import GroupId, MeetingId
from vori.transcribe import jobs
from vori.transcribe.upload import Upload, Uploads

pytestmark = pytest.mark.postgres

TEXT = ["w1 w2 w3", "w4 w5"]


@pytest.fixture
async def server(database: str, tmp_path: Path) -> AsyncIterator[ToneServer]:
    async with tone_server(tmp_path, max_file_bytes=2_000_000) as made:
        yield made


async def over(server: ToneServer, job: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            url = f"/api/meetings/{job['meetingId']}/jobs/{job['jobId']}"
            now: dict[str, Any] = (await server.http.get(url)).json()
            if now["state"] not in ("QUEUED", "RUNNING"):
                return now
            await asyncio.sleep(0.01)


async def said(server: ToneServer, meeting: int) -> list[str]:
    answer = (await server.http.get(f"/api/meetings/{meeting}/transcript")).json()
    return [line["text"] for line in answer["lines"]]


@pytest.mark.parametrize(
    ("container", "codec"),
    [("wav", None), ("mp3", "libmp3lame"), ("mp4", "aac"), ("flac", "flac"), ("webm", "libopus"), ("ogg", "libopus")],
)  # fmt: skip
async def test_a_file_becomes_the_meeting_s_words(
    server: ToneServer, container: str, codec: str | None
) -> None:
    meeting = await new_meeting(server)
    data = tone_wav() if codec is None else muxed(tones(SENTENCE).repeat(3), container, codec)
    answer = await server.http.post(
        f"/api/meetings/{meeting}/recordings?offsetMs=60000&language=en", content=data
    )
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert (told["recording"]["status"], told["recording"]["receivedBytes"]) == ("OPEN", len(data))
    done = await over(server, told["job"])
    assert (done["state"], done["failure"], done["version"]) == ("COMPLETE", None, 1)
    assert done["doneMs"] == done["totalMs"] == pytest.approx(3600, abs=80)
    assert await said(server, meeting) == TEXT
    [recording] = (await server.http.get(f"/api/meetings/{meeting}/recordings")).json()
    assert (recording["status"], recording["durationMs"]) == ("COMPLETE", done["doneMs"])
    first, second = await events("transcription.completed")
    assert first["meetingStartMs"] == 60_000 + first["startMs"]
    assert second["meetingStartMs"] > first["meetingStartMs"]
    [version] = (await server.http.get(f"/api/meetings/{meeting}/versions")).json()
    assert (version["state"], version["origin"], version["model"]) == ("CURRENT", "UPLOAD", "tones")


async def test_a_form_with_a_file_is_taken_too(server: ToneServer) -> None:
    meeting = await new_meeting(server)
    answer = await server.http.post(
        f"/api/meetings/{meeting}/recordings", files={"file": ("talk.wav", tone_wav())}
    )
    assert answer.status_code == 202, answer.text
    assert (await over(server, answer.json()["job"]))["state"] == "COMPLETE"
    assert await said(server, meeting) == TEXT


@pytest.mark.parametrize(
    ("content", "query", "status", "code"),
    [
        (b"", "", 400, "empty_file"),
        (b"no sound at all" * 1000, "", 400, "undecodable_audio"),
        (tone_wav()[:44], "", 400, "undecodable_audio"),
        (b"\x00" * 2_000_001, "", 413, "file_too_large"),
        (b"\x00" * 2_200_000, "", 413, "file_too_large"),
        (tone_wav(), "?speakerId=999", 400, "unknown_speaker"),
        (tone_wav(), "?language=1", 400, "bad_request"),
        (tone_wav(), "?offsetMs=-1", 400, "bad_request"),
        (tone_wav(), "?audioId=", 400, "bad_request"),
    ],
    ids=["empty", "text", "header", "long", "longer", "speaker", "language", "offset", "audioId"],
)  # fmt: skip
async def test_what_cannot_be_used_is_refused_and_leaves_nothing(
    server: ToneServer, content: bytes, query: str, status: int, code: str, tmp_path: Path
) -> None:
    meeting = await new_meeting(server)
    answer = await server.http.post(f"/api/meetings/{meeting}/recordings{query}", content=content)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await DB.fetch("SELECT 1 FROM recordings") == []
    assert [path for path in tmp_path.rglob("*") if path.suffix == ".audio"] == []


async def test_a_client_that_goes_in_the_middle_leaves_nothing(
    server: ToneServer, tmp_path: Path
) -> None:
    meeting = await new_meeting(server)

    async def half() -> AsyncIterator[bytes]:
        yield tone_wav()
        async with asyncio.timeout(60):
            while not await DB.fetch("SELECT 1 FROM recordings"):
                await asyncio.sleep(0.01)
        raise ConnectionError("the line broke")

    with pytest.raises(ConnectionError):
        await server.http.post(f"/api/meetings/{meeting}/recordings", content=half())
    async with asyncio.timeout(60):
        while await DB.fetch("SELECT 1 FROM recordings"):
            await asyncio.sleep(0.01)
    assert [path for path in tmp_path.rglob("*") if path.suffix == ".audio"] == []


async def test_a_client_that_stalls_is_sent_away(database: str, tmp_path: Path) -> None:
    async with tone_server(tmp_path, idle_s=0.3) as server:
        meeting = await new_meeting(server)

        url = urlsplit(server.url)
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        head = (
            f"POST /api/meetings/{meeting}/recordings HTTP/1.1\r\nhost: localhost\r\n"
            f"authorization: Bearer {server.token}\r\ncontent-length: 1000000\r\n\r\n"
        )
        writer.write(head.encode() + tone_wav())
        async with asyncio.timeout(60):
            assert b" 408 " in await reader.readline()
        writer.close()
        async with asyncio.timeout(60):
            while await DB.fetch("SELECT 1 FROM recordings"):
                await asyncio.sleep(0.01)


async def test_a_file_that_was_accepted_stays_when_only_the_answer_was_lost(
    server: ToneServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = await new_meeting(server)
    accept = Uploads._accept

    async def accept_and_fail(*arguments: Any) -> Any:
        await accept(*arguments)
        raise Unavailable("the line to the database broke", code="database_away")

    monkeypatch.setattr(Uploads, "_accept", accept_and_fail)
    answer = await server.http.post(f"/api/meetings/{meeting}/recordings", content=tone_wav())
    assert (answer.status_code, answer.json()["code"]) == (503, "database_away")
    [job] = (await server.http.get(f"/api/meetings/{meeting}/jobs")).json()
    assert (await over(server, job))["state"] == "COMPLETE"
    assert await said(server, meeting) == TEXT


async def test_a_meeting_deleted_during_an_upload_takes_it_with_it(
    server: ToneServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = await new_meeting(server)
    write = Uploads._write

    async def write_and_delete(*arguments: Any) -> Any:
        await write(*arguments)
        await DB.fetch("DELETE FROM meetings")

    monkeypatch.setattr(Uploads, "_write", write_and_delete)
    answer = await server.http.post(f"/api/meetings/{meeting}/recordings", content=tone_wav())
    assert answer.status_code in (403, 404), answer.text
    assert [path for path in tmp_path.rglob("*") if path.suffix == ".audio"] == []


async def test_a_file_that_breaks_off_gives_the_words_before_the_damage(server: ToneServer) -> None:
    meeting = await new_meeting(server)
    data = muxed(tones(SENTENCE).repeat(3), "mp3", "libmp3lame")
    answer = await server.http.post(
        f"/api/meetings/{meeting}/recordings", content=data[: len(data) // 2]
    )
    assert (await over(server, answer.json()["job"]))["state"] == "COMPLETE"
    assert (await said(server, meeting))[0].startswith("w1 w2")


async def test_a_process_that_puts_nothing_into_words_takes_no_file(
    server: ToneServer, tmp_path: Path
) -> None:
    uploads = Uploads(tmp_path, _admit, lambda: None, SystemClock(), server.host.audio)
    uploads.takes_sound = False
    upload = Upload(meeting_id=MeetingId(1), group_id=GroupId(1))
    with pytest.raises(Unavailable) as refused:
        await uploads.take(upload, ADMIN, at_once([tone_wav()]))
    assert refused.value.code == "no_transcribe"
    assert await DB.fetch("SELECT 1 FROM recordings") == []


async def test_the_home_that_keeps_a_file_is_remembered(server: ToneServer, tmp_path: Path) -> None:
    meeting = await new_meeting(server)
    home, other = uuid4(), uuid4()
    uploads = Uploads(
        tmp_path, _admit, lambda: None, SystemClock(), server.host.audio, home_id=home
    )
    upload = Upload(meeting_id=MeetingId(meeting), group_id=GroupId(1))
    job = await uploads.take(upload, ADMIN, at_once([tone_wav()]))
    assert await jobs.is_kept_elsewhere(job.recording_id, other)
    assert not await jobs.is_kept_elsewhere(job.recording_id, home)
    assert (await over(server, msgspec.to_builtins(job)))["state"] == "COMPLETE"


async def test_an_ended_meeting_takes_a_file_and_stays_ended(server: ToneServer) -> None:
    meeting = await new_meeting(server)
    await DB.fetch("UPDATE meetings SET status = 'ENDED', ended_at = now()")
    answer = await server.http.post(f"/api/meetings/{meeting}/recordings", content=tone_wav())
    assert (await over(server, answer.json()["job"]))["state"] == "COMPLETE"
    assert await said(server, meeting) == TEXT
    last = (await events("meeting.updated"))[-1]
    assert (last["status"], last["changed"]) == ("ENDED", ["transcript"])


async def test_an_upload_that_was_cancelled_can_be_put_into_words_later(server: ToneServer) -> None:
    meeting = await new_meeting(server)
    began, go = threading.Event(), threading.Event()
    hear = server.recogniser.transcribe

    def held(windows: Any) -> Any:
        began.set()
        assert go.wait(60)
        return hear(windows)

    server.recogniser.transcribe = held  # type: ignore[method-assign]
    answer = await server.http.post(f"/api/meetings/{meeting}/recordings", content=tone_wav())
    job = answer.json()["job"]
    await asyncio.to_thread(began.wait, 20)
    cancelled = await server.http.delete(f"/api/meetings/{meeting}/jobs/{job['jobId']}")
    go.set()
    assert cancelled.json()["state"] == "CANCELLED"
    [recording] = (await server.http.get(f"/api/meetings/{meeting}/recordings")).json()
    assert (recording["status"], recording["failure"]) == ("FAILED", "cancelled")
    again = await server.http.post(f"/api/meetings/{meeting}/retranscribe")
    assert (await over(server, again.json()["jobs"][0]))["state"] == "COMPLETE"
    [recording] = (await server.http.get(f"/api/meetings/{meeting}/recordings")).json()
    assert (recording["status"], recording["failure"]) == ("COMPLETE", None)
    assert await said(server, meeting) == TEXT


async def test_the_page_may_ask_for_another_reading_and_compare_it(server: ToneServer) -> None:
    meeting = await new_meeting(server)
    first = await server.http.post(f"/api/meetings/{meeting}/recordings", content=tone_wav())
    recording = first.json()["recording"]["recordingId"]
    busy = await server.http.post(
        f"/api/meetings/{meeting}/retranscribe", json={"recordingId": recording}
    )
    assert busy.status_code in (202, 409)
    if busy.status_code == 202:
        await over(server, busy.json()["jobs"][0])
    await over(server, first.json()["job"])
    again = await server.http.post(f"/api/meetings/{meeting}/retranscribe")
    assert (await over(server, again.json()["jobs"][0]))["state"] == "COMPLETE"
    for wrong in ({"model": ""}, {"language": "Korean"}, {"nonsense": 1}, {"recordingId": "x"}):
        refused = await server.http.post(f"/api/meetings/{meeting}/retranscribe", json=wrong)
        assert refused.status_code == 400, wrong
    asked = await server.http.post(f"/api/meetings/{meeting}/retranscribe", json={"apply": False})
    assert asked.status_code == 202, asked.text
    [job] = asked.json()["jobs"]
    done = await over(server, job)
    await DB.fetch(
        "UPDATE version_captions SET text = 'w1 w9 w3' WHERE seq = 0 AND number = $1",
        done["version"],
    )
    base = f"/api/meetings/{meeting}/recordings/{recording}/versions/{done['version']}"
    diff = (await server.http.get(f"{base}/diff")).json()
    assert (diff["wordsBefore"], diff["wordsAfter"], diff["wordsSame"]) == (5, 5, 4)
    [stretch] = diff["stretches"]
    assert [(c["kind"], c["before"], c["after"]) for c in stretch["changes"]] == [
        ("same", "w1", "w1"),
        ("changed", "w2", "w9"),
        ("same", "w3", "w3"),
    ]
    applied = await server.http.post(f"{base}/apply")
    assert applied.json()["state"] == "CURRENT"
    assert await said(server, meeting) == ["w1 w9 w3", "w4 w5"]
    text = (await server.http.get(base)).json()
    assert text["captions"][0]["words"][0]["text"] == "w1"
    gone = await server.http.get(f"/api/meetings/{meeting}/recordings/{recording}/versions/99")
    assert (gone.status_code, gone.json()["code"]) == (404, "no_version")


async def test_strangers_see_no_jobs(server: ToneServer) -> None:
    for method, path in [
        ("POST", "/api/meetings/99/recordings"),
        ("POST", "/api/meetings/99/retranscribe"),
        ("GET", "/api/meetings/99/jobs"),
        ("GET", "/api/meetings/99/versions"),
    ]:
        answer = await server.http.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    async with httpx.AsyncClient(base_url=server.url) as nobody:
        assert (await nobody.get("/api/meetings/1/jobs")).status_code == 401
