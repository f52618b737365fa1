"""Transactions, errors and outages, against a real server."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from tests.conftest import with_database
from vori.data import engine
from vori.data.embedded import Embedded
from vori.data.engine import DB, retrying, transaction
from vori.errors import BadMessage, Unavailable
from vori.people.tables import Group
from vori.tickets.tables import TicketRow

pytestmark = pytest.mark.postgres


@pytest.fixture
async def small_pool(database_url):
    """A pool of two connections: a leak is noticed at the third."""
    await DB.open(database_url, pool_size=2)
    yield
    await DB.close()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(engine, "ACQUIRE_S", 3.0)


async def pid() -> int:
    return (await DB.fetch("SELECT pg_backend_pid()"))[0][0]


async def cut(backend: int) -> None:
    """Have the server end a session, from outside of any transaction."""
    connection = await DB.connect()
    await connection.execute("SELECT pg_terminate_backend($1)", backend)
    await connection.close()


async def test_everything_in_a_transaction_is_stored_or_nothing(database):
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            await Group(name="a").save()
            async with transaction():
                await Group(name="b").save()
            raise ZeroDivisionError
    assert await Group.count() == 0


async def test_a_commit_that_fails_gives_the_connection_back(small_pool, impatient):
    await DB.fetch("DROP TABLE IF EXISTS once")
    await DB.fetch("CREATE TABLE once (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    for _ in range(5):
        with pytest.raises(asyncpg.UniqueViolationError):
            async with transaction():
                await DB.fetch("INSERT INTO once VALUES (1), (1)")
        assert not DB.transaction_exists()
    await Group(name="after").save()
    assert await Group.count() == 1


async def test_a_session_cut_inside_a_transaction_gives_the_connection_back(small_pool, impatient):
    for _ in range(5):
        with pytest.raises(Unavailable) as away:
            async with transaction():
                await Group(name="lost").save()
                await cut(await pid())
                await Group(name="lost too").save()
        assert away.value.code == "database_away"
        assert not DB.transaction_exists()
    assert await Group.count() == 0


async def test_a_session_cut_before_the_commit_is_unavailable(small_pool, impatient):
    with pytest.raises(Unavailable):
        async with transaction():
            await Group(name="lost").save()
            await cut(await pid())
    assert await Group.count() == 0


async def test_the_error_of_the_block_is_not_hidden_by_a_lost_connection(small_pool):
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            await cut(await pid())
            raise ZeroDivisionError


async def test_a_cancelled_transaction_stores_nothing_and_gives_the_connection_back(
    small_pool, impatient
):
    inside = asyncio.Event()

    async def wait_inside():
        async with transaction():
            await Group(name="lost").save()
            inside.set()
            await asyncio.Event().wait()

    for _ in range(5):
        inside.clear()
        task = asyncio.create_task(wait_inside())
        await inside.wait()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
    assert await Group.count() == 0


async def test_a_query_cancelled_midway_gives_the_connection_back(small_pool, impatient):
    async def sleep_in_the_server():
        async with transaction():
            await DB.fetch("SELECT pg_sleep(60)")

    for work in [sleep_in_the_server, lambda: DB.fetch("SELECT pg_sleep(60)")] * 3:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(work(), 0.05)
        assert not DB.transaction_exists()
    assert await Group.count() == 0


async def test_a_task_born_in_a_transaction_works_on_when_that_is_over(database):
    over = asyncio.Event()

    async def later():
        await over.wait()
        assert not DB.transaction_exists()
        await Group(name="by the task").save()

    async with transaction():
        task = asyncio.create_task(later())
    over.set()
    await task
    assert await Group.count() == 1


async def test_no_free_connection_is_said_in_time(small_pool, impatient):
    async def hold(held, until):
        async with transaction():
            held.set()
            await until.wait()

    until = asyncio.Event()
    holders = []
    for _ in range(2):
        held = asyncio.Event()
        holders.append(asyncio.create_task(hold(held, until)))
        await held.wait()
    with pytest.raises(Unavailable) as busy:
        await Group.count()
    assert busy.value.code == "database_busy"
    until.set()
    await asyncio.gather(*holders)
    assert await Group.count() == 0


@pytest.mark.parametrize("text", ["a\0b", "half \ud83d of a pair"], ids=["nul", "surrogate"])
async def test_text_the_database_cannot_hold_is_a_bad_message(database, text):
    with pytest.raises(BadMessage):
        await Group(name=text).save()
    with pytest.raises(BadMessage):
        async with transaction():
            group = Group(name="ok")
            await group.save()
            await TicketRow(group_id=group.id, title="t", origin={"title": text}).save()
    assert await Group.count() == 0


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
async def test_a_number_out_of_range_is_a_bad_message(database, number):
    with pytest.raises(BadMessage) as bad:
        await Group.select().where(Group.id == number)
    assert bad.value.code == "bad_value"


async def test_a_statement_that_takes_too_long_is_busy_not_away(database):
    with pytest.raises(Unavailable) as busy:
        async with transaction():
            await DB.fetch("SET LOCAL statement_timeout = 20")
            await DB.fetch("SELECT pg_sleep(5)")
    assert busy.value.code == "database_busy"


async def test_a_transaction_left_idle_is_ended_by_the_server(database):
    cut_off = asyncio.Event()
    with pytest.raises(Unavailable):
        async with transaction() as current:
            current.connection.add_termination_listener(lambda _: cut_off.set())
            await DB.fetch("SET LOCAL idle_in_transaction_session_timeout = 20")
            await asyncio.wait_for(cut_off.wait(), 60)
            await Group.count()
    assert await Group.count() == 0


async def test_a_server_that_is_too_old_is_refused(database_url, monkeypatch):
    monkeypatch.setattr(engine, "OLDEST_SERVER", 99)
    with pytest.raises(Unavailable, match="needs 99") as old:
        await DB.open(database_url)
    assert old.value.code == "database_too_old"
    assert DB.pool is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda url: with_database(url, "no_such_database"), "no_such_database"),
        (lambda url: url.replace("postgresql://", "mysql://"), "postgresql://user"),
        (lambda url: url.replace("://", "://no_such_user_"), "no_such_user"),
    ],
    ids=["database", "scheme", "user"],
)
async def test_a_wrong_url_says_what_is_wrong_with_it(database_url, change, told):
    with pytest.raises(Unavailable, match=told) as refused:
        await DB.open(change(database_url))
    assert refused.value.code == "database_refused"


async def test_a_database_that_is_not_utf8_is_refused(postgres_url):
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute(
            "CREATE DATABASE vori_test_latin ENCODING 'LATIN1' "
            "LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0"
        )
        with pytest.raises(Unavailable, match="LATIN1") as refused:
            await DB.open(with_database(postgres_url, "vori_test_latin"))
        assert refused.value.code == "database_not_utf8"
    finally:
        await connection.execute("DROP DATABASE IF EXISTS vori_test_latin WITH (FORCE)")
        await connection.close()


async def test_nobody_there_is_unavailable(tmp_path):
    for url in (
        f"postgresql://postgres@/postgres?host={tmp_path}",
        "postgresql://postgres@127.0.0.1:1/postgres",
    ):
        with pytest.raises(Unavailable) as away:
            await DB.open(url)
        assert away.value.code == "database_away"


async def test_a_query_before_the_database_is_open_is_unavailable():
    with pytest.raises(Unavailable):
        await Group.count()


async def test_work_goes_on_by_itself_when_the_database_comes_back(server_dir):
    server = Embedded(server_dir / "postgres", options={"fsync": "off"})
    server.start()
    try:
        await DB.open(server.url)
        await DB.fetch("CREATE TABLE kept (n int)")
        assert DB.pool is not None
        server.stop()
        for _ in range(3):
            with pytest.raises(Unavailable) as away:
                await DB.fetch("INSERT INTO kept VALUES (0)")
            assert away.value.code == "database_away"

        async def write():
            async with transaction():
                await DB.fetch("INSERT INTO kept VALUES (1)")

        waiting = asyncio.create_task(retrying(write, deadline_s=240))
        await asyncio.to_thread(server.start)
        await waiting
        assert [row["n"] for row in await DB.fetch("SELECT n FROM kept")] == [1]
    finally:
        await DB.close()
        server.stop()


async def test_retrying_gives_up_at_its_deadline_with_the_last_error():
    tries = []

    async def never():
        tries.append(1)
        raise Unavailable(f"try {len(tries)}")

    with pytest.raises(Unavailable) as last:
        await retrying(never, deadline_s=0.5, first_wait_s=0.01, longest_wait_s=0.1)
    assert len(tries) > 1
    assert last.value.message == f"try {len(tries)}"


async def test_retrying_lets_other_errors_through_at_once():
    async def bad():
        raise BadMessage("no")

    with pytest.raises(BadMessage):
        await retrying(bad, deadline_s=60)


async def test_a_connection_that_cannot_be_made_ready_is_not_left_open(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[asyncpg.Connection] = []
    connect = asyncpg.connect

    async def remember(*arguments: Any, **more: Any) -> asyncpg.Connection:
        made.append(await connect(*arguments, **more))
        return made[-1]

    monkeypatch.setattr(asyncpg, "connect", remember)
    with pytest.raises(asyncpg.UndefinedTableError):
        await DB.connect("SELECT * FROM nowhere")
    waiting = asyncio.create_task(DB.connect("SELECT pg_sleep(60)"))
    while len(made) < 2:
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert [connection.is_closed() for connection in made] == [True, True]
