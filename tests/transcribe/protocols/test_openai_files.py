"""OpenAI's file endpoint, asked by OpenAI's own client; words are tones."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import openai
import pytest

from tests.fakes import tones
from tests.transcribe.protocols.tone_server import (
    ToneServer,
    new_meeting,
    tone_server,
    tone_wav,
)
from tests.transcribe.sounds import muxed
from vori.data.engine import DB
from vori.errors import Unavailable
from vori.transcribe.messages import Transcript
from vori.transcribe.recogniser import Window

pytestmark = [
    pytest.mark.postgres,
    # What the client library says of its own translations.
    pytest.mark.filterwarnings("ignore:deprecated$:DeprecationWarning"),
]

WAV = ("talk.wav", tone_wav())
TEXT = "w1 w2 w3 w4 w5"
NOISE = np.random.default_rng(2).bytes(70_000)


@pytest.fixture
async def client(server: ToneServer) -> AsyncIterator[openai.AsyncOpenAI]:
    made = openai.AsyncOpenAI(
        base_url=f"{server.url}/v1", api_key=server.token, max_retries=0, timeout=90
    )
    async with made:
        yield made


async def test_json_is_the_text(client: openai.AsyncOpenAI) -> None:
    answer = await client.audio.transcriptions.create(file=WAV, model="whisper-1")
    assert answer.text == TEXT
    assert answer.usage is not None
    assert answer.usage.to_dict() == {"type": "duration", "seconds": 4}


async def test_text_srt_and_vtt(client: openai.AsyncOpenAI) -> None:
    async def ask(form: Any) -> str:
        return str(
            await client.audio.transcriptions.create(
                file=WAV, model="whisper-1", response_format=form
            )
        )

    assert await ask("text") == TEXT + "\n"
    srt = await ask("srt")
    assert srt.splitlines()[0] == "1"
    assert srt.splitlines()[2:5] == ["w1 w2 w3", "", "2"]
    vtt = await ask("vtt")
    assert vtt.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:00.")
    assert "\nw4 w5\n" in vtt


@pytest.mark.parametrize(
    ("form", "kind"),
    [("text", "text/plain"), ("vtt", "text/vtt"), ("srt", "application/x-subrip")],
)
async def test_text_says_once_how_it_is_coded(
    client: openai.AsyncOpenAI, form: Any, kind: str
) -> None:
    answer = await client.audio.transcriptions.with_raw_response.create(
        file=WAV, model="whisper-1", response_format=form
    )
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"


async def test_verbose_json_has_segments_and_words(client: openai.AsyncOpenAI) -> None:
    answer = await client.audio.transcriptions.create(
        file=WAV,
        model="whisper-1",
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert (answer.text, answer.language) == (TEXT, "english")
    assert answer.duration == pytest.approx(3.6, abs=0.02)
    assert answer.segments is not None
    assert [segment.text for segment in answer.segments] == ["w1 w2 w3", "w4 w5"]
    assert answer.segments[1].avg_logprob == pytest.approx(-0.1054, abs=1e-3)
    assert answer.words is not None
    assert [word.word for word in answer.words] == TEXT.split()
    assert answer.words[3].start == pytest.approx(1.96, abs=0.05)
    only = await client.audio.transcriptions.create(
        file=WAV, model="x", response_format="verbose_json", timestamp_granularities=["word"]
    )
    assert only.segments is None


async def test_stream_tells_each_final(client: openai.AsyncOpenAI) -> None:
    stream = await client.audio.transcriptions.create(file=WAV, model="x", stream=True)
    events = [event async for event in stream]
    deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
    assert deltas == ["w1 w2 w3", " w4 w5"]
    assert events[-1].type == "transcript.text.done"
    assert events[-1].text == "".join(deltas) == TEXT


async def test_file_becomes_a_meeting_that_can_be_read(
    server: ToneServer, client: openai.AsyncOpenAI
) -> None:
    raw = await client.audio.transcriptions.with_raw_response.create(file=WAV, model="x")
    meeting = raw.headers["x-vori-meeting-id"]
    lines = (await server.http.get(f"/api/meetings/{meeting}/transcript")).json()["lines"]
    assert [line["text"] for line in lines] == ["w1 w2 w3", "w4 w5"]


async def test_file_may_name_its_meeting(server: ToneServer, client: openai.AsyncOpenAI) -> None:
    meeting = await new_meeting(server)
    raw = await client.audio.transcriptions.with_raw_response.create(
        file=WAV, model="x", extra_query={"meeting_id": meeting}
    )
    assert raw.headers["x-vori-meeting-id"] == str(meeting)


async def test_prompt_and_keywords_are_hints(
    server: ToneServer, client: openai.AsyncOpenAI
) -> None:
    await client.audio.transcriptions.create(
        file=WAV, model="x", prompt="Rhubarb", keywords=["VORI", "Piccolo"], language="en"
    )
    assert server.recogniser.windows[0].hotwords.startswith("VORI, Piccolo, Rhubarb")
    assert server.recogniser.windows[0].language == "en"


@pytest.mark.parametrize(
    ("container", "codec"), [("ogg", "libopus"), ("mp3", "mp3"), ("mp4", "aac")]
)
async def test_containers(client: openai.AsyncOpenAI, container: str, codec: str) -> None:
    samples = tones([1, 2, None, 3, None])
    data = muxed(samples.repeat(3), container, codec, 48_000)
    answer = await client.audio.transcriptions.create(file=(f"a.{container}", data), model="x")
    assert answer.text == "w1 w2 w3"


async def test_silence_is_no_text(client: openai.AsyncOpenAI) -> None:
    answer = await client.audio.transcriptions.create(
        file=("a.wav", tone_wav([None])), model="x", response_format="verbose_json"
    )
    assert (answer.text, answer.segments, answer.duration) == ("", [], 1.0)


@pytest.mark.parametrize(
    ("file", "fields", "code"),
    [
        (("a.wav", b""), {}, "empty_file"),
        (("a.bin", NOISE[:5000]), {}, "unknown_audio"),
        (("a.wav", tone_wav()[:30]), {}, None),
        (("a.mp3", b"ID3\x04" + NOISE[:5000]), {}, "undecodable_audio"),
        (WAV, {"response_format": "diarized_json"}, "bad_form"),
        (WAV, {"temperature": 7}, "bad_form"),
        (WAV, {"language": "tlh"}, "unknown_language"),
        (WAV, {"timestamp_granularities": ["word"]}, "bad_form"),
        (WAV, {"stream": True, "response_format": "srt"}, "bad_form"),
        (WAV, {"extra_query": {"meeting_id": "0"}}, "bad_meeting_id"),
        (WAV, {"extra_query": {"meeting_id": "nine"}}, "bad_meeting_id"),
    ],
)
async def test_what_cannot_be_used_is_a_bad_request(
    client: openai.AsyncOpenAI, file: Any, fields: Any, code: str | None
) -> None:
    if code is None:
        answer = await client.audio.transcriptions.create(file=file, model="x", **fields)
        assert answer.text == ""
        return
    with pytest.raises(openai.BadRequestError) as caught:
        await client.audio.transcriptions.create(file=file, model="x", **fields)
    assert caught.value.code == code
    assert caught.value.type == "invalid_request_error"
    assert caught.value.body["message"]  # type: ignore[index]


async def test_a_stream_that_cannot_be_decoded_ends_with_the_error(
    client: openai.AsyncOpenAI,
) -> None:
    data = muxed(tones([1, None]).repeat(3), "ogg", "libopus", 48_000) + NOISE
    stream = await client.audio.transcriptions.create(
        file=("a.mp3", b"ID3\x04" + data[:5000]), model="x", stream=True
    )
    with pytest.raises(openai.APIError) as caught:
        async for _ in stream:
            pass
    assert caught.value.code == "undecodable_audio"


async def test_other_bodies_are_refused(server: ToneServer) -> None:
    path = "/v1/audio/transcriptions"
    for answer, code in [
        (await server.http.post(path, json={"file": "x"}), "no_file"),
        (await server.http.post(path, data={"file": "text"}), "no_file"),
        (await server.http.post(path), "no_file"),
        (
            await server.http.post(
                path,
                content=b"--x\r\nnonsense",
                headers={"content-type": "multipart/form-data; boundary=x"},
            ),
            "bad_form",
        ),
        (
            await server.http.post(
                path, content=b"--x", headers={"content-type": "multipart/form-data"}
            ),
            "bad_form",
        ),
    ]:
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"]["code"] == code


async def test_strangers_are_refused(server: ToneServer) -> None:
    wrong = openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="sk-nobody", max_retries=0)
    async with wrong:
        with pytest.raises(openai.AuthenticationError) as caught:
            await wrong.audio.transcriptions.create(file=WAV, model="x")
    assert caught.value.code == "bad_token"


async def test_file_over_the_limit(database: str, tmp_path: Path) -> None:
    async with tone_server(tmp_path, max_file_bytes=50_000) as server:
        answer = await server.http.post("/v1/audio/transcriptions", files={"file": WAV})
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


async def test_full_server_asks_to_come_back(database: str, tmp_path: Path) -> None:
    async with tone_server(tmp_path, max_recordings=1) as server:
        meeting = await new_meeting(server)
        chunk = {"audioId": "a", "audioData": base64.b64encode(tone_wav()[:4000]).decode()}
        assert (await server.http.post(f"/api/meetings/{meeting}/stream", json=chunk)).is_success
        answer = await server.http.post("/v1/audio/transcriptions", files={"file": WAV})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "full")
        assert int(answer.headers["retry-after"]) >= 1


async def test_window_that_fails_is_tried_again(
    server: ToneServer, client: openai.AsyncOpenAI
) -> None:
    server.recogniser.fail = [Unavailable("gone", code="recogniser_hung")]
    answer = await client.audio.transcriptions.create(file=WAV, model="x")
    assert answer.text == TEXT


async def test_windows_of_a_file_are_in_flight_together_and_told_in_order(
    server: ToneServer, client: openai.AsyncOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers: list[int | None] = [n for i in range(12) for n in (i, i + 1, i + 2, None)]
    in_flight, most, several, one_counts = 0, 0, threading.Event(), threading.Lock()
    hear = server.recogniser.transcribe

    def transcribe(windows: Sequence[Window]) -> list[Transcript]:
        nonlocal in_flight, most
        with one_counts:
            in_flight += len(windows)
            most = max(most, in_flight)
            if in_flight > 1:
                several.set()
        several.wait(30)
        with one_counts:
            in_flight -= len(windows)
        return hear(windows)

    monkeypatch.setattr(server.recogniser, "transcribe", transcribe)
    answer = await client.audio.transcriptions.create(
        file=("long.wav", tone_wav(numbers)), model="x"
    )
    assert answer.text == " ".join(f"w{n}" for n in numbers if n is not None)
    assert 2 <= most <= 4
    assert all(window.is_final for window in server.recogniser.windows)


async def test_client_that_goes_leaves_a_finished_recording(server: ToneServer) -> None:
    async with server.http.stream(
        "POST", "/v1/audio/transcriptions", files={"file": WAV}, data={"stream": "true"}
    ) as answer:
        assert answer.status_code == 200
    async with asyncio.timeout(60):
        while True:
            rows = await DB.fetch("SELECT status FROM recordings")
            if rows and rows[0]["status"] == "COMPLETE":
                break
            await asyncio.sleep(0.02)


@pytest.fixture
def translating(server: ToneServer) -> ToneServer:
    model = server.recogniser.model
    server.recogniser.model = msgspec.structs.replace(model, can_translate=True)
    return server


async def test_translation_is_an_answer_and_not_a_meeting(
    translating: ToneServer, client: openai.AsyncOpenAI
) -> None:
    answer = await client.audio.translations.create(file=WAV, model="x", prompt="Rhubarb")
    assert answer.text == TEXT
    assert all(window.translate for window in translating.recogniser.windows)
    assert translating.recogniser.windows[0].hotwords == "Rhubarb"
    assert await DB.fetch("SELECT id FROM meetings") == []


async def test_translation_in_other_forms(
    translating: ToneServer, client: openai.AsyncOpenAI
) -> None:
    verbose: Any = await client.audio.translations.create(
        file=("a.mp3", muxed(tones([1, 2, None, 3, None]).repeat(3), "mp3", "mp3", 48_000)),
        model="x",
        response_format="verbose_json",
    )
    assert (verbose.text, verbose.language, verbose.task) == ("w1 w2 w3", "english", "translate")
    assert verbose.duration == pytest.approx(2.96, abs=0.1)
    assert [segment.text for segment in verbose.segments] == ["w1 w2", "w3"]
    srt = await client.audio.translations.create(file=WAV, model="x", response_format="srt")
    assert str(srt).splitlines()[2] == "w1 w2 w3"


@pytest.mark.parametrize(
    ("file", "fields", "code"),
    [
        (("a.wav", b""), {}, "empty_file"),
        (("a.bin", NOISE[:5000]), {}, "undecodable_audio"),
        (WAV, {"extra_body": {"stream": "true"}}, "bad_form"),
        (WAV, {"extra_body": {"language": "tlh"}}, "unknown_language"),
    ],
)
async def test_what_cannot_be_translated(
    translating: ToneServer, client: openai.AsyncOpenAI, file: Any, fields: Any, code: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.audio.translations.create(file=file, model="x", **fields)
    assert caught.value.code == code


async def test_model_that_cannot_translate_says_so(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.audio.translations.create(file=WAV, model="x")
    assert caught.value.code == "cannot_translate"
