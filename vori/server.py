"""uvicorn, with an ending of our own: sockets are told before they are closed."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import anyio.lowlevel
import uvicorn

from vori import log
from vori.errors import Unavailable
from vori.settings import Settings

_log = log.get(__name__)

REQUESTS_S = 5
"""How long requests under way may take when VORI stops; sockets were told before."""


class Server(uvicorn.Server):
    """SIGTERM and SIGINT first await `drain`, then stop; a second signal stops at once."""

    def __init__(
        self,
        config: uvicorn.Config,
        drain: Callable[[], Awaitable[None]],
        announce: Callable[[], None],
    ) -> None:
        """announce: called once requests are answered."""
        super().__init__(config)
        self._drain = drain
        self._announce = announce
        self._draining: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for number in signals:
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # anyio reads in its backend when it is first used: 40 ms in which sockets would wait.
        await anyio.lowlevel.checkpoint()
        await super().startup(sockets=sockets)
        self._announce()

    def stop(self) -> None:
        if self._draining is None:
            self._draining = asyncio.ensure_future(self._stop())
        else:
            self.force_exit = self.should_exit = True

    async def _stop(self) -> None:
        try:
            with contextlib.suppress(TimeoutError):
                await self._drain()
        finally:
            self.should_exit = True


def listen(settings: Settings) -> socket.socket:
    """Take the address; raises Unavailable when another program has it."""
    host, port = settings.server.host, settings.server.port
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as exc:
        raise Unavailable(
            f"Cannot listen on {host}:{port}: {exc.strerror}. Choose another server.port.",
            code="address_in_use",
        ) from exc


def told_of_proxies(app: Any) -> Any:
    """Says once that a proxy in front is not known: all would share its address and its limits."""
    is_told = False

    async def watch(scope: Any, receive: Any, send: Any) -> None:
        nonlocal is_told
        if not is_told and any(name == b"x-forwarded-for" for name, _ in scope.get("headers", ())):
            is_told = True
            _log.warning(
                "a proxy in front is not trusted: everybody counts as one address, and as without"
                " TLS; name it in server.trusted_proxies",
                peer=(scope.get("client") or ("",))[0],
            )
        await app(scope, receive, send)

    return watch


def configure(app: Any, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app if settings.server.trusted_proxies else told_of_proxies(app),
        loop="uvloop",
        ws="websockets-sansio",
        # Larger frames end in a bare 1009; up to here the client is told why.
        ws_max_size=4 * settings.audio.max_frame_bytes,
        ws_per_message_deflate=False,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=REQUESTS_S,
        proxy_headers=bool(settings.server.trusted_proxies),
        forwarded_allow_ips=list(settings.server.trusted_proxies),
        ssl_certfile=settings.server.tls_cert,
        ssl_keyfile=settings.server.tls_key,
    )
