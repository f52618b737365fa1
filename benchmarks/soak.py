"""Meetings for hours: does anything grow, is anything lost?

    python -m benchmarks.soak [--minutes M] [--rooms N] [--json]        make soak (120 minutes)

Rooms begin, speak at their own pace (PCM, or Ogg with Opus), lose their line now and then and resume,
and end: by `end`, by leaving and coming back minutes later, or with their meeting. After each the
words that its client was told are compared with the transcript, by count and by number.

Every few seconds memory, file descriptors, threads and child processes of the server are looked at,
and what it tells in /metrics of tasks and database connections. They have levelled off when their
medians over the last fifth of the time are no more than those of the second fifth and a margin.

    lostCaptions    numbers that are missing, in what clients were told or in what is stored
    lostSoundMs     sound sent and acknowledged that the recording does not have
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import psutil
from msgspec import Struct

from benchmarks.captions import Client
from benchmarks.sounds import compose, meeting_sentences
from vori.client import Message
from vori.demo.play import Api, server
from vori.transcribe.messages import RATE_HZ

LOOK_S = 5.0
SHARES = 5
MARGINS = {"rssMb": 40.0, "files": 12.0, "threads": 8.0, "processes": 8.0, "tasks": 12.0,
           "connections": 4.0}  # fmt: skip
"""How much more the last fifth may have than the second: what meetings of the moment take."""
LENGTHS_S = (12.0, 18.0, 24.0, 30.0)
"""Of what the rooms say."""
KINDS = ("end", "end", "leaves", "meeting")


class Sound(Struct, frozen=True):
    format: str
    data: bytes
    seconds: float


class Count(Struct):
    """What the rooms came to."""

    rooms: int = 0
    cuts: int = 0
    captions: int = 0
    words: int = 0
    lost_captions: int = 0
    doubled_finals: int = 0
    lost_sound_ms: int = 0
    troubles: list[str] = []


def sounds(lengths_s: tuple[float, ...]) -> list[Sound]:
    made = []
    for seed, length_s in enumerate(lengths_s):
        samples = compose(meeting_sentences(), seconds=length_s, duty=0.6, seed=seed).samples
        pcm = np.clip(samples, -1, 1).astype(np.float32)
        seconds = len(pcm) / RATE_HZ
        made.append(Sound("s16le", (pcm * 32767).astype("<i2").tobytes(), seconds))
        made.append(Sound("ogg", ogg(pcm), seconds))
    return made


def ogg(samples: Any) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="ogg", options={"page_duration": "100000"}) as file:
        stream = file.add_stream("libopus", rate=48_000, layout="mono")
        resampler = av.AudioResampler(format="flt", layout="mono", rate=48_000, frame_size=960)
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="flt", layout="mono")
        frame.sample_rate = RATE_HZ
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(part))  # type: ignore[attr-defined]
        file.mux(stream.encode(None))  # type: ignore[attr-defined]
    return out.getvalue()


def _is_on(process: psutil.Process, home: Path) -> bool:
    with contextlib.suppress(psutil.Error):  # it has just ended
        return str(home) in process.cmdline()
    return False


class Soak:
    def __init__(
        self, url: str, home: Path, minutes: float, rooms: int, lengths_s: tuple[float, ...]
    ) -> None:
        self._url = url
        self._api = Api(url)
        self._rooms = rooms
        self._until_s = time.monotonic() + 60 * minutes
        ours = psutil.Process().children()  # beside others, when it is tests that ask
        self._server = next(child for child in ours if _is_on(child, home / "vori"))
        self._sounds = sounds(lengths_s)
        self.count = Count(troubles=[])
        self.looks: list[dict[str, float]] = []
        self._numbers = iter(range(1, 1_000_000))

    async def run(self) -> None:
        looking = asyncio.create_task(self._look())
        try:
            await asyncio.gather(*(self._room(random.Random(i)) for i in range(self._rooms)))
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _room(self, dice: random.Random) -> None:
        while time.monotonic() < self._until_s:
            number = next(self._numbers)
            try:
                await self._meeting(number, dice)
            except Exception as exc:
                self.count.troubles.append(f"room {number}: {type(exc).__name__}: {exc}"[:300])

    async def _meeting(self, number: int, dice: random.Random) -> None:
        meeting = (await self._api.post("/api/meetings", {"groupId": 1}))["meetingId"]
        sound, kind = dice.choice(self._sounds), dice.choice(KINDS)
        told: list[Message] = []
        audio_id = f"soak-{number}"
        client = Client(
            self._url.replace("http", "ws", 1),
            meeting,
            {"audioId": audio_id, "groupId": 1, "format": sound.format, "language": "en"},
            on_message=told.append,
        )
        streaming = asyncio.create_task(client.stream(paced(sound, leaves=kind == "leaves")))
        for at_s in sorted(dice.uniform(1, sound.seconds) for _ in range(dice.choice((0, 1, 3)))):
            asyncio.get_running_loop().call_later(at_s, client.cut)
            self.count.cuts += 1
        await streaming
        [recording] = await self._api.get(f"/api/meetings/{meeting}/recordings")
        lines = (await self._api.get(f"/api/meetings/{meeting}/transcript"))["lines"]
        if kind == "meeting" or dice.random() < 0.5:
            await self._api.post(f"/api/meetings/{meeting}/end", {})
        self._add(sound, told, recording, lines)

    def _add(
        self, sound: Sound, told: list[Message], recording: Message, lines: list[Message]
    ) -> None:
        finals: dict[int, str] = {}
        for message in told:
            if message["type"] == "caption" and message["final"]:
                known = finals.setdefault(message["seq"], message["text"])
                self.count.doubled_finals += known != message["text"]
        [finished] = [m for m in told if m["type"] == "finished"]
        stored = len(lines)
        self.count.rooms += 1
        self.count.captions += stored
        self.count.words += sum(len(text.split()) for text in finals.values())
        missing = set(range(finished["captions"])) - finals.keys()
        self.count.lost_captions += len(missing) + abs(finished["captions"] - stored)
        self.count.lost_sound_ms += max(
            0, round(1000 * sound.seconds) - recording["durationMs"] - 60
        )
        if recording["receivedBytes"] != len(sound.data):
            self.count.troubles.append(f"{recording['receivedBytes']} of {len(sound.data)} bytes")

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            text = await self._metrics()
            children = [c for c in self._server.children(recursive=True) if c.name() != "postgres"]
            self.looks.append(
                {
                    "rssMb": self._server.memory_info().rss / 2**20,
                    "files": self._server.num_fds(),
                    "threads": self._server.num_threads(),
                    "processes": len(children),
                    "tasks": text["vori_tasks"],
                    "connections": text["vori_database_connections"],
                }
            )

    async def _metrics(self) -> dict[str, float]:
        text = await asyncio.to_thread(httpx.get, f"{self._url}/metrics", timeout=30)
        return {
            line.split()[0]: float(line.split()[1])
            for line in text.text.splitlines()
            if line.startswith("vori_") and "{" not in line
        }

    def report(self) -> dict[str, Any]:
        levels: dict[str, Any] = {}
        share = max(1, len(self.looks) // SHARES)
        early, late = self.looks[share : 2 * share] or self.looks, self.looks[-share:]
        for name, margin in MARGINS.items():
            first = statistics.median(look[name] for look in early)
            last = statistics.median(look[name] for look in late)
            levels[name] = {
                "early": round(first, 1),
                "late": round(last, 1),
                "max": round(max(look[name] for look in self.looks), 1),
                "levelledOff": last <= first + margin,
            }
        return {
            "rooms": self.count.rooms,
            "cuts": self.count.cuts,
            "captions": self.count.captions,
            "words": self.count.words,
            "lostCaptions": self.count.lost_captions,
            "doubledFinals": self.count.doubled_finals,
            "lostSoundMs": self.count.lost_sound_ms,
            "troubles": len(self.count.troubles),
            "firstTroubles": "; ".join(self.count.troubles[:5]),
            "levels": levels,
            "looks": len(self.looks),
        }


async def paced(sound: Sound, *, leaves: bool) -> AsyncIterator[bytes]:
    """In tenths of a second; who leaves says nothing for a while in the middle."""
    chunks = max(1, round(10 * sound.seconds))
    size = -(-len(sound.data) // chunks)
    size += size % 2
    for number, start in enumerate(range(0, len(sound.data), size)):
        await asyncio.sleep(0.1)
        if leaves and number == chunks // 2:
            await asyncio.sleep(3.0)
        yield sound.data[start : start + size]


async def soak(
    minutes: float, rooms: int, lengths_s: tuple[float, ...] = LENGTHS_S
) -> dict[str, Any]:
    variables = {
        "VORI_SERVER__WORKERS": "web,transcribe,tickets,streams",
        "VORI_AUDIO__RESUME_S": "30",
        "VORI_TICKETS__END_AFTER_S": "5",
        "VORI_LOG__LEVEL": "warning",
    }
    with tempfile.TemporaryDirectory(prefix="vori-soak-") as home:
        async with server(Path(home), "demo", variables=variables) as url:
            one = Soak(url, Path(home), minutes, rooms, lengths_s)
            await one.run()
            found = one.report()
        log = (Path(home) / "log").read_text(encoding="utf-8", errors="replace")
        found["tracebacks"] = log.count("Traceback (most recent call last)")
    return {"minutes": minutes, **found}


def failures(found: dict[str, Any]) -> list[str]:
    """What is not as it has to be."""
    wrong = [name for name in ("lostCaptions", "doubledFinals", "lostSoundMs", "troubles", "tracebacks")
             if found[name]]  # fmt: skip
    wrong += [
        f"{name} grows" for name, level in found["levels"].items() if not level["levelledOff"]
    ]
    return wrong if found["captions"] else [*wrong, "no captions"]


def main(options: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--rooms", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(options)
    found = asyncio.run(soak(arguments.minutes, arguments.rooms))
    wrong = failures(found)
    print(json.dumps({**found, "failures": wrong}, indent=None if arguments.json else 2))
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
