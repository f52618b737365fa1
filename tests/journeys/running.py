"""A real `vori serve` as a process of its own, for tests that use it as people do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec

START_S = 120.0
"""Ends a hang; a start takes some seconds."""


def lasting_port() -> int:
    """One that stays free while its server is down.

    Systems hand out none of these to connections, and each process of one test run has its own.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    start = 11_000 + 1_000 * (number % 6)
    ports = range(start, start + 1_000)
    for port in random.sample(ports, len(ports)):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError(f"none of the ports from {start} on is free")


class Running:
    """One server on one home; may be killed and started again."""

    def __init__(self, home: Path, *, model: str, is_dev: bool = True, **settings: Any) -> None:
        """is_dev: nobody signs in; without it, `invitation` makes the first administrator."""
        self.home = home
        self.log = home.with_suffix(".log")
        self._model = model
        self._settings = settings
        self._is_dev = is_dev
        self._process: subprocess.Popen[str] | None = None
        self.url = ""
        self.invitation = ""

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, *, port: int = 0) -> None:
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("VORI_", "ANTHROPIC"))}
        settings = {"spark__enabled": "off", **self._settings}
        given = {f"VORI_{name.upper()}": str(value) for name, value in settings.items()}
        with self.log.open("ab") as log_file:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "vori", "--home", str(self.home), "serve"),
                    *("--port", str(port or lasting_port()), "--model", self._model),
                    *(["--dev"] if self._is_dev else []),
                ],
                stdout=subprocess.PIPE,
                stderr=log_file,
                text=True,
                env=kept | given,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"the server said {line!r}; its log:\n{self.log.read_text()[-3000:]}"
        self.url = found[0]
        if not self._is_dev and not self.invitation:
            told = re.search(r"http://\S+", self._process.stdout.readline())
            assert told, self.log.read_text()[-3000:]
            self.invitation = told[0]
        self.wait_until(lambda: self.get("/health", ok=False)["status"] != "down")

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def kill(self) -> None:
        """kill -9, of the server alone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._hang_up()

    def _hang_up(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.stdout.close()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(timeout=START_S)
        self._hang_up()
        return status

    def get(self, path: str, *, ok: bool = True) -> Any:
        return self.ask("GET", path, ok=ok)

    def post(self, path: str, body: Any = None, *, ok: bool = True) -> Any:
        return self.ask("POST", path, body, ok=ok)

    def ask(self, method: str, path: str, body: Any = None, *, ok: bool = True) -> Any:
        """The answer as JSON values (audio: as bytes); with `ok` an error fails the test."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else msgspec.json.encode(body),
            headers={"content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                data = answer.read()
        except urllib.error.HTTPError as exc:
            data = exc.read()
            assert not ok, f"{method} {path}: {exc.code} {data.decode()[:500]}"
        if data[:4] == b"RIFF":
            return data
        return msgspec.json.decode(data) if data else None

    def wait_until(self, is_so: Any, *, timeout_s: float = START_S) -> None:
        deadline = time.monotonic() + timeout_s
        while not is_so():
            assert time.monotonic() < deadline, "it did not come to that in time"
            time.sleep(0.05)


@contextlib.contextmanager
def running(home: Path, *, model: str, is_dev: bool = True, **settings: Any) -> Iterator[Running]:
    """`settings` as variables: `audio__resume_s=5`."""
    server = Running(home, model=model, is_dev=is_dev, **settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()


async def held(
    chunks: AsyncIterator[bytes], go: asyncio.Event, *, from_byte: int
) -> AsyncIterator[bytes]:
    """`chunks`, but the one with `from_byte` and what follows not before `go` is set.

    So a stream is under way for as long as a test needs it, on a slow machine too.
    """
    sent = 0
    async for chunk in chunks:
        sent += len(chunk)
        if sent > from_byte:
            await go.wait()
        yield chunk
