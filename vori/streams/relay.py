"""The road between features: takes events out of the outbox, in order, to whoever listens.

One `Relay` serves one `Sink` (an in-process consumer, or a broker) and keeps a durable cursor
for it. With a broker, consumers read from that instead (`kafka.py`). Promises:

- An event whose transaction was committed reaches every sink; after a crash some come again.
- Events with the same key come one at a time and in the order of their commits; different
  keys run side by side.
- One process at a time relays to a sink (a lock in the database); another takes over when it
  goes.
- One consumer's trouble holds up no other consumer.

A consumer is a plain async function. Twice is harmless in one of three ways: the function is
idempotent by nature; it calls `outbox.first_time` in its own transaction (right when it works
long before it stores); or it subscribes with `once=True`, and the road runs it inside one
transaction together with the note that it has been run (right for short handlers that only
write rows: while that transaction is open, no newer event is read by anyone).

A consumer that fails is run again with growing waits; BadMessage at once and any other error
after `ATTEMPTS` runs goes to the dead letters, and the road goes on. Unavailable and Busy pass
by themselves: those are tried for as long as it takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, Protocol, TypeVar
from uuid import NAMESPACE_OID, UUID, uuid5

import asyncpg
from msgspec import Struct

from vori import log
from vori.data import outbox
from vori.data.engine import DB, transaction
from vori.data.outbox import Position, Row
from vori.data.tables import DeadLetter
from vori.errors import BadMessage, Busy, Conflict, NotFound, Unavailable
from vori.ids import EventId, uuid7
from vori.streams.codec import decode
from vori.streams.topics import BY_NAME, OURS, REPLAY_WANTED, ReplayWanted, Topic
from vori.worker import Health, State, background

E = TypeVar("E", bound=Struct)

POLL_S = 0.25
"""Finds what another process published, and what a slow transaction held back."""
STANDBY_S = 1.0
RECONNECT_S = 2.0
"""The longest wait before asking again for a database that is gone."""
MEASURE_S = 5.0
PRUNE_S = 600.0
KEEP = timedelta(days=7)
"""How long events stay in the outbox after every sink has them."""
ATTEMPTS = 5
FIRST_WAIT_S = 0.1
"""Waits between attempts double from here: 0.1, 0.2, 0.4, 0.8 s."""
LONGEST_WAIT_S = 10.0
KEYS_AT_ONCE = 4
LAG_LIMIT_MS = 30_000.0

_logger = log.get(__name__)


class Sink(Protocol):
    """Where a relay takes events."""

    name: str
    """Names the cursor: never change it once in use."""
    topics: frozenset[str]
    batch_rows: int

    async def send(self, rows: Sequence[Row]) -> None:
        """Return when every row is safe there; whatever is raised has all of them sent again."""
        ...


class Consumer:
    """A sink that is an async function of this process."""

    def __init__(
        self,
        name: str,
        topics: Iterable[Topic],
        handler: Callable[[Any], Awaitable[None]],
        *,
        once: bool = False,
        batch_rows: int = 200,
    ) -> None:
        self.name = name
        self.topics = frozenset(topic.name for topic in topics)
        self.batch_rows = batch_rows
        self.failures = 0
        self.dead_letters = 0
        self._handler = handler
        self._once = once
        self._slots = asyncio.Semaphore(KEYS_AT_ONCE)

    async def send(self, rows: Sequence[Row]) -> None:
        by_key: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            by_key[row.key].append(row)
        if len(by_key) == 1:
            await self._send_key(rows)
            return
        async with asyncio.TaskGroup() as tasks:
            for rows_of_key in by_key.values():
                tasks.create_task(self._send_key(rows_of_key))

    async def _send_key(self, rows: Sequence[Row]) -> None:
        async with self._slots:
            for row in rows:
                await self._send_row(row)

    async def _send_row(self, row: Row) -> None:
        attempt, wait_s = 0, FIRST_WAIT_S
        while True:
            try:
                try:
                    await self.handle_row(row)
                except (Unavailable, Busy):
                    raise
                except Exception as exc:
                    self.failures += 1
                    attempt += 1
                    if attempt >= ATTEMPTS or isinstance(exc, BadMessage):
                        await self._set_aside(row, exc)
                        return
                    _logger.warning(
                        "a consumer failed", error=type(exc).__name__, **self._about(row)
                    )
                else:
                    return
            except (Unavailable, Busy) as exc:
                self.failures += 1
                _logger.warning("a consumer waits", reason=exc.code, **self._about(row))
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def handle_row(self, row: Row) -> None:
        await self.handle(row.topic, row.event_id, row.payload)

    async def handle(self, topic: str, event_id: UUID, payload: str) -> None:
        """Run the handler once; whatever it raises comes out."""
        event = decode(BY_NAME[topic], payload)
        if not self._once:
            await self._handler(event)
            return
        async with transaction():
            if await outbox.first_time(self.name, event_id):
                await self._handler(event)

    async def refuse(self, row: Row, why: BadMessage) -> None:
        """Set aside what must not be handled."""
        await self._set_aside(row, why)

    async def _set_aside(self, row: Row, why: Exception) -> None:
        if isinstance(why, BadMessage):
            _logger.warning("a message cannot be used", reason=why.code, **self._about(row))
        else:
            _logger.error("a consumer gave up", exc_info=why, **self._about(row))
        await outbox.set_aside(row, consumer=self.name, reason=outbox.reason_of(why))
        self.dead_letters += 1

    def _about(self, row: Row) -> dict[str, Any]:
        return {"consumer": self.name, "topic": row.topic, "event_id": str(row.event_id)}


class InPlace(Consumer):
    """A consumer that is also told where in the broker's topic a message lies."""

    def __init__(
        self,
        name: str,
        topics: Iterable[Topic],
        handler: Callable[[Any, int, int], Awaitable[None]],
    ) -> None:
        super().__init__(name, topics, self._not_alone, batch_rows=20)
        self._in_place = handler

    async def handle_row(self, row: Row) -> None:
        message = decode(BY_NAME[row.topic], row.payload)
        await self._in_place(message, row.partition or 0, row.offset or 0)

    async def _not_alone(self, _: Struct) -> None:
        raise Conflict(
            "A message that counts by its place cannot be replayed.", code="not_replayable"
        )


class Listener(Consumer):
    """A consumer for which a missed event is no loss: it is tried once."""

    async def _send_row(self, row: Row) -> None:
        try:
            await self.handle(row.topic, row.event_id, row.payload)
        except Exception as exc:
            self.failures += 1
            _logger.warning("a listener failed", error=type(exc).__name__, **self._about(row))


class Relay:
    """Takes one sink through the outbox, for as long as `run` is awaited."""

    def __init__(self, sink: Sink, *, is_durable: bool = True) -> None:
        self.sink = sink
        self.is_durable = is_durable
        self.state = "starting"
        """starting, relaying, waiting (its sink is away), standby (another process relays),
        away (no database), failed."""
        self.relayed = 0
        self._waiting = 0
        self._oldest_at: float | None = None
        """When the oldest event not yet delivered was written, by this process' monotonic clock."""
        self._at: Position | None = None
        self._news = asyncio.Event()

    def wake(self) -> None:
        self._news.set()

    async def run(self) -> None:
        """Relay until cancelled. Loss of the database is waited out, and so is any defect."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                connection = await outbox.open_reader()
                try:
                    if await self._is_mine(connection):
                        wait_s = FIRST_WAIT_S
                        await self._relay(connection)
                    self.state = "standby"
                finally:
                    await outbox.close_reader(connection)
                await asyncio.sleep(STANDBY_S)
            except Unavailable as exc:
                self.state = "away"
                _logger.warning("a relay waits", sink=self.sink.name, reason=exc.code)
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, RECONNECT_S)
            except Exception:
                self.state = "failed"
                _logger.exception("a relay failed", sink=self.sink.name)
                await asyncio.sleep(LONGEST_WAIT_S)

    async def _is_mine(self, connection: asyncpg.Connection) -> bool:
        """Take the sink's lock, which goes with the connection. Cursors move only under it."""
        return not self.is_durable or await outbox.try_lock(connection, self.sink.name)

    async def _relay(self, connection: asyncpg.Connection) -> None:
        """Relay until the connection is lost. Reads and cursor use the connection with the lock."""
        at = await self._start_at(connection)
        self.state = "relaying"
        measure_at = time.monotonic()
        while True:
            self._news.clear()
            if time.monotonic() >= measure_at:
                measure_at = time.monotonic() + MEASURE_S
                self._waiting = await outbox.backlog(connection, at, self.sink.topics)
            rows, behind = await outbox.read(
                connection, at, topics=self.sink.topics, limit=self.sink.batch_rows
            )
            if behind == at:
                await self._await_news()
                continue
            if rows:
                await self._deliver(connection, at, rows)
            self._at = at = behind
            if self.is_durable:
                await outbox.save_cursor(connection, self.sink.name, at)

    async def _start_at(self, connection: asyncpg.Connection) -> Position:
        if self.is_durable:
            return await outbox.load_cursor(connection, self.sink.name)
        return self._at or await outbox.newest(connection)

    async def _deliver(
        self, connection: asyncpg.Connection, at: Position, rows: Sequence[Row]
    ) -> None:
        """Send until it succeeds, as long as the lock is ours."""
        self._oldest_at = time.monotonic() - rows[0].age_ms / 1000
        self._waiting = max(self._waiting, len(rows))
        wait_s = FIRST_WAIT_S
        while True:
            try:
                await self.sink.send(rows)
            except Exception as exc:
                if isinstance(exc, Unavailable):
                    self.state = "waiting"
                    _logger.warning("a sink is away", sink=self.sink.name, reason=exc.message)
                else:
                    _logger.exception("a sink failed", sink=self.sink.name)
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
                # Fails when the connection is gone, and our lock with it.
                self._waiting = await outbox.backlog(connection, at, self.sink.topics)
            else:
                self.state = "relaying"
                self._oldest_at = None
                self._waiting = max(0, self._waiting - len(rows))
                self.relayed += len(rows)
                return

    async def _await_news(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_S):
                await self._news.wait()

    def lag_ms(self) -> float:
        """How long the oldest event that is being delivered has waited."""
        return 0.0 if self._oldest_at is None else (time.monotonic() - self._oldest_at) * 1000

    def health(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "lagEvents": self._waiting,
            "lagMs": round(self.lag_ms()),
            "relayed": self.relayed,
            "failures": getattr(self.sink, "failures", 0),
            "deadLetters": getattr(self.sink, "dead_letters", 0),
        }


class Carrier(Protocol):
    """Brings events to one sink, for as long as `run` is awaited: a Relay, or a broker's reader."""

    @property
    def sink(self) -> Sink: ...

    async def run(self) -> None: ...

    def wake(self) -> None:
        """There may be news."""
        ...

    def health(self) -> dict[str, Any]:
        """As `Relay.health`."""
        ...


class Broker(Protocol):
    """Carries events between processes."""

    def reader(self, consumer: Consumer) -> Carrier:
        """Reads for `consumer`, together with the readers of that name in other processes."""
        ...

    def lifespan(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Around everything that reads from it or sends to it."""
        ...


class Road:
    """Everything that brings events to this process, as one worker.

    With a broker, subscribers read from it; listeners read the outbox all the same, since every
    process must hear what they hear, and pages go on while the broker is away.
    """

    name = "streams"

    def __init__(self, broker: Broker | None = None) -> None:
        self._broker = broker
        self._relays: list[Carrier] = []
        self._is_running = False
        self._requests: dict[type[Struct], Callable[[Any], Awaitable[None]]] = {}
        self.on_request(REPLAY_WANTED, self._replay_wanted)
        self.listen("requests", OURS, self._answer)

    def subscribe(
        self,
        consumer: str,
        topics: Iterable[Topic],
        handler: Callable[[E], Awaitable[None]],
        *,
        once: bool = False,
        batch_rows: int = 200,
    ) -> None:
        """Await `handler(event)` for every event of `topics`, from the oldest one still kept.

        `consumer` names its cursor for good. See the file's docstring for `once`. Handlers that
        work long (seconds) should take a small `batch_rows`: the cursor moves by whole batches,
        and the next one starts when the slowest key of this one is done.
        """
        reading = Consumer(consumer, topics, handler, once=once, batch_rows=batch_rows)
        self._add(self._broker.reader(reading) if self._broker else Relay(reading))

    def listen(
        self, consumer: str, topics: Iterable[Topic], handler: Callable[[E], Awaitable[None]]
    ) -> None:
        """Await `handler(event)` for what is committed from now on, in every process that listens.

        Nothing is remembered: for pages that show what happens, and load the rest from the API.
        """
        self._add(Relay(Listener(consumer, topics, handler), is_durable=False))

    def on_request(self, topic: Topic, handler: Callable[[E], Awaitable[None]]) -> None:
        """Await `handler(request)` for what any process asks all others for, from now on."""
        self._requests[topic.struct] = handler

    async def _answer(self, request: Struct) -> None:
        if handler := self._requests.get(type(request)):
            await handler(request)

    def receive(
        self,
        consumer: str,
        topics: Iterable[Topic],
        handler: Callable[[Any, int, int], Awaitable[None]],
    ) -> None:
        """Await `handler(message, partition, offset)` for what others send by the broker."""
        if self._broker is None:
            raise RuntimeError("without a broker nobody else sends")
        self._add(self._broker.reader(InPlace(consumer, topics, handler)))

    def attach(self, sink: Sink) -> None:
        """Relay to a sink of your own, such as a broker."""
        self._add(Relay(sink))

    def _add(self, relay: Carrier) -> None:
        if self._is_running:
            raise RuntimeError("subscribe before the road runs")
        if any(relay.sink.name == other.sink.name for other in self._relays):
            raise RuntimeError(f"two sinks are called {relay.sink.name}")
        self._relays.append(relay)

    async def replay(self, letter_id: int) -> bool:
        """Give a dead letter to its consumer once more; what the consumer raises comes out.

        False when the consumer is not in this process: the others have been asked then.
        Raises NotFound when there is no such letter, Conflict when it has been replayed already.
        """
        letter = await DeadLetter.objects().get(DeadLetter.id == letter_id)
        if letter is None:
            raise NotFound(f"There is no dead letter {letter_id}.", letterId=letter_id)
        if letter.replayed_at:
            raise Conflict(
                f"Dead letter {letter_id} has been replayed.",
                code="already_replayed",
                letterId=letter_id,
            )
        consumer = self._consumer(letter.consumer)
        if consumer is None:
            async with transaction():
                await outbox.publish(ReplayWanted(event_id=EventId(uuid7()), letter_id=letter_id))
            return False
        await _replay(letter, consumer)
        return True

    def _consumer(self, name: str) -> Consumer | None:
        for relay in self._relays:
            if isinstance(relay.sink, Consumer) and relay.sink.name == name:
                return relay.sink
        return None

    async def _replay_wanted(self, wanted: ReplayWanted) -> None:
        """Another process was asked for a replay and lacks the consumer."""
        letter = await DeadLetter.objects().get(DeadLetter.id == wanted.letter_id)
        consumer = self._consumer(letter.consumer) if letter else None
        if letter is not None and consumer is not None and not letter.replayed_at:
            await _replay(letter, consumer)

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        self._is_running = True
        stop_waking = DB.on_published(self.wake)
        try:
            async with (
                self._broker.lifespan() if self._broker else contextlib.nullcontext(),
                background(*(relay.run() for relay in self._relays), _prune()),
            ):
                yield
        finally:
            stop_waking()
            self._is_running = False

    def wake(self) -> None:
        for relay in self._relays:
            relay.wake()

    def health(self) -> Health:
        detail = {relay.sink.name: relay.health() for relay in self._relays}
        stuck = [name for name, told in detail.items() if told["state"] in ("away", "failed")]
        waiting = [name for name, told in detail.items() if told["state"] == "waiting"]
        late = [name for name, told in detail.items() if told["lagMs"] > LAG_LIMIT_MS]
        if stuck:
            return Health(state=State.DOWN, message=f"stopped: {', '.join(stuck)}", detail=detail)
        if waiting:
            events = sum(detail[name]["lagEvents"] for name in waiting)
            away = f"Kafka is away, {events} events wait: {', '.join(waiting)}"
            return Health(state=State.DEGRADED, message=away, detail=detail)
        if late:
            return Health(state=State.DEGRADED, message=f"late: {', '.join(late)}", detail=detail)
        return Health(detail=detail)


async def _replay(letter: DeadLetter, consumer: Consumer) -> None:
    """Claim the letter, so that one process replays it, and give it back when it fails again."""
    claimed = await DB.fetch(
        "UPDATE dead_letters SET replayed_at = now() WHERE id = $1 AND replayed_at IS NULL"
        " RETURNING id",
        letter.id,
    )
    if not claimed:
        return
    event_id = uuid5(NAMESPACE_OID, f"vori.dead-letter:{letter.id}")
    try:
        await consumer.handle(letter.topic, event_id, letter.payload)
    except BaseException as exc:
        await DB.fetch(
            "UPDATE dead_letters SET replayed_at = NULL, reason = $2 WHERE id = $1",
            letter.id,
            outbox.reason_of(exc),
        )
        raise


async def _prune() -> None:
    """Drop what every sink has read, now and then."""
    while True:
        await asyncio.sleep(PRUNE_S)
        try:
            await outbox.prune(KEEP)
        except Exception as exc:
            _logger.warning("the outbox could not be pruned", error=type(exc).__name__)
