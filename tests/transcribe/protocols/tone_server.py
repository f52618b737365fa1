"""A server on loopback whose words are tones, so that real client libraries get known answers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
from litestar import websocket
from litestar.connection import WebSocket
from litestar.params import FromPath

from tests.fakes import ToneRecogniser, tones
from tests.transcribe.sounds import s16, wav
from tests.transcribe.test_recordings import Host
from vori.clock import SystemClock
from vori.errors import NotFound
from vori.ids import AudioId, GroupId, MeetingId, UserId
from vori.meetings import sound
from vori.people import store as people
from vori.people.auth import SignIn, ensure_dev, principal_of
from vori.people.messages import Principal
from vori.server import Server, configure
from vori.settings import Audio, Limits, Settings
from vori.settings import Server as ServerSettings
from vori.transcribe.pool import RecogniserPool
from vori.transcribe.protocols.chunks import chunks_route
from vori.transcribe.protocols.deepgram import deepgram_route
from vori.transcribe.protocols.meeting import MeetingDialect
from vori.transcribe.protocols.openai_files import transcriptions_route, translations_route
from vori.transcribe.protocols.openai_realtime import openai_realtime_route
from vori.transcribe.protocols.session import converse
from vori.transcribe.recordings import Recordings
from vori.transcribe.retranscribe import Retranscriber
from vori.transcribe.routes import transcript_routes
from vori.transcribe.upload import Uploads
from vori.web import Parts, build

SENTENCE = [1, 2, 3, None, 4, 5, None]


class ToneServer:
    def __init__(self, port: int, token: str, host: Host, recordings: Recordings) -> None:
        self.host = host
        self.recordings = recordings
        self.token = token
        self.url = f"http://127.0.0.1:{port}"
        self.ws_url = f"ws://127.0.0.1:{port}"
        self.http = httpx.AsyncClient(
            base_url=self.url, headers={"authorization": f"Bearer {token}"}, timeout=30
        )

    @property
    def recogniser(self) -> ToneRecogniser:
        return self.host.recogniser


@contextlib.asynccontextmanager
async def tone_server(
    home: Path, limits: Limits | None = None, **audio: float
) -> AsyncIterator[ToneServer]:
    """On the open database; `audio` are settings of that part."""
    await ensure_dev()
    host = Host(home)
    host.audio = Audio(**{"sync_ms": 10, "resume_s": 60, **audio})  # type: ignore[arg-type]
    settings = Settings(audio=host.audio, server=ServerSettings(drain_s=1))
    token = (await people.create_token(UserId(1), name="tones")).secret
    retranscriber = Retranscriber(home, host.open_ear, _no_other, SystemClock())
    host.beside = retranscriber.work
    uploads = Uploads(home, _admit, retranscriber.wake, SystemClock(), host.audio)
    async with host.running() as recordings:
        app = build(
            Parts(
                clock=SystemClock(),
                sign_in=SignIn(clock=SystemClock()),
                end_meeting=recordings.finish_meeting,
                audio_file=_no_file,
                delete_sound=_nothing,
                write_minutes=_nothing,
                limits=limits or Limits(),
            ),
            route_handlers=[
                _meeting_socket(recordings, host.audio),
                chunks_route(recordings),
                deepgram_route(recordings, host.audio),
                openai_realtime_route(recordings, host.audio),
                transcriptions_route(recordings, host.audio),
                translations_route(recordings, host.audio),
                *transcript_routes(retranscriber, uploads, host.audio),
            ],
        )
        listening = socket.create_server(("127.0.0.1", 0))
        ready = asyncio.Event()
        server = Server(configure(app, settings), _nothing_to_drain, ready.set)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await ready.wait()
        made = ToneServer(listening.getsockname()[1], token, host, recordings)
        try:
            yield made
        finally:
            await made.http.aclose()
            server.should_exit = True
            await serving


def _meeting_socket(recordings: Recordings, limits: Audio) -> Any:
    @websocket("/ws/meeting/{meeting_id:str}")
    async def meeting_socket(socket: WebSocket[Any, Any, Any], meeting_id: FromPath[str]) -> None:
        await converse(
            socket, MeetingDialect(meeting_id), recordings, lambda: principal_of(socket), limits
        )

    return meeting_socket


@contextlib.asynccontextmanager
async def _no_other(model: str) -> AsyncIterator[RecogniserPool]:
    raise NotFound("none")
    yield


async def _admit(meeting_id: MeetingId, group_id: GroupId, principal: Principal) -> object:
    return await sound.admit(meeting_id, group_id, principal, clock=SystemClock())


async def _no_file(meeting_id: MeetingId, audio_id: AudioId | None) -> Path:
    raise NotFound("none")


async def _nothing(meeting_id: MeetingId) -> None:
    pass


async def _nothing_to_drain() -> None:
    pass


async def new_meeting(server: ToneServer) -> int:
    made = await server.http.post("/api/meetings", json={"groupId": 1})
    return int(made.json()["meetingId"])


def tone_wav(numbers: list[int | None] = SENTENCE) -> bytes:
    return wav(s16(tones(numbers)), rate_hz=16_000)
