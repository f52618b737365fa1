"""The web application on a real database, people who use it, and a meeting's rows."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from litestar import Litestar

from vori.clock import TurnedClock
from vori.data.engine import DB, transaction
from vori.errors import NotFound
from vori.ids import AudioId, GroupId, MeetingId, UserId, uuid7
from vori.meetings import sound
from vori.people import store as people
from vori.people.auth import SignIn
from vori.people.messages import Role
from vori.settings import Tickets
from vori.tickets.board import TicketBoard
from vori.tickets.extract.local import LocalExtractor
from vori.tickets.preview import reread_route
from vori.tickets.reader import TicketReader
from vori.web import Parts, build

NOON = datetime(2026, 3, 16, 3, 0, tzinfo=UTC)


class Person:
    """Somebody signed in; `get`, `post` … are httpx's."""

    def __init__(self, client: httpx.AsyncClient, user_id: UserId, group_id: GroupId) -> None:
        self.client = client
        self.user_id = user_id
        self.group_id = group_id
        self.get, self.post, self.head = client.get, client.post, client.head
        self.patch, self.delete, self.request = client.patch, client.delete, client.request


class Site:
    """`ended` and `silenced` list the meetings whose end and whose sound's removal were asked."""

    def __init__(self, folder: Path, stack: contextlib.AsyncExitStack, *, dev: bool) -> None:
        self.clock = TurnedClock(NOON)
        self.folder = folder
        self.ended: list[MeetingId] = []
        self.silenced: list[MeetingId] = []
        self.workers: list[Any] = []
        self.draining = False
        self._stack = stack
        self.app: Litestar = build(
            Parts(
                clock=self.clock,
                sign_in=SignIn(clock=self.clock, dev=dev),
                end_meeting=self._end_meeting,
                audio_file=self._audio_file,
                delete_sound=self._delete_sound,
                write_minutes=TicketBoard(self.clock).rewrite_minutes,
                workers=self.workers,
                is_draining=lambda: self.draining,
            ),
            route_handlers=[reread_route(self._reader())],
            max_body_bytes=100_000,
        )

    def _reader(self) -> TicketReader:
        local = LocalExtractor()
        return TicketReader(
            TicketBoard(self.clock),
            local,
            local,
            sound.fallen_silent,
            self._end_meeting,
            settings=Tickets(),
            clock=self.clock,
        )

    async def client(self, token: str | None = None, **headers: str) -> httpx.AsyncClient:
        if token:
            headers["Authorization"] = f"Bearer {token}"
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return await self._stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)
        )

    async def person(
        self, name: str, group_id: GroupId | None = None, role: Role = Role.MEMBER
    ) -> Person:
        """Somebody with a token: in `group_id`, or ADMIN of a group of their own."""
        user = await people.create_user(name=name, email=f"{name.lower()}@example.org")
        if group_id is None:
            group = await people.create_group(name=f"{name}'s", admin=user.user_id)
            group_id = group.group_id
        else:
            await people.add_member(group_id, user.user_id, role=role, nicknames=())
        made = await people.create_token(user.user_id, name="test")
        return Person(await self.client(made.secret), user.user_id, group_id)

    async def _end_meeting(self, meeting_id: MeetingId) -> None:
        self.ended.append(meeting_id)
        await DB.fetch(
            "UPDATE meetings SET status = 'ENDED', ended_at = $2"
            " WHERE id = $1 AND status <> 'ENDED'",
            meeting_id,
            self.clock.now(),
        )

    async def _audio_file(self, meeting_id: MeetingId, audio_id: AudioId | None) -> Path:
        path = self.folder / f"{meeting_id}-{audio_id or 'first'}.wav"
        if not path.exists():
            raise NotFound("There is no sound.", code="no_sound")
        return path

    async def _delete_sound(self, meeting_id: MeetingId) -> None:
        self.silenced.append(meeting_id)


@contextlib.asynccontextmanager
async def open_site(folder: Path, *, dev: bool = False) -> AsyncIterator[Site]:
    async with contextlib.AsyncExitStack() as stack:
        yield Site(folder, stack, dev=dev)


async def make_recording(
    meeting_id: int, group_id: int, *, audio_id: str = "mic", user_id: int | None = None
) -> UUID:
    recording_id = uuid7()
    await DB.fetch(
        "INSERT INTO recordings (id, audio_id, meeting_id, group_id, user_id) VALUES ($1,$2,$3,$4,$5)",
        recording_id,
        audio_id,
        meeting_id,
        group_id,
        user_id,
    )
    return recording_id


async def say(recording_id: UUID, text: str, *, at_ms: int, seq: int, offset_ms: int = 0) -> UUID:
    """A final caption of two seconds, `at_ms` into its recording."""
    caption_id = uuid7()
    await DB.fetch(
        "INSERT INTO captions (id, recording_id, meeting_id, group_id, seq, text, language,"
        " start_ms, end_ms, meeting_start_ms, speaker_id)"
        " SELECT $1, id, meeting_id, group_id, $3, $4, 'en', $5::bigint, $5::bigint + 2000, $6, user_id"
        " FROM recordings WHERE id = $2",
        caption_id,
        recording_id,
        seq,
        text,
        at_ms,
        offset_ms + at_ms,
    )
    return caption_id


@contextlib.asynccontextmanager
async def uncommitted(work: Callable[[], Awaitable[Any]]) -> AsyncIterator[None]:
    """`work` is done in a transaction that commits when the block ends.

    At the block's end somebody must be waiting for one of its locks.
    """
    done, commit = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with transaction():
            await work()
            done.set()
            await commit.wait()

    holding = asyncio.create_task(hold())
    await asyncio.wait([holding, asyncio.create_task(done.wait())], return_when="FIRST_COMPLETED")
    try:
        yield
        async with asyncio.timeout(120):
            while not await DB.fetch(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database()"
            ):
                await asyncio.sleep(0)
    finally:
        commit.set()
        await holding


async def events(topic: str) -> list[dict[str, Any]]:
    """What lies in the outbox for `topic`, in order."""
    import msgspec

    rows = await DB.fetch("SELECT payload FROM outbox WHERE topic = $1 ORDER BY id", topic)
    return [msgspec.json.decode(row["payload"]) for row in rows]
