"""Deepgram's live convention, spoken by Deepgram's own client; words are tones."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from deepgram import AsyncDeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.fakes import tones
from tests.transcribe.protocols.tone_server import (
    ToneServer,
    new_meeting,
    tone_server,
    tone_wav,
)
from tests.transcribe.sounds import muxed, s16
from vori.data.engine import DB
from vori.ids import MeetingId

pytestmark = [
    pytest.mark.postgres,
    # The client library itself asks websockets for names of old.
    pytest.mark.filterwarnings("ignore:websockets.*deprecated:DeprecationWarning"),
]

PCM: dict[str, Any] = {"model": "nova-3", "encoding": "linear16", "sample_rate": 16000}
TWO = s16(tones([1, 2, 3, None, 4, 5, None]))


@contextlib.asynccontextmanager
async def listening(server: ToneServer, **asked: Any) -> AsyncIterator[Any]:
    environment = DeepgramClientEnvironment(
        base=server.url, production=server.ws_url, agent=server.ws_url, agent_rest=server.url
    )
    client = AsyncDeepgramClient(api_key=server.token, environment=environment)
    async with asyncio.timeout(90), client.listen.v1.connect(**{**PCM, **asked}) as socket:
        yield socket


async def say(socket: Any, data: bytes, *, chunk: int = 3200) -> None:
    for start in range(0, len(data), chunk):
        await socket.send_media(data[start : start + chunk])


async def hear(socket: Any, *, until: str = "Metadata") -> list[Any]:
    """Everything up to a message of the type, that one included."""
    heard = []
    while True:
        heard.append(await socket.recv())
        if heard[-1].type == until:
            return heard


def finals(heard: list[Any]) -> list[str]:
    return [
        m.channel.alternatives[0].transcript for m in heard if m.type == "Results" and m.is_final
    ]


async def test_sound_becomes_results_then_metadata_then_close(server: ToneServer) -> None:
    async with listening(server) as socket:
        await say(socket, TWO)
        await socket.send_close_stream()
        heard = await hear(socket)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1000
    assert finals(heard) == ["w1 w2 w3", "w4 w5"]
    assert all(m.is_final for m in heard if m.type == "Results")
    first, metadata = heard[0], heard[-1]
    assert first.speech_final
    assert not first.from_finalize
    assert first.channel_index == [0, 1]
    alternative = first.channel.alternatives[0]
    assert alternative.confidence == pytest.approx(0.9)
    assert [word.word for word in alternative.words] == ["w1", "w2", "w3"]
    assert alternative.words[0].punctuated_word == "w1"
    assert first.start == pytest.approx(0, abs=0.02)
    assert first.start + first.duration == pytest.approx(alternative.words[-1].end)
    assert heard[1].start == pytest.approx(1.96, abs=0.05)
    assert metadata.duration == pytest.approx(3.6, abs=0.02)
    assert metadata.sha256 == hashlib.sha256(TWO).hexdigest()
    assert metadata.request_id == first.metadata.request_id


async def test_sound_goes_into_a_meeting_that_is_told(server: ToneServer) -> None:
    async with listening(server) as socket:
        await say(socket, TWO)
        await socket.send_close_stream()
        metadata = (await hear(socket))[-1]
    meeting = (await server.http.get(f"/api/meetings/{metadata.meeting_id}")).json()
    assert (meeting["groupId"], meeting["status"]) == (1, "LIVE")
    lines = (await server.http.get(f"/api/meetings/{metadata.meeting_id}/transcript")).json()[
        "lines"
    ]
    assert [line["text"] for line in lines] == ["w1 w2 w3", "w4 w5"]
    [recording] = await DB.fetch("SELECT audio_id FROM recordings")
    assert recording["audio_id"] == metadata.request_id


async def test_connection_may_name_its_meeting(server: ToneServer) -> None:
    meeting = await new_meeting(server)
    options = {"additional_query_parameters": {"meeting_id": meeting}}
    async with listening(server, request_options=options) as socket:
        await say(socket, TWO)
        await socket.send_close_stream()
        assert (await hear(socket))[-1].meeting_id == meeting


async def test_interims_come_when_asked_for(server: ToneServer) -> None:
    sentence = s16(tones([1, 2, 3]))
    async with listening(server, interim_results="true") as socket:
        await say(socket, sentence)
        heard = [await socket.recv()]  # while nobody has fallen silent yet
        await say(socket, TWO[len(sentence) :])
        await socket.send_close_stream()
        heard += await hear(socket)
    interims = [m for m in heard if m.type == "Results" and not m.is_final]
    assert interims
    assert not any(m.speech_final for m in interims)
    assert all(m.channel.alternatives[0].words for m in interims)
    assert finals(heard) == ["w1 w2 w3", "w4 w5"]


async def test_words_that_have_settled_are_final_while_somebody_speaks(server: ToneServer) -> None:
    """The parts of an utterance that are final join to what is stored, each word told once."""
    numbers: list[int | None] = [n % 30 for n in range(14)]  # 4.5 s without a pause
    async with listening(server, interim_results="true") as socket:
        for start in range(0, len(s16(tones(numbers))), 6400):
            windows = len(server.recogniser.windows)
            await socket.send_media(s16(tones(numbers))[start : start + 6400])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    while len(server.recogniser.windows) == windows:
                        await asyncio.sleep(0.005)
        early = await socket.recv()
        while not early.is_final:
            early = await socket.recv()
        assert not early.speech_final
        await say(socket, s16(tones([None])))
        await socket.send_close_stream()
        heard = [early, *await hear(socket)]
    results = [m for m in heard if m.type == "Results"]
    told = [m for m in results if m.is_final]
    assert " ".join(finals(heard)).split() == [f"w{n}" for n in numbers]
    assert [m.speech_final for m in told] == [False] * (len(told) - 1) + [True]
    for interim, final in itertools.pairwise(results):
        if not interim.is_final:
            assert interim.start >= early.start + early.duration - 0.05
        assert final.start >= interim.start
    [row] = await DB.fetch("SELECT text FROM captions")
    assert row["text"] == " ".join(finals(heard)).strip()


async def test_finalize_makes_the_open_utterance_final(server: ToneServer) -> None:
    async with listening(server) as socket:
        await say(socket, s16(tones([1, 2])))
        await socket.send_finalize()
        first = await socket.recv()
        assert (first.is_final, first.from_finalize) == (True, True)
        assert first.channel.alternatives[0].transcript == "w1 w2"
        await say(socket, s16(tones([3, None])))
        second = await socket.recv()
        assert second.channel.alternatives[0].transcript == "w3"
        assert not second.from_finalize


async def test_finalize_is_answered_when_nothing_is_open(server: ToneServer) -> None:
    async with listening(server) as socket:
        for before in (b"", s16(tones([None]))):
            await say(socket, before)
            await socket.send_finalize()
            answer = await socket.recv()
            assert (answer.is_final, answer.from_finalize) == (True, True)
            assert answer.channel.alternatives[0].transcript == ""


async def test_voice_and_its_end_are_told_when_asked_for(server: ToneServer) -> None:
    numbers: list[int | None] = [1, 2, None, None, 3, None, 4, None, None]
    async with listening(
        server, vad_events="true", utterance_end_ms="1500", interim_results="true"
    ) as socket:
        await say(socket, s16(tones(numbers)))
        await socket.send_close_stream()
        heard = [m for m in await hear(socket) if m.type in ("SpeechStarted", "UtteranceEnd")]
    started = [m.timestamp for m in heard if m.type == "SpeechStarted"]
    ends = [m.last_word_end for m in heard if m.type == "UtteranceEnd"]
    assert len(started) == 3
    assert started[0] == pytest.approx(0.0, abs=0.05)
    # "3" and "4" are 1.1 s apart.
    assert ends == [pytest.approx(0.56, abs=0.1), pytest.approx(4.2, abs=0.1)]


async def test_pause_shorter_than_asked_is_no_utterance_end(server: ToneServer) -> None:
    async with listening(server, utterance_end_ms="3000") as socket:
        await say(socket, TWO)
        await socket.send_close_stream()
        heard = await hear(socket)
    assert [m.type for m in heard if m.type == "UtteranceEnd"] == ["UtteranceEnd"]  # at the end


async def test_keyterms_are_hints(server: ToneServer) -> None:
    async with listening(server, keyterm=["VORI", "Piccolo"], language="en-US") as socket:
        await say(socket, TWO)
        await socket.send_close_stream()
        await hear(socket)
    window = server.recogniser.windows[0]
    assert window.hotwords.startswith("VORI, Piccolo")
    assert window.language == "en"


@pytest.mark.parametrize(
    ("asked", "data"),
    [
        ({"encoding": None, "sample_rate": None}, tone_wav([1, 2, 3, None])),
        (
            {"encoding": "opus", "sample_rate": None},
            muxed(tones([1, 2, 3, None]).repeat(3), "ogg", "libopus", 48_000),
        ),
        (
            {"encoding": None, "sample_rate": None},
            muxed(tones([1, 2, 3, None]).repeat(3), "webm", "libopus", 48_000),
        ),
        ({"encoding": "linear32"}, tones([1, 2, 3, None]).astype("<f4").tobytes()),
        (
            {"sample_rate": 48000, "channels": 2},
            s16(np.repeat(tones([1, 2, 3, None]).repeat(3), 2)),
        ),
    ],
)
async def test_encodings(server: ToneServer, asked: Any, data: bytes) -> None:
    async with listening(server, **asked) as socket:
        await say(socket, data, chunk=5001)
        await socket.send_close_stream()
        assert finals(await hear(socket)) == ["w1 w2 w3"]


@pytest.mark.parametrize("law", ["mulaw", "alaw"])
async def test_telephone_sound(server: ToneServer, law: str) -> None:
    data = muxed(tones([1, 2, 3, None])[::2], "wav", f"pcm_{law}", 8_000)
    raw = data[data.index(b"data") + 8 :]
    async with listening(server, encoding=law, sample_rate=8000) as socket:
        await say(socket, raw)
        await socket.send_close_stream()
        assert finals(await hear(socket)) == ["w1 w2 w3"]


async def test_keep_alive_keeps_a_silent_connection(database: str, tmp_path: Path) -> None:
    for idle_s in (1.0, 4.0, 16.0):
        limits = {"first_message_s": idle_s, "idle_s": idle_s}
        async with tone_server(tmp_path / str(idle_s), **limits) as server:
            longest_s, heard = await said_after_a_while(server, idle_s)
        if heard or longest_s < idle_s / 2:
            break  # else it was the machine that stood still: with more patience, once more
    assert heard == ["w1 w2 w3", "w4 w5"]
    assert (await DB.fetch("SELECT count(*) AS n FROM recordings"))[0]["n"] == 1


async def said_after_a_while(server: ToneServer, idle_s: float) -> tuple[float, list[str]]:
    """Keeps the line alive for 2.5 times `idle_s` and then speaks: the longest time between two
    messages, and what was heard; nothing when the line was closed.
    """
    times_s: list[float] = []
    heard: list[str] = []

    async def now(sending: Awaitable[None]) -> None:
        await sending
        times_s.append(asyncio.get_running_loop().time())

    with contextlib.suppress(ConnectionClosed):
        async with listening(server) as socket:
            for _ in range(10):
                await now(socket.send_keep_alive())
                await asyncio.sleep(idle_s / 4)
            await now(say(socket, TWO))
            await now(socket.send_close_stream())
            heard = finals(await hear(socket))
    times_s.append(asyncio.get_running_loop().time())
    return max(b - a for a, b in itertools.pairwise(times_s)), heard


async def test_connection_that_says_nothing_leaves_nothing(database: str, tmp_path: Path) -> None:
    async with (
        tone_server(tmp_path, first_message_s=0.2) as server,
        listening(server) as socket,
    ):
        error = await socket.recv()
        assert (error.type, error.variant) == ("Error", "idle")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4408
    assert await DB.fetch("SELECT id FROM meetings") == []


async def test_close_before_any_sound_is_answered(server: ToneServer) -> None:
    async with listening(server) as socket:
        await socket.send_close_stream()
        [metadata] = await hear(socket)
    assert metadata.duration == 0


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"encoding": "linear16", "sample_rate": None}, "sample_rate"),
        ({"sample_rate": 4000}, "sample_rate"),
        ({"sample_rate": 96000}, "sample_rate"),
        ({"sample_rate": "fast"}, "sample_rate"),
        ({"channels": 8}, "channels"),
        ({"channels": 0}, "channels"),
        ({"encoding": "g729"}, "encoding"),
        ({"encoding": "amr-wb"}, "encoding"),
        ({"language": "tlh"}, "language"),
        ({"diarize": "true"}, "diarize"),
        ({"multichannel": "true", "channels": 2}, "multichannel"),
        ({"redact": "pii"}, "redact"),
        ({"interim_results": "maybe"}, "interim_results"),
        ({"utterance_end_ms": "10"}, "utterance_end_ms"),
        ({"request_options": {"additional_query_parameters": {"meeting_id": "x"}}}, "meeting_id"),
    ],
)
async def test_parameters_that_cannot_be_used_are_refused_before_the_upgrade(
    server: ToneServer, asked: Any, word: str
) -> None:
    with pytest.raises(ApiError) as caught:
        async with listening(server, **asked):
            pass
    assert caught.value.status_code == 400
    query = "&".join(
        f"{name}={value}"
        for name, value in {
            **PCM,
            **asked,
            **asked.get("request_options", {}).get("additional_query_parameters", {}),
        }.items()
        if value is not None and name != "request_options"
    )
    headers = {"authorization": f"Token {server.token}"}
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"{server.ws_url}/v1/listen?{query}", additional_headers=headers):
            pass
    body = msgspec.json.decode(refused.value.response.body or b"")
    assert word in body["err_msg"]
    assert refused.value.response.headers["dg-error"]
    assert refused.value.response.headers["dg-request-id"] == body["request_id"]


async def test_strangers_are_refused_before_the_upgrade(server: ToneServer) -> None:
    for headers in ({}, {"authorization": "Token nobody"}, {"authorization": "Basic x"}):
        with pytest.raises(InvalidStatus) as refused:
            async with connect(f"{server.ws_url}/v1/listen", additional_headers=headers):
                pass
        assert refused.value.response.status_code == 401
        assert msgspec.json.decode(refused.value.response.body or b"")["err_code"] == "INVALID_AUTH"


async def test_browsers_sign_in_by_subprotocol(server: ToneServer) -> None:
    async with connect(
        f"{server.ws_url}/v1/listen",
        subprotocols=["token", server.token],  # type: ignore[list-item]
    ) as socket:
        assert socket.subprotocol == "token"
        assert socket.response is not None
        assert int(socket.response.headers["x-vori-meeting-id"]) > 0


async def test_meeting_of_others_is_absent(server: ToneServer) -> None:
    options = {"additional_query_parameters": {"meeting_id": 424242}}
    with pytest.raises(ApiError) as caught:
        async with listening(server, request_options=options):
            pass
    assert caught.value.status_code == 404


@pytest.mark.parametrize(
    ("messages", "code", "closes"),
    [
        (["{"], "not_json", 4400),
        (["[" * 10_000 + "]" * 10_000], "not_json", 4400),
        (['"text"'], "unknown_message", 4400),
        (['{"type":1}'], "unknown_message", 4400),
        (['{"type":"Dance"}'], "unknown_message", 4400),
        ([TWO[:3200], '{"type":"Dance"}'], "unknown_message", 4400),
        (["x" * 300_000], "frame_too_large", 1009),
        ([bytes(1_100_000)], "frame_too_large", 1009),
    ],
)
async def test_messages_that_cannot_be_used(
    server: ToneServer, messages: list[str | bytes], code: str, closes: int
) -> None:
    async with listening(server) as socket:
        for message in messages:
            await socket._websocket.send(message)
        error = (await hear(socket, until="Error"))[-1]
        assert (error.variant, bool(error.description)) == (code, True)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == closes
    await test_close_before_any_sound_is_answered(server)  # the server is well


@pytest.mark.parametrize("data", [np.random.default_rng(2).bytes(20_000), b"\x17\x88" * 3000])
async def test_random_bytes_are_no_sound(server: ToneServer, data: bytes) -> None:
    async with listening(server, encoding=None, sample_rate=None) as socket:
        await socket.send_media(data)
        error = (await hear(socket, until="Error"))[-1]
    assert error.variant in ("unknown_audio", "undecodable_audio")


async def test_random_bytes_as_pcm_and_a_rate_that_lies_harm_nobody(server: ToneServer) -> None:
    async with listening(server, sample_rate=8000) as socket:
        await say(socket, np.random.default_rng(1).bytes(60_001))
        await say(socket, TWO)
        await socket.send_close_stream()
        heard = await hear(socket)
    assert heard[-1].duration == pytest.approx((60_001 + len(TWO)) / 16_000, abs=0.1)


async def test_empty_message_ends_the_stream(server: ToneServer) -> None:
    async with listening(server) as socket:
        await say(socket, TWO)
        await socket.send_media(b"")
        assert finals(await hear(socket)) == ["w1 w2 w3", "w4 w5"]


async def test_client_that_hangs_up_has_ended_its_recording(server: ToneServer) -> None:
    async with listening(server) as socket:
        await say(socket, TWO)
        await socket.recv()
    async with asyncio.timeout(60):
        while True:
            [row] = await DB.fetch("SELECT status FROM recordings")
            if row["status"] == "COMPLETE":
                break
            await asyncio.sleep(0.02)
    texts = await DB.fetch("SELECT text FROM captions ORDER BY seq")
    assert [row["text"] for row in texts] == ["w1 w2 w3", "w4 w5"]


async def test_server_that_stops_says_so(server: ToneServer) -> None:
    async with listening(server) as socket:
        await say(socket, s16(tones([1])))
        await socket.send_finalize()
        await socket.recv()
        server.recordings.begin_draining()
        error = (await hear(socket, until="Error"))[-1]
        assert error.variant == "draining"
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001


async def test_full_server_says_when_to_come_back(database: str, tmp_path: Path) -> None:
    async with tone_server(tmp_path, max_recordings=1) as server, listening(server) as first:
        await say(first, TWO)
        await first.recv()
        async with listening(server) as second:
            await say(second, TWO[:3200])
            error = (await hear(second, until="Error"))[-1]
            assert (error.variant, error.retry_after_ms) == ("full", 5000)


async def test_meeting_that_is_ended_ends_the_stream(server: ToneServer) -> None:
    meeting = await new_meeting(server)
    options = {"additional_query_parameters": {"meeting_id": meeting}}
    async with listening(server, request_options=options) as socket:
        await say(socket, s16(tones([1, 2])))
        async with asyncio.timeout(60):
            while not server.recordings._of(MeetingId(meeting)):
                await asyncio.sleep(0.01)
        await asyncio.sleep(0)
        await server.http.post(f"/api/meetings/{meeting}/end")
        assert (await hear(socket))[-1].meeting_id == meeting
