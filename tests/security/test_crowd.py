"""A crowd at VORI's real sockets: what it takes is bounded, and a normal client hears all the same.

By counting, since a shared machine keeps no time; `vori bench crowd` has the milliseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.security.inside import Account, Inside, fresh_database, inside
from tests.transcribe.sounds import s16
from vori.client import MeetingClient
from vori.demo.play import SOUND
from vori.ids import CaptionId, EventId, GroupId, MeetingId, uuid7
from vori.meetings.events import MOST_WAITING
from vori.transcribe.container import decode_file
from vori.transcribe.messages import Caption
from vori.transcribe.protocols.meeting import MeetingDialect

IDLE, SLOW = 500, 50
PER_S = 50.0
BURST_S = 4.0
PAGE_MEETING = 77
CAPTIONS = 750
"""18 MB for each slow page: no buffer of a line holds them."""
pytestmark = [pytest.mark.postgres, pytest.mark.model]


@pytest.fixture(scope="module")
def vori(postgres_url: str, template: str) -> Iterator[Inside]:
    room = {"sockets": 2_000, "sockets_per_user": 2_000, "sockets_per_address": 2_000}
    with (
        fresh_database(postgres_url, template) as url,
        inside(url, limits=room, audio={"first_message_s": 60, "max_messages_per_s": PER_S}) as one,
    ):
        yield one


def metadata(account: Account, audio_id: str) -> str:
    data = {"audioId": audio_id, "groupId": account.group_id, "format": "s16le"}
    return msgspec.json.encode({"type": "metadata", "data": data}).decode()


async def captions(vori: Inside, account: Account, number: int, sound: bytes) -> list[str]:
    """What a normal client hears; it fails when anything is told that is no caption."""
    heard: list[dict[str, Any]] = []
    client = MeetingClient(
        vori.ws_url,
        number,
        {"audioId": f"normal-{number}", "groupId": account.group_id, "format": "s16le"},
        token=account.secret,
        on_message=heard.append,
    )

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(sound), 16_000):
            yield sound[at : at + 16_000]

    async with asyncio.timeout(300):
        await client.stream(pieces())
    assert client.connections == 1
    wrong = [m for m in heard if m["type"] in ("warning", "error") and m["code"] != "lagging"]
    assert wrong == []
    assert heard[-1]["durationMs"] == 7_000
    return [m["text"] for m in heard if m["type"] == "caption"]


def slow_page(vori: Inside, account: Account) -> socket.socket:
    """Opens a page of PAGE_MEETING, and never reads."""
    parts = urlsplit(vori.url)
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    line.connect((parts.hostname, parts.port))
    line.sendall(
        f"GET /api/events?meetingId={PAGE_MEETING} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Authorization: Bearer {account.secret}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    return line


def caption(account: Account, seq: int) -> Caption:
    return Caption(
        event_id=EventId(uuid7()),
        caption_id=CaptionId(uuid7()),
        meeting_id=MeetingId(PAGE_MEETING),
        group_id=GroupId(account.group_id),
        audio_id="page",  # type: ignore[arg-type]
        seq=seq,
        text="말 " * 4_000,
        language="ko",
        start_ms=0,
        end_ms=1,
        meeting_start_ms=0,
    )


async def test_a_normal_client_hears_the_same_among_idle_and_slow_ones_and_an_attacker(
    vori: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = 0
    read = MeetingDialect.read

    def counted(self: MeetingDialect, message: str | bytes) -> Any:
        nonlocal taken
        taken += isinstance(message, str) and "keepalive" in message
        return read(self, message)

    mina = vori.run(vori.account("Mina"))
    mallory = vori.run(vori.account("Mallory"))
    sound = s16(np.concatenate(list(decode_file(SOUND, limit_s=100)))[: 16_000 * 7])
    headers = {"Authorization": f"Bearer {mallory.secret}"}
    quiet = await captions(vori, mina, 1, sound)
    assert " ".join(quiet).strip()

    async with contextlib.AsyncExitStack() as stack:
        gate = asyncio.Semaphore(40)

        async def come(path: str) -> ClientConnection:
            async with gate:
                line = await connect(
                    vori.ws_url + path, additional_headers=headers, compression=None,
                    ping_interval=None, open_timeout=120,
                )  # fmt: skip
            stack.push_async_callback(line.close)
            return line

        half = IDLE // 2
        paths = ["/api/events"] * half + [f"/ws/meeting/{1_000 + n}" for n in range(half)]
        idle = await asyncio.gather(*map(come, paths))
        for page in idle[:half]:
            assert msgspec.json.decode(await page.recv())["type"] == "ready"
        slow = [slow_page(vori, mallory) for _ in range(SLOW)]
        for one in slow:
            stack.callback(one.close)
        reader = await come(f"/api/events?meetingId={PAGE_MEETING}")
        pages = vori.vori._events._pages
        async with asyncio.timeout(180):
            while len(pages) < half + SLOW + 1:
                await asyncio.sleep(0.01)

        attacker = await come("/ws/meeting/9000")
        await attacker.send(metadata(mallory, "attack"))
        monkeypatch.setattr(MeetingDialect, "read", counted)

        async def attack() -> None:
            while True:
                await attacker.send('{"type":"keepalive"}')

        loop = asyncio.get_running_loop()
        began_s = loop.time()
        attacking = asyncio.create_task(attack())
        stack.callback(attacking.cancel)
        received = asyncio.create_task(_captions_of_page(reader, CAPTIONS))
        for seq in range(CAPTIONS):
            vori.run(vori.vori._events.tell(caption(mallory, seq)))
            while len(received_so_far) <= seq - 200 and not received.done():
                await asyncio.sleep(0.001)
        beside = await captions(vori, mina, 2, sound)
        elapsed_s = loop.time() - began_s

        assert beside == quiet
        assert await received == list(range(CAPTIONS))
        assert not attacking.done()
        assert 0 < taken <= PER_S * (BURST_S + elapsed_s) + 1
        assert all(line.state.name == "OPEN" for line in idle)
        behind = [page for page in list(pages) if page.is_behind]
        assert len(behind) == SLOW
        assert all(page._waiting.qsize() <= MOST_WAITING for page in behind)
    received_so_far.clear()


received_so_far: list[int] = []


async def _captions_of_page(page: ClientConnection, count: int) -> list[int]:
    async for text in page:
        message = msgspec.json.decode(text)
        if message["type"] == "caption":
            received_so_far.append(message["seq"])
        if len(received_so_far) == count:
            break
    return list(received_so_far)
