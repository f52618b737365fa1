"""Faust's consumer, on VORI's own loop and in batches.

Faust's runs in a thread with a loop of its own, and makes four tasks for each message before an
agent sees it. Beside a busy loop the thread waits for the interpreter again and again, and the
tasks take several times as long as reading the message from Kafka. Here the consumer is one more
task of the loop, and what one fetch brought of a partition goes to the agent as one message
whose value is a list of messages. Figures: `benchmarks/README.md`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from aiokafka.errors import ConsumerStoppedError
from faust.transport.drivers import aiokafka as driver
from faust.transport.utils import DefaultSchedulingStrategy
from mode.utils.futures import maybe_async


class Transport(driver.Transport):
    """Give it to an app before the app starts."""

    def __init__(self, app: Any) -> None:
        super().__init__(app.conf.broker_consumer, app)
        self.tasks: list[asyncio.Task[None]] = []

    def abandon(self) -> None:
        """Drop what is left of a consumer whose end the broker's absence keeps from coming."""
        for task in self.tasks:
            task.cancel()


class Batches(DefaultSchedulingStrategy):
    """Up to `rows` messages of a partition become one, and partitions take turns."""

    def __init__(self, rows: int) -> None:
        self._rows = rows

    def iterate(self, records: Mapping[Any, list[Any]]) -> Iterator[tuple[Any, Any]]:
        step = self._rows
        return super().iterate(
            {
                tp: [_as_one(found[at : at + step]) for at in range(0, len(found), step)]
                for tp, found in records.items()
            }
        )


def _as_one(records: list[Any]) -> Any:
    """It lies where the last of them lies."""
    return replace(records[-1], key=None, value=records, headers=())


class _InsteadOfThread:
    """What Faust takes for the consumer's thread: a task of the loop that starts it."""

    def __init__(self, service: Any) -> None:
        self._service = service

    def start(self) -> None:
        task = asyncio.get_running_loop().create_task(self._run())
        self._service.transport.tasks.append(task)

    async def _run(self) -> None:
        try:
            await self._service._serve()
        except Exception:
            self._service.set_shutdown()  # who started it has been told the error

    def stop(self) -> None:
        """It has ended when Faust calls this."""


class _Served(driver.AIOKafkaConsumerThread):
    logger = driver.logger
    Worker = _InsteadOfThread  # type: ignore[assignment]

    async def call_thread(self, fun: Any, *args: Any, **kwargs: Any) -> Any:
        return await maybe_async(fun(*args, **kwargs))

    async def _gather_remaining_tasks(self) -> None:
        """Faust would end every task of the loop, which is not the consumer's alone."""

    def on_crash(self, msg: str, *fmt: Any, **kwargs: Any) -> None:
        """Faust would print to stderr what the app raises, too."""


class _Consumer(driver.Consumer):
    logger = driver.logger

    def _new_consumer_thread(self) -> _Served:
        return _Served(self, loop=self.loop, thread_loop=self.loop, beacon=self.beacon)

    async def _drain_messages(self, fetcher: Any) -> None:
        """As Faust's, but a fetch races with the end of the flow, not each of its messages."""
        try:
            while not (self.should_stop or fetcher.should_stop):
                found = [pair async for pair in self.getmany(timeout=1.0)]
                if found:
                    await self.wait_first(self._hand_over(found), self.suspend_flow.wait())
                else:
                    await asyncio.sleep(0)
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.app.should_stop:
                raise

    async def _hand_over(self, found: list[tuple[Any, Any]]) -> None:
        for tp, message in found:
            read = self._read_offset[tp]
            if read is None or message.offset >= read:
                await self.callback(message)
                self._read_offset[tp] = message.offset


Transport.Consumer = _Consumer
