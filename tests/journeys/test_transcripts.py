"""A file into a meeting and its words again, on a real server: over kills, and from the command line."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import msgspec
from websockets.asyncio.client import connect

from tests.journeys.running import Running, running
from vori.demo.play import SOUND, TRUTH, word_error_rate
from vori.transcribe.models import DEMO_PATH


def upload(server: Running, meeting: int) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{server.url}/api/meetings/{meeting}/recordings?language=en",
        data=SOUND.read_bytes(),
        method="POST",
        headers={"content-type": "audio/ogg"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 202
        told: dict[str, Any] = msgspec.json.decode(answer.read())
        return told


def job_of(server: Running, job: dict[str, Any]) -> dict[str, Any]:
    path = f"/api/meetings/{job['meetingId']}/jobs/{job['jobId']}"
    now: dict[str, Any] = server.get(path)
    return now


def is_over(server: Running, job: dict[str, Any]) -> bool:
    return job_of(server, job)["state"] not in ("QUEUED", "RUNNING")


def text_of(server: Running, meeting: int) -> str:
    return str(server.get(f"/api/meetings/{meeting}/transcript")["transcript"])


async def events_until(
    server: Running, kind: str, is_last: Any, is_open: asyncio.Event
) -> list[dict[str, Any]]:
    told = []
    async with asyncio.timeout(240), connect(f"{server.ws_url}/api/events") as socket:
        while True:
            event = msgspec.json.decode(await socket.recv())
            is_open.set()
            if event["type"] == kind:
                told.append(event)
                if is_last(event):
                    return told


async def test_a_file_is_put_into_words_over_a_kill_and_again_at_will(
    own_home: Path, speech_model: str, database_settings: dict[str, str], tmp_path: Path
) -> None:
    with running(own_home, model=speech_model, **database_settings) as server:
        meeting = int(server.post("/api/meetings", {"groupId": 1})["meetingId"])
        told = upload(server, meeting)
        job = told["job"]
        await asyncio.to_thread(server.wait_until, lambda: job_of(server, job)["state"] != "QUEUED")
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        await asyncio.to_thread(server.wait_until, lambda: is_over(server, job), timeout_s=240)
        done = job_of(server, job)
        assert (done["state"], done["failure"]) == ("COMPLETE", None)
        first = text_of(server, meeting)
        [recording] = server.get(f"/api/meetings/{meeting}/recordings")
        assert recording["status"] == "COMPLETE"
        assert abs(recording["durationMs"] - done["totalMs"]) < 100
        if speech_model == "demo":
            assert word_error_rate(TRUTH, first) <= 0.35
        audio = server.get(f"/api/meetings/{meeting}/audio")
        assert abs((len(audio) - 44) // 32 - recording["durationMs"]) <= 40
        ended = server.post(f"/api/meetings/{meeting}/end?wait=60")
        assert ended["hasMinutes"]

        def is_complete(event: dict[str, Any]) -> bool:
            return bool(event["job"]["state"] == "COMPLETE")

        is_open = asyncio.Event()
        listening = asyncio.create_task(
            events_until(server, "transcription.job", is_complete, is_open)
        )
        async with asyncio.timeout(60):
            await is_open.wait()
        arguments = ["--home", str(own_home), "retranscribe", str(meeting), "--draft", "--json"]
        kept = {f"VORI_{name.upper()}": value for name, value in database_settings.items()}
        asked = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "vori", *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, **kept},
        )
        assert asked.returncode == 0, asked.stderr
        [wanted] = msgspec.json.decode(asked.stdout)["jobs"]
        told_events = await listening
        assert {event["job"]["jobId"] for event in told_events} == {wanted["jobId"]}
        assert text_of(server, meeting) == first, "a draft changes nothing"
        versions = server.get(f"/api/meetings/{meeting}/versions")
        assert [(v["number"], v["state"]) for v in versions] == [(2, "DRAFT"), (1, "CURRENT")]
        base = f"/api/meetings/{meeting}/recordings/{recording['recordingId']}/versions/2"
        difference = server.get(f"{base}/diff")
        assert difference["wordsSame"] >= 0.9 * difference["wordsBefore"]
        tickets = server.get(f"{base}/tickets")
        assert tickets["engine"] == "local"
        before = server.get(f"/api/tickets?meetingId={meeting}")["items"]
        assert server.post(f"{base}/apply")["state"] == "CURRENT"
        changed = len(tickets["made"]) - len(tickets["takenBack"])

        def count() -> int:
            return len(server.get(f"/api/tickets?meetingId={meeting}")["items"])

        await asyncio.to_thread(server.wait_until, lambda: count() == len(before) + changed)

        def again(model: Path) -> dict[str, Any]:
            [job] = server.post(f"/api/meetings/{meeting}/retranscribe", {"model": str(model)})[
                "jobs"
            ]
            server.wait_until(lambda: is_over(server, job), timeout_s=240)
            return job_of(server, job)

        text = text_of(server, meeting)
        for name in ("not-whisper", "cut-off"):
            (tmp_path / name).mkdir()
        (tmp_path / "not-whisper" / "config.json").write_text('{"architectures": ["Bert"]}')
        (tmp_path / "not-whisper" / "pytorch_model.bin").write_bytes(b"x" * 1000)
        for name in ("not-whisper", "cut-off", "absent"):
            failed = await asyncio.to_thread(again, tmp_path / name)
            assert failed["state"] == "FAILED"
            assert name in failed["message"], failed
        assert text_of(server, meeting) == text
        if speech_model == "demo":
            other = await asyncio.to_thread(again, shutil.copytree(DEMO_PATH, tmp_path / "other"))
            assert other["state"] == "COMPLETE"
            assert "loaded beside" in other["message"]
            assert text_of(server, meeting) == text, "the same model hears the same words"
