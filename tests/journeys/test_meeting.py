"""A meeting as people hold it: microphones, captions, tickets, minutes, the sound again."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import subprocess
import sys
import time
import wave
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from websockets.asyncio.client import connect

from tests.journeys.running import Running
from tests.transcribe.sounds import real, s16
from vori.client import MeetingClient, Message, paced
from vori.demo.play import SOUND, TRUTH, word_error_rate
from vori.transcribe.container import decode_file

_numbers = itertools.count(int(time.time()))


def vori(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vori", "--home", str(home), *arguments],
        capture_output=True,
        text=True,
        timeout=400,
    )


def new_meeting(server: Running, **fields: Any) -> int:
    return int(server.post("/api/meetings", {"groupId": 1, **fields})["meetingId"])


@pytest.mark.parametrize("pace", ["as fast as it records", "at its own pace"])
async def test_original_client_works_unchanged(shared_server: Running, pace: str) -> None:
    """Metadata, 32 KiB chunks every 100 ms, `text` of every message; it just hangs up."""
    data = real("original-test.webm").read_bytes()
    meeting = new_meeting(shared_server)
    texts: list[str] = []
    async with connect(f"{shared_server.ws_url}/ws/meeting/{meeting}") as socket:

        async def read() -> None:
            async for message in socket:
                told = json.loads(message)
                if told.get("text"):
                    assert told["final"] is True
                    texts.append(told["text"])

        reading = asyncio.create_task(read())
        opening = {"audioId": f"original-{next(_numbers)}", "groupId": 1}
        await socket.send(json.dumps({"type": "metadata", "data": opening}))
        if pace == "at its own pace":
            async for chunk in paced(data, 6.94, chunk_bytes=4096):
                await socket.send(chunk)
        else:
            for start in range(0, len(data), 32_768):
                await socket.send(data[start : start + 32_768])
                await asyncio.sleep(0.1)
    await asyncio.gather(reading, return_exceptions=True)

    def recording() -> Message:
        [one] = shared_server.get(f"/api/meetings/{meeting}/recordings")
        return dict(one)

    await asyncio.to_thread(shared_server.wait_until, lambda: recording()["status"] == "COMPLETE")
    assert abs(recording()["durationMs"] - 6933) <= 20
    assert recording()["receivedBytes"] == len(data)
    with wave.open(io.BytesIO(shared_server.get(f"/api/meetings/{meeting}/audio"))) as audio:
        assert (audio.getframerate(), audio.getnchannels(), audio.getsampwidth()) == (16_000, 1, 2)
        assert abs(audio.getnframes() / 16 - 6933) <= 20


@pytest.mark.parametrize(
    ("name", "duration_ms"),
    [("original-test.m4a", 6870), ("jfk.wav", 11_000), ("original-test.webm", 6933)],
)
def test_transcribe_hears_every_second_of_a_file(
    own_home: Path, speech_model: str, name: str, duration_ms: int
) -> None:
    path = real(name)
    done = vori("transcribe", str(path), "--model", speech_model, "--json", home=own_home)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told) == {"text", "language", "durationMs", "model", "captions"}
    assert abs(told["durationMs"] - duration_ms) <= 70
    for caption in told["captions"]:
        assert 0 <= caption["startMs"] < caption["endMs"] <= told["durationMs"]


def test_transcribe_says_what_is_wrong(own_home: Path, speech_model: str, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no sound at all " * 100)
    for path in (text, tmp_path / "missing.wav"):
        done = vori("transcribe", str(path), "--model", speech_model, home=own_home)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.strip().splitlines()[-1].startswith("vori: ")


async def test_two_microphones_of_one_meeting_keep_their_speakers(
    shared_server: Running, speech_model: str
) -> None:
    """Two people's own microphones, each of which hears the other one too, more faintly: lines are
    merged by the meeting's time, each sentence is there once, and it is whose microphone was near.
    """
    if speech_model != "demo":
        pytest.skip("the bundled meeting's words need the demo model")
    meeting = new_meeting(shared_server)
    group = "/api/groups/1/members"
    people = [
        shared_server.post(group, {"email": f"p{next(_numbers)}@example.com", "name": name})
        for name in ("Minji Kim", "Daniel Park")
    ]
    truth = msgspec.json.decode(TRUTH.read_bytes())
    sound = np.concatenate(list(decode_file(SOUND, limit_s=600)))

    def near(second: int) -> np.ndarray:
        """Who of the two speaks, for each sample: everybody else is at the first one's table."""
        gain = np.full(len(sound), 1.0 if second == 0 else 0.15, np.float32)
        for turn in truth["segments"]:
            if turn["speaker"] in (2, 4):
                span = slice(16 * (turn["startMs"] - 300), 16 * (turn["endMs"] + 300))
                gain[span] = 0.15 if second == 0 else 1.0
        return gain

    async def speak(number: int) -> None:
        opening = {
            "audioId": f"mic-{next(_numbers)}",
            "groupId": 1,
            "speakerId": people[number]["userId"],
            "format": "s16le",
            "language": "en",
        }
        client = MeetingClient(shared_server.ws_url, meeting, opening)
        data = s16(sound * near(number))
        await client.stream(paced(data, truth["durationS"], chunk_bytes=8000, speed=6))

    await asyncio.gather(speak(0), speak(1))
    lines = shared_server.get(f"/api/meetings/{meeting}/transcript")["lines"]
    assert [line["startMs"] for line in lines] == sorted(line["startMs"] for line in lines)
    said = " ".join(line["text"] for line in lines)
    assert word_error_rate(TRUTH, said) <= 0.35, said
    right = 0
    for line in lines:
        middle = (line["startMs"] + line["endMs"]) / 2
        turn = min(truth["segments"], key=lambda t: abs((t["startMs"] + t["endMs"]) / 2 - middle))
        right += line["speakerId"] == people[turn["speaker"] in (2, 4)]["userId"]
    assert right >= 0.9 * len(lines), lines


def test_demo_plays_the_meeting_into_captions_tickets_and_minutes(
    own_home: Path, speech_model: str
) -> None:
    """`vori demo`. The demo model mishears some words, so most of the tickets must be there."""
    if speech_model != "demo":
        pytest.skip("the bundled meeting's words need the demo model")
    done = vori("demo", "--speed", "2", "--json", home=own_home)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    truth = msgspec.json.decode(TRUTH.read_bytes())
    said = " ".join(caption["text"] for caption in told["captions"])
    assert word_error_rate(TRUTH, said) <= 0.2

    made = [t for t in told["tickets"] if t["ticketId"] not in told["before"]]
    found = [
        want
        for want in truth["gold"]["newTickets"]
        if any(
            sum(k in (t["title"] + t["content"]).lower() for k in want["keywords"])
            >= len(want["keywords"]) / 2
            and (t["status"], t["due"] is None) == (want["status"], want["due"] is None)
            for t in made
        )
    ]
    assert len(found) >= 3, made
    assert len(made) <= 6, made
    after = {told["before"].get(t["ticketId"]): t["status"] for t in told["tickets"]}
    moves = truth["gold"]["ticketUpdates"]
    assert any(after[move["ticketId"]] == move["newStatus"] for move in moves)
    for ticket in made:
        assert ticket["title"] in told["minutes"]
    assert "[00:" in told["minutes"]


def test_extract_prints_what_the_scorer_reads(own_home: Path, tmp_path: Path) -> None:
    case = {
        "meetingId": 1,
        "language": "en",
        "startedAt": "2026-03-16T10:00:00+09:00",
        "members": [{"userId": 3, "name": "Hannah Cole"}],
        "existingTickets": [],
        "segments": [
            {
                "seq": 0,
                "startMs": 0,
                "endMs": 3000,
                "speaker": 3,
                "text": "I'll write the release notes by Friday.",
            }
        ],
    }
    path = tmp_path / "case.json"
    path.write_text(json.dumps(case))
    done = vori("tickets", "extract", str(path), home=own_home)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    [ticket] = told["newTickets"]
    assert "release notes" in ticket["title"].lower()
    assert (ticket["assigneeId"], ticket["due"], ticket["evidence"]) == (3, "2026-03-20", [0])
    assert ticket["status"] == "TODO"

    path.write_text("{}")
    done = vori("tickets", "extract", str(path), home=own_home)
    assert done.returncode == 2
    assert "vori: " in done.stderr


def test_development_mode_refuses_other_addresses(own_home: Path, speech_model: str) -> None:
    for host in ("0.0.0.0", "::", "vori.example.com"):
        done = vori("serve", "--dev", "--host", host, "--port", "0", home=own_home)
        assert done.returncode == 2
        assert "--dev signs everyone in" in done.stderr


def test_a_port_that_is_taken_is_named(shared_server: Running, own_home: Path) -> None:
    done = vori("serve", "--dev", "--port", str(shared_server.port), home=own_home)
    assert done.returncode == 3
    assert str(shared_server.port) in done.stderr
    assert "server.port" in done.stderr
