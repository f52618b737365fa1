"""How soon words appear, with one room: the bundled meeting at its own pace, demo model."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from vori.client import MeetingClient, Message
from vori.demo.play import SOUND, TRUTH, Api, server, word_error_rate
from vori.transcribe.container import decode_file
from vori.transcribe.messages import RATE_HZ, Samples

FRAME_MS = 20


def measure() -> dict[str, Any]:
    """Milliseconds. Commit delay: from a word's last sample sent to its final caption; partial
    delay: to the first partial that has it at its place; final latency: from an utterance's last
    word sent to its caption; first partial: from the first sample of a true sentence sent to the
    first text after it. `rate` is how fast the client sent, 1 being the meeting's own pace.
    """
    return asyncio.run(_measure())


async def _measure() -> dict[str, Any]:
    samples = np.concatenate(list(decode_file(SOUND, limit_s=3600)))
    truth = msgspec.json.decode(TRUTH.read_bytes())
    heard: list[tuple[float, Message]] = []
    with tempfile.TemporaryDirectory(prefix="vori-bench-") as path:
        async with server(Path(path), "demo") as url:
            meeting = await Api(url).post("/api/meetings", {"groupId": 1})
            clock = Clock()
            client = MeetingClient(
                url.replace("http", "ws", 1),
                meeting["meetingId"],
                {
                    "audioId": "bench",
                    "groupId": 1,
                    "partials": True,
                    "format": {"encoding": "s16le", "rateHz": RATE_HZ},
                },
                on_message=lambda message: heard.append((time.perf_counter(), message)),
            )
            await client.stream(frames(samples, clock))
    return figures(heard, clock, truth, len(samples) / RATE_HZ)


class Clock:
    """When each moment of the sound was sent."""

    def __init__(self) -> None:
        self._sent: list[float] = []

    def sent(self) -> None:
        self._sent.append(time.perf_counter())

    def at(self, sound_ms: float) -> float:
        """When the sample at `sound_ms` left the client."""
        return self._sent[min(int(sound_ms // FRAME_MS), len(self._sent) - 1)]

    @property
    def span_s(self) -> float:
        return self._sent[-1] - self._sent[0]


async def frames(samples: Samples, clock: Clock) -> AsyncIterator[bytes]:
    size = RATE_HZ * FRAME_MS // 1000
    started = time.perf_counter()
    for number, start in enumerate(range(0, len(samples), size)):
        await asyncio.sleep(
            max(0.0, started + (number + 1) * FRAME_MS / 1000 - time.perf_counter())
        )
        clock.sent()
        yield (samples[start : start + size] * 32767).astype("<i2").tobytes()


def figures(
    heard: list[tuple[float, Message]], clock: Clock, truth: Any, duration_s: float
) -> dict[str, Any]:
    commit, partial, final = [], [], []
    shown: dict[tuple[int, int], tuple[str, float]] = {}
    texts: list[float] = []
    for at, message in heard:
        if message["type"] != "caption":
            continue
        texts.append(at)
        if not message["final"]:
            for place, word in enumerate(message["text"].split()):
                if shown.get((message["seq"], place), ("", 0.0))[0] != word:
                    shown[message["seq"], place] = (word, at)
            continue
        final.append(at - clock.at(message["endMs"]))
        for place, word in enumerate(message["words"]):
            due = clock.at(word["endMs"])
            commit.append(at - due)
            known, since = shown.get((message["seq"], place), ("", 0.0))
            partial.append((since if known == word["text"] else at) - due)
    first = []
    for segment in truth["segments"]:
        begun = clock.at(segment["startMs"])
        after = [at for at in texts if at > begun]
        if after:
            first.append(after[0] - begun)
    finals = [m for _, m in heard if m["type"] == "caption" and m["final"]]
    return {
        "soundS": duration_s,
        "rate": duration_s / clock.span_s,
        "captions": len(finals),
        "words": len(commit),
        "werStreamed": word_error_rate(TRUTH, " ".join(m["text"] for m in finals)),
        "firstPartialMs": spread(first),
        "partialDelayMs": spread(partial),
        "commitDelayMs": spread(commit),
        "finalLatencyMs": spread(final),
    }


def spread(seconds: list[float]) -> dict[str, float]:
    if len(seconds) < 2:
        return {}
    cuts = statistics.quantiles([s * 1000 for s in seconds], n=100, method="inclusive")
    return {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98]}
