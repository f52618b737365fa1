"""Chunks over plain HTTP; words are tones."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.fakes import tones
from tests.transcribe.protocols.tone_server import (
    ToneServer,
    new_meeting,
    tone_server,
    tone_wav,
)
from tests.transcribe.sounds import s16
from vori.data.engine import DB

pytestmark = pytest.mark.postgres


@pytest.fixture
async def meeting(server: ToneServer) -> int:
    return await new_meeting(server)


async def send(
    server: ToneServer, meeting: int, data: bytes | str, **fields: Any
) -> httpx.Response:
    text = data if isinstance(data, str) else base64.b64encode(data).decode()
    body = {"audioId": "mic", "audioData": text, **fields}
    return await server.http.post(f"/api/meetings/{meeting}/stream", json=body)


async def said(server: ToneServer, meeting: int) -> list[str]:
    """What was said, once the recording is complete."""
    async with asyncio.timeout(60):
        while True:
            rows = await DB.fetch("SELECT status FROM recordings")
            if [row["status"] for row in rows] == ["COMPLETE"]:
                break
            await asyncio.sleep(0.02)
    lines = (await server.http.get(f"/api/meetings/{meeting}/transcript")).json()["lines"]
    return [line["text"] for line in lines]


async def test_chunks_make_one_recording(server: ToneServer, meeting: int) -> None:
    data = tone_wav()
    for start in range(0, len(data), 30_001):
        answer = await send(server, meeting, data[start : start + 30_001])
        assert answer.status_code == 202, answer.text
        assert answer.json() == {
            "meetingId": meeting,
            "audioId": "mic",
            "receivedBytes": min(len(data), start + 30_001),
        }
    assert (await send(server, meeting, "", end=True)).status_code == 202
    assert await said(server, meeting) == ["w1 w2 w3", "w4 w5"]


async def test_chunks_sent_at_once_are_all_taken(server: ToneServer, meeting: int) -> None:
    piece = s16(tones([7, None]))
    first = await send(server, meeting, piece, format="s16le")
    assert first.status_code == 202
    answers = await asyncio.gather(*(send(server, meeting, piece) for _ in range(8)))
    assert sorted(a.json()["receivedBytes"] for a in answers) == [
        len(piece) * n for n in range(2, 10)
    ]
    await send(server, meeting, "", end=True)
    assert " ".join(await said(server, meeting)).split() == ["w7"] * 9


async def test_number_as_audio_id_and_data_url(server: ToneServer, meeting: int) -> None:
    url = "data:audio/wav;base64," + base64.b64encode(tone_wav()).decode()
    answer = await send(server, meeting, url, audioId=42, end=True)
    assert answer.json()["audioId"] == "42"
    assert await said(server, meeting) == ["w1 w2 w3", "w4 w5"]


async def test_recording_nobody_continues_is_finished(database: str, tmp_path: Path) -> None:
    async with tone_server(tmp_path, resume_s=0.2) as server:
        meeting = await new_meeting(server)
        assert (await send(server, meeting, tone_wav())).status_code == 202
        assert await said(server, meeting) == ["w1 w2 w3", "w4 w5"]


@pytest.mark.parametrize(
    ("data", "fields", "status", "code"),
    [
        ("", {}, 400, "empty_chunk"),
        ("###", {}, 400, "bad_base64"),
        ("한국어", {}, 400, "bad_base64"),
        ("QUJD" * 3 + "Q", {}, 400, "bad_base64"),
        (b"abcd", {"audioId": ""}, 400, "bad_request"),
        (b"abcd", {"audioId": "x" * 129}, 400, "bad_request"),
        (b"abcd", {"audioId": "a\tb"}, 400, "bad_audio_id"),
        (b"abcd", {"audioId": None}, 400, "bad_request"),
        (b"abcd", {"format": {"encoding": "s16le", "channels": 8}}, 400, "bad_request"),
        (b"abcd", {"format": {"encoding": "s16le", "rateHz": 100}}, 400, "bad_request"),
        (b"abcd", {"nonsense": 1}, 400, "bad_request"),
        ("", {"end": True}, 404, "unknown_resume"),
        (b"\x17\x88" * 3000, {}, 400, "unknown_audio"),
        (b"\x17\x88" * 3000, {"end": True}, 400, "unknown_audio"),
    ],
)
async def test_what_cannot_be_used(
    server: ToneServer, meeting: int, data: bytes | str, fields: Any, status: int, code: str
) -> None:
    answer = await send(server, meeting, data, **fields)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_noise_stays_refused_and_harms_nobody(server: ToneServer, meeting: int) -> None:
    noise = np.random.default_rng(2)
    for _ in range(3):
        answer = await send(server, meeting, noise.bytes(4000), audioId="noise")
        assert answer.status_code in (400, 503), answer.text
    answer = await send(server, meeting, tone_wav(), end=True)
    assert answer.status_code == 202


async def test_other_meetings_and_strangers(server: ToneServer, meeting: int) -> None:
    assert (await send(server, 987_654, tone_wav())).status_code == 404
    async with httpx.AsyncClient(base_url=server.url) as nobody:
        answer = await nobody.post(f"/api/meetings/{meeting}/stream", json={})
        assert answer.status_code == 401
    answer = await server.http.post(f"/api/meetings/{meeting}/stream", content=b"{")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_json")
