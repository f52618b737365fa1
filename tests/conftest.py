"""Fixtures for every test: PostgreSQL once for the whole run, an empty database for each test."""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import structlog
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests.kafka import broker, kafka  # noqa: F401 - fixtures
from tests.web_site import Person, Site, open_site
from vori.data.embedded import Embedded
from vori.data.engine import DB
from vori.data.home import Home, open_home
from vori.data.migrate import migrate
from vori.errors import VoriError

# The same examples each time, however slow the machine: a run that fails can be had again.
hypothesis_settings.register_profile(
    "vori", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("vori")

UNSAFE_BUT_FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    # While one of its transactions is open, the outbox holds events back, as it does for any.
    "autovacuum": "off",
}

STEPS_TABLE = "migration"
EMPTY = f"""
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid();
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> '{STEPS_TABLE}'
    LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences
        WHERE schemaname = 'public' AND sequencename <> '{STEPS_TABLE}_id_seq'
    LOOP
        EXECUTE format('ALTER SEQUENCE %I RESTART', name);
    END LOOP;
END
$$
"""

_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def loggers_are_not_cached() -> Iterator[None]:
    """A logger that one test had configured and cached would be lost to another's `capture_logs`."""
    configure = structlog.configure

    def uncached(**options: Any) -> None:
        configure(**{**options, "cache_logger_on_first_use": False})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structlog, "configure", uncached)
        yield


@pytest.fixture
def server_dir() -> Iterator[Path]:
    """An empty directory for a server's data.

    Not pytest's own: each new run of pytest closes that again to the user PostgreSQL runs as
    when tests are run by root.
    """
    with tempfile.TemporaryDirectory(prefix="vori-test-") as path:
        yield Path(path)


@pytest.fixture
def home(server_dir: Path) -> Iterator[Home]:
    """An empty home, held by this test."""
    with open_home(server_dir / "home") as home:
        yield home


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server: `VORI_TEST_DATABASE_URL`, or an embedded one for this run."""
    if url := os.environ.get("VORI_TEST_DATABASE_URL"):
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="vori-test-") as path:
        try:
            server = Embedded(Path(path) / "postgres", options=UNSAFE_BUT_FAST)
            server.start()
        except VoriError as exc:
            pytest.skip(f"no PostgreSQL: {exc.message}")
        try:
            yield server.url
        finally:
            server.stop()


@pytest.fixture(scope="session")
def template(postgres_url: str) -> Iterator[str]:
    """The name of a migrated database that tests are copied from."""
    name = f"vori_test_{os.getpid()}"

    async def make() -> None:
        await _on_server(postgres_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await _on_server(postgres_url, f"CREATE DATABASE {name}")
        await DB.open(with_database(postgres_url, name))
        try:
            await migrate()
        finally:
            await DB.close()

    _await(make())
    yield name
    _await(_on_server(postgres_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


@pytest.fixture
def make_database(postgres_url: str, template: str) -> Iterator[Callable[[], str]]:
    """Makes a fresh migrated database and returns its URL; for tests that start processes."""
    names: list[str] = []

    def make(source: str = template) -> str:
        name = f"vori_test_{os.getpid()}_{next(_numbers)}"
        _await(_on_server(postgres_url, f"CREATE DATABASE {name} TEMPLATE {source}"))
        names.append(name)
        return with_database(postgres_url, name)

    yield make
    for name in names:
        _await(_on_server(postgres_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def shared_database(postgres_url: str, template: str) -> Iterator[str]:
    name = f"{template}_shared"
    _await(_on_server(postgres_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
    _await(_on_server(postgres_url, f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield with_database(postgres_url, name)
    _await(_on_server(postgres_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


@pytest.fixture
def database_url(shared_database: str) -> str:
    """A migrated database without a row that nobody has opened.

    Emptied, not made: making one takes half a second, emptying some milliseconds.
    """
    _await(_on_server(shared_database, EMPTY))
    return shared_database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[str]:
    """A fresh migrated database, opened: `DB` and every table use it. Gives its URL."""
    await DB.open(database_url)
    yield database_url
    await DB.close()


@pytest.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as site:
        yield site


@pytest.fixture
async def mina(site: Site) -> Person:
    return await site.person("Mina")


def with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _await(coroutine: Coroutine[None, None, None]) -> None:
    """In a thread of its own, since a test's loop may be running here."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, coroutine).result()


async def _on_server(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With VORI_TEST_STRICT a test that was skipped counts as failed, unless it needs a GPU."""
    if not os.environ.get("VORI_TEST_STRICT"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    missed = [
        report for report in reporter.stats.get("skipped", []) if "gpu" not in report.keywords
    ]
    for report in missed:
        reporter.write_line(f"expected to run, but skipped: {report.nodeid}", red=True)
    if missed and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
