"""The one way to the database: pool, transaction, raw SQL, and errors in VORI's words.

`DB` is what every table is bound to; it does nothing until `open` has been awaited. Whatever
asyncpg raises becomes a VoriError here and nowhere else:

- `Unavailable(code="database_away")`: no connection, or the connection was lost. When this
  comes from the end of a transaction, nobody knows whether it was committed.
- `Unavailable(code="database_busy")`: a deadlock, a statement that took too long, no free
  connection. Trying again is right.
- `Unavailable(code="database_full")`: the server is out of disk or memory.
- `Unavailable(code="database_refused")`: wrong URL, password, database or privileges.
- `BadMessage(code="bad_text" | "bad_value")`: text that PostgreSQL cannot hold (NUL, lone
  surrogates), a number out of range.

After the database has come back, the pool connects again by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextvars import ContextVar, Token
from typing import Any, TypeVar, cast

import asyncpg
import msgspec
from piccolo.engine.postgres import PostgresEngine, PostgresTransaction
from piccolo.querystring import QueryString

from vori.errors import BadMessage, Unavailable

T = TypeVar("T")

OLDEST_SERVER = 14
CONNECT_S = 5.0
ACQUIRE_S = 10.0
STATEMENT_S = 30.0
IDLE_IN_TRANSACTION_S = 10.0
"""A transaction that idles holds back every reader of the outbox: the server ends it."""
CLOSE_S = 5.0
SLOW_S = 600.0
"""Steps of the schema, and what looks through every table."""


class Transaction(PostgresTransaction):
    """A transaction that gives its connection back whatever happens.

    Piccolo's own keeps the connection and stays current when commit or rollback fail.
    """

    __slots__ = ("is_over", "published")

    def __init__(self, engine: Database, allow_nested: bool = True) -> None:
        super().__init__(engine, allow_nested)
        self.is_over = False
        self.published = 0
        """Events in the outbox that readers must be told of after the commit."""

    async def __aenter__(self) -> Transaction:
        if self._parent is not None:
            return cast("Transaction", self._parent)
        self.connection = await self.get_connection()
        try:
            with translated():
                self.transaction = self.connection.transaction()
                await self.transaction.start()
        except BaseException:
            await self._give_back()
            raise
        self.context = self.engine.current_transaction.set(self)
        return self

    async def get_connection(self) -> Any:
        return await self.engine.acquire()  # type: ignore[attr-defined]

    async def __aexit__(self, exception_type: Any, exception: Any, traceback: Any) -> bool:
        if self._parent is not None:
            return False
        try:
            with translated():
                await self._finish(failed=exception is not None)
        except Unavailable:
            if exception is None:
                raise
            # The connection is gone, and the block's transaction with it: its own error tells more.
        finally:
            self.is_over = True
            self.engine.current_transaction.reset(self.context)
            await self._give_back()
        if self._committed and self.published:
            self.engine.wake()  # type: ignore[attr-defined]
        return False

    async def _finish(self, *, failed: bool) -> None:
        if self._committed or self._rolled_back:
            return
        if failed:
            await self.transaction.rollback()
            self._rolled_back = True
        else:
            await self.transaction.commit()
            self._committed = True

    async def _give_back(self) -> None:
        await self.engine.give_back(self.connection)  # type: ignore[attr-defined]


class _Current:
    """The current task's transaction.

    A task started inside a transaction inherits the variable and outlives it, so one that is
    over counts as none.
    """

    def __init__(self) -> None:
        self._variable: ContextVar[Transaction | None] = ContextVar("transaction", default=None)

    def get(self) -> Transaction | None:
        current = self._variable.get()
        return None if current is None or current.is_over else current

    def set(self, transaction: Transaction) -> Token[Transaction | None]:
        return self._variable.set(transaction)

    def reset(self, token: Token[Transaction | None]) -> None:
        # Left in another context than entered (an async generator does that): is_over is enough.
        with contextlib.suppress(ValueError):
            self._variable.reset(token)


class Database(PostgresEngine):
    """Piccolo's engine with a pool that is opened late and waits that are bounded."""

    def __init__(self) -> None:
        super().__init__(config={})
        self.current_transaction = _Current()  # type: ignore[assignment]
        self.url: str | None = None
        self._wakers: list[Callable[[], None]] = []

    async def check_version(self) -> None:
        """Nothing: Piccolo would connect here, at import; `open` checks."""

    async def prep_database(self) -> None:
        """Nothing, for the same reason."""

    async def open(self, url: str, *, pool_size: int = 10) -> None:
        """Connect to `url` (`postgresql://…`) with up to `pool_size` connections.

        Raises Unavailable when no server answers, or one that is older than PostgreSQL 14 or
        does not keep text as UTF-8.
        """
        if self.pool is not None:
            raise RuntimeError("the database is open already")
        self.configure(url)
        with translated():
            pool = await asyncpg.create_pool(
                **self.config,
                min_size=0,  # asyncpg logs a traceback for each it cannot keep up in an outage
                max_size=max(2, pool_size),
                init=_prepare,
                connection_class=_PooledConnection,
            )
        self.pool = pool
        try:
            await self._check_server()
        except BaseException:
            await self.close()
            raise

    async def _check_server(self) -> None:
        [row] = await self.fetch(
            "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')"
        )
        version, encoding = row
        if version < OLDEST_SERVER * 10_000:
            raise Unavailable(
                f"the database is PostgreSQL {version // 10_000}; VORI needs {OLDEST_SERVER} or newer",
                code="database_too_old",
            )
        if encoding != "UTF8":
            raise Unavailable(
                f"the database keeps text as {encoding}; make one with ENCODING 'UTF8'",
                code="database_not_utf8",
            )

    def configure(self, url: str) -> None:
        """Name the database without connecting to it."""
        self.url = url
        self.config = {
            "dsn": url,
            "timeout": CONNECT_S,
            "command_timeout": STATEMENT_S + 5,
            "server_settings": {
                "application_name": "vori",
                "timezone": "UTC",
                "statement_timeout": f"{STATEMENT_S:.0f}s",
                "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_S:.0f}s",
            },
        }

    async def close(self) -> None:
        """Close the pool; connections still in use after five seconds are cut."""
        pool, self.pool = self.pool, None
        if pool is None:
            return
        try:
            await asyncio.wait_for(pool.close(), CLOSE_S)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            pool.terminate()

    async def acquire(self) -> asyncpg.Connection:
        """A connection of the pool; `give_back` it."""
        pool = self._open_pool()
        with translated():
            try:
                return await pool.acquire(timeout=ACQUIRE_S)
            except TimeoutError as exc:
                if pool.get_idle_size() == 0 and pool.get_size() >= pool.get_max_size():
                    raise Unavailable(
                        f"no database connection became free in {ACQUIRE_S:.0f} s",
                        code="database_busy",
                    ) from exc
                raise

    async def give_back(self, connection: asyncpg.Connection) -> None:
        """Return a connection to the pool; a broken one is thrown away, silently."""
        try:
            await self._open_pool().release(connection, timeout=CLOSE_S)
        except Exception:
            with contextlib.suppress(asyncpg.InterfaceError):  # already out of our hands
                connection.terminate()

    async def connect(self, *then: str) -> asyncpg.Connection:
        """A connection of its own, for session locks and LISTEN; close it yourself.

        then: SQL statements to run on it first. When one fails, or the caller is cancelled,
        nothing stays open.
        """
        with translated():
            connection = await asyncpg.connect(**self.config)
            try:
                await _prepare(connection)
                for statement in then:
                    await connection.execute(statement)
            except BaseException:
                connection.terminate()
                raise
            return connection

    async def get_new_connection(self) -> asyncpg.Connection:
        return await self.connect()

    async def fetch(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        """Run one SQL statement with `$1`-style arguments; in the current transaction, if any."""
        current = self.current_transaction.get()
        if current is not None:
            with translated():
                return await current.connection.fetch(sql, *arguments)  # type: ignore[no-any-return]
        return cast("list[asyncpg.Record]", await self._run_in_pool(sql, arguments))

    async def fetch_slowly(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        """As `fetch` in a transaction that has raised its `statement_timeout`: up to ten minutes."""
        current = self.current_transaction.get()
        if current is None:
            raise RuntimeError("what takes long runs inside a transaction")
        with translated():
            return await current.connection.fetch(sql, *arguments, timeout=SLOW_S)  # type: ignore[no-any-return]

    async def script(self, sql: str) -> None:
        """Run SQL of several statements, without arguments, in the current transaction."""
        current = self.current_transaction.get()
        if current is None:
            raise RuntimeError("a script runs inside a transaction")
        with translated():
            await current.connection.execute(sql, timeout=SLOW_S)

    async def _run_in_pool(self, query: str, args: Sequence[Any] | None = None) -> Any:
        connection = await self.acquire()
        try:
            with translated():
                return await connection.fetch(query, *(args or ()))
        finally:
            await self.give_back(connection)

    async def run_querystring(self, querystring: QueryString, in_pool: bool = True) -> Any:
        with translated():
            return await super().run_querystring(querystring, in_pool=self.pool is not None)

    async def run_ddl(self, ddl: str, in_pool: bool = True) -> Any:
        with translated():
            return await super().run_ddl(ddl, in_pool=self.pool is not None)

    def transaction(self, allow_nested: bool = True) -> Transaction:
        return Transaction(self, allow_nested)

    def on_published(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` after each commit that put events in the outbox; returns how to stop."""
        self._wakers.append(wake)
        return lambda: self._wakers.remove(wake)

    def wake(self) -> None:
        for wake in list(self._wakers):
            wake()

    def _open_pool(self) -> asyncpg.Pool:
        if self.pool is None:
            raise Unavailable("the database is not open", code="database_away")
        return self.pool


DB = Database()


@contextlib.asynccontextmanager
async def transaction() -> AsyncIterator[Transaction]:
    """Everything inside is committed together, or not at all. Joins a transaction around it.

    Never start tasks or `gather` inside: one connection does one thing at a time.
    """
    async with DB.transaction() as current:
        yield current


async def retrying(
    work: Callable[[], Awaitable[T]],
    *,
    deadline_s: float,
    first_wait_s: float = 0.1,
    longest_wait_s: float = 5.0,
) -> T:
    """Await `work()` until it gives no Unavailable, with growing waits, for up to `deadline_s`.

    For writers in the background, whose `work` is harmless when done twice; after the deadline
    the last Unavailable is raised. A request tells its client instead of waiting.
    """
    loop = asyncio.get_running_loop()
    give_up = loop.time() + deadline_s
    wait_s = first_wait_s
    while True:
        try:
            return await work()
        except Unavailable:
            pause_s = wait_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads writers, hides nothing
            if loop.time() + pause_s >= give_up:
                raise
            await asyncio.sleep(pause_s)
            wait_s = min(2 * wait_s, longest_wait_s)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Errors of asyncpg inside become VORI's; constraint violations pass as they are."""
    try:
        yield
    except (
        asyncpg.DeadlockDetectedError,
        asyncpg.SerializationError,
        asyncpg.LockNotAvailableError,
        asyncpg.QueryCanceledError,
    ) as exc:
        raise Unavailable(
            "the database is busy with the same rows; try again", code="database_busy"
        ) from exc
    except (asyncpg.DiskFullError, asyncpg.OutOfMemoryError) as exc:
        raise Unavailable(
            "the database is out of disk or memory; make room", code="database_full"
        ) from exc
    except (
        asyncpg.PostgresConnectionError,
        asyncpg.OperatorInterventionError,
        asyncpg.TooManyConnectionsError,
        asyncpg.IdleInTransactionSessionTimeoutError,
        asyncpg.InternalClientError,  # the server's farewell crossed our question
        OSError,  # TimeoutError too
    ) as exc:
        raise Unavailable("the database does not answer", code="database_away") from exc
    except (
        asyncpg.InvalidAuthorizationSpecificationError,
        asyncpg.InvalidCatalogNameError,
        asyncpg.InsufficientPrivilegeError,
    ) as exc:
        raise Unavailable(f"the database refuses: {exc}", code="database_refused") from exc
    except asyncpg.ClientConfigurationError as exc:
        raise Unavailable(
            "the database's URL is not of the form postgresql://user:password@host:port/name",
            code="database_refused",
        ) from exc
    except (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError) as exc:
        raise BadMessage("text holds a character that cannot be stored", code="bad_text") from exc
    except (
        asyncpg.InvalidTextRepresentationError,
        asyncpg.NumericValueOutOfRangeError,
        asyncpg.StringDataRightTruncationError,
    ) as exc:
        raise BadMessage("a value cannot be stored as it is", code="bad_value") from exc
    except asyncpg.DataError as exc:  # asyncpg refuses an argument before it is sent
        if isinstance(exc.__cause__, UnicodeEncodeError):
            raise BadMessage("text holds a lone surrogate", code="bad_text") from exc
        if "out of int" in str(exc):
            raise BadMessage("a number is too large to be stored", code="bad_value") from exc
        raise
    except asyncpg.InterfaceError as exc:
        # The server hung up: asyncpg has already taken the connection out of its owner's hands.
        if "closed" in str(exc) or "closing" in str(exc) or "released" in str(exc):
            raise Unavailable("the database does not answer", code="database_away") from exc
        raise


class _PooledConnection(asyncpg.Connection):  # type: ignore[misc]
    """A connection whose session holds nothing to reset: settings and locks end with the
    transaction here. asyncpg would otherwise ask the server to reset it after every query.
    """

    def get_reset_query(self) -> str:
        return ""


async def _prepare(connection: asyncpg.Connection) -> None:
    """JSONB is read and written in one way on every connection."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_encode_jsonb, decoder=msgspec.json.decode
    )


def _encode_jsonb(value: Any) -> str:
    """JSON text stays (Piccolo makes it), anything else becomes it; we store no bare strings."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
