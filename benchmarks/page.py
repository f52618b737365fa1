"""How much JavaScript the page loads first, and how smoothly a long live meeting is drawn.

    vori bench page [--captions N] [--seconds S] [--per-second R] [--json]

A real server with the page as it is built, Chromium without a window or a GPU (its picture is drawn by
the processor, and the server takes part of the same cores). The meeting has `--captions` sentences when
it is opened; then `--per-second` more arrive, about ten times as many as a person speaks.

    firstLoadKb     JavaScript as it crosses the line (gzip), by page opened in a new browser
    readyMs         from asking for a page to its heading, everything new
    blank           frames of an empty page: what this Chromium draws at most on this machine
    still           frames of the long meeting while nothing arrives
    arriving        … while captions arrive
      framesPerS    frames asked for by requestAnimationFrame and given
      frameMsP95, frameMsMax    from one frame to the next
      longTasks     pieces of work of the page's thread that held frames up for more than 50 ms
      taskMsPerS    how long the page's thread works in a second, of 1,000 ms
    taskMsPerCaption, scriptMsPerCaption, layoutMsPerCaption
                    what a caption adds to that, over what drawing frames costs without any
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import shutil
import tempfile
import time
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

from vori.clock import SystemClock
from vori.data.engine import DB
from vori.demo.play import Api, server
from vori.ids import EventId, GroupId, MeetingId, UserId, uuid7
from vori.page import DIST
from vori.transcribe.messages import Caption, RecordingKey
from vori.transcribe.store import CaptionStore

PAGES = ("meetings", "board", "dashboard", "search", "settings", "admin")
LINE_MS, GAP_MS = 3500, 500
WINDOW = {"width": 1280, "height": 800}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

WATCH = """() => {
  const frames = (window.benchFrames = [])
  const tasks = (window.benchTasks = [])
  new PerformanceObserver((seen) => tasks.push(...seen.getEntries().map((one) => one.duration)))
    .observe({ type: 'longtask' })
  const next = (at) => { frames.push(at); requestAnimationFrame(next) }
  requestAnimationFrame(next)
}"""
TAKE = """() => {
  const taken = { frames: window.benchFrames.splice(0), tasks: window.benchTasks.splice(0) }
  return taken
}"""


def measure() -> dict[str, Any]:
    return asyncio.run(_measure(captions=3000, seconds=15, per_second=5))


def main(options: list[str]) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="vori bench page")
    parser.add_argument("--captions", type=int, default=3000)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--per-second", type=float, default=5)
    given = parser.parse_args(options)
    return asyncio.run(
        _measure(captions=given.captions, seconds=given.seconds, per_second=given.per_second)
    )


async def _measure(*, captions: int, seconds: float, per_second: float) -> dict[str, Any]:
    from playwright.async_api import async_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None or not (DIST / "index.html").exists():
        return {"skipped": "this needs Chromium and the built page: `make page`"}
    with tempfile.TemporaryDirectory(prefix="vori-bench-") as folder:
        async with server(Path(folder), "demo") as url, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            made = await Api(url).post("/api/meetings", {"groupId": 1, "title": "A long day"})
            meeting_id = made["meetingId"]
            await DB.open(database_of(Path(folder) / "vori"))
            try:
                await say(meeting_id, [f"This is sentence number {n}." for n in range(captions)])
                loads = [
                    await _load(browser, url, path) for path in (*PAGES, f"meetings/{meeting_id}")
                ]
                frames = await _frames(browser, url, meeting_id, captions, seconds, per_second)
            finally:
                await DB.close()
                await browser.close()
    names = [*PAGES, "meeting"]
    return {
        "firstLoadKb": {name: load[0] for name, load in zip(names, loads, strict=True)},
        "readyMs": {name: load[1] for name, load in zip(names, loads, strict=True)},
        **frames,
    }


async def _load(browser: Any, url: str, path: str) -> tuple[float, float]:
    """The kB of JavaScript of `path`, and ms to its heading, in a browser that has kept nothing."""
    context = await browser.new_context(viewport=WINDOW, locale="en-US")
    page = await context.new_page()
    sizes: list[int] = []
    page.on(
        "response",
        lambda answer: sizes.append(
            int(answer.headers["content-length"]) if answer.url.endswith(".js") else 0
        ),
    )
    started_s = time.perf_counter()
    await page.goto(f"{url}/{path}")
    await page.locator("main h1, main input").first.wait_for(state="attached")
    ready_ms = 1000 * (time.perf_counter() - started_s)
    await page.wait_for_load_state("networkidle")
    await context.close()
    return round(sum(sizes) / 1000, 1), round(ready_ms)


async def _frames(
    browser: Any, url: str, meeting_id: int, captions: int, seconds: float, per_second: float
) -> dict[str, Any]:
    context = await browser.new_context(viewport=WINDOW, locale="en-US")
    page = await context.new_page()
    await page.goto("about:blank")
    await page.evaluate(WATCH)
    await page.evaluate(TAKE)
    await asyncio.sleep(seconds / 3)
    blank = _figures(await page.evaluate(TAKE))

    await page.goto(f"{url}/meetings/{meeting_id}")
    await page.get_by_text(f"This is sentence number {captions - 1}.").first.wait_for()
    await page.evaluate(WATCH)
    await page.wait_for_load_state("networkidle")
    session = await context.new_cdp_session(page)
    await session.send("Performance.enable")
    still, still_work = await _watched(page, session, asyncio.sleep(seconds / 3))
    count = int(seconds * per_second)

    async def arrive() -> None:
        due_s = time.perf_counter()
        for number in range(captions, captions + count):
            await say(meeting_id, [f"This is sentence number {number}."], start=number)
            due_s += 1 / per_second
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))

    arriving, arriving_work = await _watched(page, session, arrive())
    last = f"This is sentence number {captions + count - 1}."
    await page.get_by_text(last).first.wait_for()  # it followed what came
    drawn = await page.locator("[data-caption]").count()
    await context.close()
    more = {
        f"{name}MsPerCaption": round((arriving_work[name] - still_work[name]) / per_second, 2)
        for name in ("task", "script", "layout")
    }
    return {"blank": blank, "still": still, "arriving": arriving, **more, "linesDrawn": drawn}


async def _watched(
    page: Any, session: Any, doing: Awaitable[None]
) -> tuple[dict[str, float], dict[str, float]]:
    """The frames while it is done, and for how many ms in a second the page's thread worked."""
    await page.evaluate(TAKE)
    before, started_s = await _work(session), time.perf_counter()
    await doing
    taken, lasted_s = await page.evaluate(TAKE), time.perf_counter() - started_s
    after = await _work(session)
    work = {name: 1000 * (after[name] - before[name]) / lasted_s for name in before}
    return _figures(taken) | {"taskMsPerS": round(work["task"])}, work


async def _work(session: Any) -> dict[str, float]:
    """Seconds that the page's thread has worked."""
    told = await session.send("Performance.getMetrics")
    by_name = {one["name"]: one["value"] for one in told["metrics"]}
    return {
        "task": by_name["TaskDuration"],
        "script": by_name["ScriptDuration"],
        "layout": by_name["LayoutDuration"] + by_name["RecalcStyleDuration"],
    }


def _figures(taken: dict[str, list[float]]) -> dict[str, float]:
    at = taken["frames"]
    steps = sorted(b - a for a, b in itertools.pairwise(at))
    return {
        "framesPerS": round(1000 * len(steps) / (at[-1] - at[0]), 1),
        "frameMsP95": round(steps[int(0.95 * (len(steps) - 1))], 1),
        "frameMsMax": round(steps[-1], 1),
        "longTasks": len(taken["tasks"]),
    }


def database_of(home: Path) -> str:
    """Where the PostgreSQL in the box of a running VORI answers."""
    lines = (home / "postgres" / "postmaster.pid").read_text().splitlines()
    return f"postgresql://postgres@/postgres?host={lines[4].strip()}&port={lines[3].strip()}"


async def say(
    meeting_id: int, texts: Sequence[str], *, speaker: int | None = None, start: int = 0
) -> None:
    """Final captions as a recording would leave them, 4 s each, from the `start`-th on.

    The database is open. The server tells of them as of any other.
    """
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
    captions = []
    for seq, text in enumerate(texts):
        start_ms = (LINE_MS + GAP_MS) * (start + seq)
        captions.append(
            Caption(
                event_id=EventId(uuid7()),
                caption_id=uuid7(),
                meeting_id=key.meeting_id,
                group_id=key.group_id,
                audio_id=key.audio_id,
                seq=seq,
                text=text,
                language="ko" if any("가" <= letter <= "힣" for letter in text) else "en",
                start_ms=start_ms,
                end_ms=start_ms + LINE_MS,
                meeting_start_ms=start_ms,
                speaker_id=key.user_id,
            )
        )
    await CaptionStore(_no_admission, SystemClock()).save(key, captions, settled_ms=0)


async def _no_admission(*_: Any) -> Any:
    raise NotImplementedError("no sound here")
