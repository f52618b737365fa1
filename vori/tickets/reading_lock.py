"""One reading of a meeting at a time, in all processes that share the database.

A live reading in one VORI and the reading at the end in another would each decide on what the
other has not written yet. PostgreSQL's advisory locks keep them apart; they need no row, end
with their connection, and one connection holds those of a whole process.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg

from vori import log
from vori.data.engine import DB, translated
from vori.ids import MeetingId

logger = log.get(__name__)

WAIT_S = 0.2
"""How often a lock that another process holds is asked for again."""
_KEY = "hashtextextended('reading ' || $1::text, 0)"


class ReadingLocks:
    """The meetings that this process reads; the connection is open while there are any.

    Within the process nobody may ask for a meeting that is held: a lock of PostgreSQL's is
    the connection's, which would simply get it twice.
    """

    def __init__(self) -> None:
        self._connection: asyncpg.Connection | None = None
        self._users = 0
        self._turn = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def hold(self, meeting_id: MeetingId, *, wait: bool) -> AsyncIterator[bool]:
        """Nobody else reads the meeting meanwhile; False: somebody does, and `wait` is not set.

        Raises Unavailable when the database does not answer.
        """
        self._users += 1
        try:
            held = await self._ask(f"SELECT pg_try_advisory_lock({_KEY})", meeting_id)
            while wait and not held:
                await asyncio.sleep(WAIT_S)
                held = await self._ask(f"SELECT pg_try_advisory_lock({_KEY})", meeting_id)
            try:
                yield held
            finally:
                if held:
                    await asyncio.shield(self._release(meeting_id))
        finally:
            self._users -= 1
            if not self._users:
                await asyncio.shield(self._close())

    async def _ask(self, sql: str, meeting_id: MeetingId) -> bool:
        async with self._turn:
            if self._connection is None or self._connection.is_closed():
                self._connection = await DB.connect()
            with translated():
                return bool(await self._connection.fetchval(sql, str(meeting_id)))

    async def _release(self, meeting_id: MeetingId) -> None:
        async with self._turn:
            connection = self._connection
            if connection is None or connection.is_closed():
                return  # the locks went with it
            try:
                await connection.fetchval(f"SELECT pg_advisory_unlock({_KEY})", str(meeting_id))
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                logger.warning("the connection that holds reading locks was cut")
                connection.terminate()

    async def _close(self) -> None:
        async with self._turn:
            if self._users or self._connection is None:
                return
            connection, self._connection = self._connection, None
            try:
                await connection.close(timeout=2)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                connection.terminate()
