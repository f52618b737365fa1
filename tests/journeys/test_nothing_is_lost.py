"""Killed, stopped, cut off, out of disk, out of database: what was acknowledged is there."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.journeys.running import Running, held, running
from vori.client import MeetingClient, Message, paced
from vori.demo.play import SOUND, TRUTH, word_error_rate
from vori.transcribe.container import decode_file
from vori.transcribe.messages import RATE_HZ

SPEED = 4.0
"""Tests play the meeting this much faster than it was spoken."""


def sound_ms(path: Path) -> int:
    return sum(len(block) for block in decode_file(path, limit_s=3600)) * 1000 // RATE_HZ


def streaming(server: Running, meeting: int, told: list[Message], **options: Any) -> MeetingClient:
    return MeetingClient(
        server.ws_url,
        meeting,
        {"audioId": f"journey-{meeting}", "groupId": 1},
        on_message=told.append,
        **options,
    )


def sent(duration_ms: int) -> AsyncIterator[bytes]:
    return paced(SOUND.read_bytes(), duration_ms / 1000, chunk_bytes=2048, speed=SPEED)


def new_meeting(server: Running) -> int:
    return int(server.post("/api/meetings", {"groupId": 1, "title": "journey"})["meetingId"])


def finals(told: list[Message]) -> list[Message]:
    return [message for message in told if message["type"] == "caption"]


def assert_whole(server: Running, meeting: int, told: list[Message], duration_ms: int) -> None:
    """Every second was heard, every final came once, was stored, and nothing is said twice."""
    [recording] = server.get(f"/api/meetings/{meeting}/recordings")
    assert recording["status"] == "COMPLETE"
    assert abs(recording["durationMs"] - duration_ms) <= 40
    assert recording["receivedBytes"] == SOUND.stat().st_size
    lines = server.get(f"/api/meetings/{meeting}/transcript")["lines"]
    assert all(a["endMs"] <= b["startMs"] + 50 for a, b in itertools.pairwise(lines))
    heard = {message["captionId"]: message["text"] for message in finals(told)}
    assert heard == {line["captionId"]: line["text"] for line in lines}
    # Told once, unless it was told just before the server was killed.
    assert [m["seq"] for m in finals(told)] == list(range(len(lines)))
    audio = server.get(f"/api/meetings/{meeting}/audio")
    assert abs((len(audio) - 44) // 32 - duration_ms) <= 40


@pytest.fixture(scope="module")
def duration_ms() -> int:
    return sound_ms(SOUND)


async def test_killed_in_the_middle_and_resumed(
    own_home: Path, speech_model: str, database_settings: dict[str, str], duration_ms: int
) -> None:
    told: list[Message] = []
    with running(own_home, model=speech_model, **database_settings) as server:
        meeting = new_meeting(server)
        client = streaming(server, meeting, told)
        both_killed = asyncio.Event()
        sound = held(sent(duration_ms), both_killed, from_byte=SOUND.stat().st_size - 1)
        stream = asyncio.create_task(client.stream(sound))
        # A slow start leaves so much to send that the rest is heard at once: kill while resuming.
        for is_far_enough in (
            lambda: acknowledged_ms(told) > 0.3 * duration_ms,
            lambda: any(message["type"] == "resumed" for message in told),
        ):
            await until(is_far_enough)
            port = server.port
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start, port=port)
        both_killed.set()
        await asyncio.wait_for(stream, 240)
        assert client.connections >= 3
        await asyncio.to_thread(assert_whole, server, meeting, told, duration_ms)
        said = " ".join(m["text"] for m in sorted(finals(told), key=lambda m: m["seq"]))
    if speech_model == "demo":
        assert word_error_rate(TRUTH, said) <= 0.25


async def test_killed_and_never_resumed_is_finished_by_the_next_start(
    own_home: Path, speech_model: str, database_settings: dict[str, str], duration_ms: int
) -> None:
    told: list[Message] = []
    settings = {"audio__resume_s": 1, **database_settings}
    with running(own_home, model=speech_model, **settings) as server:
        meeting = new_meeting(server)
        stream = asyncio.create_task(streaming(server, meeting, told).stream(sent(duration_ms)))
        await until(lambda: acknowledged_ms(told) > 0.5 * duration_ms)
        stream.cancel()
        await asyncio.gather(stream, return_exceptions=True)
        durable = max(m["receivedBytes"] for m in told if m["type"] == "ack")
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)

        def recording() -> Message:
            [one] = server.get(f"/api/meetings/{meeting}/recordings")
            return dict(one)

        await asyncio.to_thread(server.wait_until, lambda: recording()["status"] == "COMPLETE")
        assert recording()["receivedBytes"] >= durable
        lines = server.get(f"/api/meetings/{meeting}/transcript")["lines"]
        stored = {line["captionId"]: line["text"] for line in lines}
        for message in finals(told):
            assert stored[message["captionId"]] == message["text"]


async def test_told_to_stop_clients_resume_with_the_next_start(
    own_home: Path, speech_model: str, duration_ms: int
) -> None:
    told: list[Message] = []
    with running(own_home, model=speech_model) as server:
        meeting = new_meeting(server)
        stopped = asyncio.Event()
        sound = held(sent(duration_ms), stopped, from_byte=SOUND.stat().st_size - 1)
        stream = asyncio.create_task(streaming(server, meeting, told).stream(sound))
        await until(lambda: acknowledged_ms(told) > 0.4 * duration_ms)
        port = server.port
        assert await asyncio.to_thread(server.stop) == 0
        # A client that is back before the server has stopped is told again.
        assert {m["code"] for m in told if m["type"] == "error"} == {"draining"}
        stopped.set()
        await asyncio.to_thread(server.start, port=port)
        await asyncio.wait_for(stream, 240)
        await asyncio.to_thread(assert_whole, server, meeting, told, duration_ms)


async def test_database_gone_for_a_while(
    own_home: Path, speech_model: str, duration_ms: int
) -> None:
    """The PostgreSQL in the box is frozen for 10 s, then killed; captions wait, none is lost."""
    told: list[Message] = []
    with running(own_home, model=speech_model) as server:
        meeting = new_meeting(server)
        frozen = asyncio.Event()
        sound = held(sent(duration_ms), frozen, from_byte=SOUND.stat().st_size // 2)
        stream = asyncio.create_task(streaming(server, meeting, told).stream(sound))
        await until(lambda: acknowledged_ms(told) > 0.2 * duration_ms)
        postgres = next(
            child for child in psutil.Process(server.pid).children() if child.name() == "postgres"
        )
        everyone = [postgres, *postgres.children(recursive=True)]
        for process in everyone:
            process.send_signal(signal.SIGSTOP)
        before = acknowledged_ms(told)
        frozen.set()
        await asyncio.sleep(10)
        assert acknowledged_ms(told) > before, "sound was not acknowledged meanwhile"
        for process in everyone:
            process.send_signal(signal.SIGCONT)
        postgres.kill()
        await asyncio.wait_for(stream, 240)
        await asyncio.to_thread(assert_whole, server, meeting, told, duration_ms)


async def test_disk_full_on_the_journal(
    own_home: Path, speech_model: str, duration_ms: int
) -> None:
    """The journal lies on a small disk of its own that fills up, and is emptied again."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a small disk")
    journal = own_home / "journal"
    journal.mkdir(parents=True)
    assert os.system(f"mount -t tmpfs -o size=256k tmpfs {journal}") == 0
    try:
        told: list[Message] = []
        with running(own_home, model=speech_model) as server:
            ballast = journal / "ballast"
            ballast.write_bytes(b"\0" * 200_000)
            meeting = new_meeting(server)
            stream = asyncio.create_task(streaming(server, meeting, told).stream(sent(duration_ms)))
            await until(lambda: any(m.get("code") == "disk_full" for m in told))
            assert server.get("/health/live") == {"status": "ok"}
            os.system(f"mount -o remount,size=8m {journal}")
            ballast.unlink()
            await asyncio.wait_for(stream, 240)
            await asyncio.to_thread(assert_whole, server, meeting, told, duration_ms)
    finally:
        os.system(f"umount {journal}")


def test_second_server_on_one_home_is_refused(own_home: Path, speech_model: str) -> None:
    with running(own_home, model=speech_model) as server:
        second = Running(own_home, model=speech_model)
        with pytest.raises(AssertionError, match=rf"process {server.pid}.*VORI_HOME"):
            second.start()
        assert second.stop() == 1
        assert server.get("/health/live") == {"status": "ok"}


def acknowledged_ms(told: list[Message]) -> int:
    return max((m["durationMs"] for m in told if m["type"] == "ack"), default=0)


async def until(is_so: Any, *, timeout_s: float = 120) -> None:
    async with asyncio.timeout(timeout_s):
        while not is_so():
            await asyncio.sleep(0.02)
