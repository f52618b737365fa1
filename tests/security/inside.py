"""The whole of VORI in this process, with its real parts, on a thread of its own.

Tests look into it (what is open, what is left), speak to its sockets over the network, and also without
it, which is how ten thousand conversations fit into a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
import uvloop
from litestar import Litestar

from tests.conftest import _await, _on_server, with_database
from vori import settings as tree
from vori.app import Vori
from vori.clock import SystemClock
from vori.data.engine import DB
from vori.data.home import open_home
from vori.ids import GroupId
from vori.people import store as people
from vori.people.messages import Role
from vori.server import Server, configure, listen
from vori.transcribe.models import DEMO_PATH
from vori.worker import running

T = TypeVar("T")
PATIENCE_S = 120.0
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Thousands of journals are made and deleted: on a disk that alone takes a minute."""
_numbers = itertools.count(1)


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can sign in."""

    user_id: int
    group_id: int
    secret: str


class Quiet(Server):
    """Signals are for the tests."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Inside:
    """A running VORI. `run` does something on its loop; `url` is where it listens."""

    vori: Vori
    app: Litestar
    url: str

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()

    def run(self, work: Coroutine[Any, Any, T], *, patience_s: float = PATIENCE_S) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(patience_s)

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    @property
    def recordings(self) -> Any:
        return self.vori._recordings

    async def account(
        self, name: str, group_id: int | None = None, *, is_admin: bool = False
    ) -> Account:
        """In `group_id` as MEMBER, or ADMIN of a group of their own."""
        user = await people.create_user(
            name=name, email=f"{name.lower()}{next(_numbers)}@example.org", is_admin=is_admin
        )
        if group_id is None:
            group = await people.create_group(name=f"{name}'s", admin=user.user_id)
            group_id = group.group_id
        else:
            await people.add_member(GroupId(group_id), user.user_id, role=Role.MEMBER, nicknames=())
        made = await people.create_token(user.user_id, name="test")
        return Account(user_id=user.user_id, group_id=group_id, secret=made.secret)

    def tasks(self) -> int:
        """Tasks on the loop."""
        return len(asyncio.all_tasks(self.loop))

    async def settled(self) -> None:
        """Wait until no socket is open and no recording is being written."""
        sockets = self.app.state.sockets
        async with asyncio.timeout(PATIENCE_S):
            while sockets.open or self.recordings._tasks:
                await asyncio.sleep(0.01)
            await self.recordings.until_left()


class Conversation:
    """One WebSocket, spoken to without a network: what a client sends, and all that it heard."""

    def __init__(self, app: Litestar, path: str, query: str = "", **headers: str) -> None:
        self.asked = f"{path}?{query}"
        self.heard: list[str | bytes] = []
        self.closed: int | None = None
        """The code with which VORI closed; HTTP's status when it refused the upgrade."""
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._sent.put_nowait({"type": "websocket.connect"})
        self._news = asyncio.Event()
        raw = [(b"host", b"localhost")]
        raw += [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ]
        scope: Any = {
            "type": "websocket", "path": path, "raw_path": path.encode(), "root_path": "",
            "query_string": query.encode(), "headers": raw, "client": ("127.0.0.1", 1),
            "server": ("localhost", 80), "scheme": "ws", "subprotocols": [],
            "asgi": {"version": "3.0"}, "extensions": {"websocket.http.response": {}},
        }  # fmt: skip
        self.task = asyncio.create_task(app(scope, self._sent.get, self._told))

    async def _told(self, message: Any) -> None:
        kind = message["type"]
        if kind == "websocket.send":
            self.heard.append(message.get("text") or message.get("bytes"))
        elif kind == "websocket.close":
            self.closed = message.get("code", 1000)
            if message.get("reason"):
                self.heard.append(
                    msgspec.json.encode({"type": "close", "reason": message["reason"]})
                )
            # As a server does, once the other side has answered.
            self._sent.put_nowait({"type": "websocket.disconnect", "code": self.closed})
        elif kind == "websocket.http.response.start":
            self.closed = message["status"]
        self._news.set()

    def say(self, message: str | bytes) -> None:
        kind = "text" if isinstance(message, str) else "bytes"
        self._sent.put_nowait({"type": "websocket.receive", kind: message})

    def leave(self, code: int = 1006) -> None:
        self._sent.put_nowait({"type": "websocket.disconnect", "code": code})

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(one) for one in self.heard]

    async def until(self, kind: str) -> dict[str, Any]:
        """The first message of a type; fails when the conversation ends without one."""
        read = 0
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for message in self.messages[read:]:
                    read += 1
                    if message.get("type") == kind:
                        return message
                assert self.closed is None, f"closed with {self.closed}: {self.heard[-1:]}"
                assert not self.task.done()
                self._news.clear()
                await self._news.wait()


def count_of(*kinds: type) -> int:
    """How many objects of these kinds are alive."""
    gc.collect()
    return sum(isinstance(one, kinds) for one in gc.get_objects())


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def resident_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") // 1024


@contextlib.contextmanager
def fresh_database(postgres_url: str, template: str) -> Iterator[str]:
    name = f"{template}_inside_{next(_numbers)}"
    _await(_on_server(postgres_url, f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield with_database(postgres_url, name)
    finally:
        _await(_on_server(postgres_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


@contextlib.contextmanager
def inside(database_url: str, **changes: dict[str, Any]) -> Iterator[Inside]:
    """VORI with the demo model. changes: of settings, by section (`audio={"idle_s": 2}`)."""
    if not (DEMO_PATH / "model.bin").exists():
        pytest.skip("no demo model in this copy")
    defaults: dict[str, dict[str, Any]] = {
        "server": {"port": 0, "workers": ["web", "transcribe", "tickets", "streams"]},
        "speech": {"model": "demo", "device": "cpu"},
        "database": {"url": database_url},
        "tickets": {"engine": "local"},
        "spark": {"enabled": "off"},
    }
    tree_of = {
        name: defaults.get(name, {}) | changes.get(name, {}) for name in {*defaults, *changes}
    }
    one = Inside()
    began, stop = threading.Event(), asyncio.Event()
    failed: list[BaseException] = []

    async def serve(folder: str) -> None:
        settings = msgspec.convert({"home": folder, **tree_of}, tree.Settings)
        async with _served(one, settings):
            began.set()
            await stop.wait()

    def work() -> None:
        with tempfile.TemporaryDirectory(prefix="vori-inside-", dir=MEMORY) as folder:
            try:
                with asyncio.Runner(loop_factory=lambda: one.loop) as runner:
                    runner.run(serve(folder))
            except BaseException as exc:
                failed.append(exc)
            finally:
                began.set()

    thread = threading.Thread(target=work, name="inside")
    thread.start()
    try:
        assert began.wait(PATIENCE_S)
        assert not failed, failed
        yield one
    finally:
        if not failed:
            one.loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE_S)
    assert not failed, failed


@contextlib.asynccontextmanager
async def _served(one: Inside, settings: tree.Settings) -> AsyncIterator[None]:
    with open_home(settings.home_path), contextlib.closing(listen(settings)) as listening:
        assert settings.database.url is not None
        await DB.open(settings.database.url, pool_size=settings.database.pool_size)
        try:
            one.vori = Vori(settings, SystemClock())
            async with running(one.vori.workers):
                async with asyncio.timeout(PATIENCE_S):
                    while one.recordings.health().state == "down":
                        await asyncio.sleep(0.01)
                one.app = one.vori.app()
                one.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
                up = asyncio.Event()
                server = Quiet(configure(one.app, settings), one.vori.drain, up.set)
                serving = asyncio.create_task(server.serve(sockets=[listening]))
                await up.wait()
                try:
                    yield
                finally:
                    server.stop()
                    await serving
        finally:
            await DB.close()
