"""How soon words appear, and for how many rooms at once.

    vori bench captions [--rooms N] [--seconds S] [--model demo|DIRECTORY|random:SIZE]
                        [--find-capacity] [--baseline] [--overload] [--cuts N] [--memory]
                        [--plot FILE] [--json]

Clients in a process of their own send sound at its own pace, whatever the server does, to a real
server. Speech fills 60 % of the time; it is the bundled meeting's, whose words' times are known
(`--sound flite` has flite speak it and plain English). `random:tiny` (base, small, medium,
large-v3, turbo) has random weights of that shape and fixed decoding steps: the engine works, and
the words that are known to be in the sound take the place of its nonsense (`oracle.py`), so word
error rates are left out.

`--baseline` serves the same rooms once more as today's servers do: one worker on two cores, one
window at a time in the order they came. Its windows are padded as VORI's are, or to
`--baseline-window` seconds: the servers around pad to 30. `--find-capacity` looks for the most rooms whose p95 of
commit delay stays within 2 s, by doubling and halving, each point `--seconds` long. `--overload` has
as many rooms again come for the middle third of the time, and go.

    commitDelayMs   a word's last sample sent → first message that tells it as settled or final
    captionDelayMs  … → its final caption, which is stored and read for tickets
    partialDelayMs  … → first message from which on it stays
    firstPartialMs  a sentence's first sample sent → first text after it
    finalLatencyMs  a caption's last sample sent → the caption
    flicker         words taken back from partials, per final word
    fairness        p95 of the worst room's commit delay ÷ the median room's
    queueAgeMs      how long the oldest window waited, looked at twice a second
    windows, batchRows          what the recogniser did, and windows per batch
    overload        while twice the rooms speak: delay, queue age, words heard, rooms warned; and how
                    long after the load is gone the last word came more than 2 s late
    lostWords, doubledFinals    after `--cuts` connections were cut at random, against no cuts
    loop            the server's event loop: how late it was, and how late by its own work
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import psutil
from msgspec import Struct, structs
from websockets.asyncio.client import ClientConnection

from benchmarks.measures import Room, commits, delays, errors, merge, plain, spread
from benchmarks.plot import plot
from benchmarks.served import Plan
from benchmarks.settling import offline_text
from benchmarks.sounds import Sentence, Speech, compose, meeting_sentences, tagged, texts_by_flite
from vori.client import MeetingClient
from vori.demo.play import Api, server
from vori.transcribe.messages import RATE_HZ
from vori.transcribe.models import ResolvedModel, resolve
from vori.transcribe.silero import Silero
from vori.transcribe.whisper import Whisper

ROOT = Path(__file__).parent.parent
CAPACITY_MS = 2_000
MAX_ROOMS = 256
OFFLINE_ROOMS = 4
"""Rooms whose sound is decoded offline too."""


class Options(Struct, frozen=True, kw_only=True):
    rooms: int = 1
    seconds: float = 60.0
    duty: float = 0.6
    model: str = "demo"
    compute_type: str = "auto"
    sound: str = "meeting"
    is_baseline: bool = False
    cuts: int = 0
    partial_ms: int = 500
    is_overloaded: bool = False
    window_s: float | None = None
    """To which windows are padded at least; None as the model's card or VORI has it."""

    @property
    def is_random(self) -> bool:
        return self.model.startswith("random:")

    @property
    def chunk_ms(self) -> int:
        return 20 if self.rooms <= 4 else 100


class Client(MeetingClient):
    """A client whose connection can be cut."""

    socket: ClientConnection | None = None

    async def _converse(self, socket: ClientConnection) -> bool:
        self.socket = socket
        return await super()._converse(socket)

    def cut(self) -> None:
        if self.socket is not None:
            self.socket.transport.abort()


class House:
    """A running server and the rooms that can be played to it."""

    def __init__(self, url: str, options: Options, sentences: Sequence[Sentence]) -> None:
        self._url = url
        self._options = options
        self._sentences = sentences
        self._speeches: dict[int, Speech] = {}
        self._played = 0

    def speech(self, number: int) -> Speech:
        if number not in self._speeches:
            options = self._options
            self._speeches[number] = compose(
                self._sentences, seconds=options.seconds, duty=options.duty, seed=number
            )
        return self._speeches[number]

    async def play(
        self, rooms: int, *, cuts: int = 0, extra: int = 0
    ) -> tuple[list[Room], dict[str, Any]]:
        """Play so many rooms at once; what they were told, and what the server had to do.

        extra: so many rooms more come after a third of the time and go after two.
        """
        self._played += 1
        options = structs.replace(self._options, rooms=rooms + extra)
        third_s = options.seconds / 3
        speeches = [self.speech(i) for i in range(rooms + extra)]
        speeches[rooms:] = [shortened(speech, third_s) for speech in speeches[rooms:]]
        sounds = [tagged(s.samples, i).astype("<i2").tobytes() for i, s in enumerate(speeches)]
        heard = [Room(speech, chunk_s=options.chunk_ms / 1000) for speech in speeches]
        clients = [await self._client(room, i) for i, room in enumerate(heard)]
        watched = Watched(self._url)
        dice = random.Random(rooms + self._played)
        began_s = time.perf_counter()
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(_beside(watched.run()))
            if cuts:
                await stack.enter_async_context(
                    _beside(cut_now_and_then(clients, cuts, options.seconds, dice))
                )
            waits_s = [
                dice.uniform(0, 1.5) + (third_s if i >= rooms else 0) for i in range(rooms + extra)
            ]
            await asyncio.gather(
                *(
                    client.stream(paced(sound, room, options.chunk_ms, wait_s))
                    for client, sound, room, wait_s in zip(
                        clients, sounds, heard, waits_s, strict=True
                    )
                )
            )
        did = watched.figures()
        if extra:
            did["overload"] = overload(
                heard, watched, began_s + third_s + 1.5, began_s + 2 * third_s
            )
        return heard, did | {"connections": sum(client.connections for client in clients)}

    async def _client(self, room: Room, number: int) -> Client:
        meeting = await Api(self._url).post("/api/meetings", {"groupId": 1})
        return Client(
            self._url.replace("http", "ws", 1),
            meeting["meetingId"],
            {
                "audioId": f"bench-{self._played}-{number}",
                "groupId": 1,
                "language": "en",
                "partials": True,
                "format": {"encoding": "s16le", "rateHz": RATE_HZ},
            },
            on_message=lambda message: room.told(time.perf_counter(), message),
        )


def shortened(speech: Speech, seconds: float) -> Speech:
    """Its beginning; the last sentence may be cut off."""
    return Speech(
        speech.samples[: round(seconds * RATE_HZ)],
        tuple(word for word in speech.words if word.end_s < seconds),
        tuple(start_s for start_s in speech.starts_s if start_s < seconds),
    )


def overload(rooms: Sequence[Room], watched: Watched, from_s: float, to_s: float) -> dict[str, Any]:
    """How words came that were said while twice the rooms spoke, and when it was over."""
    said = [word for room in rooms for word in commits(room)]
    during = [delay_s for at_s, delay_s in said if from_s <= at_s < to_s]
    late_s = [
        at_s - to_s for at_s, delay_s in said if at_s >= to_s and 1000 * delay_s > CAPACITY_MS
    ]
    there = sum(from_s <= room.sent_s(w.end_s) < to_s for room in rooms for w in room.speech.words)
    ages = [age for at_s, age in watched.ages if from_s <= at_s < to_s]
    warned = [{m["code"] for _, m in room.messages if m["type"] == "warning"} for room in rooms]
    return {
        "commitDelayMs": spread(during),
        "queueAgeMsMax": max(ages, default=0),
        "heard": round(len(during) / max(1, there), 3),
        "roomsWarned": sum("lagging" in codes for codes in warned),
        "recoveryS": round(max([0.0, *late_s]), 1),
    }


async def paced(data: bytes, room: Room, chunk_ms: int, wait_s: float) -> AsyncIterator[bytes]:
    """Chunks when they are over, late ones at once: the clock does not wait for anybody."""
    size = 2 * RATE_HZ * chunk_ms // 1000
    started = time.perf_counter() + wait_s
    for number, start in enumerate(range(0, len(data), size), 1):
        await asyncio.sleep(max(0.0, started + number * chunk_ms / 1000 - time.perf_counter()))
        room.sent.append(time.perf_counter())
        yield data[start : start + size]


async def cut_now_and_then(
    clients: Sequence[Client], cuts: int, seconds: float, dice: random.Random
) -> None:
    for at_s in sorted(dice.uniform(1, seconds - 1) for _ in range(cuts)):
        loop = asyncio.get_running_loop()
        loop.call_later(at_s, partial(dice.choice(clients).cut))
    await asyncio.sleep(seconds)


class Watched:
    """What the server does meanwhile."""

    def __init__(self, url: str) -> None:
        self._api = Api(url)
        self.ages: list[tuple[float, float]] = []
        """When it was looked at, and how long the oldest window had waited, in ms."""
        self._processes = [
            child
            for child in psutil.Process().children(recursive=True)
            if "postgres" not in child.name()
        ]
        self._rss = 0
        self._began = (time.perf_counter(), self._cpu_s(), psutil.Process().cpu_times())
        self._first: dict[str, Any] = {}
        self._last: dict[str, Any] = {}

    async def run(self) -> None:
        while True:
            health = await self._api.get("/health", accept_errors=True)
            self._last = health["workers"]["transcribe"]["detail"]
            self._first = self._first or self._last
            self.ages.append((time.perf_counter(), self._last["oldestMs"]))
            self._rss = max(self._rss, self.rss)
            await asyncio.sleep(0.5)

    def _did(self, what: str) -> int:
        return int(self._last.get(what, 0)) - int(self._first.get(what, 0))

    @property
    def rss(self) -> int:
        """Of the server without its database, in bytes."""
        return sum(process.memory_info().rss for process in self._processes)

    def _cpu_s(self) -> float:
        times = [process.cpu_times() for process in self._processes]
        return sum(t.user + t.system for t in times)

    def figures(self) -> dict[str, Any]:
        wall_s = time.perf_counter() - self._began[0]
        own = psutil.Process().cpu_times()
        own_s = own.user + own.system - self._began[2].user - self._began[2].system
        ages = sorted(age for _, age in self.ages) or [0.0]
        return {
            "queueAgeMs": {"p95": ages[int(0.95 * (len(ages) - 1))], "max": ages[-1]},
            "cpuPercent": round(100 * (self._cpu_s() - self._began[1]) / wall_s),
            "clientCpuPercent": round(100 * own_s / wall_s),
            "realTimeFactor": self._last.get("realTimeFactor"),
            "windows": self._did("windows"),
            "batchRows": round(self._did("windows") / max(1, self._did("batches")), 2),
            "rssMb": round(self._rss / 2**20),
        }


@contextlib.asynccontextmanager
async def _beside(work: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def house(options: Options, report: dict[str, Any] | None = None) -> AsyncIterator[House]:
    """A server of its own, with nothing but what captions need. `report`: filled at its end."""
    sentences = texts_by_flite() if options.sound == "flite" else meeting_sentences()
    path = model_path(options.model)
    plan = Plan(
        is_baseline=options.is_baseline,
        is_oracle=options.is_random,
        model=str(path or "demo"),
        min_window_s=options.window_s,
        seconds=options.seconds,
        duty=options.duty,
    )
    with tempfile.TemporaryDirectory(prefix="vori-bench-") as home:
        plan_file, report_file = Path(home) / "plan.json", Path(home) / "report.json"
        plan_file.write_bytes(msgspec.json.encode(plan))
        program = ("-m", "benchmarks.served", str(plan_file), str(report_file))
        variables = {
            "PYTHONPATH": str(ROOT),
            "OPENBLAS_NUM_THREADS": "1",  # as `vori` has it
            "VORI_SERVER__WORKERS": "web,transcribe,streams",
            "VORI_AUDIO__MAX_RECORDINGS": str(2 * MAX_ROOMS),
            "VORI_SPEECH__QUEUE_SIZE": str(2 * MAX_ROOMS),
            "VORI_SPEECH__COMPUTE_TYPE": options.compute_type,
            "VORI_SPEECH__PARTIAL_MS": str(options.partial_ms),
            "VORI_SPEECH__FORESEE_END": str(not options.is_baseline).lower(),
            "VORI_LOG__LEVEL": "warning",
        }
        async with server(Path(home), "demo", program=program, variables=variables) as url:
            yield House(url, options, sentences)
        if report is not None and report_file.exists():
            report |= msgspec.json.decode(report_file.read_bytes())


def model_path(model: str) -> Path | None:
    """None for the demo model; random ones are made once and kept beside the temporary files."""
    if model == "demo":
        return None
    if not model.startswith("random:"):
        return Path(model).expanduser()
    from tests.transcribe.random_whisper import SHAPES, write_random_whisper

    size = model.removeprefix("random:")
    path = Path(tempfile.gettempdir()) / f"vori-bench-models-{psutil.Process().username()}" / size
    if not (path / "preprocessor_config.json").exists():
        write_random_whisper(path, SHAPES[size], is_multilingual=True, quantization="int8")
    return path


def summed_up(rooms: Sequence[Room], options: Options) -> dict[str, Any]:
    figures = merge(rooms, offline_texts(rooms, options))
    worst = [spread(delays(room)["commit"]).get("p95", 0.0) for room in rooms]
    figures["fairness"] = round(max(worst) / max(1.0, statistics.median(worst)), 2)
    latencies = [latency for room in rooms for latency in room.final_latencies()]
    figures["finalLatencyMs"] = spread(latencies)
    warnings = [m["code"] for room in rooms for _, m in room.messages if m["type"] == "warning"]
    figures["lagging"] = warnings.count("lagging")
    if options.is_random:
        figures |= {"werStreamed": None, "werOffline": None}
    return figures


def offline_texts(rooms: Sequence[Room], options: Options) -> list[str] | None:
    if options.is_random:
        return None
    path = model_path(options.model)
    model = ResolvedModel(path, path.name) if path else resolve("demo", home=Path.home() / ".vori")
    recogniser, voice = Whisper(model, device="cpu"), Silero()
    known: dict[int, str] = {}
    if len(rooms) > OFFLINE_ROOMS:
        return None
    return [
        known.setdefault(id(r.speech), offline_text(r.speech, recogniser, voice)) for r in rooms
    ]


async def measure_rooms(options: Options) -> dict[str, Any]:
    report: dict[str, Any] = {}
    async with house(options, report) as one:
        extra = options.rooms if options.is_overloaded else 0
        rooms, did = await one.play(options.rooms, extra=extra)
        lost: dict[str, Any] = {"lostWords": None}
        if options.cuts:
            again, _ = await one.play(options.rooms, cuts=options.cuts)
            lost = losses(rooms, again)
    return {
        "rooms": options.rooms,
        "model": options.model,
        **summed_up(rooms, options),
        **did,
        **lost,
        "loop": report,
    }


def losses(whole: Sequence[Room], cut: Sequence[Room]) -> dict[str, int]:
    """Words that are in the captions without cuts and not in those with them."""
    missing = [errors(plain(a.text), plain(b.text))[1] for a, b in zip(whole, cut, strict=True)]
    gaps = sum(len(room.finals) != room.finals[-1]["seq"] + 1 for room in cut if room.finals)
    return {
        "lostWords": sum(missing) + gaps,
        "doubledFinals": sum(room.doubled() for room in cut),
    }


async def find_capacity(options: Options, first: int) -> dict[str, Any]:
    """The most rooms that are served well, and the points that were tried."""
    points: dict[int, dict[str, Any]] = {}
    report: dict[str, Any] = {}

    async with house(options, report) as one:

        async def is_well_served(count: int) -> bool:
            rooms, did = await one.play(count)
            all_delays = [d for room in rooms for d in delays(room)["commit"]]
            commit = spread(all_delays)
            said = sum(len(room.speech.words) for room in rooms)
            points[count] = {
                "commitDelayMs": commit,
                "heard": round(len(all_delays) / max(1, said), 3),
                "fairness": summed_up(rooms, structs.replace(options, model="random:"))["fairness"],
                **did,
            }
            print_point(count, points[count])
            return commit.get("p95", 1e9) <= CAPACITY_MS

        good, bad = 0, MAX_ROOMS + 1
        count = first
        while bad - good > max(1, good // 12) and count <= MAX_ROOMS:
            if await is_well_served(count):
                good = count
                count = 2 * good if bad > MAX_ROOMS else (good + bad) // 2
            else:
                bad = count
                count = max(1, (good + bad) // 2)
            if count in points:
                break
    return {"capacity": good, "points": points, "loop": report}


def print_point(count: int, point: dict[str, Any]) -> None:
    import sys

    print(f"  {count} rooms: {point}", file=sys.stderr, flush=True)


async def measure_memory(
    options: Options, *, idle: int = 100, speaking: int = 20
) -> dict[str, Any]:
    """Of one more room: bytes the server has more when so many are connected and silent, or speak."""
    quiet = structs.replace(options, seconds=8.0)
    async with house(quiet) as one:
        await one.play(2)  # what is loaded once is loaded
        before = Watched(one._url).rss
        silent = compose([], seconds=quiet.seconds)
        one._speeches = dict.fromkeys(range(idle), silent)
        _, did = await one.play(idle)
        idle_mb = (did["rssMb"] - before / 2**20) / idle
        one._speeches = {}
        before = Watched(one._url).rss
        _, did = await one.play(speaking)
        speaking_mb = (did["rssMb"] - before / 2**20) / speaking
    return {"idleRoomMb": round(idle_mb, 2), "speakingRoomMb": round(speaking_mb, 2)}


def measure() -> dict[str, Any]:
    """One room, and the demo model: for `vori bench all`."""
    return asyncio.run(measure_rooms(Options()))


def main(arguments: Sequence[str]) -> dict[str, Any]:
    parser = argparse.ArgumentParser(
        "vori bench captions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rooms", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--compute-type", default="auto")
    parser.add_argument("--sound", choices=("meeting", "flite"), default="meeting")
    parser.add_argument("--partial-ms", type=int, default=500)
    parser.add_argument("--cuts", type=int, default=0)
    parser.add_argument("--find-capacity", action="store_true")
    parser.add_argument("--first", type=int, default=4, help="rooms to begin the search with")
    parser.add_argument("--baseline", action="store_true")
    parser.add_argument("--baseline-window", type=float, help="seconds")
    parser.add_argument("--overload", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--plot", type=Path, help="an SVG file")
    asked = parser.parse_args(arguments)
    if asked.rooms > MAX_ROOMS:
        parser.error(f"--rooms: at most {MAX_ROOMS}")
    options = Options(
        rooms=asked.rooms,
        seconds=asked.seconds,
        model=asked.model,
        compute_type=asked.compute_type,
        sound=asked.sound,
        cuts=asked.cuts,
        partial_ms=asked.partial_ms,
        is_overloaded=asked.overload,
    )
    return asyncio.run(_run(options, asked))


async def _run(options: Options, asked: argparse.Namespace) -> dict[str, Any]:
    figures: dict[str, Any] = {"capacity": None, "capacityBaseline": None}
    plain_loop = structs.replace(options, is_baseline=True, window_s=asked.baseline_window)
    if asked.memory:
        return await measure_memory(options)
    if asked.find_capacity:
        found = await find_capacity(options, asked.first)
        figures |= {"capacity": found["capacity"], "points": found["points"]}
        if asked.baseline:
            base = await find_capacity(plain_loop, max(1, asked.first // 3))
            figures |= {"capacityBaseline": base["capacity"], "pointsBaseline": base["points"]}
        if asked.plot:
            plot(asked.plot, options.model, figures)
        if options.rooms == 1 and found["capacity"] > 1:
            options = structs.replace(options, rooms=found["capacity"])
        figures |= await measure_rooms(options)
        return figures
    figures |= await measure_rooms(options)
    if asked.baseline:
        figures["baseline"] = await measure_rooms(plain_loop)
    return figures
