"""OpenAI's realtime transcription, spoken by OpenAI's own client; words are tones."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import openai
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.fakes import tones
from tests.transcribe.protocols.tone_server import ToneServer, new_meeting, tone_server
from tests.transcribe.sounds import muxed, s16
from vori.data.engine import DB
from vori.errors import Unavailable

pytestmark = pytest.mark.postgres

TRANSCRIPTION = "conversation.item.input_audio_transcription"
COMPLETED = f"{TRANSCRIPTION}.completed"
DELTA = f"{TRANSCRIPTION}.delta"


def pcm24(numbers: list[int | None]) -> bytes:
    """Tones as 24 kHz s16le."""
    samples = tones(numbers)
    at = np.arange(len(samples) * 3 // 2) * 2 / 3
    return s16(np.interp(at, np.arange(len(samples)), samples).astype(np.float32))


TWO = pcm24([1, 2, 3, None, 4, 5, None])


@contextlib.asynccontextmanager
async def session(server: ToneServer, **query: str) -> AsyncIterator[Any]:
    """An open connection, `session.created` read."""
    client = openai.AsyncOpenAI(
        base_url=f"{server.url}/v1", websocket_base_url=f"{server.ws_url}/v1", api_key=server.token
    )
    async with (
        asyncio.timeout(90),
        client,
        client.realtime.connect(extra_query={"intent": "transcription", **query}) as made,
    ):
        created = await made.recv()
        assert created.type == "session.created"
        yield made


async def configure(made: Any, **audio: Any) -> Any:
    await made.session.update(session={"type": "transcription", "audio": {"input": audio}})
    answer = await made.recv()
    assert answer.type == "session.updated", answer
    return answer.session


async def append(made: Any, data: bytes, *, chunk: int = 4801) -> None:
    for start in range(0, len(data), chunk):
        audio = base64.b64encode(data[start : start + chunk]).decode()
        await made.input_audio_buffer.append(audio=audio)


async def hear(made: Any, *, until: str = COMPLETED, times: int = 1) -> list[Any]:
    heard = []
    while times:
        heard.append(await made.recv())
        times -= heard[-1].type == until
    return heard


def transcripts(heard: list[Any]) -> list[str]:
    return [event.transcript for event in heard if event.type == COMPLETED]


async def test_utterances_become_items_in_order(server: ToneServer) -> None:
    async with session(server) as made:
        await append(made, TWO)
        heard = await hear(made, times=2)
    assert transcripts(heard) == ["w1 w2 w3", "w4 w5"]
    first = heard[0].item_id
    told = [event for event in heard if getattr(event, "item_id", None) == first]
    assert [event.type for event in told if event.type != DELTA] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        COMPLETED,
    ]
    assert told[0].type != DELTA
    assert "".join(event.delta for event in told if event.type == DELTA) == "w1 w2 w3"
    created = [event for event in heard if event.type == "conversation.item.created"]
    assert created[0].item.id == first
    assert created[0].item.content[0].type == "input_audio"
    assert created[1].previous_item_id == first
    assert heard[-1].usage.seconds == pytest.approx(0.9, abs=0.3)
    assert len({event.event_id for event in heard}) == len(heard)


async def test_session_says_where_the_sound_goes(server: ToneServer) -> None:
    meeting = await new_meeting(server)
    async with session(server, meeting_id=str(meeting)) as made:
        told = await configure(made, transcription={"model": "whisper-1", "language": "en"})
        assert told.meeting_id == meeting
        assert told.audio.input.format.rate == 24_000
        assert told.audio.input.transcription.language == "en"
        assert told.audio.input.turn_detection.type == "server_vad"
        await append(made, TWO)
        await hear(made, times=2)
    lines = (await server.http.get(f"/api/meetings/{meeting}/transcript")).json()["lines"]
    assert [line["text"] for line in lines] == ["w1 w2 w3", "w4 w5"]
    assert server.recogniser.windows[0].language == "en"


async def test_deltas_only_append(server: ToneServer) -> None:
    numbers: list[int | None] = [i % 30 for i in range(60)]  # 19 s without a pause
    data = pcm24([*numbers, None])
    async with session(server) as made:
        for start in range(0, len(data), 24_000):
            windows = len(server.recogniser.windows)
            await append(made, data[start : start + 24_000])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    while len(server.recogniser.windows) == windows:
                        await asyncio.sleep(0.005)
        heard = await hear(made)
    deltas = [event.delta for event in heard if event.type == DELTA]
    assert len(deltas) > 1
    assert "".join(deltas) == heard[-1].transcript
    assert heard[-1].transcript.split() == [f"w{n}" for n in numbers]


async def test_commit_by_hand_makes_one_item(server: ToneServer) -> None:
    async with session(server) as made:
        told = await configure(made, turn_detection=None)
        assert told.audio.input.turn_detection is None
        await append(made, TWO)
        await append(made, pcm24([6]))
        await made.input_audio_buffer.commit()
        await append(made, pcm24([7]))
        await made.input_audio_buffer.commit()
        heard = await hear(made, times=2)
    assert transcripts(heard) == ["w1 w2 w3 w4 w5 w6", "w7"]
    for item in {event.item_id for event in heard if event.type == COMPLETED}:
        own = [event for event in heard if getattr(event, "item_id", None) == item]
        assert own[0].type == "input_audio_buffer.committed"
        assert "".join(event.delta for event in own if event.type == DELTA) == own[-1].transcript
    assert not any("speech" in event.type for event in heard)
    assert heard[-1].usage.seconds == pytest.approx(0.32, abs=0.01)


async def test_commit_ends_the_open_utterance(server: ToneServer) -> None:
    async with session(server) as made:
        await append(made, pcm24([1, 2]))
        await made.input_audio_buffer.commit()
        assert transcripts(await hear(made)) == ["w1 w2"]


async def test_commit_of_silence_is_an_item_without_words(server: ToneServer) -> None:
    async with session(server) as made:
        await append(made, pcm24([None]))
        await made.input_audio_buffer.commit()
        heard = await hear(made)
    assert [event.type for event in heard] == [
        "input_audio_buffer.committed",
        "conversation.item.created",
        COMPLETED,
    ]
    assert heard[-1].transcript == ""
    assert heard[-1].usage.seconds == 1.0


@pytest.mark.parametrize("by_hand", [True, False])
async def test_cleared_sound_makes_no_item(server: ToneServer, by_hand: bool) -> None:
    async with session(server) as made:
        if by_hand:
            await configure(made, turn_detection=None)
        await append(made, pcm24([1, 2]))
        if not by_hand:
            assert (await made.recv()).type == "input_audio_buffer.speech_started"
        await made.input_audio_buffer.clear()
        await append(made, pcm24([3]))
        await made.input_audio_buffer.commit()
        heard = await hear(made)
    assert heard[0].type == "input_audio_buffer.cleared"
    assert transcripts(heard) == ["w3"]
    assert "".join(event.delta for event in heard if event.type == DELTA) == "w3"


async def test_clear_of_nothing(server: ToneServer) -> None:
    async with session(server) as made:
        await made.input_audio_buffer.clear()
        assert (await made.recv()).type == "input_audio_buffer.cleared"
        await append(made, TWO)
        assert transcripts(await hear(made)) == ["w1 w2 w3"]


@pytest.mark.parametrize(("name", "law"), [("audio/pcmu", "mulaw"), ("audio/pcma", "alaw")])
async def test_telephone_sound(server: ToneServer, name: str, law: str) -> None:
    data = muxed(tones([1, 2, 3, None])[::2], "wav", f"pcm_{law}", 8_000)
    async with session(server) as made:
        await configure(made, format={"type": name})
        await append(made, data[data.index(b"data") + 8 :])
        assert transcripts(await hear(made)) == ["w1 w2 w3"]


async def test_other_rates(server: ToneServer) -> None:
    async with session(server) as made:
        await configure(made, format={"type": "audio/pcm", "rate": 16000})
        await append(made, s16(tones([1, 2, 3, None])))
        assert transcripts(await hear(made)) == ["w1 w2 w3"]


async def test_prompt_and_keywords_are_hints(server: ToneServer) -> None:
    async with session(server) as made:
        await configure(
            made, transcription={"model": "x", "prompt": "Rhubarb", "keywords": ["VORI"]}
        )
        await append(made, TWO)
        await hear(made)
    assert server.recogniser.windows[0].hotwords.startswith("VORI, Rhubarb")


async def test_hypotheses_come_when_asked_for(server: ToneServer) -> None:
    async with session(server, vori="1") as made:
        await append(made, pcm24([1, 2, 3]))
        heard = await hear(made, until="vori.hypothesis")  # while nobody has fallen silent yet
    assert not any(event.type == "input_audio_buffer.speech_stopped" for event in heard)


async def test_words_that_have_settled_are_told_while_somebody_speaks(server: ToneServer) -> None:
    data = pcm24([1, 2, 3, 4, 5, 6, 7, 8])
    async with session(server) as made:
        await append(made, data)
        heard = await hear(made, until=DELTA)
        assert not any(event.type == "input_audio_buffer.speech_stopped" for event in heard)
        assert "w1 w2 w3 w4 w5 w6 w7 w8".startswith(heard[-1].delta)
        await append(made, pcm24([None]))
        heard += await hear(made)
    assert "".join(event.delta for event in heard if event.type == DELTA) == heard[-1].transcript
    assert heard[-1].transcript == "w1 w2 w3 w4 w5 w6 w7 w8"


async def test_passage_that_cannot_be_recognised_has_failed(server: ToneServer) -> None:
    server.recogniser.fail = [Unavailable("gone", code="recogniser_hung") for _ in range(20)]
    async with session(server) as made:
        await append(made, pcm24([1, 2]))
        await made.input_audio_buffer.commit()
        heard = await hear(made, until=f"{TRANSCRIPTION}.failed")
        assert heard[-1].error.code == "passage_not_recognised"
        server.recogniser.fail = []
        await append(made, pcm24([3]))
        await made.input_audio_buffer.commit()
        assert transcripts(await hear(made)) == ["w3"]


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ("{", "not_json"),
        ("", "not_json"),
        ("[" * 10_000 + "]" * 10_000, "bad_event"),
        ('{"a":' * 10_000 + "1" + "}" * 10_000, "not_json"),
        (b"\x00" * 100, "not_json"),
        ("[]", "bad_event"),
        ("{}", "bad_event"),
        ('{"type":7}', "bad_event"),
        ('{"type":"response.create"}', "unknown_message"),
        ('{"type":"input_audio_buffer.append","audio":7}', "bad_event"),
        ('{"type":"input_audio_buffer.append","audio":"###"}', "bad_base64"),
        ('{"type":"input_audio_buffer.commit"}', "input_audio_buffer_commit_empty"),
        ('{"type":"session.update","session":7}', "bad_session"),
        ('{"type":"session.update","session":{"type":"realtime"}}', "bad_session"),
        (
            '{"type":"session.update","session":{"audio":{"input":{"format":{"type":"mp9"}}}}}',
            "bad_session",
        ),
        (
            '{"type":"session.update","session":{"audio":{"input":{"format":{"rate":100}}}}}',
            "bad_session",
        ),
        (
            '{"type":"session.update","session":{"audio":{"input":{"transcription":'
            '{"language":"tlh"}}}}}',
            "unknown_language",
        ),
        (
            '{"type":"transcription_session.update","session":{"input_audio_format":"mp9"}}',
            "bad_session",
        ),
        (
            '{"type":"session.update","session":{"turn_detection":{"type":"guess"}}}',
            "bad_session",
        ),
    ],
)
async def test_event_that_cannot_be_used_leaves_the_session_open(
    server: ToneServer, event: str | bytes, code: str
) -> None:
    async with session(server) as made:
        await made._connection.send(event)
        error = await made.recv()
        assert (error.type, error.error.code) == ("error", code)
        assert error.error.type == "invalid_request_error"
        assert error.error.message
        await append(made, TWO)
        assert transcripts(await hear(made)) == ["w1 w2 w3"]


async def test_error_names_the_event(server: ToneServer) -> None:
    async with session(server) as made:
        await made._connection.send('{"type":"dance","event_id":"e7"}')
        assert (await made.recv()).error.event_id == "e7"


async def test_session_cannot_change_once_sound_has_come(server: ToneServer) -> None:
    async with session(server) as made:
        await append(made, pcm24([None]))
        await made.session.update(
            session={"type": "transcription", "audio": {"input": {"turn_detection": None}}}
        )
        assert (await made.recv()).error.code == "session_locked"
        await configure(made, turn_detection={"type": "server_vad"})  # no change


async def test_event_over_the_limit_ends_the_session(server: ToneServer) -> None:
    async with session(server) as made:
        await made._connection.send(
            '{"type":"input_audio_buffer.append","audio":"' + "A" * 2_200_000 + '"}'
        )
        assert (await made.recv()).error.code == "frame_too_large"
        with pytest.raises(ConnectionClosed) as closed:
            await made.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


async def test_a_megabyte_in_one_event_is_taken(server: ToneServer) -> None:
    async with session(server) as made:
        await append(made, TWO + bytes(1_000_000 - len(TWO)), chunk=1_000_000)
        assert transcripts(await hear(made, times=2)) == ["w1 w2 w3", "w4 w5"]


async def test_noise_harms_nobody(server: ToneServer) -> None:
    async with session(server) as made:
        await append(made, np.random.default_rng(1).bytes(60_001))
        await append(made, pcm24([None]))
        await made.input_audio_buffer.commit()
        await hear(made)


async def test_clients_of_the_beta_are_understood(server: ToneServer) -> None:
    headers = {"authorization": f"Bearer {server.token}", "openai-beta": "realtime=v1"}
    url = f"{server.ws_url}/v1/realtime?intent=transcription"
    async with asyncio.timeout(90), connect(url, additional_headers=headers) as socket:

        async def recv() -> Any:
            return msgspec.json.decode(await socket.recv())

        created = await recv()
        assert created["type"] == "transcription_session.created"
        assert created["session"]["input_audio_format"] == "audio/pcm"
        await socket.send(
            '{"type":"transcription_session.update","session":{"input_audio_format":"pcm16",'
            '"input_audio_transcription":{"model":"whisper-1","language":"en"},'
            '"turn_detection":{"type":"server_vad","silence_duration_ms":400}}}'
        )
        updated = await recv()
        assert updated["type"] == "transcription_session.updated"
        assert updated["session"]["input_audio_transcription"]["language"] == "en"
        audio = base64.b64encode(TWO).decode()
        await socket.send(f'{{"type":"input_audio_buffer.append","audio":"{audio}"}}')
        while (event := await recv())["type"] != COMPLETED:
            pass
        assert event["transcript"] == "w1 w2 w3"


async def test_browsers_sign_in_by_subprotocol(server: ToneServer) -> None:
    names: Any = ["realtime", f"openai-insecure-api-key.{server.token}"]
    url = f"{server.ws_url}/v1/realtime?intent=transcription"
    async with connect(url, subprotocols=names) as socket:
        assert socket.subprotocol == "realtime"
        assert msgspec.json.decode(await socket.recv())["type"] == "session.created"


@pytest.mark.parametrize(
    ("query", "headers", "status", "code"),
    [
        ("?intent=transcription", {"authorization": "Bearer nobody"}, 401, "bad_token"),
        ("?intent=transcription", {"authorization": ""}, 401, "not_signed_in"),
        ("?model=gpt-realtime", {}, 400, "bad_intent"),
        ("?intent=transcription&meeting_id=-1", {}, 400, "bad_meeting_id"),
        ("?intent=transcription&meeting_id=99999", {}, 404, "not_found"),
        ("?intent=transcription&group_id=99999", {}, 404, "not_found"),
    ],
)
async def test_what_is_refused_before_the_upgrade(
    server: ToneServer, query: str, headers: dict[str, str], status: int, code: str
) -> None:
    headers = {"authorization": f"Bearer {server.token}"} | headers
    with pytest.raises(InvalidStatus) as caught:
        async with connect(f"{server.ws_url}/v1/realtime{query}", additional_headers=headers):
            pass
    answer = caught.value.response
    assert answer.status_code == status
    assert msgspec.json.decode(answer.body or b"")["error"]["code"] == code


async def test_connection_that_says_nothing_leaves_nothing(database: str, tmp_path: Path) -> None:
    async with tone_server(tmp_path, idle_s=0.2) as server, session(server) as made:
        assert (await made.recv()).error.code == "idle"
        with pytest.raises(ConnectionClosed) as closed:
            await made.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4408
    assert await DB.fetch("SELECT id FROM meetings") == []


async def test_client_that_hangs_up_has_ended_its_recording(server: ToneServer) -> None:
    async with session(server) as made:
        await append(made, TWO)
        await made.recv()
    async with asyncio.timeout(60):
        while True:
            [row] = await DB.fetch("SELECT status FROM recordings")
            if row["status"] == "COMPLETE":
                break
            await asyncio.sleep(0.02)
    texts = await DB.fetch("SELECT text FROM captions ORDER BY seq")
    assert [row["text"] for row in texts] == ["w1 w2 w3", "w4 w5"]


async def test_server_that_stops_fails_what_is_not_told(server: ToneServer) -> None:
    server.recogniser.fail = [Unavailable("gone", code="recogniser_hung") for _ in range(50)]
    async with session(server) as made:
        await configure(made, turn_detection=None)
        await append(made, pcm24([1, 2]))
        await made.input_audio_buffer.commit()
        assert (await made.recv()).type == "input_audio_buffer.committed"
        server.recordings.begin_draining()
        heard = await hear(made, until="error")
        assert heard[-2].type == f"{TRANSCRIPTION}.failed"
        assert (heard[-1].error.type, heard[-1].error.code) == ("server_error", "draining")
        with pytest.raises(ConnectionClosed) as closed:
            await made.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001
    server.recogniser.fail = []
