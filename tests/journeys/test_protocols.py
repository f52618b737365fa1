"""One meeting through every wire convention of a real server, by its own client where there is one."""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import numpy as np
import openai
import pytest
from deepgram import AsyncDeepgramClient
from deepgram.environment import DeepgramClientEnvironment

from tests.journeys.running import Running
from tests.transcribe.sounds import s16
from vori.client import MeetingClient, paced
from vori.demo.play import SOUND, TRUTH, word_error_rate
from vori.transcribe.container import decode_file

pytestmark = pytest.mark.filterwarnings("ignore:websockets.*deprecated:DeprecationWarning")

_numbers = itertools.count(int(time.time()))
DURATION_S = msgspec.json.decode(TRUTH.read_bytes())["durationS"]
PATIENCE_S = 180.0


@pytest.fixture(scope="module")
def token(shared_server: Running) -> str:
    """Client libraries always send a key."""
    return str(shared_server.post("/api/tokens", {"name": "protocols"})["secret"])


@pytest.fixture
async def client(shared_server: Running, token: str) -> AsyncIterator[openai.AsyncOpenAI]:
    made = openai.AsyncOpenAI(
        base_url=f"{shared_server.url}/v1",
        websocket_base_url=f"{shared_server.ws_url}/v1",
        api_key=token,
        max_retries=0,
        timeout=PATIENCE_S,
    )
    async with made:
        yield made


def new_meeting(server: Running) -> int:
    return int(server.post("/api/meetings", {"groupId": 1, "title": "protocols"})["meetingId"])


@pytest.fixture(scope="module")
def own_error_rate(shared_server: Running, speech_model: str) -> float:
    """Word errors by VORI's own convention: what the model can do. 1 with a model that knows none."""
    if speech_model != "demo":
        return 1.0
    meeting = new_meeting(shared_server)
    opening = {"audioId": f"own-{next(_numbers)}", "groupId": 1, "language": "en"}
    client = MeetingClient(shared_server.ws_url, meeting, opening)
    asyncio.run(client.stream(paced(SOUND.read_bytes(), DURATION_S, speed=20)))
    lines = shared_server.get(f"/api/meetings/{meeting}/transcript")["lines"]
    rate = word_error_rate(TRUTH, " ".join(line["text"] for line in lines))
    assert rate < 0.5
    return rate


def check(server: Running, meeting: int, told: str, own_error_rate: float) -> None:
    """The client was told the words that the meeting keeps, and lost none on this road.

    Of settled words the final may change the capitals and marks.
    """
    lines = server.get(f"/api/meetings/{meeting}/transcript")["lines"]
    kept = " ".join(line["text"] for line in lines)
    assert re.findall(r"[\w']+", told.lower()) == re.findall(r"[\w']+", kept.lower())
    assert word_error_rate(TRUTH, told) <= own_error_rate + 0.08


async def test_deepgram(shared_server: Running, token: str, own_error_rate: float) -> None:
    meeting = new_meeting(shared_server)
    url, ws_url = shared_server.url, shared_server.ws_url
    deepgram = AsyncDeepgramClient(
        api_key=token,
        environment=DeepgramClientEnvironment(
            base=url, production=ws_url, agent=ws_url, agent_rest=url
        ),
    )
    finals: list[str] = []
    async with (
        asyncio.timeout(PATIENCE_S),
        deepgram.listen.v1.connect(
            model="nova-3",
            encoding="opus",  # type: ignore[arg-type]
            language="en-US",
            request_options={"additional_query_parameters": {"meeting_id": meeting}},
        ) as socket,
    ):
        data = SOUND.read_bytes()
        for start in range(0, len(data), 8_192):
            await socket.send_media(data[start : start + 8_192])
        await socket.send_close_stream()
        while (message := await socket.recv()).type != "Metadata":
            if message.type == "Results":
                assert message.is_final
                finals.append(message.channel.alternatives[0].transcript)
    assert message.duration == pytest.approx(DURATION_S, abs=0.1)
    check(shared_server, meeting, " ".join(finals), own_error_rate)


async def test_openai_realtime(
    shared_server: Running, client: openai.AsyncOpenAI, own_error_rate: float
) -> None:
    meeting = new_meeting(shared_server)
    samples = np.concatenate(list(decode_file(SOUND, limit_s=100)))
    at = np.arange(len(samples) * 3 // 2) * 2 / 3
    pcm = s16(np.interp(at, np.arange(len(samples)), samples).astype(np.float32))
    transcription = {"model": "whisper-1", "language": "en"}
    query = {"intent": "transcription", "meeting_id": str(meeting)}
    deltas: list[str] = []
    async with (
        asyncio.timeout(PATIENCE_S),
        client.realtime.connect(extra_query=query) as connection,
    ):
        settings: Any = {"transcription": transcription, "turn_detection": None}
        await connection.session.update(
            session={"type": "transcription", "audio": {"input": settings}}
        )
        for start in range(0, len(pcm), 24_000):
            audio = base64.b64encode(pcm[start : start + 24_000]).decode()
            await connection.input_audio_buffer.append(audio=audio)
        await connection.input_audio_buffer.commit()
        async for event in connection:
            assert event.type != "error", event
            if event.type == "conversation.item.input_audio_transcription.delta":
                deltas.append(event.delta or "")
            elif event.type == "conversation.item.input_audio_transcription.completed":
                break
    assert len(deltas) > 3 or own_error_rate == 1
    assert "".join(deltas) == event.transcript
    assert event.usage.seconds == pytest.approx(DURATION_S, abs=0.1)
    check(shared_server, meeting, event.transcript, own_error_rate)


@pytest.mark.parametrize("form", ["json", "stream", "verbose_json", "srt"])
async def test_openai_files(
    shared_server: Running, client: openai.AsyncOpenAI, own_error_rate: float, form: str
) -> None:
    meeting = new_meeting(shared_server)
    asked: dict[str, Any] = {
        "file": SOUND,
        "model": "whisper-1",
        "language": "en",
        "extra_query": {"meeting_id": meeting},
    }
    if form == "stream":
        stream = await client.audio.transcriptions.create(**asked, stream=True)
        events = [event async for event in stream]
        text = events[-1].text
        assert "".join(event.delta for event in events[:-1]) == text
    elif form == "srt":
        srt = await client.audio.transcriptions.create(**asked, response_format="srt")
        text = " ".join(
            block.split("\n", 2)[2] for block in str(srt).strip().split("\n\n") if block
        )
    elif form == "verbose_json":
        verbose = await client.audio.transcriptions.create(
            **asked, response_format="verbose_json", timestamp_granularities=["word", "segment"]
        )
        text = verbose.text
        assert verbose.duration == pytest.approx(DURATION_S, abs=0.1)
        assert " ".join(segment.text for segment in verbose.segments) == text
        assert " ".join(word.word for word in verbose.words) == text
    else:
        text = (await client.audio.transcriptions.create(**asked)).text
    check(shared_server, meeting, text, own_error_rate)


async def test_chunks(shared_server: Running, own_error_rate: float) -> None:
    meeting = new_meeting(shared_server)
    data = SOUND.read_bytes()
    path, name = f"/api/meetings/{meeting}/stream", f"chunks-{next(_numbers)}"
    for start in range(0, len(data), 65_536):
        audio = base64.b64encode(data[start : start + 65_536]).decode()
        taken = await asyncio.to_thread(
            shared_server.post, path, {"audioId": name, "audioData": audio, "language": "en"}
        )
        assert taken["receivedBytes"] == min(len(data), start + 65_536)
    await asyncio.to_thread(shared_server.post, path, {"audioId": name, "end": True})

    def is_complete() -> bool:
        [recording] = shared_server.get(f"/api/meetings/{meeting}/recordings")
        return bool(recording["status"] == "COMPLETE")

    await asyncio.to_thread(shared_server.wait_until, is_complete, timeout_s=PATIENCE_S)
    lines = shared_server.get(f"/api/meetings/{meeting}/transcript")["lines"]
    check(shared_server, meeting, " ".join(line["text"] for line in lines), own_error_rate)
