"""A real server, real Chromium, and a meeting whose words are put where recordings put them."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from benchmarks.page import database_of, say
from tests.journeys.running import Running, running
from tests.page.windows import Reader, Windows, Wire
from tests.transcribe.sounds import s16
from tools import build_page
from vori.data.engine import DB
from vori.demo.play import SOUND
from vori.page import DIST
from vori.transcribe.container import decode_file
from vori.transcribe.models import DEMO_PATH

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]
AXE = build_page.WEB / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = build_page.ROOT / "build" / "pictures"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("journey")
            item.add_marker("browser")


@pytest.fixture(scope="session")
def demo_sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled meeting as a WAV file: mono, 16 kHz."""
    path = tmp_path_factory.mktemp("sound") / "meeting.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        for block in decode_file(SOUND, limit_s=600):
            file.writeframes(s16(block))
    return path


@pytest.fixture(scope="module")
def browser(demo_sound: Path) -> Iterator[Any]:
    """Chromium, into whose microphone the bundled meeting is spoken once each time it is opened.

    Not for the whole run: while it is open its event loop runs, and no other test may have one.
    """
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt-get install chromium")
    if not (DIST / "index.html").exists():
        pytest.skip("the page is not built: make page")
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    flags = [*FLAGS, f"--use-file-for-fake-audio-capture={demo_sound}%noloop"]
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, headless=True, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Running]:
    """VORI with the demo model, everybody the administrator."""
    yield from _server()


@pytest.fixture(scope="session")
def team_server() -> Iterator[Running]:
    """VORI as a team has it: people sign in. `invitation` is the first administrator's link."""
    yield from _server(is_dev=False)


def _server(**more: Any) -> Iterator[Running]:
    if not (DEMO_PATH / "model.bin").exists():
        pytest.skip("no demo model in this copy")
    with (
        tempfile.TemporaryDirectory(prefix="vori-page-") as folder,
        running(
            Path(folder) / "home",
            model="demo",
            audio__resume_s=30,
            tickets__engine="local",
            **more,
        ) as server,
    ):
        yield server


@pytest.fixture
def windows(browser: Any, server: Running) -> Iterator[Windows]:
    windows = Windows(browser, server)
    yield windows
    assert windows.close() == []


@pytest.fixture
def wire(server: Running) -> Iterator[Wire]:
    with Wire(server) as wire:
        yield wire


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe, which `make page` installs."""
    if not AXE.exists():
        if not build_page.has_node():
            pytest.skip(f"axe is not installed, and cannot be: {build_page.how()}")
        try:
            build_page.install()
        except subprocess.CalledProcessError:
            pytest.skip("axe could not be installed: no way to the packages")
    return AXE.read_text(encoding="utf-8")


Speak = Callable[..., None]


@pytest.fixture(scope="session")
def speak(server: Running) -> Speak:
    """`speak(meeting_id, ["…"], speaker=1)`: final captions, as a recording would leave them."""
    said = dict[int, int]()

    def speak(meeting_id: int, texts: list[str], *, speaker: int | None = None) -> None:
        start = said.get(meeting_id, 0)
        in_database(server, lambda: say(meeting_id, texts, speaker=speaker, start=start))
        said[meeting_id] = start + len(texts)

    return speak


def in_database(server: Running, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Do `work` with the server's own database open; beside Chromium, whose loop is taken."""

    async def do() -> None:
        await DB.open(database_of(server.home))
        try:
            await work()
        finally:
            await DB.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, do()).result()


@pytest.fixture
def pictures() -> Path:
    """Where pictures of the pages are left: VORI_TEST_PICTURES, or build/pictures."""
    folder = Path(os.environ.get("VORI_TEST_PICTURES") or PICTURES)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def reader(axe: str, pictures: Path) -> Iterator[Reader]:
    reader = Reader(axe, pictures)
    yield reader
    assert reader.problems == [], "\n".join(reader.problems)
