"""Workers: the parts of VORI that one process hosts, chosen by `server.workers`.

A worker is one object with a name, a lifespan and a health answer. Its lifespan is entered
before VORI answers requests and left after the last one; workers start in order and stop in
reverse.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from enum import StrEnum
from typing import Any, Protocol

from msgspec import Struct, field

from vori import log


class State(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    """Works, but an operator should look: `message` says at what."""
    DOWN = "down"


class Health(Struct, frozen=True, kw_only=True, rename="camel"):
    state: State = State.OK
    message: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


class Worker(Protocol):
    name: str

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        """Hold what the worker needs; raise VoriError when it cannot start."""
        ...

    def health(self) -> Health:
        """At once, from memory."""
        ...


@contextlib.asynccontextmanager
async def running(workers: Sequence[Worker]) -> AsyncIterator[None]:
    """Run all of `workers`; when one cannot start, those already running are stopped."""
    logger = log.get(__name__)
    async with AsyncExitStack() as stack:
        for worker in workers:
            await stack.enter_async_context(worker.lifespan())
            logger.info("worker started", worker=worker.name)
        yield


@contextlib.asynccontextmanager
async def background(*coroutines: Any) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Run `coroutines` beside the block; they are cancelled and awaited at its end."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
