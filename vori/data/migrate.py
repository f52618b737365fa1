"""Brings the schema up to this program's version.

The steps are hand-written SQL in `migrations/`, recorded in Piccolo's table `migration`, so the
`piccolo` command sees the same history. All steps that are due run in one transaction under a
lock: several VORIs may start at once, and a step that fails leaves nothing behind.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from vori.data import migrations
from vori.data.engine import DB, transaction
from vori.data.outbox import adopt_restored
from vori.errors import Unavailable

APP = "vori"
_LOCK = 0x564F5249  # "VORI"


async def migrate() -> list[str]:
    """Run the steps that are due; returns their ids.

    Raises Unavailable(code="database_newer") when the schema has steps this program lacks.
    """
    steps = known_steps()
    due = [] if await _is_current(steps) else await _run(steps)
    await adopt_restored()
    return due


async def _run(steps: dict[str, Any]) -> list[str]:
    async with transaction():
        # Another VORI's steps may take long: wait for them.
        await DB.script(
            f"SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock({_LOCK}); {_HISTORY}"
        )
        due = _due(steps, await _ran())
        for step in due:
            await steps[step].forwards()
            await DB.fetch("INSERT INTO migration (name, app_name) VALUES ($1, $2)", step, APP)
    return due


def known_steps() -> dict[str, Any]:
    """The modules of `migrations/` by their `ID`, oldest first."""
    modules = [
        importlib.import_module(f"{migrations.__name__}.{found.name}")
        for found in pkgutil.iter_modules(migrations.__path__)
    ]
    return {module.ID: module for module in sorted(modules, key=lambda module: str(module.ID))}


async def _is_current(steps: dict[str, Any]) -> bool:
    [row] = await DB.fetch("SELECT to_regclass('migration') IS NOT NULL")
    return bool(row[0]) and not _due(steps, await _ran())


async def _ran() -> set[str]:
    rows = await DB.fetch("SELECT name FROM migration WHERE app_name = $1", APP)
    return {row["name"] for row in rows}


def _due(steps: dict[str, Any], ran: set[str]) -> list[str]:
    unknown = sorted(ran - steps.keys())
    if unknown:
        raise Unavailable(
            f"the database was made by a newer VORI (it has step {unknown[-1]}); install that one",
            code="database_newer",
        )
    return [step for step in steps if step not in ran]


_HISTORY = """
CREATE TABLE IF NOT EXISTS migration (
    id        serial PRIMARY KEY,
    name      varchar(200) NOT NULL DEFAULT '',
    app_name  varchar(200) NOT NULL DEFAULT '',
    ran_on    timestamp NOT NULL DEFAULT current_timestamp
)
"""
