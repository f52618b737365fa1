"""What tests of the page are written with: windows, a line that can be cut, drags."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.journeys.running import Running

SCRIPT = "<script>window.broken = true</script><b>bold</b>"
PATIENCE_S = 120
"""Ends a hang; a slow machine may take long."""
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 800}


class Window:
    """One window; every complaint of the browser and every foreign request is kept."""

    def __init__(
        self,
        browser: Any,
        url: str,
        *,
        group: int | None = None,
        expected: tuple[str, ...] = (),
        **options: Any,
    ) -> None:
        """group: the one that is shown. expected: parts of complaints that are no fault."""
        self.url = url
        self.complaints: list[str] = []
        self.expected = list(expected)
        options = {"viewport": WIDE, "locale": "en-US", "reduced_motion": "reduce", **options}
        self.context = browser.new_context(**options)
        if group is not None:
            self.context.add_init_script(f"localStorage.setItem('vori.group', '{group}')")
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_S * 1000)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("console", self._heard)
        self.page.on("request", self._asked)

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            where = message.location.get("url", "")
            self.complaints.append(f"{message.type}: {message.text} {where}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.complaints.append(f"foreign request: {request.url}")

    def open(self, path: str) -> Any:
        self.page.goto(self.url + path)
        return self.page

    def unexpected(self) -> list[str]:
        return [c for c in self.complaints if not any(word in c for word in self.expected)]


class Windows:
    def __init__(self, browser: Any, server: Running) -> None:
        self._browser, self._server = browser, server
        self.all: list[Window] = []

    def new(self, *, url: str | None = None, **options: Any) -> Window:
        self.all.append(Window(self._browser, url or self._server.url, **options))
        return self.all[-1]

    def close(self) -> list[str]:
        """Close every window; what nobody expected of them."""
        for window in self.all:
            window.context.close()
        return [c for window in self.all for c in window.unexpected()]


class Wire:
    """A line to a server on this machine, byte for byte, that can be cut and mended."""

    def __init__(self, server: Running) -> None:
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._lines: set[asyncio.StreamWriter] = set()
        self._listening: asyncio.Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Wire:
        self._thread.start()
        self.mend()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def mend(self) -> None:
        self._do(self._mend())

    def cut(self) -> None:
        """Every connection breaks, and no new one is made."""
        self._do(self._cut())

    def _do(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=PATIENCE_S)

    async def _mend(self) -> None:
        self._listening = await asyncio.start_server(self._join, "127.0.0.1", self.port)
        self.port = self._listening.sockets[0].getsockname()[1]

    async def _cut(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        for line in self._lines:
            line.transport.abort()
        while self._lines:
            await asyncio.sleep(0.01)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        except ConnectionError:
            writer.transport.abort()
            return
        self._lines |= {writer, far_writer}
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pour(reader, far_writer))
                both.create_task(_pour(far_reader, writer))
        finally:
            for end in (writer, far_writer):
                end.transport.abort()
            self._lines -= {writer, far_writer}


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


def group(server: Running, name: str) -> int:
    """One of its own: what was asked for in others does not count as said before."""
    number: int = server.post("/api/groups", {"name": name})["groupId"]
    return number


def meeting(server: Running, title: str, **more: Any) -> int:
    body = {"groupId": 1, "title": title, "timeZone": "Asia/Seoul", **more}
    number: int = server.post("/api/meetings", body)["meetingId"]
    server.ask("PATCH", f"/api/meetings/{number}", {"status": "LIVE"})
    return number


def ticket(server: Running, title: str, **more: Any) -> str:
    name: str = server.post("/api/tickets", {"groupId": 1, "title": title, **more})["ticketId"]
    return name


def card(page: Any, ticket_id: str) -> Any:
    return page.locator(f"main [data-ticket='{ticket_id}']:visible")


def column(page: Any, status: str) -> Any:
    return page.locator(f"[data-status={status}]")


def until(page: Any, is_so: Callable[[], bool]) -> None:
    """Our policy forbids the page to evaluate strings, so we look from outside."""
    give_up = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < give_up, "it did not come to that in time"
        page.wait_for_timeout(50)


COLUMNS = {"TODO": "To do", "IN_PROGRESS": "In progress", "DONE": "Done"}


def is_over(page: Any, status: str) -> Any:
    """What is told of a card that is held over the column."""
    return page.get_by_role("status").get_by_text(re.compile(f" is over {COLUMNS[status]}", re.I))


def plays(page: Any, within: Any) -> None:
    """The button plays, and says Stop meanwhile, for however short a time."""
    page.evaluate(
        """() => {
          window.labels = []
          const note = (all) => all.forEach((one) => window.labels.push(one.target.ariaLabel))
          new MutationObserver(note).observe(document.body,
            { subtree: true, attributes: true, attributeFilter: ['aria-label'] })
        }"""
    )
    within.get_by_role("button", name=re.compile("^Play from")).first.click()
    until(page, lambda: "Stop" in page.evaluate("window.labels"))


@contextlib.contextmanager
def dragging(page: Any, ticket_id: str, status: str) -> Iterator[None]:
    """Holds the card over the column `status`, and drops it there at the end."""
    dragged = page.locator(f"[data-status] [data-ticket='{ticket_id}']")
    dragged.wait_for()
    start = dragged.bounding_box()
    goal = column(page, status).bounding_box()
    page.mouse.move(start["x"] + 40, start["y"] + 20)
    page.mouse.down()
    page.mouse.move(goal["x"] + 80, goal["y"] + 120, steps=8)
    is_over(page, status).wait_for(state="attached")
    yield
    page.mouse.up()


def fits(page: Any) -> bool:
    """Nothing reaches out of the window sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


LOOKS = (("light", WIDE), ("dark", WIDE), ("dark", PHONE))
DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
SERIOUS = ("serious", "critical")


class Reader:
    """Looks at a page in every theme and width, and keeps what would shut people out."""

    def __init__(self, axe: str, pictures: Path) -> None:
        self._axe = axe
        self._pictures = pictures
        self.problems: list[str] = []

    def read(self, window: Window, name: str, looks: tuple[Any, ...] = LOOKS) -> None:
        page = window.page
        # As a debugger: the page itself may not evaluate strings.
        page.evaluate(f"window.axe ?? (() => {{ {self._axe} }})(); null")
        for theme, size in looks:
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=theme)
            page.locator(f"html[data-theme={theme}]").wait_for(state="attached")
            page.evaluate(DRAWN)
            at = f"{name}-{'phone-' if size == PHONE else ''}{theme}"
            page.screenshot(path=self._pictures / f"{at}.png")
            found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
            self.problems += [
                f"{at}: {one['id']}: {node['target']} {node['failureSummary']}"
                for one in found["violations"]
                if one["impact"] in SERIOUS
                for node in one["nodes"]
            ]
            if not fits(page):
                self.problems.append(f"{at}: wider than the window")
        page.set_viewport_size(WIDE)
