"""Dead letters, as whoever runs VORI sees and replays them; here with the road in the box."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.streams.test_relay import created, quick, tell, until  # noqa: F401 - a fixture
from vori.clock import SystemClock
from vori.data.engine import DB
from vori.data.tables import DeadLetter
from vori.errors import BadMessage
from vori.people import store as people
from vori.people.auth import SignIn
from vori.streams.relay import Road
from vori.streams.routes import dead_letter_routes
from vori.streams.topics import MEETING_CREATED
from vori.web import Parts, build

pytestmark = pytest.mark.postgres


class Shaky:
    """Refuses what it is told to refuse."""

    def __init__(self) -> None:
        self.refuses = {"bad", "worse"}
        self.titles: list[str] = []

    async def __call__(self, event: Any) -> None:
        if event.title in self.refuses:
            raise BadMessage(f"{event.title} cannot be used")
        self.titles.append(event.title)


@contextlib.asynccontextmanager
async def operator(road: Road, *, is_admin: bool = True) -> AsyncIterator[httpx.AsyncClient]:
    clock = SystemClock()

    async def nothing(*_: Any, **__: Any) -> Any:
        raise NotImplementedError

    app = build(
        Parts(
            clock=clock,
            sign_in=SignIn(clock=clock, dev=False),
            end_meeting=nothing,
            audio_file=nothing,
            delete_sound=nothing,
            write_minutes=nothing,
        ),
        route_handlers=dead_letter_routes(road),
    )
    user = await people.create_user(name="Op", email="op@example.org", is_admin=is_admin)
    token = await people.create_token(user.user_id, name="test")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://localhost",
        headers={"Authorization": f"Bearer {token.secret}"},
    ) as client:
        yield client


@contextlib.asynccontextmanager
async def two_letters(shaky: Shaky) -> AsyncIterator[Road]:
    road = Road()
    road.subscribe("shaky", [MEETING_CREATED], shaky)
    async with road.lifespan():
        await tell(*(created(title=title) for title in ("bad", "fine", "worse")))

        async def both() -> bool:
            return await DeadLetter.count() == 2

        await until(both)
        yield road


async def test_letters_are_listed_newest_first_in_pages(database, quick):  # noqa: F811
    async with two_letters(Shaky()) as road, operator(road) as client:
        first = (await client.get("/api/admin/dead-letters", params={"limit": 1})).json()
        [letter] = first["items"]
        assert letter["consumer"] == "shaky"
        assert letter["topic"] == "meeting.created"
        assert "worse cannot be used" in letter["reason"]
        assert "payload" not in letter
        params = {"limit": 1, "cursor": first["nextCursor"]}
        second = (await client.get("/api/admin/dead-letters", params=params)).json()
        assert "bad cannot be used" in second["items"][0]["reason"]
        assert second.get("nextCursor") is None
        one = (await client.get(f"/api/admin/dead-letters/{letter['letterId']}")).json()
        assert '"worse"' in one["payload"]
        assert (await client.get("/api/admin/dead-letters/99")).status_code == 404
        params = {"consumer": "nobody"}
        assert not (await client.get("/api/admin/dead-letters", params=params)).json()["items"]


async def test_one_is_replayed_once_and_stays_when_it_fails_again(database, quick):  # noqa: F811
    shaky = Shaky()
    async with two_letters(shaky) as road, operator(road) as client:
        [worse, bad] = (await client.get("/api/admin/dead-letters")).json()["items"]
        shaky.refuses = {"worse"}
        replay = f"/api/admin/dead-letters/{bad['letterId']}/replay"
        assert (await client.post(replay)).json() == {"replayed": 1, "asked": 0, "failed": 0}
        assert shaky.titles == ["fine", "bad"]
        again = await client.post(replay)
        assert (again.status_code, again.json()["code"]) == (409, "already_replayed")
        failed = await client.post(f"/api/admin/dead-letters/{worse['letterId']}/replay")
        assert (failed.status_code, failed.json()["code"]) == (409, "replay_failed")
        waiting = await client.get("/api/admin/dead-letters", params={"waiting": True})
        assert [one["letterId"] for one in waiting.json()["items"]] == [worse["letterId"]]


async def test_all_that_wait_are_replayed_oldest_first(database, quick):  # noqa: F811
    shaky = Shaky()
    async with two_letters(shaky) as road, operator(road) as client:
        shaky.refuses = {"worse"}
        told = await client.post(
            "/api/admin/dead-letters/replay", json={"topic": "meeting.created"}
        )
        assert told.json() == {"replayed": 1, "asked": 0, "failed": 1}
        shaky.refuses = set()
        told = await client.post("/api/admin/dead-letters/replay", json={})
        assert told.json() == {"replayed": 1, "asked": 0, "failed": 0}
        assert shaky.titles == ["fine", "bad", "worse"]


async def test_another_process_that_has_the_consumer_is_asked(database, quick):  # noqa: F811
    shaky = Shaky()
    elsewhere = Road()
    async with two_letters(shaky), elsewhere.lifespan(), operator(elsewhere) as client:
        shaky.refuses = set()
        told = await client.post("/api/admin/dead-letters/replay", json={})
        assert told.json() == {"replayed": 0, "asked": 2, "failed": 0}

        async def all_replayed() -> bool:
            return not await DB.fetch("SELECT 1 FROM dead_letters WHERE replayed_at IS NULL")

        await until(all_replayed)
        assert sorted(shaky.titles) == ["bad", "fine", "worse"]


async def test_only_an_administrator_sees_and_replays(database, quick):  # noqa: F811
    road = Road()
    async with operator(road, is_admin=False) as client:
        for method, path in (
            ("GET", "/api/admin/dead-letters"),
            ("GET", "/api/admin/dead-letters/1"),
            ("POST", "/api/admin/dead-letters/1/replay"),
            ("POST", "/api/admin/dead-letters/replay"),
        ):
            answer = await client.request(method, path, json={} if method == "POST" else None)
            assert answer.status_code == 403, path
