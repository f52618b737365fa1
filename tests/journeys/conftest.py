"""Servers for journeys. Words count only with a model that knows them: the demo model does."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.journeys.running import Running, running
from vori.transcribe.models import DEMO_PATH

pytestmark = pytest.mark.journey


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "journeys" in item.nodeid:
            item.add_marker("journey")


@pytest.fixture(scope="session")
def speech_model() -> str:
    """The demo model, or the one that VORI_TEST_MODEL names."""
    if named := os.environ.get("VORI_TEST_MODEL"):
        return named
    if not (DEMO_PATH / "model.bin").exists():
        pytest.skip("no demo model in this copy, and VORI_TEST_MODEL is not set")
    return "demo"


@pytest.fixture
def own_home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="vori-journey-") as path:
        yield Path(path) / "home"


@pytest.fixture
def database_settings(request: pytest.FixtureRequest) -> dict[str, str]:
    """By URL when the tests were given a server, else PostgreSQL in the box."""
    if not os.environ.get("VORI_TEST_DATABASE_URL"):
        return {}
    make: Callable[[], str] = request.getfixturevalue("make_database")
    url = make()
    assert urlsplit(url).scheme == "postgresql"
    return {"database__url": url}


@pytest.fixture(scope="session")
def shared_server(speech_model: str) -> Iterator[Running]:
    """One server for all tests that do not harm it."""
    with (
        tempfile.TemporaryDirectory(prefix="vori-journey-") as path,
        running(
            Path(path) / "home",
            model=speech_model,
            audio__first_message_s=8,
            audio__idle_s=8,
            audio__resume_s=8,
            audio__max_frame_bytes=262_144,
        ) as server,
    ):
        yield server
