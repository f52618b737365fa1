"""Clients are told when words come late, through real sockets; words are tones."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.fakes import ToneRecogniser, tones
from tests.transcribe.protocols.tone_server import SENTENCE, ToneServer, new_meeting
from tests.transcribe.sounds import s16
from vori.transcribe import live
from vori.transcribe.messages import Transcript
from vori.transcribe.recogniser import Window

pytestmark = pytest.mark.postgres

LATE_S = 4.0
UTTERANCES = 4


class Clock:
    """Monotonic, and turned by who works."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead_s


class Overloaded(ToneRecogniser):
    """Takes LATE_S, by the clock, for its first final window."""

    def __init__(self, clock: Clock, times: int) -> None:
        super().__init__()
        self._clock = clock
        self._times = times

    def transcribe(self, windows: Sequence[Window]) -> list[Transcript]:
        if any(window.is_final for window in windows) and self._times:
            self._times -= 1
            self._clock.ahead_s += LATE_S
        return super().transcribe(windows)


@pytest.fixture
def overloaded(server: ToneServer, monkeypatch: pytest.MonkeyPatch) -> ToneServer:
    clock = Clock()
    monkeypatch.setattr(live, "time", clock)
    slow = Overloaded(clock, times=1)
    monkeypatch.setattr(server.recogniser, "transcribe", slow.transcribe)
    return server


async def told(server: ToneServer, way: str, *, asks: bool = True) -> list[dict[str, Any]]:
    """Everything a client of the convention hears of sound that ends."""
    meeting = await new_meeting(server)
    data = s16(tones([*SENTENCE, *SENTENCE]))
    pieces = [data[at : at + 6400] for at in range(0, len(data), 6400)]
    vori = "&vori=1" if asks else ""
    metadata = {"audioId": "a", "groupId": 1, "format": "s16le", "partials": asks}
    rate = {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16_000}}}}
    path, messages = {
        "vori": (
            f"/ws/meeting/{meeting}",
            [{"type": "metadata", "data": metadata}, *pieces, {"type": "end"}],
        ),
        "deepgram": (
            f"/v1/listen?encoding=linear16&sample_rate=16000&meeting_id={meeting}{vori}",
            [*pieces, {"type": "CloseStream"}],
        ),
        "realtime": (
            f"/v1/realtime?intent=transcription&meeting_id={meeting}{vori}",
            [
                {"type": "session.update", "session": {"type": "transcription", **rate}},
                *(
                    {
                        "type": "input_audio_buffer.append",
                        "audio": base64.b64encode(piece).decode(),
                    }
                    for piece in pieces
                ),
            ],
        ),
    }[way]
    heard: list[dict[str, Any]] = []
    headers = {"authorization": f"Bearer {server.token}"}
    async with (
        asyncio.timeout(90),
        connect(server.ws_url + path, additional_headers=headers) as socket,
    ):
        for message in messages:
            raw = message if isinstance(message, bytes) else msgspec.json.encode(message).decode()
            await socket.send(raw)
        try:
            while sum(one["type"].endswith(".completed") for one in heard) < UTTERANCES:
                heard.append(msgspec.json.decode(await socket.recv()))
        except ConnectionClosed:
            pass
    return heard


WARNINGS = {"vori": "warning", "deepgram": "Warning", "realtime": "vori.warning"}


@pytest.mark.parametrize("way", WARNINGS)
async def test_clients_are_told_once_that_words_come_late_and_get_them_all(
    overloaded: ToneServer, way: str
) -> None:
    began_s = time.monotonic()
    heard = await told(overloaded, way)
    took_ms = 1000 * (time.monotonic() - began_s)
    warnings = [one for one in heard if one["type"] == WARNINGS[way]]
    lag_ms = [one.get("lagMs") or one.get("lag_ms") for one in warnings]
    assert [one["code"] for one in warnings] == ["lagging"]
    assert 1000 * LATE_S - 1500 <= lag_ms[0] <= 1000 * LATE_S + took_ms
    lines = await overloaded.http.get("/api/meetings")
    [meeting] = lines.json()["items"]
    transcript = await overloaded.http.get(f"/api/meetings/{meeting['meetingId']}/transcript")
    said = [word for line in transcript.json()["lines"] for word in line["text"].split()]
    assert said == [f"w{n}" for n in [*SENTENCE, *SENTENCE] if n is not None]


@pytest.mark.parametrize("way", ["deepgram", "realtime"])
async def test_clients_that_did_not_ask_get_nothing_their_convention_does_not_know(
    overloaded: ToneServer, way: str
) -> None:
    heard = await told(overloaded, way, asks=False)
    assert heard
    assert not any("arning" in one["type"] for one in heard)
