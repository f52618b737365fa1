"""The commands about people and what is kept, as an operator types them."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from vori.cli import cli
from vori.data.engine import DB
from vori.people import store
from vori.people.admin import create_token

pytestmark = pytest.mark.postgres

Vori = Callable[..., Awaitable[Result]]


@pytest.fixture
async def vori(database: str, tmp_path: Path) -> Vori:
    """Runs a command on the tests' database; `typed` is what the operator answers."""

    async def run(*arguments: str, typed: str = "") -> Result:
        await DB.close()
        try:
            return await asyncio.to_thread(
                CliRunner().invoke,
                cli,
                ["--home", str(tmp_path / "home"), *arguments],
                input=typed,
                env={"VORI_DATABASE__URL": database, "VORI_LOG__LEVEL": "error"},
            )
        finally:
            await DB.open(database)

    return run


async def test_a_person_is_exported_and_forgotten_by_command(vori: Vori, tmp_path: Path) -> None:
    await store.create_user(name="Boss", email="boss@example.org", is_admin=True)
    jun = await store.create_user(name="Jun Park", email="jun@example.org")
    await create_token("jun@example.org", name="laptop", days=None)
    out = tmp_path / "jun.zip"
    done = await vori("user", "export", "JUN@example.org", "--out", str(out), "--sound")
    assert done.exit_code == 0, done.output
    assert out.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(io.BytesIO(out.read_bytes())) as file:
        assert json.loads(file.read("account.json"))[0]["name"] == "Jun Park"

    shown = await vori("user", "erase", "jun@example.org", "--dry-run")
    assert "would be forgotten" in shown.output
    refused = await vori("user", "erase", "jun@example.org", typed="n\n")
    assert refused.exit_code != 0
    assert len(await DB.fetch("SELECT 1 FROM users")) == 2
    agreed = await vori("user", "erase", "jun@example.org", typed="y\n")
    assert agreed.exit_code == 0, agreed.output
    assert "What remains" in agreed.output
    assert await DB.fetch("SELECT 1 FROM users WHERE id = $1", jun.user_id) == []
    again = await vori("user", "erase", "jun@example.org", "--yes")
    assert isinstance(again.exception, Exception)
    assert "no user" in str(again.exception)


async def test_what_is_due_is_told_and_deleted_by_command(vori: Vori) -> None:
    await DB.fetch("INSERT INTO audit (at, action) VALUES (now() - interval '500 days', 'old')")
    told: Any = json.loads((await vori("retention", "run", "--dry-run", "--json")).output)
    assert told == {"soundOf": [], "wordsOf": [], "auditRows": 1, "recordings": 0}
    done = await vori("retention", "run")
    assert "deleted 1 lines of the audit log" in done.output
    assert await DB.fetch("SELECT 1 FROM audit") == []
