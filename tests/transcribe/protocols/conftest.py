from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.transcribe.protocols.tone_server import ToneServer, tone_server


@pytest.fixture
async def server(database: str, tmp_path: Path) -> AsyncIterator[ToneServer]:
    async with tone_server(tmp_path) as server:
        yield server
