"""How long a group's meetings may be silent."""

from __future__ import annotations

from vori.data.engine import DB

ID = "0013"
VERSION = "1.28"
DESCRIPTION = "silence that ends a group's meetings"

SQL = """
ALTER TABLE groups
    ADD COLUMN end_after_silence_min integer;
"""


async def forwards() -> None:
    await DB.script(SQL)
