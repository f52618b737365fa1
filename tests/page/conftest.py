"""A real server, real Chromium, and a meeting whose words are put where recordings put them."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.running import Running, running
from tests.transcribe.random_whisper import write_random_whisper
from vori.clock import SystemClock
from vori.data.engine import DB
from vori.ids import EventId, GroupId, MeetingId, UserId, uuid7
from vori.page import DIST
from vori.transcribe.messages import Caption, RecordingKey
from vori.transcribe.store import CaptionStore

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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, whose microphone is a file of speech.

    Not for the whole run: while it is open its event loop runs, and no other test may have one.
    """
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt-get install chromium")
    if not (DIST / "index.html").exists():
        pytest.skip("the page is not built: make page")
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with (
        tempfile.TemporaryDirectory(prefix="vori-page-") as folder,
        playwright.sync_playwright() as p,
    ):
        sound = _speech(Path(folder) / "speech.wav")
        flags = [*FLAGS, f"--use-file-for-fake-audio-capture={sound}"] if sound else FLAGS
        browser = p.chromium.launch(executable_path=CHROMIUM, headless=True, args=flags)
        yield browser
        browser.close()


def _speech(path: Path) -> Path | None:
    program = shutil.which("espeak-ng")
    if program is None:
        return None  # Chromium then beeps, which is sound as well
    text = "Good morning. I will send the invoice to the customer by tomorrow."
    subprocess.run([program, "-s", "150", "-w", str(path), text], check=True)
    return path


@pytest.fixture(scope="session")
def server() -> Iterator[Running]:
    """Its model has random weights: form, not words. Words come by `speak`."""
    with tempfile.TemporaryDirectory(prefix="vori-page-") as folder:
        model = write_random_whisper(Path(folder) / "model", is_multilingual=True)
        with running(
            Path(folder) / "home", model=str(model), audio__resume_s=30, tickets__engine="local"
        ) as server:
            yield server


Speak = Callable[..., None]


@pytest.fixture(scope="session")
def speak(server: Running) -> Speak:
    """`speak(meeting_id, ["…"], speaker=1)`: final captions, as a recording would leave them."""
    at_ms = dict[int, int]()

    def speak(meeting_id: int, texts: list[str], *, speaker: int | None = None) -> None:
        start_ms = at_ms.get(meeting_id, 0)
        with ThreadPoolExecutor(1) as thread:
            work = _speak(_database(server), meeting_id, texts, speaker, start_ms)
            thread.submit(asyncio.run, work).result()
        at_ms[meeting_id] = start_ms + 4000 * len(texts)

    return speak


def _database(server: Running) -> str:
    folder = server.home / "postgres"
    lines = (folder / "postmaster.pid").read_text().splitlines()
    return f"postgresql://postgres@/postgres?host={lines[4].strip()}&port={lines[3].strip()}"


async def _speak(
    url: str, meeting_id: int, texts: list[str], speaker: int | None, start_ms: int
) -> None:
    await DB.open(url)
    try:
        [meeting] = await DB.fetch("SELECT group_id FROM meetings WHERE id = $1", meeting_id)
        key = RecordingKey(
            recording_id=uuid7(),
            audio_id=f"said-{uuid7()}",
            meeting_id=MeetingId(meeting_id),
            group_id=GroupId(meeting["group_id"]),
            user_id=None if speaker is None else UserId(speaker),
        )
        await DB.fetch(
            "INSERT INTO recordings (id, audio_id, meeting_id, group_id, user_id, status)"
            " VALUES ($1, $2, $3, $4, $5, 'COMPLETE')",
            key.recording_id,
            key.audio_id,
            key.meeting_id,
            key.group_id,
            key.user_id,
        )
        captions = [
            Caption(
                event_id=EventId(uuid7()),
                caption_id=uuid7(),
                meeting_id=key.meeting_id,
                group_id=key.group_id,
                audio_id=key.audio_id,
                seq=seq,
                text=text,
                language="ko" if any("가" <= c <= "힣" for c in text) else "en",
                start_ms=start_ms + 4000 * seq,
                end_ms=start_ms + 4000 * seq + 3500,
                meeting_start_ms=start_ms + 4000 * seq,
                speaker_id=key.user_id,
            )
            for seq, text in enumerate(texts)
        ]
        await CaptionStore(_no_admission, SystemClock()).save(key, captions, settled_ms=0)
    finally:
        await DB.close()


async def _no_admission(*_: Any) -> Any:
    raise NotImplementedError("no sound here")


@pytest.fixture
def pictures() -> Path:
    """Where pictures of the pages are left: VORI_TEST_SCREENSHOTS, or a folder for what passes."""
    kept = os.environ.get("VORI_TEST_SCREENSHOTS")
    folder = Path(kept) if kept else Path(tempfile.gettempdir()) / "vori-page-pictures"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
