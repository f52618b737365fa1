"""The PostgreSQL in the box: started, found dead, left over, misled."""

from __future__ import annotations

import asyncio
import os
import pwd
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import asyncpg
import psutil
import pytest

from vori.data import embedded
from vori.data.embedded import Embedded, running
from vori.data.engine import DB, retrying
from vori.errors import Unavailable

pytestmark = pytest.mark.postgres

HOLD = """
import sys
from pathlib import Path
from vori.data.embedded import Embedded
server = Embedded(Path(sys.argv[1]), options={"fsync": "off"})
server.start()
print(server.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def directory():
    """A data directory made once; each test starts its own server on it and leaves it stopped."""
    with tempfile.TemporaryDirectory(prefix="vori-test-") as path:
        yield Path(path) / "postgres"


@pytest.fixture
def server(directory):
    server = Embedded(directory, options={"fsync": "off"})
    yield server
    server.stop()
    assert servers_on(directory) == []


def servers_on(directory: Path) -> list[int]:
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] == "postgres" and Path(process.cwd()) == directory:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


async def ask(server: Embedded, sql: str = "SELECT 1"):
    connection = await asyncpg.connect(server.url, timeout=60)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_it_starts_answers_and_leaves_no_process_behind(server, directory):
    server.start()
    assert await ask(server, "SHOW server_version_num") >= "180000"
    assert await ask(server, "SELECT lower('ÀÉ') || '한국어'") == "àé한국어"
    assert servers_on(directory)
    server.stop()
    assert servers_on(directory) == []
    server.stop()


async def test_what_was_committed_is_there_after_the_next_start(server):
    server.start()
    await ask(server, "CREATE TABLE kept AS SELECT 7 AS n")
    server.stop()
    server.start()
    assert await ask(server, "SELECT n FROM kept") == 7


async def test_only_its_owner_can_reach_it(server, directory):
    server.start()
    assert directory.stat().st_mode & 0o077 == 0
    assert await ask(server, "SHOW listen_addresses") == ""


async def test_a_server_that_dies_is_started_again_and_work_goes_on(server):
    async with running(server):
        await DB.open(server.url)
        try:
            killed = server.pid
            os.kill(killed, signal.SIGKILL)

            async def work():
                if server.restarts == 0:
                    raise Unavailable("a session may outlive its server for a moment")
                await DB.fetch("SELECT 1")

            await retrying(work, deadline_s=240)
            assert server.pid not in (None, killed)
        finally:
            await DB.close()
    assert server.pid is None


def test_a_server_left_by_a_killed_vori_is_ended_and_its_data_kept(server, directory):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as vori:
        left = int(vori.stdout.readline())
        vori.kill()
    assert psutil.pid_exists(left)
    server.start()
    assert server.pid != left
    assert not psutil.pid_exists(left)
    assert asyncio.run(ask(server)) == 1


def test_a_vori_that_leaves_by_an_exception_takes_its_server_along(directory):
    done = subprocess.run(
        [sys.executable, "-c", HOLD + "raise SystemExit(3)", directory],
        input=b"",
        stdout=subprocess.PIPE,
        check=False,
    )
    assert done.returncode == 3
    assert servers_on(directory) == []


@pytest.mark.parametrize("whose", ["another living process", "nobody", "nonsense"])
async def test_a_pid_file_that_misleads_is_put_aside(server, directory, whose):
    server.start()
    pid_file = directory / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    os.kill(server.pid, signal.SIGKILL)
    lines[0] = {"another living process": str(os.getppid()), "nobody": "4194000"}.get(whose, "?")
    server.stop()
    pid_file.write_text("\n".join(lines) + "\n")
    server.start()
    assert await ask(server) == 1


async def test_an_empty_pid_file_is_put_aside(server, directory):
    server.start()
    server.stop()
    (directory / "postmaster.pid").touch()
    server.start()
    assert await ask(server) == 1


def test_a_start_that_fails_says_where_to_look(server, directory):
    server.start()
    server.stop()
    with (directory / "postgresql.auto.conf").open("a") as conf:
        conf.write("no_such_setting = 1\n")
    try:
        with pytest.raises(Unavailable) as failed:
            server.start()
    finally:
        conf_path = directory / "postgresql.auto.conf"
        conf_path.write_text(conf_path.read_text().replace("no_such_setting = 1\n", ""))
    assert failed.value.code == "database_failed"
    assert str(server.log_path) in failed.value.message
    assert "no_such_setting" in server.log_path.read_text()


def test_data_of_another_version_is_refused(server, directory):
    server.start()
    server.stop()
    (directory / "PG_VERSION").write_text("15\n")
    try:
        with pytest.raises(Unavailable, match="PostgreSQL 15") as other:
            server.start()
    finally:
        (directory / "PG_VERSION").write_text("18\n")
    assert other.value.code == "database_other_version"


async def test_half_made_data_is_made_again_under_a_path_too_long_for_a_socket(server_dir):
    deep = server_dir / ("x" * 60) / ("y" * 60)
    (deep / "postgres.new").mkdir(parents=True)
    (deep / "postgres.new" / "PG_VERSION").write_text("18\n")
    server = Embedded(deep / "postgres", options={"fsync": "off"})
    try:
        server.start()
        url = server.url
        assert str(deep) not in url
        assert await ask(server) == 1
        server.stop()
        server.start()
        assert server.url == url
        assert await ask(server) == 1
    finally:
        server.stop()


def test_without_the_wheel_it_says_what_to_install(monkeypatch, directory):
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unavailable, match=r"vori\[embedded\]") as missing:
        Embedded(directory)
    assert missing.value.code == "database_missing"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_runs_it_as_themselves(server_dir):
    nobody = pwd.getpwnam("nobody").pw_uid
    os.chown(server_dir, nobody, -1)
    # Imports first: an ordinary user may not be able to read root's Python.
    become = HOLD.replace("server =", f"import os; os.setgroups([]); os.setuid({nobody})\nserver =")
    done = subprocess.run(
        [sys.executable, "-c", become, server_dir / "postgres"], input=b"", check=False
    )
    assert done.returncode == 0
    assert (server_dir / "postgres").stat().st_uid == nobody
    assert servers_on(server_dir / "postgres") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as another user")
def test_root_opens_only_a_way_through_and_never_a_view(server_dir):
    private = server_dir / "private"
    private.mkdir(mode=0o700)
    server = Embedded(private / "postgres", options={"fsync": "off"})
    try:
        server.start()
        assert private.stat().st_mode & 0o007 == 0
        looked = subprocess.run(
            ["ls", private], user=embedded.SYSTEM_USER, capture_output=True, check=False
        )
        assert looked.returncode != 0
    finally:
        server.stop()
