from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from vori.data import migrate as migrating
from vori.data.engine import DB
from vori.data.migrate import known_steps, migrate
from vori.errors import Unavailable

pytestmark = pytest.mark.postgres

MIGRATE = """
import asyncio, sys
from vori.data.engine import DB
from vori.data.migrate import migrate

async def main():
    await DB.open(sys.argv[1])
    print(*await migrate())
    await DB.close()

asyncio.run(main())
"""


async def test_nothing_is_due_in_a_migrated_database(database, capsys):
    assert await migrate() == []
    assert capsys.readouterr() == ("", "")


@pytest.fixture
async def fresh_database(make_database):
    """For tests that change the schema."""
    await DB.open(make_database())
    yield
    await DB.close()


async def test_a_database_of_the_first_schema_is_brought_up_to_date(make_database, monkeypatch):
    await DB.open(make_database("template1"))
    try:
        with monkeypatch.context() as first:
            steps = {"0001": known_steps()["0001"]}
            first.setattr(migrating, "known_steps", lambda: steps)
            assert await migrate() == ["0001"]
        await DB.fetch("INSERT INTO groups (name) VALUES ('Team')")
        await DB.fetch("INSERT INTO meetings (group_id) SELECT id FROM groups")
        await DB.fetch("INSERT INTO tickets (group_id, title) SELECT id, '배포' FROM groups")
        assert await migrate() == [step for step in known_steps() if step != "0001"]
        [group] = await DB.fetch("SELECT * FROM groups")
        assert (group["name"], group["policy"]) == ("Team", "auto")
        assert (group["auto_above"], group["budget_tokens"], group["budget_cost"]) == (None,) * 3
        assert [row["title"] for row in await DB.fetch("SELECT title FROM tickets")] == ["배포"]
        assert await migrate() == []
    finally:
        await DB.close()


async def test_a_schema_of_a_newer_vori_is_refused(fresh_database):
    await DB.fetch("INSERT INTO migration (name, app_name) VALUES ('9999', 'vori')")
    with pytest.raises(Unavailable, match="9999") as newer:
        await migrate()
    assert newer.value.code == "database_newer"


async def test_a_step_that_fails_leaves_nothing_behind(fresh_database, monkeypatch):
    class Good:
        @staticmethod
        async def forwards():
            await DB.script("CREATE TABLE half (n int); INSERT INTO half VALUES (1)")

    class Bad:
        @staticmethod
        async def forwards():
            raise ZeroDivisionError

    monkeypatch.setattr(migrating, "known_steps", lambda: known_steps() | {"2": Good, "3": Bad})
    with pytest.raises(ZeroDivisionError):
        await migrate()
    assert not (await DB.fetch("SELECT to_regclass('half') IS NOT NULL"))[0][0]
    assert [row["name"] for row in await DB.fetch("SELECT name FROM migration")] == [*known_steps()]


def test_processes_that_migrate_at_once_run_each_step_once(make_database):
    url = make_database("template1")
    running = [
        subprocess.Popen([sys.executable, "-c", MIGRATE, url], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    told = [process.communicate()[0].split() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert sorted(told) == [[], [], [*known_steps()]]


async def test_tasks_that_migrate_at_once_do_not_disturb_each_other(make_database):
    await DB.open(make_database("template1"))
    try:
        told = await asyncio.gather(*(migrate() for _ in range(4)))
        assert sorted(told) == [[], [], [], [*known_steps()]]
    finally:
        await DB.close()


def test_the_piccolo_command_sees_the_same_history(database_url):
    done = subprocess.run(
        [sys.executable, "-m", "piccolo.main", "migrations", "check", "--app_name=vori"],
        env={"PICCOLO_CONF": "vori.data.piccolo_conf", "VORI_DATABASE__URL": database_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "True" in done.stdout
    assert "False" not in done.stdout
