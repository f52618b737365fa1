"""Sound that is not as it should be, through every convention: words are kept or it is said why not,
and the server is well afterwards. Words are tones.
"""

from __future__ import annotations

import asyncio
import base64
import resource
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.fakes import said, tones
from tests.transcribe.protocols.tone_server import (
    SENTENCE,
    ToneServer,
    new_meeting,
    tone_server,
    tone_wav,
)
from tests.transcribe.sounds import s16, wav
from vori.data.engine import DB
from vori.settings import Limits
from vori.transcribe.live import UNHEARD_BYTES

pytestmark = pytest.mark.postgres

Answer = tuple[list[str], str | None]
"""The words that became captions, and the code of the error, if it came to that."""


async def over_socket(
    server: ToneServer, path: str, first: str | None, data: bytes, end: str, chunk: int
) -> str | None:
    """Send it all as fast as it is taken; the error's code."""
    headers = {"authorization": f"Bearer {server.token}"}
    async with connect(server.ws_url + path, additional_headers=headers, max_size=2**24) as socket:
        reading = asyncio.create_task(_code(socket))
        try:
            if first is not None:
                await socket.send(first)
            for start in range(0, len(data), chunk):
                await socket.send(data[start : start + chunk])
            await socket.send(end)
        except ConnectionClosed:
            pass
        return await reading


async def _code(socket: ClientConnection) -> str | None:
    code = None
    try:
        while True:
            told = msgspec.json.decode(await socket.recv())
            if told["type"] in ("error", "Error"):
                code = told.get("code") or told.get("variant")
    except ConnectionClosed:
        return code


async def by_vori(server: ToneServer, meeting: int, data: bytes, fmt: Any = "auto") -> str | None:
    first = {"audioId": f"v{meeting}", "groupId": 1, "format": fmt}
    return await over_socket(
        server,
        f"/ws/meeting/{meeting}",
        msgspec.json.encode({"type": "metadata", "data": first}).decode(),
        data,
        '{"type":"end"}',
        60_000,
    )


async def by_deepgram(server: ToneServer, meeting: int, data: bytes) -> str | None:
    return await over_socket(
        server, f"/v1/listen?meeting_id={meeting}", None, data, '{"type":"CloseStream"}', 60_000
    )


async def by_realtime(server: ToneServer, meeting: int, data: bytes) -> str | None:
    """The samples of a WAV; a client that hangs up has ended its recording."""
    audio = {"input": {"format": {"type": "audio/pcm", "rate": 16_000}}}
    update = {"type": "session.update", "session": {"type": "transcription", "audio": audio}}
    async with connect(
        f"{server.ws_url}/v1/realtime?intent=transcription&meeting_id={meeting}",
        additional_headers={"authorization": f"Bearer {server.token}"},
        max_size=2**24,
        close_timeout=60,  # all that was sent before is taken first
    ) as socket:
        reading = asyncio.create_task(_code(socket))
        await socket.send(msgspec.json.encode(update).decode())
        sound = data[data.index(b"data") + 8 :]
        for start in range(0, len(sound), 60_000):
            piece = base64.b64encode(sound[start : start + 60_000]).decode()
            append = {"type": "input_audio_buffer.append", "audio": piece}
            await socket.send(msgspec.json.encode(append).decode())
        await socket.close()
        return await reading


async def by_chunks(server: ToneServer, meeting: int, data: bytes) -> str | None:
    for start in range(0, len(data), 60_000):
        piece = base64.b64encode(data[start : start + 60_000]).decode()
        body = {"audioId": f"c{meeting}", "audioData": piece, "end": start + 60_000 >= len(data)}
        answer = await server.http.post(f"/api/meetings/{meeting}/stream", json=body)
        if answer.status_code != 202:
            return str(answer.json()["code"])
    return None


async def by_openai_file(server: ToneServer, meeting: int, data: bytes) -> str | None:
    answer = await server.http.post(
        f"/v1/audio/transcriptions?meeting_id={meeting}", files={"file": ("a.wav", data)}
    )
    return None if answer.status_code == 200 else str(answer.json()["error"]["code"])


async def by_upload(server: ToneServer, meeting: int, data: bytes) -> str | None:
    answer = await server.http.post(f"/api/meetings/{meeting}/recordings", content=data)
    return None if answer.status_code == 202 else str(answer.json()["code"])


WAYS: dict[str, Callable[[ToneServer, int, bytes], Awaitable[str | None]]] = {
    "vori": by_vori,
    "deepgram": by_deepgram,
    "chunks": by_chunks,
    "realtime": by_realtime,
    "openai": by_openai_file,
    "upload": by_upload,
}


async def heard(server: ToneServer, way: str, data: bytes) -> Answer:
    meeting = await new_meeting(server)
    code = await WAYS[way](server, meeting, data)
    async with asyncio.timeout(120):
        while await DB.fetch(
            "SELECT 1 FROM recordings WHERE meeting_id = $1 AND status = 'OPEN'", meeting
        ):
            await asyncio.sleep(0.01)
    lines = (await server.http.get(f"/api/meetings/{meeting}/transcript")).json()["lines"]
    return [word for line in lines for word in line["text"].split()], code


async def is_well(server: ToneServer) -> bool:
    return await heard(server, "vori", tone_wav()) == (WORDS, None)


WORDS = [said(number) for number in SENTENCE if number is not None]
SOUND = tones(SENTENCE)


def header(rate_hz: int, channels: int, bits: int = 16) -> bytes:
    frame = channels * bits // 8
    rates = struct.pack(
        "<HHIIHH", 1, channels, rate_hz, rate_hz * frame & 0xFFFFFFFF, frame & 0xFFFF, bits
    )
    return b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0" + rates + b"data\xff\xff\xff\xff"


READ_CONTAINERS = [way for way in WAYS if way != "realtime"]


@pytest.mark.parametrize("way", READ_CONTAINERS)
async def test_eight_channels_are_heard_as_one(server: ToneServer, way: str) -> None:
    eight = np.repeat(SOUND[:, None], 8, axis=1)
    data = header(16_000, 8) + s16(eight.reshape(-1))
    assert await heard(server, way, data) == (WORDS, None)


@pytest.mark.parametrize("way", READ_CONTAINERS)
async def test_headers_that_lie_lose_nobody_s_words_but_their_own(
    server: ToneServer, way: str
) -> None:
    """A rate that is wrong but possible only makes the sound fast or slow; others are refused."""
    sound = s16(SOUND)
    for rate_hz in (8_000, 48_000):
        _, code = await heard(server, way, header(rate_hz, 1) + sound)
        assert code is None
    refused = 0
    for rate_hz, channels, bits in [
        (0, 1, 16),
        (1, 1, 16),
        (2**32 - 1, 1, 16),
        (16_000, 0, 16),
        (16_000, 65_535, 16),
        (16_000, 1, 0),
        (16_000, 1, 65_528),
    ]:
        words, code = await heard(server, way, header(rate_hz, channels, bits) + sound)
        assert code is None or code in ("unknown_audio", "undecodable_audio", "unsupported_codec")
        assert code or words == []
        refused += code is not None
    assert refused >= 5
    assert await is_well(server)


async def test_a_declared_rate_that_lies_is_taken_at_its_word(server: ToneServer) -> None:
    meeting = await new_meeting(server)
    fmt = {"encoding": "s16le", "rateHz": 48_000, "channels": 2}
    assert await by_vori(server, meeting, s16(SOUND), fmt) is None
    [row] = await DB.fetch("SELECT decoded_ms, status FROM recordings")
    assert row["status"] == "COMPLETE"
    assert row["decoded_ms"] == pytest.approx(len(SOUND) / 16 / 6, abs=20)
    assert await is_well(server)


@pytest.mark.parametrize("way", ["vori", "deepgram", "realtime", "chunks", "upload"])
async def test_sound_far_faster_than_real_time_is_all_heard(
    database: str, tmp_path: Path, way: str
) -> None:
    """Four minutes as fast as they are taken; what waits for the ear is bounded."""
    numbers: list[int | None] = []
    for start in range(96):
        numbers += [start % 40, (start + 7) % 40, (start + 3) % 40, (start + 11) % 40, None]
    data = wav(s16(tones(numbers)), rate_hz=16_000)
    most = 0

    async def watch(server: ToneServer) -> None:
        nonlocal most
        while True:
            waiting = [live._inbox_bytes for live in server.recordings._live.values()]
            most = max([most, *waiting])
            await asyncio.sleep(0.005)

    async with tone_server(tmp_path, max_ahead_s=5) as server:
        watching = asyncio.create_task(watch(server))
        began_s = asyncio.get_running_loop().time()
        async with asyncio.timeout(240):
            words, code = await heard(server, way, data)
        took_s = asyncio.get_running_loop().time() - began_s
        watching.cancel()
        assert await is_well(server)
    assert code is None
    assert words == [said(number) for number in numbers if number is not None]
    assert most <= UNHEARD_BYTES + 2 * 60_000
    assert len(data) / 32_000 / took_s > 2, "it was not held to its own pace"


async def test_a_thousand_connections_that_say_nothing_are_closed_in_time(
    database: str, tmp_path: Path
) -> None:
    count = 1000
    limits = Limits(sockets_per_user=count + 1, sockets_per_address=count + 1)
    async with tone_server(tmp_path, limits, first_message_s=5, idle_s=5) as server:
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        headers = {"authorization": f"Bearer {server.token}"}
        paths = ["/ws/meeting/1", "/v1/listen?encoding=linear16&sample_rate=16000"]
        paths.append("/v1/realtime?intent=transcription")
        gate = asyncio.Semaphore(50)

        async def silent(number: int) -> int | None:
            async with gate:
                socket = await connect(
                    server.ws_url + paths[number % 3],
                    additional_headers=headers,
                    open_timeout=120,
                    ping_interval=None,
                    compression=None,
                )
            try:
                while True:
                    await socket.recv()
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else None

        async with asyncio.timeout(240):
            codes = await asyncio.gather(*(silent(number) for number in range(count)))
            assert await is_well(server)
        grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024
        async with asyncio.timeout(60):
            await server.recordings.until_left()
        assert server.recordings._live == {}
    assert set(codes) == {4408}
    assert grown_mb < 250, "client and server together, at most a quarter of a MB each"
    assert len(await DB.fetch("SELECT 1 FROM recordings")) == 1


@pytest.mark.parametrize(
    "path", ["/v1/listen?encoding=linear16&sample_rate=16000", "/v1/realtime?intent=transcription"]
)
async def test_a_user_with_too_many_sockets_is_told_so_before_the_upgrade(
    database: str, tmp_path: Path, path: str
) -> None:
    async with tone_server(tmp_path, Limits(sockets_per_user=1)) as server:
        headers = {"authorization": f"Bearer {server.token}"}
        async with connect(server.ws_url + path, additional_headers=headers):
            refused = await asyncio.gather(
                *(connect(server.ws_url + path, additional_headers=headers) for _ in range(20)),
                return_exceptions=True,
            )
    assert {
        one.response.status_code if isinstance(one, InvalidStatus) else one for one in refused
    } == {429}
