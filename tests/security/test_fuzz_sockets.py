"""Conversations with every socket of VORI, valid and hostile messages mixed, ten thousand of them.

A state machine draws what a squad of clients does; each member does it with mistakes of its own.
`VORI_TEST_SESSIONS` sets how many conversations there are.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import itertools
import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import msgspec
import numpy as np
import pytest
import structlog
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    rule,
    run_state_machine_as_test,
)
from litestar.connection import WebSocket

from tests.security.inside import (
    PATIENCE_S,
    Account,
    Conversation,
    Inside,
    count_of,
    fresh_database,
    inside,
    open_files,
)
from tests.transcribe.sounds import muxed, s16, sweep, wav, webm
from vori.data.engine import DB
from vori.demo.play import SOUND
from vori.meetings.events import Page
from vori.transcribe.container import decode_file
from vori.transcribe.journal import Journal
from vori.transcribe.live import LiveRecording
from vori.transcribe.outgoing import Listener
from vori.transcribe.sandbox import ApartDecoder

SESSIONS = int(os.environ.get("VORI_TEST_SESSIONS", "10000"))
SQUAD = 25
MAX_FRAME = 65_536
OURS = (Listener, LiveRecording, Journal, ApartDecoder, WebSocket, Page)
"""What a conversation holds, and nobody after it."""

pytestmark = [pytest.mark.postgres, pytest.mark.model]

NOISE = np.random.default_rng(0).normal(0, 0.1, 4_000).astype(np.float32)
PCM = s16(NOISE)
SOUNDS = {
    "s16le": [PCM, PCM[:1001], bytes(3_200)],
    "webm": [webm(sweep(0.5)), webm(sweep(0.5))[:300]],
    "ogg": [muxed(sweep(0.5), "ogg", "libopus")],
    "wav": [wav(PCM), wav(PCM, data_bytes=0xFFFFFFFF)],
    "auto": [wav(PCM), b"\x1a\x45\xdf\xa3" + b"\xff" * 200, muxed(sweep(0.3), "mp4", "aac")],
}
DEEP = "[" * 5_000 + "]" * 5_000
HOSTILE: list[str | bytes] = [
    "", "{", DEEP, '{"type":' + DEEP + "}", '"\\ud800"', "\0", "null", "[]", "1e999", '{"type":1}',
    '{"type":"metadata","data":{"audioId":"' + "x" * 2_000 + '","groupId":1}}',
    '{"type":"metadata","data":{"audioId":"../../../etc/passwd","groupId":"1; DROP TABLE users"}}',
    '{"type":"metadata","data":{"audioId":"a","groupId":99999999999999999999}}',
    '{"type":"input_audio_buffer.append","audio":"!!!"}',
    '{"type":"input_audio_buffer.append","audio":' + "9" * 400 + "}",
    '{"type":"session.update","session":{"audio":{"input":{"format":{"type":"audio/mp9"}}}}}',
    '{"type":"session.update","session":' + '{"audio":' * 200 + "{}" + "}" * 200 + "}",
    '{"type":"Finalize","x":"' + "y" * 100_000 + '"}',
    "\ud7ff\uffff" * 50, "{}" * 1_000,
    b"", b"\0", b"\xff" * 7, os.urandom(0) + bytes(range(256)) * 4, b"\x1a\x45\xdf\xa3" * 50,
    b"OggS\0\2" + b"\xff" * 100, b"RIFF\xff\xff\xff\xffWAVE", b"\x00" * (MAX_FRAME + 1),
    b"ID3" + b"\xff" * 500, webm(sweep(0.2))[200:],
]  # fmt: skip
VALID: dict[str, list[str]] = {
    "vori": ['{"type":"keepalive"}', '{"type":"ping"}', '{"type":"end"}'],
    "deepgram": ['{"type":"KeepAlive"}', '{"type":"Finalize"}', '{"type":"CloseStream"}'],
    "openai": [
        '{"type":"input_audio_buffer.commit"}',
        '{"type":"input_audio_buffer.clear"}',
        '{"type":"session.update","session":{"type":"transcription"}}',
        '{"type":"transcription_session.update","session":{"input_audio_format":"g711_ulaw"}}',
    ],
    "events": [],
}
ENDS = {"vori": '{"type":"end"}', "deepgram": '{"type":"CloseStream"}', "openai": "", "events": ""}
QUERIES = {
    "vori": ["", "x=1", "token=vori_nothing"],
    "deepgram": [
        "encoding=linear16&sample_rate=16000",
        "encoding=mulaw&sample_rate=8000&vad_events=true&interim_results=true",
        "interim_results=true",
        "encoding=linear16&sample_rate=5", "sample_rate=abc", "diarize=true", "language=" + "x" * 300,
        "keyterm=" + "%00%ff%0d%0a", "channels=99",
    ],
    "openai": ["intent=transcription", "intent=transcription&vori=1", "intent=x", ""],
    "events": ["", "meetingId=1", "meetingId=abc", "meetingId=" + "9" * 30],
}  # fmt: skip
CODES = {
    None, 400, 401, 403, 404, 429, 503,
    1000, 1001, 1009, 1011, 1013, 4400, 4401, 4403, 4404, 4408, 4409, 4413, 4429,
}  # fmt: skip


class Member:
    """One client of a squad."""

    def __init__(self, line: Conversation, adapter: str, number: int, account: Account) -> None:
        self.line = line
        self.adapter = adapter
        self.account = account
        self.dice = random.Random(number)
        self.number = number

    def metadata(self, fmt: str, *, resume: bool) -> str:
        data = {
            "audioId": f"fuzz-{self.number - (self.dice.random() < 0.1)}",
            "groupId": self.account.group_id,
            "format": fmt,
            "partials": self.dice.random() < 0.5,
            "resume": resume,
        }
        return msgspec.json.encode({"type": "metadata", "data": data}).decode()

    def say(self, message: str | bytes) -> None:
        """What it was told to say, or nearly."""
        luck = self.dice.random()
        if luck < 0.75 or not message:
            self.line.say(message)
        elif luck < 0.85:
            at = self.dice.randrange(len(message))
            self.line.say(message[:at])
        elif luck < 0.95:
            at = self.dice.randrange(len(message))
            if isinstance(message, str):
                self.line.say(
                    message[:at] + chr(self.dice.randrange(1, 0xD7FF)) + message[at + 1 :]
                )
            else:
                self.line.say(message[:at] + self.dice.randbytes(1) + message[at + 1 :])
        elif luck < 0.98:
            self.line.say(message)
            self.line.say(message)

    def sound(self, data: bytes) -> None:
        if self.adapter == "openai":
            audio = base64.b64encode(data[:20_000]).decode()
            self.say(
                msgspec.json.encode({"type": "input_audio_buffer.append", "audio": audio}).decode()
            )
        else:
            self.say(data)


class Arena:
    """A VORI, how it is with no one there, and how many have come."""

    def __init__(self, vori: Inside) -> None:
        self.vori = vori
        self.account = vori.run(vori.account("Fuzz"))
        self.narrow = vori.run(vori.account("Narrow"))
        self.sessions = 0
        self.told: dict[int | None, int] = {}
        self.messages = 0
        self.half: int | None = None
        self._numbers = itertools.count(1)
        self._meetings = itertools.count(1_000)

    async def connect(self, adapter: str, query: str, credentials: str) -> list[Member]:
        members = []
        meeting = next(self._meetings)
        for _ in range(SQUAD):
            number = next(self._numbers)
            headers = {
                "good": {"authorization": f"Bearer {self.account.secret}"},
                "other": {"authorization": f"Bearer {self.narrow.secret}"},
                "wrong": {"authorization": "Bearer vori_" + "a" * 43},
                "none": {},
            }[credentials]
            where = f"&meeting_id={meeting}&group_id={self.account.group_id}"
            path, asked = {
                "vori": (f"/ws/meeting/{meeting}", query),
                "deepgram": ("/v1/listen", query + where),
                "openai": ("/v1/realtime", query + where),
                "events": ("/api/events", query),
            }[adapter]
            line = Conversation(self.vori.app, path, asked, **headers)
            members.append(Member(line, adapter, number, self.account))
        self.sessions += SQUAD
        await asyncio.sleep(0)
        return members

    async def over(self, squads: list[list[Member]]) -> None:
        lines = [member.line for squad in squads for member in squad]
        for line in lines:
            line.leave()
        async with asyncio.timeout(PATIENCE_S):
            ended = await asyncio.gather(*(line.task for line in lines), return_exceptions=True)
        broken = [one for one in ended if one is not None]
        assert not broken, broken[:3]
        for line in lines:
            assert line.closed in CODES, (line.closed, line.asked, line.heard[-1:])
            assert not any('"internal"' in str(one) for one in line.heard), line.heard[-2:]
            self.told[line.closed] = self.told.get(line.closed, 0) + 1
            self.messages += len(line.heard)
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until every recording of the fuzz is over; the good client's may go on."""
        async with asyncio.timeout(PATIENCE_S):
            while any(name.startswith(("fuzz-", "deepgram", "openai")) for name in self._names()):
                await asyncio.sleep(0.005)

    def _names(self) -> list[str]:
        return list(self.vori.recordings._tasks)


class Good:
    """A client that says the same again and again, and is to hear the same each time."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._data = s16(np.concatenate(list(decode_file(SOUND, limit_s=100)))[: 16_000 * 7])
        self._stopped = False
        self.heard: list[list[str]] = []

    def start(self) -> Future[None]:
        return asyncio.run_coroutine_threadsafe(self._work(), self._arena.vori.loop)

    def stop(self) -> None:
        self._stopped = True

    async def once(self) -> list[str]:
        account = self._arena.account
        number = len(self.heard)
        line = Conversation(
            self._arena.vori.app,
            f"/ws/meeting/{10 + number}",
            authorization=f"Bearer {account.secret}",
        )
        data = {"audioId": f"good-{number}", "groupId": account.group_id, "format": "s16le"}
        line.say(msgspec.json.encode({"type": "metadata", "data": data}).decode())
        for at in range(0, len(self._data), 3_200):
            line.say(self._data[at : at + 3_200])
            await asyncio.sleep(0.03)
        line.say('{"type":"end"}')
        finished = await line.until("finished")
        await line.task
        assert line.closed == 1000
        wrong = [m for m in line.messages if m["type"] in ("error", "warning")]
        assert [m for m in wrong if m["code"] != "lagging"] == []
        assert finished["durationMs"] == 7_000
        acks = [m["receivedBytes"] for m in line.messages if m["type"] == "ack"]
        assert acks[-1] == len(self._data)
        return [m["text"] for m in line.messages if m["type"] == "caption"]

    async def _work(self) -> None:
        while not self._stopped:
            self.heard.append(await self.once())


class Clients(RuleBasedStateMachine):
    arena: Arena
    squads: Bundle[Any] = Bundle("squads")

    def __init__(self) -> None:
        super().__init__()
        self.here: list[list[Member]] = []

    @rule(
        target=squads,
        adapter=st.sampled_from(["vori", "vori", "deepgram", "openai", "events"]),
        credentials=st.sampled_from(["good"] * 6 + ["other", "wrong", "none"]),
        opening=st.sampled_from([*SOUNDS, *SOUNDS, None]),
        data=st.data(),
    )
    def connect(
        self, adapter: str, credentials: str, opening: str | None, data: st.DataObject
    ) -> list[Member]:
        """A squad comes, and mostly begins as it should."""
        usual = QUERIES[adapter][0]
        query = data.draw(st.sampled_from([usual, usual, *QUERIES[adapter]]))
        squad = self.arena.vori.run(self.arena.connect(adapter, query, credentials))
        self.here.append(squad)
        if opening is not None:
            self.begin_all(squad, opening, resume=False)
        return squad

    @rule(squad=squads, fmt=st.sampled_from(list(SOUNDS)), resume=st.booleans())
    def begin(self, squad: list[Member], fmt: str, resume: bool) -> None:
        self.begin_all(squad, fmt, resume=resume)

    def begin_all(self, squad: list[Member], fmt: str, *, resume: bool) -> None:
        def go(member: Member) -> None:
            if member.adapter == "vori":
                member.line.say(member.metadata(fmt, resume=resume))
            if member.adapter != "events":
                member.sound(SOUNDS[fmt][0])

        self._each(squad, go)

    @rule(squad=squads, sound=st.sampled_from([one for some in SOUNDS.values() for one in some]))
    def speak(self, squad: list[Member], sound: bytes) -> None:
        self._each(squad, lambda member: member.sound(sound))

    @rule(squad=squads, data=st.data())
    def control(self, squad: list[Member], data: st.DataObject) -> None:
        known = VALID[squad[0].adapter] or HOSTILE
        message = data.draw(st.sampled_from(known))
        self._each(squad, lambda member: member.say(message))

    @rule(squad=squads, message=st.sampled_from(HOSTILE))
    def attack(self, squad: list[Member], message: str | bytes) -> None:
        self._each(squad, lambda member: member.say(message))

    @rule(squad=squads, message=st.one_of(st.text(max_size=200), st.binary(max_size=400)))
    def babble(self, squad: list[Member], message: str | bytes) -> None:
        self._each(squad, lambda member: member.say(message))

    @rule(squad=squads)
    def flood(self, squad: list[Member]) -> None:
        self._each(squad[:1], lambda member: [member.line.say(b"\0\0") for _ in range(200)])

    @rule(squad=consumes(squads), code=st.sampled_from([1000, 1001, 1006]), ends=st.booleans())
    def leave(self, squad: list[Member], code: int, ends: bool) -> None:
        def go(member: Member) -> None:
            if ends and ENDS[member.adapter]:
                member.say(ENDS[member.adapter])
            member.line.leave(code)

        self._each(squad, go)

    def teardown(self) -> None:
        arena = self.arena
        arena.vori.run(arena.over(self.here))
        if arena.half is None and arena.sessions > SESSIONS // 2:
            arena.half = objects()

    def _each(self, squad: list[Member], work: Any) -> None:
        async def do() -> None:
            for member in squad:
                if not member.line.task.done():
                    work(member)
            await asyncio.sleep(0)

        self.arena.vori.run(do())


def objects() -> int:
    gc.collect()
    return len(gc.get_objects())


@pytest.fixture
def arena(postgres_url: str, template: str) -> Iterator[Arena]:
    many = {"sockets": 100_000, "sockets_per_user": 100_000, "sockets_per_address": 100_000}
    with (
        fresh_database(postgres_url, template) as url,
        inside(
            url,
            server={"port": 0, "workers": ["web", "transcribe", "streams"]},
            limits=many,
            audio={
                "resume_s": 0.05, "sync_ms": 50, "max_recordings": 200, "max_frame_bytes": MAX_FRAME,
                "max_messages_per_s": 2_000,
            },
            speech={"model": "demo", "device": "cpu", "partial_ms": 3_000},
        ) as vori,
    ):  # fmt: skip
        yield Arena(vori)


@pytest.fixture
def errors() -> Iterator[list[dict[str, Any]]]:
    """What VORI logs as an error meanwhile; the rest is let go."""
    found: list[dict[str, Any]] = []

    def sieve(_: Any, method: str, event: Any) -> Any:
        if method in ("error", "exception", "critical"):
            found.append(dict(event))
        raise structlog.DropEvent

    processors = structlog.get_config()["processors"]
    before = list(processors)
    processors[:] = [sieve]
    yield found
    processors[:] = before


def test_ten_thousand_conversations_break_nothing_leak_nothing_and_disturb_nobody(
    arena: Arena, errors: list[dict[str, Any]]
) -> None:
    vori = arena.vori
    good = Good(arena)
    quiet = vori.run(good.once())
    assert " ".join(quiet).strip(), "the good client is to have something to lose"
    good.heard.append(quiet)
    vori.run(vori.settled())
    tasks, files, ours = vori.tasks(), open_files(), count_of(*OURS)

    Clients.arena = arena
    beside = good.start()
    rounds = 0
    while arena.sessions < SESSIONS:
        rounds += 1
        machine = seed(rounds)(type(f"Clients{rounds}", (Clients,), {}))
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=4,
                stateful_step_count=40,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
        assert not beside.done(), beside.result()
    good.stop()
    beside.result(PATIENCE_S)

    [row] = vori.run(DB.fetch("SELECT count(*) AS n FROM recordings WHERE audio_id LIKE 'fuzz-%'"))
    print(
        f"{arena.sessions} conversations, {row['n']} recordings of VORI's own, {arena.messages} answers"
    )
    print(f"closed with {arena.told}; the good client was heard {len(good.heard)} times")
    assert row["n"] > arena.sessions // 20
    assert errors == []
    assert len(good.heard) >= 3
    assert all(one == quiet for one in good.heard), good.heard
    assert {1000, 4400, 401, 4401} <= arena.told.keys()
    vori.run(vori.settled())
    assert vori.app.state.sockets.open == 0
    assert count_of(*OURS) <= ours
    give_up = time.monotonic() + PATIENCE_S  # a task may just be at its end
    while vori.tasks() > tasks and time.monotonic() < give_up:
        time.sleep(0.05)
    assert vori.tasks() <= tasks
    assert open_files() <= files + 12  # PostgreSQL's pool and the decoders' nursery
    assert arena.half is not None
    assert objects() - arena.half < SESSIONS // 10, "something of each conversation stays"
