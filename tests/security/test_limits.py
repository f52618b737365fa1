"""What one user, one address and all together may take."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from litestar import Litestar, websocket
from litestar.connection import WebSocket

from tests.test_web import parts
from tests.web_site import NOON, Person, Site
from vori.clock import TurnedClock
from vori.errors import TooMany
from vori.people.limits import MOST_KEYS, Buckets, Rates, Sockets, address_of
from vori.settings import Limits, Server, Settings
from vori.web import build


def test_a_bucket_fills_again_over_time() -> None:
    clock = TurnedClock(NOON)
    buckets = Buckets(clock, burst=2, per_s=0.5)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 2.0]
    assert buckets.take("b") == 0
    clock.turn(timedelta(seconds=1))
    assert buckets.take("a") == 1.0
    clock.turn(timedelta(seconds=1))
    assert buckets.take("a") == 0
    clock.turn(timedelta(days=1))
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 2.0]
    clock.turn(timedelta(days=-1))  # a clock set back gives nothing and takes nothing
    assert buckets.take("a") == 2.0


def test_buckets_of_a_flood_of_keys_stay_few() -> None:
    buckets = Buckets(TurnedClock(NOON), burst=1, per_s=1)
    for key in range(MOST_KEYS + 100):
        buckets.take(key)
    assert len(buckets._buckets) == MOST_KEYS


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("10.0.0.7", 1), "10.0.0.7"),
        (("::ffff:10.0.0.7", 1), "10.0.0.7"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::/64"),
        (("a\nb", 1), "a\nb"),
        (None, ""),
    ],
)
def test_an_address_is_a_machine_or_the_network_of_one(client: Any, address: str) -> None:
    connection = SimpleNamespace(scope={"client": client})
    assert address_of(connection) == address  # type: ignore[arg-type]


def test_sockets_are_counted_by_user_by_address_and_in_all() -> None:
    sockets = Sockets(Limits(sockets=3, sockets_per_address=2, sockets_per_user=1))
    with sockets.counted("a"), sockets.counted("a"):
        with pytest.raises(TooMany), sockets.counted("a"):
            pass
        with sockets.counted("b"):
            with pytest.raises(TooMany), sockets.counted("c"):
                pass
            sockets.enter(7)
            with pytest.raises(TooMany):
                sockets.enter(7)
            sockets.leave(7)
            sockets.enter(7)
            sockets.leave(7)
    assert sockets.open == 0
    assert not sockets._of_user


@pytest.mark.postgres
async def test_a_user_who_asks_too_often_is_told_when_to_come_back(
    site: Site, mina: Person
) -> None:
    site.app.state.rates = Rates(site.clock, Limits(request_burst=3, requests_per_s=1))
    jun = await site.person("Jun")
    statuses = [(await mina.get("/api/users/me")).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    answer = await mina.get("/api/users/me")
    assert answer.json()["code"] == "too_many_requests"
    assert answer.headers["retry-after"] in ("1", "2")
    assert (await jun.get("/api/users/me")).status_code == 200
    site.clock.turn(timedelta(seconds=int(answer.headers["retry-after"])))
    assert (await mina.get("/api/users/me")).status_code == 200


@pytest.mark.postgres
async def test_a_stranger_who_guesses_is_slowed_down_and_health_is_not(site: Site) -> None:
    site.app.state.rates = Rates(site.clock, Limits(stranger_burst=3, stranger_requests_per_s=0.1))
    guess = await site.client("vori_" + "a" * 43)
    statuses = [(await guess.get("/api/users/me")).status_code for _ in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    assert (await guess.get("/health/live")).status_code == 200


async def test_a_socket_for_which_there_is_no_room_is_refused_before_it_opens() -> None:
    opened, done = asyncio.Event(), asyncio.Event()

    @websocket("/hold")
    async def hold(socket: WebSocket[Any, Any, Any]) -> None:
        await socket.accept()
        opened.set()
        await done.wait()
        await socket.close()

    app = build(parts([]), route_handlers=[hold])
    app.state.sockets = Sockets(Limits(sockets_per_address=1))
    first = asyncio.create_task(handshake(app, "/hold"))
    await opened.wait()
    [start, body] = await handshake(app, "/hold")
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 429)
    assert b"too_many_sockets" in body["body"]
    [close] = await handshake(app, "/hold", extensions={})
    assert (close["type"], close["code"]) == ("websocket.close", 4429)
    done.set()
    assert (await first)[0]["type"] == "websocket.accept"
    assert app.state.sockets.open == 0


async def handshake(
    app: Litestar, path: str, extensions: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {
        "type": "websocket", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"host", b"localhost")], "client": ("10.0.0.7", 1), "server": ("x", 1),
        "scheme": "ws", "subprotocols": [], "root_path": "", "asgi": {"version": "3.0"},
        "extensions": {"websocket.http.response": {}} if extensions is None else extensions,
    }  # fmt: skip
    await app(scope, receive, send)
    return sent


async def test_other_sites_may_read_only_when_they_are_named() -> None:
    async def ask(app: Litestar) -> httpx.Headers:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.options(
                "/api/meetings",
                headers={"Origin": "https://app.example", "Access-Control-Request-Method": "GET"},
            )
            return answer.headers

    assert "access-control-allow-origin" not in await ask(build(parts([])))
    import msgspec

    open_to = msgspec.structs.replace(parts([]), cors_origins=("https://app.example",))
    headers = await ask(build(open_to))
    assert headers["access-control-allow-origin"] == "https://app.example"
    assert "access-control-allow-credentials" not in headers
    closed = msgspec.structs.replace(parts([]), cors_origins=("https://other.example",))
    assert "access-control-allow-origin" not in await ask(build(closed))


async def test_with_tls_browsers_are_told_to_stay_with_it() -> None:
    transport = httpx.ASGITransport(build(parts([])), raise_app_exceptions=False)
    for base_url, is_told in (("https://vori.example", True), ("http://vori.example", False)):
        async with httpx.AsyncClient(transport=transport, base_url=base_url) as client:
            answer = await client.get("/health")
            assert ("strict-transport-security" in answer.headers) is is_told


def test_only_named_proxies_say_where_a_request_came_from(tmp_path: Path) -> None:
    from vori.server import configure

    app = build(parts([]))
    assert configure(app, Settings()).proxy_headers is False
    proxied = configure(app, Settings(server=Server(trusted_proxies=("10.0.0.5",))))
    assert proxied.proxy_headers is True
    assert proxied.forwarded_allow_ips == ["10.0.0.5"]
