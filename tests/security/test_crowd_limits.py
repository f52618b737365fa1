"""Every limit on what comes in, met over the network."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.security.inside import Account, Inside, fresh_database, inside

pytestmark = [pytest.mark.postgres, pytest.mark.model]


@pytest.fixture(scope="module")
def small(postgres_url: str, template: str) -> Iterator[Inside]:
    """With limits so small that a test comes to them."""
    with (
        fresh_database(postgres_url, template) as url,
        inside(
            url,
            server={
                "port": 0, "max_body_bytes": 10_000, "workers": ["web", "transcribe", "streams"],
            },
            limits={
                "sockets_per_address": 3, "request_burst": 20, "requests_per_s": 1,
                "stranger_burst": 5, "stranger_requests_per_s": 0.1,
            },
            audio={"first_message_s": 4, "idle_s": 4, "max_recordings": 1, "resume_s": 0.1},
        ) as one,
    ):  # fmt: skip
        yield one


def metadata(account: Account, audio_id: str) -> str:
    data = {"audioId": audio_id, "groupId": account.group_id, "format": "s16le"}
    return msgspec.json.encode({"type": "metadata", "data": data}).decode()


async def test_bodies_over_the_limit_and_json_too_deep_are_refused_on_the_wire(
    small: Inside,
) -> None:
    mina = small.run(small.account("Mina"))
    async with httpx.AsyncClient(
        base_url=small.url, headers={"Authorization": f"Bearer {mina.secret}"}
    ) as client:
        large = await client.post("/api/groups", content=b'{"name":"' + b"x" * 20_000 + b'"}')
        assert (large.status_code, large.json()["code"]) == (413, "too_large")

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b"x" * 1_000

        cut = await client.post("/api/groups", content=endless())
        assert (cut.status_code, cut.json()["code"]) == (413, "too_large")
        deep = await client.post("/api/groups", content=b'{"name":' + b"[" * 4_000 + b"]" * 4_000)
        assert (deep.status_code, deep.json()["code"]) == (400, "too_deep")
    url = urlsplit(small.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(b"GET /api/meetings HTTP/1.1\r\nhost: x\r\nx-long: " + b"x" * 100_000)  # no end
    async with asyncio.timeout(60):
        assert (await reader.readline()).split()[1] in (b"400", b"431")
    writer.close()


async def test_whoever_asks_too_often_is_told_to_wait_on_the_wire(small: Inside) -> None:
    jun = small.run(small.account("Jun"))
    async with httpx.AsyncClient(base_url=small.url) as client:
        headers = {"Authorization": f"Bearer {jun.secret}"}
        answers = [await client.get("/api/users/me", headers=headers) for _ in range(40)]
        statuses = [answer.status_code for answer in answers]
        assert statuses[:20] == [200] * 20
        assert 429 in statuses
        assert int(answers[statuses.index(429)].headers["retry-after"]) >= 1
        guesses = [
            (
                await client.get("/api/users/me", headers={"Authorization": "Bearer vori_x"})
            ).status_code
            for _ in range(12)
        ]
        assert guesses[:5] == [401] * 5
        assert guesses[-1] == 429


async def test_an_address_with_too_many_sockets_is_refused_on_the_wire_until_one_closes(
    small: Inside,
) -> None:
    ada = small.run(small.account("Ada"))
    headers = {"Authorization": f"Bearer {ada.secret}"}
    url = f"{small.ws_url}/api/events"
    async with contextlib.AsyncExitStack() as stack:
        lines = [
            await stack.enter_async_context(connect(url, additional_headers=headers))
            for _ in range(3)
        ]
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, additional_headers=headers)
        assert refused.value.response.status_code == 429
        await lines[0].close()
        async with asyncio.timeout(60):
            while small.app.state.sockets.open > 2:
                await asyncio.sleep(0.01)
        async with connect(url, additional_headers=headers) as again:
            assert msgspec.json.decode(await again.recv())["type"] == "ready"


async def test_a_silent_client_one_that_falls_silent_and_one_too_many_are_closed_on_the_wire(
    small: Inside,
) -> None:
    ada = small.run(small.account("Ada"))
    headers = {"Authorization": f"Bearer {ada.secret}"}
    url = f"{small.ws_url}/ws/meeting/5"

    async def ends(line: ClientConnection) -> tuple[int | None, str]:
        told = ""
        try:
            while True:
                told = str(await line.recv())
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else None
            return code, str(msgspec.json.decode(told)["code"])

    async with (
        asyncio.timeout(60),
        connect(url, additional_headers=headers) as silent,
        connect(url, additional_headers=headers) as first,
    ):
        await first.send(metadata(ada, "first"))
        assert msgspec.json.decode(await first.recv())["type"] == "started"
        async with connect(url, additional_headers=headers) as second:
            await second.send(metadata(ada, "second"))
            assert await ends(second) == (1013, "full")
        assert await ends(first) == (4408, "idle")
        assert await ends(silent) == (4408, "idle")
    small.run(small.settled())
