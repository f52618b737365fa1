"""What a normal client notices of a crowd: 500 idle sockets, 50 slow readers, one attacker.

    vori bench crowd [--seconds S] [--idle N] [--slow N] [--attacks sound,messages] [--json]

One client speaks for `--seconds` at its own pace, first alone, then beside the crowd, once with each
attack. The crowd is a process of its own and yields the processor, as one on another machine would.

    idle        half are open pages (`/api/events`), half connect and never say a word, and come again
    slow        open pages of the client's meeting that never read what they are sent
    attack      `sound`: speech as fast as VORI reads it; `messages`: small messages, as fast;
                `sockets`: connects, says nonsense, connects again

    commitDelayMs, captionDelayMs   as in `vori bench captions`
    ratio                           of the p95 and p50 to the quiet ones
    attack                          what the attacker got through
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import psutil
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from benchmarks.captions import House, Options
from benchmarks.measures import Room, delays, merge, spread
from benchmarks.sounds import compose, meeting_sentences
from vori.demo.play import server

BEFORE_S = 3.0
ATTACKS = ("sound", "messages")
LOST = (OSError, ConnectionClosed, InvalidHandshake, InvalidMessage, TimeoutError)


class Crowd:
    """The other process: connects, and counts what it got through."""

    def __init__(self, url: str, *, meeting_id: int) -> None:
        self._url = url.replace("http", "ws", 1)
        self._meeting_id = meeting_id
        self.counts = {"idle": 0, "slow": 0, "frames": 0, "bytes": 0, "refused": 0, "heard": 0}

    async def page(self) -> None:
        await self._sit("/api/events")

    async def silent(self) -> None:
        """Connects and never says a word; VORI closes, and it comes again."""
        await self._sit("/ws/meeting/1")

    async def _sit(self, path: str) -> None:
        first = True
        while True:
            with contextlib.suppress(*LOST):
                async with connect(self._url + path, compression=None, open_timeout=60) as line:
                    self.counts["idle"] += first
                    first = False
                    async for _ in line:
                        pass
            await asyncio.sleep(0.5)

    def slow(self) -> socket.socket:
        """A page of the meeting that reads nothing, over a line with little room."""
        parts = urlsplit(self._url)
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        line.connect((parts.hostname, parts.port))
        line.sendall(
            f"GET /api/events?meetingId={self._meeting_id} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        self.counts["slow"] += 1
        return line

    async def attack(self, kind: str) -> None:
        sound = compose(meeting_sentences(), seconds=60, duty=1.0, seed=99).samples
        data = sound.astype("<i2").tobytes() if sound.dtype.kind == "i" else _s16(sound)
        number = 0
        while True:
            number += 1
            with contextlib.suppress(*LOST):
                async with connect(
                    f"{self._url}/ws/meeting/{2_000_000 + number}", compression=None
                ) as line:
                    meta = {"audioId": f"attack-{kind}-{os.getpid()}-{number}", "groupId": 1,
                            "format": "s16le"}  # fmt: skip
                    if kind == "sockets":
                        await line.send("nonsense")
                        await line.wait_closed()
                        self.counts["frames"] += 1
                        continue
                    await line.send(
                        msgspec.json.encode({"type": "metadata", "data": meta}).decode()
                    )
                    listening = asyncio.create_task(self._listen(line))
                    try:
                        at = 0
                        while True:
                            frame: str | bytes = '{"type":"keepalive"}'
                            if kind == "sound":
                                frame = data[at : at + 65_536]
                                at = (at + 65_536) % len(data)
                            await line.send(frame)
                            self.counts["frames"] += 1
                            self.counts["bytes"] += len(frame)
                            if number % 50 == 0:
                                await asyncio.sleep(0)
                    finally:
                        listening.cancel()
            self.counts["refused"] += 1
            await asyncio.sleep(0.05)

    async def _listen(self, line: Any) -> None:
        with contextlib.suppress(*LOST):
            async for _ in line:
                self.counts["heard"] += 1


def _s16(samples: Any) -> bytes:
    made: bytes = (samples.clip(-1, 1) * 32767).astype("<i2").tobytes()
    return made


async def be_crowd(plan: dict[str, Any]) -> None:
    """The child: takes its place, says so, and goes when its standard input is closed."""
    os.nice(19)
    crowd = Crowd(plan["url"], meeting_id=plan["meeting"])
    tasks = [asyncio.create_task(crowd.page()) for _ in range(plan["idle"] // 2)]
    tasks += [asyncio.create_task(crowd.silent()) for _ in range(plan["idle"] - plan["idle"] // 2)]
    lines = [crowd.slow() for _ in range(plan["slow"])]
    async with asyncio.timeout(150):
        while crowd.counts["idle"] < plan["idle"]:  # noqa: ASYNC110 - seconds, once
            await asyncio.sleep(0.05)
    tasks.append(asyncio.create_task(crowd.attack(plan["attack"])))
    print(json.dumps(crowd.counts), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps(crowd.counts), flush=True)
    for line in lines:
        line.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def beside(plan: dict[str, Any], told: dict[str, Any]) -> AsyncIterator[None]:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.crowd", "--be", json.dumps(plan)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        began = json.loads(await child.stdout.readline())
        await asyncio.sleep(BEFORE_S)
        yield
        child.stdin.close()
        ended = json.loads(await child.stdout.readline())
        told |= ended | {"idle": began["idle"], "slow": began["slow"]}
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        await child.wait()


def figures(rooms: list[Room]) -> dict[str, Any]:
    said = merge(rooms, None)
    return {
        "commitDelayMs": spread([d for room in rooms for d in delays(room)["commit"]]),
        "captionDelayMs": said["captionDelayMs"],
        "finalLatencyMs": spread([late for room in rooms for late in room.final_latencies()]),
        "finals": sum(len(room.finals) for room in rooms),
        "warnings": [
            m["code"] for room in rooms for _, m in room.messages if m["type"] == "warning"
        ],
    }


def ratios(crowded: dict[str, Any], quiet: dict[str, Any]) -> dict[str, float]:
    return {
        f"{name}.{part}": round(crowded[name][part] / max(1.0, quiet[name][part]), 2)
        for name in ("commitDelayMs", "captionDelayMs", "finalLatencyMs")
        for part in ("p50", "p95")
        if part in crowded[name] and part in quiet[name]
    }


async def compare(arguments: argparse.Namespace) -> dict[str, Any]:
    options = Options(rooms=1, seconds=arguments.seconds)
    # By default one user and one address may have fewer sockets than this crowd.
    variables = {
        "VORI_SERVER__WORKERS": "web,transcribe,streams",
        "VORI_LIMITS__SOCKETS_PER_USER": "5000",
        "VORI_LIMITS__SOCKETS_PER_ADDRESS": "5000",
        "VORI_LIMITS__SOCKETS": "5000",
        "VORI_LOG__LEVEL": "error",
    }
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="vori-bench-") as home:
        async with server(Path(home), "demo", variables=variables) as url:
            one = House(url, options, meeting_sentences())
            await one.play(1)  # the first room of a server waits for what is loaded once
            rooms, _ = await one.play(1)
            found["quiet"] = figures(rooms)
            for number, kind in enumerate(arguments.attacks.split(","), 3):
                told: dict[str, Any] = {}
                plan = {
                    "url": url, "meeting": number, "idle": arguments.idle, "slow": arguments.slow,
                    "attack": kind,
                }  # fmt: skip
                async with beside(plan, told):
                    rooms, _ = await one.play(1)
                found[kind] = figures(rooms) | {
                    "ratio": ratios(figures(rooms), found["quiet"]),
                    "attack": told,
                }
                await asyncio.sleep(BEFORE_S)
    found["cores"] = psutil.cpu_count()
    return found


def main(options: list[str]) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="vori bench crowd", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--idle", type=int, default=500)
    parser.add_argument("--slow", type=int, default=50)
    parser.add_argument("--attacks", default=",".join(ATTACKS))
    parser.add_argument("--be", help=argparse.SUPPRESS)
    arguments = parser.parse_args(options)
    if arguments.be:
        asyncio.run(be_crowd(json.loads(arguments.be)))
        return {}
    return asyncio.run(compare(arguments))


def measure() -> dict[str, Any]:
    return main([])


if __name__ == "__main__":
    main(sys.argv[1:])
